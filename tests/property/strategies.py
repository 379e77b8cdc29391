"""Instants, durations and schedules for property tests, crowded around the edges.

Holds no assertion and no oracle; those are in the tests.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from sla_rules.schedule import Schedule

Day = tuple[tuple[int, int], ...]  # local minutes since midnight, end exclusive, up to 48 h

_OFFICE: Day = ((540, 720), (840, 1020))
_NIGHT: Day = ((1320, 1800),)
_ALL_DAY: Day = ((0, 1440),)
_CLOCK_CHANGE: Day = ((30, 150), (170, 190))  # 00:30-02:30, 02:50-03:10
_SHORT: Day = ((0, 1), (1439, 1440))
_CLOSED: Day = ()


@dataclass(frozen=True)
class Week:
    """A schedule told in minutes, for an oracle that reads no notation."""

    days: tuple[Day, ...]
    time_zone: str
    holidays: frozenset[date]
    overrides: tuple[tuple[date, Day], ...]

    @property
    def schedule(self) -> Schedule:
        """The schedule under test, parsed from notation."""
        # Commas add; after a semicolon Sunday's rule would replace the end of Saturday's night
        names = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
        hours = ", ".join(
            f"{name} {_text(day)}" for name, day in zip(names, self.days, strict=True) if day
        )
        overrides = {on: _text(day) for on, day in self.overrides}
        return Schedule.parse(hours, self.time_zone, self.holidays, overrides)


def _text(day: Day) -> str:
    return ",".join(f"{_clock(start)}-{_clock(end)}" for start, end in day) or "off"


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


ZONES = (
    "Europe/Paris",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",  # the clock changes by half an hour
    "Africa/Cairo",  # by skipping midnight
    "America/Havana",  # by repeating midnight
    "Pacific/Apia",
    "UTC",
)
# Around these local dates a clock changes, a year ends, or a leap day comes.
_TURNS = (
    *(date(2026, 3, 29), date(2026, 10, 25), date(2026, 3, 8), date(2026, 11, 1)),
    *(date(2026, 4, 5), date(2026, 10, 4), date(2026, 4, 24), date(2026, 10, 30)),
    *(date(2026, 12, 25), date(2026, 12, 31), date(2028, 2, 29), date(2026, 11, 20)),
)

days = st.sampled_from((_OFFICE, _OFFICE, _NIGHT, _ALL_DAY, _CLOCK_CHANGE, _SHORT, _CLOSED))
dates = st.builds(
    lambda turn, offset: turn + timedelta(days=offset),
    st.sampled_from(_TURNS),
    st.integers(-3, 3),
)
weeks = st.builds(
    Week,
    st.tuples(*[days] * 7).filter(any),
    st.sampled_from(ZONES),
    st.frozensets(dates, max_size=3),
    st.dictionaries(dates, days, max_size=2).map(lambda found: tuple(found.items())),
)
_EDGES = sorted({m % 1440 for d in (_OFFICE, _NIGHT, _CLOCK_CHANGE, _SHORT) for s in d for m in s})


@st.composite
def instants(draw: st.DrawFn, time_zone: str) -> datetime:
    """Aware instants: mostly an edge of a day, give or take a second, near a turn of the year."""
    on = draw(dates)
    minute = draw(st.one_of(st.sampled_from(_EDGES), st.integers(0, 1439)))
    nudge = draw(st.sampled_from((-1_000_000, -1, 0, 0, 0, 1, 1_000_000, 37_500_000)))
    local = datetime(on.year, on.month, on.day, tzinfo=UTC) + timedelta(minutes=minute)
    at = local.replace(tzinfo=ZoneInfo(time_zone), fold=draw(st.integers(0, 1)))
    at = at.astimezone(UTC) + timedelta(microseconds=nudge)
    return at if draw(st.booleans()) else at.astimezone(ZoneInfo(time_zone))


durations = st.one_of(
    st.sampled_from([timedelta(hours=h) for h in (0, 1, 3, 4, 6, 8, 10, 30)]),
    st.sampled_from([timedelta(microseconds=1), timedelta(seconds=1), timedelta(minutes=1)]),
    st.integers(0, 60 * 60 * 60).map(lambda seconds: timedelta(seconds=seconds)),
)
