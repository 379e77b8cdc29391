"""The commands that catch up: with changes that no webhook told, and with tickets of the past.

What they do is in `plugin/reconcile.py` and `plugin/backfill.py`.
"""

from __future__ import annotations

import csv
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import IO, TYPE_CHECKING

import click

from connectors.base import Connection
from connectors.errors import VendorError
from plugin.commands.arguments import INSTANT
from plugin.commands.services import open_services
from plugin.pipeline import Services, View, plain
from sla_rules.decision import instant

if TYPE_CHECKING:
    from plugin.backfill_batch import Counts


@click.command()
@click.argument("key", required=False)
@click.option("--since", type=INSTANT, help="Sweep from this instant, not from the last sweep.")
def reconcile(key: str | None, since: datetime | None) -> None:
    """Sweep for changes that no webhook told.

    Queues a look at each, below live work. KEY is one connection; without it every one is swept.
    The worker does this every SLA_SWEEP_MINUTES (5) by itself.

    \b
    Example:
      regiondo-sla reconcile acme --since 2026-11-24T08:00:00Z
    """
    from plugin.logs import configure_logs
    from plugin.reconcile import AlreadySweeping, sweep

    configure_logs("WARNING")
    with open_services(pool_size=8) as services:
        failed = False
        for connection in chosen(services, key):
            try:
                done = sweep(services, connection, since)
            except AlreadySweeping as error:
                click.echo(f"{connection.key}: {error}")
                continue
            text = f"{connection.key}: changes seen {done.changed}, looks queued {done.queued}"
            click.echo(text + (f"; stopped early: {done.error}" if done.error else ""))
            failed = failed or done.error is not None
    if failed:
        raise SystemExit(1)


def chosen(services: Services, key: str | None) -> list[Connection]:
    """Return the connection of that key, or every one.

    Raises `ConnectError`, or a `click.ClickException` where there is none.
    """
    from plugin.connect import require

    keys = [key] if key else services.store.connections.keys()
    if not keys:
        raise click.ClickException("no account is connected yet: see `regiondo-sla connect`")
    return [require(services, one) for one in keys]


@click.command()
@click.argument("key")
@click.option("--dry-run", is_flag=True, help="Show what would change; write nothing.")
@click.option("--csv", "csv_file", type=click.File("w", encoding="utf-8", lazy=False),
              help="With --dry-run: write what would change to this file.")  # fmt: skip
@click.option("--since", type=INSTANT, help="Only tickets changed at or after this instant.")
@click.option("--status", type=click.Choice(["open", "all"]), default="open", show_default=True,
              help="all: solved and closed tickets too.")  # fmt: skip
@click.option("--overwrite", is_flag=True,
              help="Take no value found before our first write for a person's.")  # fmt: skip
@click.option("--restart", is_flag=True, help="Begin anew where an earlier run was stopped.")
def backfill(
    key: str,
    dry_run: bool,
    csv_file: IO[str] | None,
    since: datetime | None,
    status: str,
    overwrite: bool,
    restart: bool,
) -> None:
    """Apply the policy to tickets that are there already.

    It goes below live work. A run that was stopped goes on where it was; no ticket is written
    twice.

    \b
    Example:
      regiondo-sla backfill acme --dry-run --csv changes.csv
    """
    from plugin.backfill import AlreadyRunning, Backfill
    from plugin.backfill_batch import LONG_AGO, Options
    from plugin.logs import configure_logs

    if csv_file and not dry_run:
        raise click.UsageError("--csv goes with --dry-run")
    configure_logs("WARNING")
    with open_services(pool_size=8) as services:
        (connection,) = chosen(services, key)
        options = Options(
            since=since or LONG_AGO,
            every_status=status == "all",
            overwrite=overwrite,
            dry_run=dry_run,
        )
        rows: list[list[str]] = []
        with _progress(_count_of(services, connection)) as tell:
            work = Backfill(
                services, connection, options, tell=tell, would=lambda view: rows.append(_row(view))
            )
            try:
                work.run(restart=restart)
            except AlreadyRunning as error:
                raise click.ClickException(str(error)) from error
            except VendorError as error:
                hint = "" if dry_run else "; the same command goes on from there"
                raise click.ClickException(f"stopped: {error}{hint}") from error
    if dry_run:
        show_changes(rows, csv_file)
    counts = work.counts
    verb = "would be written" if dry_run else "written"
    resumed = " (resumed)" if work.resumed else ""
    click.echo(
        f"{counts.looked} looked at{resumed}: {counts.written} {verb}, "
        f"{counts.unchanged} unchanged, {counts.left} left to live jobs, {counts.failed} failed; "
        f"{counts.calls} calls, {counts.read_singly} of the tickets read singly"
    )
    if counts.failed:
        raise SystemExit(1)


_HEAD = ("ticket", "partner", "tier", "kind", "starts", "due", "change")
_SHOWN = 50


def _row(view: View) -> list[str]:
    ticket, decision = view.ticket, view.decision
    target = decision.target
    return [
        ticket.id,
        (ticket.organization.name if ticket.organization else None) or "",
        decision.tier,
        decision.kind.value,
        instant(decision.starts_at) or "",
        (instant(target.due_at) if target else None) or "",
        ", ".join(f"{n}: {_said(value)}" for n, value in plain(view.patch.changes()).items()),
    ]


def _said(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def show_changes(rows: list[list[str]], csv_file: IO[str] | None) -> None:
    """Print what would change, or write it to a CSV file; a row without a change is left out."""
    changed = sorted((row for row in rows if row[-1]), key=lambda row: (len(row[0]), row[0]))
    if csv_file:
        writer = csv.writer(csv_file)
        writer.writerow(_HEAD)
        writer.writerows([_unformulated(cell) for cell in row] for row in changed)
        click.echo(f"Tickets that would change: {len(changed)}, listed in {csv_file.name}")
        return
    for number, partner, tier, kind, starts, due, change in changed[:_SHOWN]:
        clock = f"{starts} -> {due}" if due else "no clock"
        click.secho("  ".join(filter(None, (f"#{number}", partner, tier, kind, clock))), bold=True)
        click.echo(textwrap.indent(textwrap.fill(change, 76), "    "))
    if len(changed) > _SHOWN:
        click.echo(f"... and {len(changed) - _SHOWN} more; --csv FILE writes them all")


def _unformulated(cell: str) -> str:
    """A spreadsheet shall not run a partner's name as a formula."""
    return f"'{cell}" if cell[:1] in {"=", "+", "-", "@"} else cell


def _count_of(services: Services, connection: Connection) -> int | None:
    from plugin.pacing import bulk_work

    with bulk_work():
        return services.bulk(connection).count()


@contextmanager
def _progress(total: int | None) -> Iterator[Callable[[Counts], None]]:
    """A progress bar with an estimate where the number of tickets is known."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )  # fmt: skip

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
               TimeElapsedColumn(), TimeRemainingColumn())  # fmt: skip
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("tickets", total=total)
        yield lambda counts: bar.update(task, completed=counts.looked + counts.skipped)
        bar.update(task, total=bar.tasks[0].completed)  # the count was an estimate


COMMANDS: tuple[click.Command, ...] = (reconcile, backfill)
