"""The commands that look again at what was set aside, and that let an account rest."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

import click

from plugin.commands.arguments import INSTANT
from plugin.commands.services import open_services

if TYPE_CHECKING:
    from plugin.store import Store


@click.command()
@click.argument("ids", nargs=-1, type=click.IntRange(min=1, max=2**63 - 1))
@click.option("--connection", help="Only this account's.")
@click.option("--ticket", help="Only this ticket's.")
@click.option(
    "--reason",
    type=click.Choice(
        ["credentials_refused", "rejected", "gone", "unavailable", "unreadable", "bug"]
    ),
    help="Only those set aside for this reason.",
)
@click.option("--since", type=INSTANT, help="That failed last at or after this instant.")
@click.option("--until", type=INSTANT, help="That failed last before this instant.")
@click.option("--all", "every", is_flag=True, help="All that are open.")
@click.option(
    "--deliveries",
    is_flag=True,
    help="Look again at every ticket with a delivery from --since to --until, set aside or not.",
)
@click.option("--dry-run", is_flag=True, help="Show what would be replayed, and queue nothing.")
def replay(
    ids: tuple[int, ...],
    connection: str | None,
    ticket: str | None,
    reason: str | None,
    since: datetime | None,
    until: datetime | None,
    every: bool,
    deliveries: bool,
    dry_run: bool,
) -> None:
    """Look again at tickets that were set aside.

    Doing it twice does no harm.

    \b
    Examples:
      regiondo-sla replay --all --dry-run
      regiondo-sla replay 17 18
      regiondo-sla replay --connection acme --reason bug --since 2026-11-24T10:00Z
      regiondo-sla replay --deliveries --since 2026-11-24 --until 2026-11-25
    """
    from plugin.store.dead_letters import Wanted
    from plugin.store.deliveries import Sought

    if since and until and until <= since:
        raise click.UsageError("--until is not later than --since")
    if deliveries:
        if since is None or ids or reason or ticket:
            raise click.UsageError("--deliveries goes with --since, --until and --connection")
        sought = Sought(connection=connection, outcome="accepted", since=since, until=until)
        with _store(connection) as store:
            tickets = store.deliveries.replay_all(sought, count=dry_run)
        click.echo(f"Tickets {_looked(dry_run)}: {tickets}")
        return
    wanted = Wanted(
        ids=ids, connection=connection, ticket_id=ticket, reason=reason, since=since, until=until
    )
    if wanted == Wanted() and not every:
        raise click.UsageError("say which: numbers, a filter, or --all")
    with _store(connection) as store:
        letters = store.dead_letters.find(wanted, limit=1000)
        for letter in letters:
            click.echo(
                f"{letter.id:>6}  {letter.last_at:%Y-%m-%d %H:%M}Z  {letter.connection} "
                f"{letter.ticket_id}  {letter.reason} ({letter.times}x): {letter.error}"
            )
        count = len(letters) if dry_run else len(store.dead_letters.replay(wanted))
        click.echo(f"Tickets {_looked(dry_run)}: {count}")
    if missing := sorted(set(ids) - {letter.id for letter in letters}):
        numbers = ", ".join(map(str, missing))
        raise click.ClickException(f"nothing is set aside under {numbers} (any more)")


@click.command()
@click.argument("key")
@click.option("--because", default="paused by an admin", show_default=True, help="Why.")
def pause(key: str, because: str) -> None:
    """Let an account rest: its events wait, nothing is written.

    \b
    Example:
      regiondo-sla pause acme --because "migration on Saturday"
    """
    with _store(key) as store:
        store.circuits.pause(key, because)
    click.echo(f"{key} rests; its events wait. `regiondo-sla resume {key}` works them off.")


@click.command()
@click.argument("key")
def resume(key: str) -> None:
    """Work off what waits for an account that rests.

    Whoever let it rest.

    \b
    Example:
      regiondo-sla resume acme
    """
    with _store(key) as store:
        rested = store.circuits.resume(key)
    click.echo(f"{key} works." if rested else f"{key} did not rest.")


def _looked(dry_run: bool) -> str:
    return "that would be looked at again" if dry_run else "looked at again"


@contextmanager
def _store(connection: str | None = None) -> Iterator[Store]:
    """The store of the settings, closed at the end; `connection` must be one of its accounts."""
    from plugin.connect import require

    with open_services(pool_size=1) as services:
        if connection is not None:
            require(services, connection)
        yield services.store


COMMANDS: tuple[click.Command, ...] = (replay, pause, resume)
