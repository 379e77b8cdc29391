"""The commands that catch up: `reconcile` sweeps for what no webhook told.

What they do is in `plugin/reconcile.py`.
"""

from __future__ import annotations

from datetime import UTC, datetime

import click

from connectors.base import Connection
from plugin.pipeline import Services
from plugin.settings import Settings


class _Instant(click.ParamType):  # type: ignore[type-arg]
    """An instant in ISO 8601; without a zone it is UTC."""

    name = "instant"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Return it aware, or fail with a sentence."""
        try:
            at = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is no instant such as 2026-11-01T08:00:00Z", param, ctx)
        return at if at.tzinfo else at.replace(tzinfo=UTC)


INSTANT = _Instant()


@click.command()
@click.argument("key", required=False)
@click.option("--since", type=INSTANT, help="Sweep from this instant, not from the last sweep.")
def reconcile(key: str | None, since: datetime | None) -> None:
    """Sweep for changes that no webhook told, and queue a look at each below live work.

    KEY is one connection; without it every one is swept. The worker does this every
    SLA_SWEEP_MINUTES (5) by itself.

    \b
    Example:
      regiondo-sla reconcile acme --since 2026-11-24T08:00:00Z
    """
    from plugin.reconcile import AlreadySweeping, sweep

    services = build()
    failed = False
    for connection in chosen(services, key):
        try:
            done = sweep(services, connection, since)
        except AlreadySweeping as error:
            click.echo(f"{connection.key}: {error}")
            continue
        text = f"{connection.key}: {done.changed} changes seen, {done.queued} looks queued"
        click.echo(text + (f"; stopped early: {done.error}" if done.error else ""))
        failed = failed or done.error is not None
    if failed:
        raise SystemExit(1)


def build() -> Services:
    """Return the services of a command that needs the database and the secrets."""
    from plugin.bootstrap import build_services
    from plugin.logs import configure_logs

    settings = Settings()
    configure_logs("WARNING")
    return build_services(settings, pool_size=8)


def chosen(services: Services, key: str | None) -> list[Connection]:
    """Return the connection of that key, or every one. Raises a `click.ClickException`."""
    keys = [key] if key else services.store.connections.keys()
    found = [services.store.connections.get(one) for one in keys]
    if not keys:
        raise click.ClickException("no account is connected yet: see `regiondo-sla connect`")
    if None in found:
        raise click.ClickException(f"there is no connection {key!r}")
    return [one for one in found if one is not None]


COMMANDS: tuple[click.Command, ...] = (reconcile,)
