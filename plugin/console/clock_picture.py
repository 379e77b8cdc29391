"""The picture of a ticket's clock as shapes: a row a day, with what was open and what was counted.

Computes geometry only; `templates/console/clock.html` draws it. Lengths are SVG units.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sla_rules.schedule import Schedule

BAND = 18.0
LANE = 15.0
GAP = 9.0
TOP = 20.0
LETTER = 6.4  # width of one letter at the picture's type size
MOST_ROWS = 16
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Mark:
    """An instant with its words. `kind` is start, warning, response, due or now."""

    kind: str
    at: datetime
    text: str


@dataclass(frozen=True, slots=True)
class Band:
    """A stretch of a day. `kind` is hours (open), used, left or overdue."""

    kind: str
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class PlacedMark:
    """A mark on its day: the line's place, and the words' place and side."""

    mark: Mark
    x: float
    text_x: float
    text_y: float
    anchor: str


@dataclass(frozen=True, slots=True)
class Row:
    """One day, or several closed ones in a row. `counted` is business time of that day."""

    first: date
    last: date
    y: float
    bands: tuple[Band, ...]
    marks: tuple[PlacedMark, ...]
    counted: timedelta
    holiday: bool
    left_out: bool = False

    @property
    def shut(self) -> bool:
        """Nothing opens."""
        return not self.bands and not self.left_out


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """What there is to draw. `stopped_at` is the response, or now while the clock runs."""

    schedule: Schedule
    zone: ZoneInfo
    starts_at: datetime
    due_at: datetime
    stopped_at: datetime | None
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """The drawing: its size, where the bands lie, the hours along the top, the rows."""

    width: float
    height: float
    left: float
    right: float
    hours: tuple[tuple[float, int], ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class _Day:
    first: date
    last: date
    stretches: tuple[tuple[str, datetime, datetime], ...]
    marks: tuple[Mark, ...]
    counted: timedelta
    holiday: bool
    left_out: bool = False


def draw(clock: Clock, *, width: float, labels: float, totals: float, every: int) -> Picture:
    """Return the picture. `labels` and `totals` are the widths beside the bands.

    `every` is the distance of the hours that are written along the top.
    """
    days = _shortened(_together(list(_days(clock))))
    first, last = _hours(days, clock.zone)
    left, right = labels, width - totals
    scale = (right - left) / (last - first)

    def x_of(at: datetime, on: date) -> float:
        local = at.astimezone(clock.zone)
        hour = 24.0 if local.date() > on else local.hour + local.minute / 60 + local.second / 3600
        return left + (min(max(hour, first), last) - first) * scale

    rows, y = [], TOP
    for day in days:
        placed, lanes = _placed(day, x_of, left, right)
        y += GAP + lanes * LANE
        rows.append(
            Row(
                first=day.first,
                last=day.last,
                y=y,
                bands=tuple(
                    Band(kind, x_of(a, day.last), x_of(b, day.last) - x_of(a, day.last))
                    for kind, a, b in day.stretches
                ),
                marks=tuple(
                    PlacedMark(m.mark, m.x, m.text_x, y - 5 - m.text_y * LANE, m.anchor)
                    for m in placed
                ),
                counted=day.counted,
                holiday=day.holiday,
                left_out=day.left_out,
            )
        )
        y += BAND
    hours = tuple((left + (hour - first) * scale, hour) for hour in range(first, last + 1, every))
    return Picture(
        width=width, height=y + GAP, left=left, right=right, hours=hours, rows=tuple(rows)
    )


def _days(clock: Clock) -> Iterable[_Day]:
    ends = [clock.starts_at, clock.due_at, *(mark.at for mark in clock.marks)]
    ends += [clock.stopped_at] if clock.stopped_at else []
    on, last = (edge(ends).astimezone(clock.zone).date() for edge in (min, max))
    used = min(clock.stopped_at or clock.starts_at, clock.due_at)
    while on <= last:
        begin, end = _midnight(on, clock.zone), _midnight(on + _DAY, clock.zone)
        parts = [("hours", a, b) for a, b in clock.schedule.segments(begin, end)]
        pieces = [
            ("used", clock.starts_at, used),
            ("left", max(used, clock.starts_at), clock.due_at),
        ]
        if clock.stopped_at and clock.stopped_at > clock.due_at:
            pieces.append(("overdue", clock.due_at, clock.stopped_at))
        for kind, start, stop in pieces:
            inside = clock.schedule.segments(max(start, begin), min(stop, end))
            parts += [(kind, a, b) for a, b in inside]
        counted = sum((b - a for kind, a, b in parts if kind in {"used", "left"}), timedelta(0))
        marks = tuple(m for m in clock.marks if begin <= m.at < end)
        holiday = on in clock.schedule.holidays
        yield _Day(on, on, tuple(parts), marks, counted, holiday)
        on += _DAY


def _together(days: Sequence[_Day]) -> list[_Day]:
    """Closed days without a mark that follow one another become one row."""
    found: list[_Day] = []
    for day in days:
        before = found[-1] if found else None
        plain = not day.stretches and not day.marks and not day.holiday
        if plain and before and not before.stretches and not before.marks and not before.holiday:
            found[-1] = _Day(before.first, day.last, (), (), timedelta(0), holiday=False)
        else:
            found.append(day)
    return found


def _shortened(days: list[_Day]) -> list[_Day]:
    """Leave out the middle of a long picture, where nothing is marked."""
    if len(days) <= MOST_ROWS:
        return days
    keep = MOST_ROWS // 2
    middle = days[keep:-keep]
    marked = [day for day in middle if day.marks]
    counted = sum((day.counted for day in middle if not day.marks), timedelta(0))
    gap = _Day(middle[0].first, middle[-1].last, (), (), counted, holiday=False, left_out=True)
    return [*days[:keep], gap, *marked, *days[-keep:]]


def _hours(days: Iterable[_Day], zone: ZoneInfo) -> tuple[int, int]:
    """The first and the last hour to draw: an hour around what is open, and every mark."""
    first, last = 24.0, 0.0
    for day in days:
        for _, a, b in day.stretches:
            begin, end = a.astimezone(zone), b.astimezone(zone)
            stop = 24.0 if end.date() > begin.date() else end.hour + end.minute / 60
            first, last = min(first, begin.hour + begin.minute / 60), max(last, stop)
        for mark in day.marks:
            local = mark.at.astimezone(zone)
            hour = local.hour + local.minute / 60
            first, last = min(first, hour), max(last, hour)
    if first >= last:
        return 0, 24
    return max(0, int(first) - 1), min(24, int(last) + 2)


def _placed(
    day: _Day, x_of: Callable[[datetime, date], float], left: float, right: float
) -> tuple[list[PlacedMark], int]:
    """Put the words of a day's marks into lanes above the band, so that none covers another."""
    lanes: list[float] = []  # where each lane is free from
    placed = []
    for mark in sorted(day.marks, key=lambda m: m.at):
        x = x_of(mark.at, day.last)
        size = len(mark.text) * LETTER + 12
        text_x, anchor = x, "middle"
        if x - size / 2 < left:
            text_x, anchor = max(left, x - 4), "start"
        elif x + size / 2 > right:
            text_x, anchor = min(right, x + 4), "end"
        begin = {"middle": text_x - size / 2, "start": text_x, "end": text_x - size}[anchor]
        lane = next((n for n, free in enumerate(lanes) if begin >= free), len(lanes))
        lanes[lane : lane + 1] = [begin + size]
        placed.append(PlacedMark(mark, x, text_x, lane, anchor))
    return placed, len(lanes)


def _midnight(on: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(on, time(), zone).astimezone(UTC)
