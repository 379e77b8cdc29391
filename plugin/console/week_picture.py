"""A schedule's week as shapes: a column a day, with its open hours. Computes geometry only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sla_rules.schedule_text import ScheduleText

COLUMN = 70.0
TALLEST_HOUR = 22.0
TALLEST = 220.0
LEFT = 34.0
TOP = 24.0


@dataclass(frozen=True, slots=True)
class Opening:
    """One open stretch of a day, in SVG units, with its local times."""

    y: float
    height: float
    begins: str
    ends: str


@dataclass(frozen=True, slots=True)
class Day:
    """One day of the week; `holiday` says that the calendar closes it."""

    on: date
    x: float
    openings: tuple[Opening, ...]
    holiday: bool


@dataclass(frozen=True, slots=True)
class Week:
    """The week's picture. `hours` are the lines: y and the hour."""

    days: tuple[Day, ...]
    hours: tuple[tuple[float, int], ...]
    width: float
    height: float


def week(hours: ScheduleText, now: datetime) -> Week:
    """Return the local week (Monday to Sunday) that `now` falls in, from the first hour open."""
    zone = ZoneInfo(hours.time_zone)
    today = now.astimezone(zone).date()
    monday = today - timedelta(days=today.weekday())
    found = []
    for on in (monday + timedelta(days=n) for n in range(7)):
        begin = datetime.combine(on, time(), zone)
        end = datetime.combine(on + timedelta(days=1), time(), zone)
        stretches = [
            (a.astimezone(zone), b.astimezone(zone)) for a, b in hours.schedule.segments(begin, end)
        ]
        found.append((on, [(_hour(a, on), _hour(b, on), a, b) for a, b in stretches]))
    opened = [span for _, spans in found for span in spans]
    first = int(min((a for a, *_ in opened), default=8.0))
    last = int(max((b for _, b, *_ in opened), default=18.0) + 0.999)
    hour = min(TALLEST_HOUR, TALLEST / (last - first))
    days = tuple(
        Day(
            on,
            LEFT + n * COLUMN,
            tuple(
                Opening(TOP + (a - first) * hour, (b - a) * hour, f"{x:%H:%M}", f"{y:%H:%M}")
                for a, b, x, y in spans
            ),
            on in hours.schedule.holidays,
        )
        for n, (on, spans) in enumerate(found)
    )
    step = 1 if last - first <= 12 else 3
    lines = tuple((TOP + (h - first) * hour, h) for h in range(first, last + 1, step))
    return Week(days, lines, LEFT + 7 * COLUMN, TOP + (last - first) * hour + 6)


def _hour(at: datetime, on: date) -> float:
    """The hours on the wall since the local midnight of `on`; the next midnight is 24."""
    return (at.date() - on).days * 24 + at.hour + at.minute / 60 + at.second / 3600
