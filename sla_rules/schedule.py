"""Opening hours as arithmetic: add business time to an instant, measure it, ask whether it is open.

Reads no clock and knows no contract; which notation is refused is `hours_notation.py`'s business.

Intervals are half-open local wall clock; business time is physical seconds, so a night of six
hours on which the clocks change has five or seven. A local time that does not exist or comes
twice is read as the first pass (fold=0). Conventions and their reasons: docs/business-time.md.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from opening_hours import OpeningHours

from .errors import PolicyError
from .hours_notation import read_hours, read_override, spans

FIRST_YEAR, LAST_YEAR = 1970, 2100  # the last exclusive
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = timedelta(days=1)
_NOTHING = timedelta(0)
_LONGEST = timedelta(days=366 * (LAST_YEAR - FIRST_YEAR))
_NO_OVERRIDES: Mapping[date, str] = MappingProxyType({})

# What system folders hold beside the zones: this machine's own, and those with leap seconds.
_NO_ZONES = frozenset({"localtime", "posixrules", "posix", "right"})

_Local = tuple[datetime, datetime]  # naive wall clock, end exclusive


class HorizonError(PolicyError):
    """An instant lies outside the years 1970 to 2099, or too little opens in them."""


class _Table(NamedTuple):
    """Open segments of some years as time since 1970, ascending, with running sums.

    A timedelta is an exact count of microseconds, and needs no conversion on the way in and out.
    `before[i]` and `after[i]` are the business time up to the opening and closing of segment i.
    `low` and `high` bound the years, high exclusive.
    """

    first_year: int
    last_year: int
    low: timedelta
    high: timedelta
    opens: list[timedelta]
    closes: list[timedelta]
    before: list[timedelta]
    after: list[timedelta]


_EMPTY = _Table(0, -1, _NOTHING, _NOTHING, [], [], [], [])


class Schedule:
    """Weekly hours in a time zone, with closed dates. A value: equal texts mean equal schedules."""

    __slots__ = (
        "_hours",
        "_overrides",
        "_table",
        "_zone",
        "holidays",
        "hours",
        "overrides",
        "time_zone",
    )

    hours: str
    time_zone: str
    holidays: frozenset[date]
    overrides: Mapping[date, str]
    _table: _Table
    _zone: ZoneInfo
    _hours: OpeningHours
    _overrides: Mapping[date, list[_Local]]

    def __init__(
        self,
        hours: str,
        time_zone: str,
        holidays: frozenset[date],
        overrides: Mapping[date, str],
    ) -> None:
        for on in (*holidays, *overrides):
            if not isinstance(on, date) or isinstance(on, datetime):
                raise PolicyError(f"holidays and overrides are dates, not {on!r}")
        try:
            zone = ZoneInfo(time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            zone = None
        if zone is None or time_zone.partition("/")[0] in _NO_ZONES:
            raise PolicyError(f"time zone {time_zone!r} is not an IANA zone")
        self._set("hours", hours)
        self._set("time_zone", time_zone)
        self._set("holidays", holidays)
        self._set("overrides", MappingProxyType(dict(overrides)))
        self._set("_zone", zone)
        self._set("_hours", read_hours(hours, has_holidays=bool(holidays)))
        self._set("_overrides", {on: read_override(on, text) for on, text in overrides.items()})
        self._set("_table", _EMPTY)
        if not any(self._segments_in(year, year) for year in range(FIRST_YEAR, LAST_YEAR)):
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

        A holiday closes its whole local date. An override is `off` or times (`09:00-12:00`) and
        replaces the hours of its local date, a holiday's too. Raises `PolicyError` for notation
        that is wrong, would mean something else than it seems to, or never opens, and for an
        unknown zone.
        """
        return _cached(hours, time_zone, frozenset(holidays), tuple(sorted(overrides.items())))

    def add(self, start: datetime, business: timedelta) -> datetime:
        """Return the instant at which that much business time has passed since `start`, in UTC.

        A result that falls on a closing stays there; adding nothing gives the next opening.
        Raises `ValueError` for a naive start or negative time, `HorizonError` beyond 2099.
        """
        try:
            at = start - _EPOCH  # never a wall-clock difference: the epoch is in UTC
        except TypeError:
            raise _naive(start) from None
        if not _NOTHING <= business <= _LONGEST:
            raise _unusable(business)
        table = self._table
        _, _, low, high, opens, closes, before, after = table
        if not low <= at < high:
            table = self._grown(table, at, at)
        while True:
            _, _, low, high, opens, closes, before, after = table
            i = bisect_right(closes, at)
            if i < len(opens):
                opened = opens[i]
                if at < opened:  # noqa: PLR1730  (half the cost of max)
                    at = opened
                if not business:
                    return _EPOCH + at
                needed = before[i] + (at - opened) + business
                j = bisect_left(after, needed)  # left: a due on a closing stays there
                if j < len(opens):
                    return _EPOCH + (closes[j] - (after[j] - needed))
            table = self._grown(table, at, high)

    def elapsed(self, start: datetime, end: datetime) -> timedelta:
        """Return the business time from `start` (inclusive) to `end` (exclusive).

        Where `end` is before `start` it is the same time, negative. Raises `ValueError` for naive
        instants, `HorizonError` outside 1970 to 2099.
        """
        try:
            first, last = start - _EPOCH, end - _EPOCH
        except TypeError:
            raise _naive(start, end) from None
        table = self._table
        _, _, low, high, opens, closes, before, after = table
        if not (low <= first < high and low <= last < high):
            table = self._grown(table, first, last)
            _, _, low, high, opens, closes, before, after = table
        i, j = bisect_right(closes, first), bisect_right(closes, last)
        if i < len(opens):
            opened = opens[i]
            passed = before[i] + (first - opened) if opened < first else before[i]
        else:
            passed = after[-1] if after else _NOTHING
        if j < len(opens):
            opened = opens[j]
            return (before[j] + (last - opened) if opened < last else before[j]) - passed
        return (after[-1] if after else _NOTHING) - passed

    def is_open(self, at: datetime) -> bool:
        """Say whether business time passes at `at`; at a closing instant it does not."""
        instant = _since(at)
        table = self._covering(instant, instant)
        i = bisect_right(table.closes, instant)
        return i < len(table.opens) and table.opens[i] <= instant

    def next_open(self, at: datetime) -> datetime:
        """Return `at` itself while open, else the next opening, in UTC."""
        return self.add(at, timedelta(0))

    def segments(self, start: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
        """Return the open stretches between two instants, in UTC, cut at both; their sum is
        `elapsed`. None where `end` is not after `start`.
        """
        first, last = _since(start), _since(end)
        if last <= first:
            return []
        table = self._covering(first, last)
        begin, stop = bisect_right(table.closes, first), bisect_left(table.opens, last)
        return [
            (_EPOCH + max(first, table.opens[i]), _EPOCH + min(last, table.closes[i]))
            for i in range(begin, stop)
        ]

    def _covering(self, first: timedelta, last: timedelta) -> _Table:
        table = self._table
        if table.low <= first < table.high and table.low <= last < table.high:
            return table
        return self._grown(table, first, last)

    def _grown(self, old: _Table, one: timedelta, other: timedelta) -> _Table:
        """Return a table that covers `old` and both instants, and keep it for the next question.

        Each growth at least doubles the years, so that a long search builds few tables. Threads
        that grow at once each go on with a table that covers their own question.
        """
        first, last = sorted((self._year(one), self._year(other)))
        if old is _EMPTY:
            first, last = first - 1, last + 3
        else:
            room = old.last_year - old.first_year + 1
            first = old.first_year if first >= old.first_year else min(first, old.first_year - room)
            last = old.last_year if last <= old.last_year else max(last, old.last_year + room)
        first, last = max(FIRST_YEAR, first), min(LAST_YEAR - 1, last)
        opens: list[timedelta] = []
        closes: list[timedelta] = []
        before: list[timedelta] = []
        after: list[timedelta] = []
        total = _NOTHING
        for opened, closed in self._segments_in(first, last):
            before.append(total)
            opens.append(opened)
            closes.append(closed)
            total += closed - opened
            after.append(total)
        low, high = (_since(datetime(y, 1, 1, tzinfo=self._zone)) for y in (first, last + 1))
        table = _Table(first, last, low, high, opens, closes, before, after)
        self._set("_table", table)
        return table

    def _year(self, at: timedelta) -> int:
        """The local year of an instant. Raises `HorizonError` outside the known years."""
        year = 1970 + at // timedelta(days=365.25)  # near enough to keep off datetime's own limits
        if FIRST_YEAR - 2 < year < LAST_YEAR + 1:
            year = (_EPOCH + at).astimezone(self._zone).year
        if not FIRST_YEAR <= year < LAST_YEAR:
            raise HorizonError(
                f"the schedule {self.hours!r} is known from {FIRST_YEAR} to {LAST_YEAR - 1}, and "
                f"the answer lies outside"
            )
        return year

    def _segments_in(self, first_year: int, last_year: int) -> list[tuple[timedelta, timedelta]]:
        """Open segments of those local years, ascending and apart; touching ones are one."""
        begin, end = datetime(first_year, 1, 1), datetime(last_year + 1, 1, 1)  # noqa: DTZ001
        zone = self._zone
        apart: list[tuple[timedelta, timedelta]] = []
        for opened, closed in sorted(
            (opened.replace(tzinfo=zone) - _EPOCH, closed.replace(tzinfo=zone) - _EPOCH)
            for opened, closed in self._local(begin, end)
        ):
            if closed <= opened:  # swallowed by a clock change
                continue
            if apart and opened <= apart[-1][1]:
                apart[-1] = (apart[-1][0], max(apart[-1][1], closed))
            else:
                apart.append((opened, closed))
        return apart

    def _local(self, begin: datetime, end: datetime) -> Iterator[_Local]:
        """Open stretches of local time, each within one date; a night past midnight is two."""
        for opened, closed in _by_date(spans(self._hours, begin, end)):
            on = opened.date()
            if on not in self.holidays and on not in self._overrides:
                yield opened, closed
        for on, stretches in self._overrides.items():
            for opened, closed in _by_date(stretches):
                after = opened.date()
                kept = after == on or (after not in self.holidays and after not in self._overrides)
                if kept and begin <= opened < end:
                    yield opened, closed

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a schedule does not change: {name}")

    def _key(self) -> tuple[str, str, frozenset[date], tuple[tuple[date, str], ...]]:
        return self.hours, self.time_zone, self.holidays, tuple(sorted(self.overrides.items()))

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, Schedule) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key())

    def __reduce__(self) -> tuple[Any, ...]:
        return _cached, self._key()

    def __repr__(self) -> str:
        return f"Schedule({self.hours!r}, {self.time_zone!r}, {len(self.holidays)} holidays)"


@lru_cache(maxsize=256)
def _cached(
    hours: str, time_zone: str, holidays: frozenset[date], overrides: tuple[tuple[date, str], ...]
) -> Schedule:
    return Schedule(hours, time_zone, holidays, dict(overrides))


def _by_date(local: Iterable[_Local]) -> Iterator[_Local]:
    """Cut stretches of local time at every midnight."""
    for opened, closed in local:
        start = opened
        while start < closed:
            midnight = datetime(start.year, start.month, start.day) + _DAY  # noqa: DTZ001
            stop = min(closed, midnight)
            yield start, stop
            start = stop


def _since(at: datetime) -> timedelta:
    try:
        return at - _EPOCH
    except TypeError:
        raise _naive(at) from None


def _naive(*instants: datetime) -> ValueError:
    return ValueError(f"expected aware datetimes, got {', '.join(map(repr, instants))}")


def _unusable(business: timedelta) -> ValueError:
    if business < _NOTHING:
        return ValueError(f"business time cannot be negative: {business!r}")
    return HorizonError(f"{business!r} is more than the years {FIRST_YEAR} to {LAST_YEAR - 1} have")
