"""Laws of business time, and two independent oracles: a walk by the minute, and workclock."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import workclock
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from property.strategies import Week, durations, instants, weeks

from sla_rules.schedule import Schedule

NOTHING = timedelta(0)
MINUTE = timedelta(minutes=1)
laws = settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)


@st.composite
def questions(draw: st.DrawFn, count: int = 1) -> tuple[Week, list[datetime]]:
    week = draw(weeks)
    return week, [draw(instants(week.time_zone)) for _ in range(count)]


@laws
@given(questions(), durations)
def test_what_was_added_has_elapsed(question, business):
    week, [start] = question
    schedule = week.schedule
    assert schedule.elapsed(start, schedule.add(start, business)) == business


@laws
@given(questions(2), durations)
def test_a_later_start_is_never_due_earlier(question, business):
    week, starts = question
    early, late = sorted(at.astimezone(UTC) for at in starts)
    assert week.schedule.add(early, business) <= week.schedule.add(late, business)


@laws
@given(questions(), durations, durations)
def test_more_business_time_is_never_due_earlier(question, one, other):
    week, [start] = question
    less, more = sorted((one, other))
    assert week.schedule.add(start, less) <= week.schedule.add(start, more)


@laws
@given(questions(), durations, durations.filter(bool))
def test_adding_twice_is_adding_the_sum(question, first, second):
    week, [start] = question
    schedule = week.schedule
    twice = schedule.add(schedule.add(start, first), second)
    assert twice == schedule.add(start, first + second)


@laws
@given(questions(), durations)
def test_a_due_date_is_open_or_exactly_at_a_closing(question, business):
    week, [start] = question
    schedule = week.schedule
    due = schedule.add(start, business)
    just_before = due - timedelta(microseconds=1)
    assert schedule.is_open(due) or (business and schedule.is_open(just_before))


@laws
@given(questions())
def test_the_next_opening_is_the_first_open_instant(question):
    week, [at] = question
    schedule = week.schedule
    opening = schedule.next_open(at)
    assert opening >= at
    assert schedule.is_open(opening)
    assert schedule.elapsed(at, opening) == NOTHING
    assert schedule.is_open(at) == (opening == at)
    assert schedule.add(at, NOTHING) == opening


@laws
@given(questions(3))
def test_elapsed_adds_up_and_turns_around(question):
    week, [a, b, c] = question
    schedule = week.schedule
    assert schedule.elapsed(a, b) + schedule.elapsed(b, c) == schedule.elapsed(a, c)
    assert schedule.elapsed(b, a) == -schedule.elapsed(a, b)


@laws
@given(questions(2))
def test_segments_are_apart_and_sum_to_elapsed(question):
    week, instants_ = question
    start, end = sorted(at.astimezone(UTC) for at in instants_)
    segments = week.schedule.segments(start, end)
    edges = [edge for segment in segments for edge in segment]
    assert edges == sorted(set(edges))
    assert sum((b - a for a, b in segments), NOTHING) == week.schedule.elapsed(start, end)


@settings(laws, max_examples=40)
@given(questions(), durations)
def test_what_was_asked_before_changes_no_answer(question, business):
    week, [start] = question
    hours, zone = week.schedule.hours, week.schedule.time_zone
    fresh = Schedule(hours, zone, week.holidays, week.schedule.overrides)
    fresh.next_open(datetime(2020, 5, 5, tzinfo=UTC))
    fresh.next_open(datetime(2032, 5, 5, tzinfo=UTC))
    assert fresh.add(start, business) == week.schedule.add(start, business)


def open_minutes(week: Week, start: datetime, days: int) -> list[int]:
    """Every open UTC minute from `start` to the end of so many local dates later, ascending.

    Reads no notation and shares no code with the schedule: each interval's edges are resolved in
    the zone by themselves, then every minute between them is written down.
    """
    zone = ZoneInfo(week.time_zone)
    overrides = dict(week.overrides)
    found: set[int] = set()
    today = start.astimezone(zone).date()
    for offset in range(-2, days + 1):
        on = today + timedelta(days=offset)
        tomorrow = on + timedelta(days=1)
        weekly, special = week.days[on.weekday()], overrides.get(on)
        regular = () if on in week.holidays else weekly
        today_s = regular if special is None else special
        tomorrow_s = () if tomorrow in week.holidays | set(overrides) else weekly + (special or ())
        pieces = [(low, min(high, 1440)) for low, high in today_s]
        pieces += [(1440, high) for _, high in tomorrow_s]
        midnight = datetime(on.year, on.month, on.day, tzinfo=UTC)
        for low, high in pieces:
            if low < high:
                begin, end = (
                    int((midnight + m * MINUTE).replace(tzinfo=zone, fold=0).timestamp()) // 60
                    for m in (low, high)
                )
                found.update(range(begin, end))
    return sorted(minute for minute in found if minute >= int(start.timestamp()) // 60)


@laws
@given(questions(), st.integers(0, 20 * 1440))
def test_elapsed_is_what_a_walk_by_the_minute_counts(question, length):
    week, [at] = question
    start = at.astimezone(UTC).replace(second=0, microsecond=0)
    end = start + length * MINUTE
    last = int(end.timestamp()) // 60
    walked = sum(minute < last for minute in open_minutes(week, start, 22))
    assert week.schedule.elapsed(start, end) == walked * MINUTE


@laws
@given(questions(), st.integers(1, 3000))
def test_add_is_where_a_walk_by_the_minute_arrives(question, length):
    week, [at] = question
    start = at.astimezone(UTC).replace(second=0, microsecond=0)
    minutes = open_minutes(week, start, 25)
    assume(minutes)
    length = min(length, len(minutes) - 1) or 1
    last = minutes[length - 1]  # the due is the end of the last minute walked
    assert week.schedule.add(start, length * MINUTE) == datetime.fromtimestamp(60 * (last + 1), UTC)


@laws
@given(questions(2), durations.filter(bool))
def test_workclock_agrees(question, business):
    week, [start, end] = question
    if any(last > 1440 for day in week.days for _, last in day):
        return  # there a night belongs to its first date when a holiday follows
    peer = workclock.Schedule(
        [
            *(
                workclock.WorkDay(
                    time(first // 60, first % 60), time(last // 60 % 24, last % 60), [weekday]
                )
                for weekday, day in enumerate(week.days)
                for first, last in day
            ),
            workclock.Holidays(sorted(week.holidays)),
        ],
        time_zone=week.time_zone,
    )
    schedule = Schedule.parse(week.schedule.hours, week.time_zone, week.holidays)
    assert schedule.add(start, business) == peer.add(start, business)
    start, end = sorted(at.astimezone(UTC) for at in (start, end))
    assert schedule.elapsed(start, end) == peer.between(start, end)
