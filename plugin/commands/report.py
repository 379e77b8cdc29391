"""The command that prints how the promises were kept."""

from __future__ import annotations

import click


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
    """Print attainment, and how long first responses took, in business and calendar time.

    The clocks that started in the period count. Best-effort goals are no promise and never a
    breach.

    \b
    Example:
      regiondo-sla report --by month --from 2026-01-01 --csv > sla.csv
    """
    from plugin import reports
    from plugin.bootstrap import build_services
    from plugin.here import service_settings
    from plugin.store.reports import Grouping

    services = build_services(service_settings(), pool_size=1)
    now = services.clock()
    zone = services.policies().current(now).zone
    try:
        period = reports.read_period(first, last, now, zone)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    if exclusions:
        columns: tuple[str, ...] = reports.EXCLUSION_COLUMNS
        rows = reports.exclusion_rows(services.store.reports.exclusions(period.since, period.until))
    else:
        columns = reports.ATTAINMENT_COLUMNS
        found = services.store.reports.attainment(
            Grouping(by), period.since, period.until, zone.key
        )
        rows = reports.attainment_rows(found)
    if as_csv:
        click.echo(reports.to_csv(columns, rows), nl=False)
        return
    _print_table(columns, rows, f"{period.first:%d %b %Y} to {period.last:%d %b %Y}")


def _print_table(columns: tuple[str, ...], rows: list[tuple[str, ...]], title: str) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title)
    for column in columns:
        justify = "left" if column in {"group", "exclusion", "tier"} else "right"
        table.add_column(column.replace("_", " "), justify=justify)  # type: ignore[arg-type]
    for row in rows:
        table.add_row(*(cell or "-" for cell in row))
    Console().print(table if rows else f"{title}: no ticket.")


COMMANDS: tuple[click.Command, ...] = (report,)
