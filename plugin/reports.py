"""The reports as tables of texts, for the terminal, CSV and the console alike.

The counting is in `store/reports.py`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from plugin.store.reports import Attainment, Excluded

ATTAINMENT_COLUMNS = (
    "group",
    "tickets",
    "met",
    "breached",
    "attainment_percent",
    "open",
    "best_effort",
    "cancelled",
    "business_minutes_median",
    "business_minutes_p90",
    "calendar_minutes_median",
    "calendar_minutes_p90",
)
EXCLUSION_COLUMNS = ("exclusion", "tier", "tickets")
DEFAULT_DAYS = 90


@dataclass(frozen=True, slots=True)
class Period:
    """The local days from `first` to `last`, both inclusive; as instants `until` is exclusive."""

    first: date
    last: date
    since: datetime
    until: datetime


def attainment_rows(found: Iterable[Attainment]) -> list[tuple[str, ...]]:
    """Return a row for each line, in the order of `ATTAINMENT_COLUMNS`; unknown is empty."""
    return [
        (
            line.group or "",
            str(line.tickets),
            str(line.met),
            str(line.breached),
            "" if line.share is None else f"{100 * line.share:.1f}",
            str(line.open),
            str(line.best_effort),
            str(line.cancelled),
            _minutes(line.business_median),
            _minutes(line.business_p90),
            _minutes(line.calendar_median),
            _minutes(line.calendar_p90),
        )
        for line in found
    ]


def exclusion_rows(found: Iterable[Excluded]) -> list[tuple[str, ...]]:
    """Return a row for each line, in the order of `EXCLUSION_COLUMNS`."""
    return [(line.exclusion, line.tier, str(line.tickets)) for line in found]


def to_csv(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return CSV with a header. A text that a spreadsheet would run as a formula is disarmed."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(columns)
    writer.writerows([_disarmed(cell) for cell in row] for row in rows)
    return out.getvalue()


def read_period(first: str | None, last: str | None, now: datetime, zone: ZoneInfo) -> Period:
    """Return the period of two days such as `2026-11-01`; empty means up to today, from 90 days.

    Raises `ValueError` where a text is no day, or `last` is before `first`.
    """
    end = _day(last) if last else now.astimezone(zone).date()
    try:
        begin = _day(first) if first else end - timedelta(days=DEFAULT_DAYS)
        since, until = period(begin, end, zone)
    except OverflowError:
        raise ValueError("the period lies outside the calendar") from None
    return Period(begin, end, since, until)


def period(first: date, last: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return the instants from the start of `first` to the end of `last`, local dates.

    The second is exclusive. Raises `ValueError` where `last` is before `first`.
    """
    if last < first:
        raise ValueError(f"the period ends ({last}) before it begins ({first})")
    begin, end = (datetime.combine(on, time(), zone) for on in (first, last + timedelta(days=1)))
    return begin, end


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is no day such as 2026-11-01") from None


def _minutes(span: timedelta | None) -> str:
    return "" if span is None else f"{span / timedelta(minutes=1):.0f}"


def _disarmed(cell: str) -> str:
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell
