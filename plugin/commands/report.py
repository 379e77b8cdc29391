"""The command that prints how the promises were kept."""

from __future__ import annotations

import click

from plugin import reports
from plugin.commands.services import open_services


@click.command()
@click.option(
    "--by",
    type=click.Choice(["tier", "organization", "month"]),
    default="tier",
    show_default=True,
    help="What there is a line for.",
)
@click.option(
    "--from", "first", metavar="YYYY-MM-DD", help="First day, local (default: 90 days before)."
)
@click.option(
    "--to", "last", metavar="YYYY-MM-DD", help="Last day, local, inclusive (default: today)."
)
@click.option("--exclusions", is_flag=True, help="Tickets without a clock, by reason, instead.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
def report(by: str, first: str | None, last: str | None, exclusions: bool, as_csv: bool) -> None:
    """Print how the first-response promises were kept.

    Attainment, and how long first responses took, in business and calendar time. The clocks that
    started in the period count. Best-effort goals are no promise and never a breach.

    \b
    Example:
      regiondo-sla report --by month --from 2026-01-01 --csv > sla.csv
    """
    from plugin.store.reports import Grouping

    with open_services(pool_size=1) as services:
        now = services.clock()
        zone = services.policies().current(now).zone
        try:
            period = reports.read_period(first, last, now, zone)
        except ValueError as error:
            raise click.UsageError(str(error)) from error
        title = f"{period.first:%d %b %Y} to {period.last:%d %b %Y}"
        if exclusions:
            found = services.store.reports.exclusions(period.since, period.until)
            rows = reports.exclusion_rows(found)
            if as_csv:
                click.echo(reports.to_csv(reports.EXCLUSION_COLUMNS, rows), nl=False)
            else:
                _print_exclusions(rows, title)
            return
        lines = services.store.reports.attainment(
            Grouping(by), period.since, period.until, zone.key
        )
        rows = reports.attainment_rows(lines)
        if as_csv:
            click.echo(reports.to_csv(reports.ATTAINMENT_COLUMNS, rows), nl=False)
        else:
            tiers = services.policies().current(now).tiers if by == "tier" else {}
            labels = {key: tier.label for key, tier in tiers.items()}
            _print_attainment([(labels.get(row[0], row[0]), *row[1:]) for row in rows], title)


def _print_attainment(rows: list[tuple[str, ...]], title: str) -> None:
    """A few lines a group: twelve columns are too many for a terminal."""
    click.secho(title if rows else f"{title}: no ticket.", bold=True)
    for row in rows:
        cells = dict(zip(reports.ATTAINMENT_COLUMNS, (cell or "-" for cell in row), strict=True))
        click.echo(
            "\n{group}: {attainment_percent} % kept ({met} met, {breached} breached)\n"
            "  tickets: {tickets}; open {open}, best effort {best_effort}, cancelled {cancelled}\n"
            "  first response, minutes, median and 90th percentile: "
            "business {business_minutes_median}, {business_minutes_p90}; "
            "calendar {calendar_minutes_median}, {calendar_minutes_p90}".format_map(cells)
        )


def _print_exclusions(rows: list[tuple[str, ...]], title: str) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(*reports.EXCLUSION_COLUMNS, title=title)
    for row in rows:
        table.add_row(*(cell or "-" for cell in row))
    Console().print(table if rows else f"{title}: no ticket.")


COMMANDS: tuple[click.Command, ...] = (report,)
