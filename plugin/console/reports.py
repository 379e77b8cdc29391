"""How the promises were kept: attainment, response times and exclusions of a period."""

from __future__ import annotations

from flask import Response, abort, make_response, request

from plugin import reports as tables
from plugin.console.frame import policy, reader, section, services, show
from plugin.store.reports import Grouping

MOST = 100

blueprint = section("reports")


@blueprint.get("/reports")
def page() -> str:
    """Show the report of a period, by default the last 90 days."""
    by, period = _asked()
    since, until = period.since, period.until
    store = services().store.reports
    lines = store.attainment(by, since, until, reader().zone.key)
    if by is Grouping.ORGANIZATION:
        lines.sort(key=lambda line: (-line.breached, -line.tickets))
    elif by is Grouping.TIER:
        order = list(policy().tiers)
        lines.sort(key=lambda line: order.index(line.group) if line.group in order else len(order))
    return show(
        "reports.html",
        by=by,
        groupings=list(Grouping),
        period=period,
        lines=lines[:MOST],
        hidden=max(0, len(lines) - MOST),
        months=store.kept(since, until, reader().zone.key),
        exclusions=store.exclusions(since, until),
        policy=policy(),
    )


@blueprint.get("/reports/<any(attainment, exclusions):name>.csv")
def export(name: str) -> Response:
    """Give the same numbers as a file."""
    by, period = _asked()
    since, until = period.since, period.until
    store = services().store.reports
    if name == "exclusions":
        rows = tables.exclusion_rows(store.exclusions(since, until))
        text = tables.to_csv(tables.EXCLUSION_COLUMNS, rows)
    else:
        lines = store.attainment(by, since, until, reader().zone.key)
        text = tables.to_csv(tables.ATTAINMENT_COLUMNS, tables.attainment_rows(lines))
    answer = make_response(text)
    answer.headers["Content-Type"] = "text/csv; charset=utf-8"
    answer.headers["Content-Disposition"] = (
        f"attachment; filename={name}-{period.first}-{period.last}.csv"
    )
    return answer


def _asked() -> tuple[Grouping, tables.Period]:
    given, who = request.args, reader()
    try:
        by = Grouping(given.get("by") or Grouping.TIER)
        return by, tables.read_period(given.get("from"), given.get("to"), who.now, who.zone)
    except ValueError:
        abort(400)
