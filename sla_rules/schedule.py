"""Opening hours as arithmetic: add business time to an instant, measure it, ask whether it is open.

Reads no clock and knows no contract; which notation is refused is `hours_notation.py`'s business.

Intervals are half-open local wall clock; business time is physical seconds, so a night of six
hours on which the clocks change has five or seven. A local time that does not exist or comes twice is read as the
first pass (fold=0). Conventions and their reasons: docs/business-time.md.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from .errors import PolicyError
from .hours_notation import read_hours, spans

FIRST_YEAR, LAST_YEAR = 1970, 2100
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = timedelta(days=1)
_NO_OVERRIDES: Mapping[date, str] = MappingProxyType({})


class HorizonError(PolicyError):
    """An instant lies outside the years 1970 to 2099, or nothing opens again in them."""


class _Table(NamedTuple):
    """Open segments of some years in microseconds since 1970, ascending, with running sums.

    `before[i]` and `after[i]` are the business time up to the opening and closing of segment i.
    `low` and `high` bound the years, high exclusive.
    """

    first_year: int
    last_year: int
    low: int
    high: int
    opens: list[int]
    closes: list[int]
    before: list[int]
    after: list[int]


class Schedule:
    """Weekly hours in a time zone, with closed dates. A value: equal texts mean equal schedules."""

    __slots__ = ("_hours", "_table", "_zone", "holidays", "hours", "overrides", "time_zone")

    def __init__(
        self,
        hours: str,
        time_zone: str,
        holidays: frozenset[date],
        overrides: Mapping[date, str],
    ) -> None:
        self.hours = hours
        self.time_zone = time_zone
        self.holidays = holidays
        self.overrides = MappingProxyType(dict(overrides))
        try:
            self._zone = ZoneInfo(time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise PolicyError(f"time zone {time_zone!r} is not an IANA zone") from None
        self._hours = read_hours(hours, has_holidays=bool(holidays))
        for text in self.overrides.values():
            read_hours(text, has_holidays=False)
        self._table: _Table | None = None
        if not any(self._opens_in(year) for year in (2026, *range(FIRST_YEAR, LAST_YEAR))):
            raise PolicyError(f"the schedule {hours!r} never opens")

    @classmethod
    def parse(
        cls,
        hours: str,
        time_zone: str,
        holidays: Iterable[date] = (),
        overrides: Mapping[date, str] = _NO_OVERRIDES,
    ) -> Schedule:
        """Read OpenStreetMap notation such as `Mo-Fr 09:00-12:00,14:00-17:00`.

        A holiday closes its whole local date; an override replaces the hours of its local date
        (`09:00-12:00`, `off`), a holiday's too. Raises `PolicyError` for notation that is wrong,
        would mean something else than it seems to, or never opens, and for an unknown zone.
        """
        return _cached(hours, time_zone, frozenset(holidays), tuple(sorted(overrides.items())))

    def add(self, start: datetime, business: timedelta) -> datetime:
        """Return the instant at which that much business time has passed since `start`, in UTC.

        A result that falls on a closing stays there; adding nothing gives the next opening.
        Raises `ValueError` for a naive start or negative time, `HorizonError` beyond 2100.
        """
        at = _micros(start)
        length = business.days * 86_400_000_000 + business.seconds * 1_000_000
        length += business.microseconds
        if length < 0:
            raise ValueError("business time cannot be negative")
        table = self._table
        if table is None or not table.low <= at < table.high:
            table = self._grown(at)
        while True:
            _, _, _, high, opens, closes, before, after = table
            i = bisect_right(closes, at)
            if i < len(opens):
                opened = opens[i]
                at = max(at, opened)
                if not length:
                    return _instant(at)
                needed = before[i] + at - opened + length
                j = bisect_left(after, needed)
                if j < len(opens):
                    return _instant(closes[j] - after[j] + needed)
            table = self._grown(high)

    def elapsed(self, start: datetime, end: datetime) -> timedelta:
        """Return the business time from `start` (inclusive) to `end` (exclusive).

        Negative where `end` is before `start`. Raises `ValueError` for naive instants.
        """
        first, last = _micros(start), _micros(end)
        table = self._table
        if table is None or not table.low <= first < table.high:
            table = self._grown(first)
        if not table.low <= last < table.high:
            table = self._grown(last)
        _, _, _, _, opens, closes, before, after = table
        i, j = bisect_right(closes, first), bisect_right(closes, last)
        total = after[-1] if after else 0
        from_ = total if i == len(opens) else before[i] + max(0, first - opens[i])
        to = total if j == len(opens) else before[j] + max(0, last - opens[j])
        return timedelta(0, 0, to - from_)

    def is_open(self, at: datetime) -> bool:
        """Say whether business time passes at `at`; at a closing instant it does not."""
        instant = _micros(at)
        table = self._covering(instant)
        i = bisect_right(table.closes, instant)
        return i < len(table.opens) and table.opens[i] <= instant

    def next_open(self, at: datetime) -> datetime:
        """Return `at` itself while open, else the next opening, in UTC."""
        return self.add(at, timedelta(0))

    def segments(self, start: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
        """Return the open stretches between two instants, in UTC, cut at both."""
        first, last = _micros(start), _micros(end)
        self._covering(first)
        table = self._covering(last)
        begin = bisect_right(table.closes, first)
        stop = bisect_left(table.opens, last)
        return [
            (_instant(max(first, table.opens[i])), _instant(min(last, table.closes[i])))
            for i in range(begin, stop)
        ]

    def _opens_in(self, year: int) -> bool:
        return next(self._stretches(year, year), None) is not None

    def _covering(self, at: int) -> _Table:
        table = self._table
        if table is None or not table.low <= at < table.high:
            table = self._grown(at)
        return table

    def _grown(self, at: int) -> _Table:
        """A table that covers `at` with room on both sides; it replaces the smaller one."""
        year = _instant(at).astimezone(self._zone).year
        if not FIRST_YEAR <= year < LAST_YEAR:
            raise HorizonError(
                f"the schedule {self.hours!r} does not open, or is not known, in {year}: "
                f"years {FIRST_YEAR} to {LAST_YEAR - 1} are"
            )
        old = self._table
        span = (
            (year - 1, year + 3)
            if old is None
            else (
                min(old.first_year, year - 2),
                max(old.last_year, year + 4),
            )
        )
        first, last = max(FIRST_YEAR, span[0]), min(LAST_YEAR - 1, span[1])
        opens: list[int] = []
        closes: list[int] = []
        for opened, closed in self._stretches(first, last):
            if closes and opened <= closes[-1]:
                closes[-1] = max(closes[-1], closed)
            else:
                opens.append(opened)
                closes.append(closed)
        before: list[int] = []
        after: list[int] = []
        total = 0
        for opened, closed in zip(opens, closes, strict=True):
            before.append(total)
            total += closed - opened
            after.append(total)
        low, high = (_micros(datetime(y, 1, 1, tzinfo=self._zone)) for y in (first, last + 1))
        table = _Table(first, last, low, high, opens, closes, before, after)
        self._table = table
        return table

    def _stretches(self, first_year: int, last_year: int) -> Iterator[tuple[int, int]]:
        """Open stretches within single local dates, ascending; inverted ones are dropped."""
        begin, end = datetime(first_year, 1, 1), datetime(last_year + 1, 1, 1)  # noqa: DTZ001
        replaced = sorted(on for on in self.overrides if first_year <= on.year <= last_year)
        weekly = (
            (opened, closed)
            for opened, closed in _by_date(spans(self._hours, begin, end))
            if opened.date() not in self.holidays and opened.date() not in self.overrides
        )
        special = [
            span
            for on in replaced
            for span in spans(
                read_hours(self.overrides[on], has_holidays=False),
                datetime(on.year, on.month, on.day),  # noqa: DTZ001
                datetime(on.year, on.month, on.day) + _DAY,  # noqa: DTZ001
            )
        ]
        local = sorted([*weekly, *special]) if special else weekly
        for opened, closed in local:
            start = _micros(opened.replace(tzinfo=self._zone))
            stop = _micros(closed.replace(tzinfo=self._zone))
            if start < stop:
                yield start, stop


@lru_cache(maxsize=256)
def _cached(
    hours: str, time_zone: str, holidays: frozenset[date], overrides: tuple[tuple[date, str], ...]
) -> Schedule:
    return Schedule(hours, time_zone, holidays, dict(overrides))


def _by_date(local: Iterable[tuple[datetime, datetime]]) -> Iterator[tuple[datetime, datetime]]:
    """Cut stretches of local time at every midnight."""
    for opened, closed in local:
        start = opened
        while start < closed:
            midnight = datetime(start.year, start.month, start.day) + _DAY  # noqa: DTZ001
            stop = min(closed, midnight)
            yield start, stop
            start = stop


def _micros(at: datetime) -> int:
    try:
        since = at - _EPOCH
    except TypeError:
        raise ValueError(f"expected an aware datetime, got the naive {at!r}") from None
    return since.days * 86_400_000_000 + since.seconds * 1_000_000 + since.microseconds


def _instant(micros: int) -> datetime:
    return _EPOCH + timedelta(0, 0, micros)
