"""Business time by example: the contract's hours, the edges of a day, nights, clock changes."""

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from sla_rules.errors import PolicyError
from sla_rules.schedule import HorizonError, Schedule

PARIS = ZoneInfo("Europe/Paris")
HOURS = "Mo-Fr 09:00-12:00,14:00-17:00"
OFFICE = Schedule.parse(HOURS, "Europe/Paris", [date(2026, 12, 25)])
H = timedelta(hours=1)
SECOND = timedelta(seconds=1)


def paris(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=PARIS)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def open_hours(schedule: Schedule, start: datetime, end: datetime) -> list[str]:
    zone = ZoneInfo(schedule.time_zone)
    return [
        f"{a.astimezone(zone):%d %H:%M}-{b.astimezone(zone):%d %H:%M}"
        for a, b in schedule.segments(start, end)
    ]


def test_a_ticket_at_friday_1655_with_4_hours_is_due_monday_1455():
    # 5 minutes on Friday, 3 hours before lunch, 55 minutes from 14:00
    assert OFFICE.add(paris("2026-11-20T16:55"), 4 * H) == paris("2026-11-23T14:55")


def test_the_answer_is_in_utc_whatever_the_question_is_in():
    due = OFFICE.add(paris("2026-11-20T16:55"), 4 * H)
    assert due.tzinfo is UTC
    assert OFFICE.next_open(paris("2026-11-20T18:00")).tzinfo is UTC
    assert OFFICE.add(utc("2026-11-20T15:55"), 4 * H) == due


@pytest.mark.parametrize(
    ("start", "hours", "due"),
    [
        ("2026-11-23T09:00", 3, "2026-11-23T12:00"),  # stays at lunch, not 14:00
        ("2026-11-23T09:00", 6, "2026-11-23T17:00"),  # stays at the close, not the next 09:00
        ("2026-11-23T12:00", 1, "2026-11-23T15:00"),  # lunch has begun: counts from 14:00
        ("2026-11-23T13:00", 1, "2026-11-23T15:00"),
        ("2026-11-23T17:00", 1, "2026-11-24T10:00"),
        ("2026-11-21T11:00", 4, "2026-11-23T15:00"),  # Saturday
        ("2026-11-23T11:59:59", 1, "2026-11-23T14:59:59"),
        ("2026-12-24T16:00", 2, "2026-12-28T10:00"),  # over Christmas and a weekend
    ],
)
def test_business_time_passes_only_while_open(start, hours, due):
    assert OFFICE.add(paris(start), hours * H) == paris(due)


def test_adding_nothing_gives_the_next_opening():
    assert OFFICE.add(paris("2026-11-23T12:00"), timedelta(0)) == paris("2026-11-23T14:00")
    assert OFFICE.next_open(paris("2026-11-23T17:00")) == paris("2026-11-24T09:00")
    assert OFFICE.next_open(paris("2026-11-23T10:00")) == paris("2026-11-23T10:00")


def test_microseconds_are_kept():
    start = paris("2026-11-23T11:59:59.999999")
    assert OFFICE.add(start, timedelta(microseconds=2)) == paris("2026-11-23T14:00:00.000001")
    assert OFFICE.elapsed(start, paris("2026-11-23T14:00:00.000001")) == timedelta(microseconds=2)


def test_elapsed_leaves_out_lunch_nights_and_holidays():
    assert OFFICE.elapsed(paris("2026-11-20T16:55"), paris("2026-11-23T14:55")) == 4 * H
    assert OFFICE.elapsed(paris("2026-12-24T00:00"), paris("2026-12-27T00:00")) == 6 * H
    assert OFFICE.elapsed(paris("2026-11-21T00:00"), paris("2026-11-22T00:00")) == timedelta(0)


def test_elapsed_backwards_is_the_same_time_negative():
    early, late = paris("2026-11-20T16:55"), paris("2026-11-23T14:55")
    assert OFFICE.elapsed(late, early) == -4 * H


@pytest.mark.parametrize(
    ("at", "is_open"),
    [
        ("08:59:59", False),
        ("09:00", True),
        ("11:59:59", True),
        ("12:00", False),
        ("13:59:59", False),
        ("14:00", True),
        ("17:00", False),
    ],
)
def test_an_opening_is_open_and_a_closing_is_closed(at, is_open):
    assert OFFICE.is_open(paris(f"2026-11-23T{at}")) is is_open


def test_a_holiday_closes_its_whole_local_date():
    schedule = Schedule.parse("24/7", "Europe/Paris", [date(2026, 12, 25)])
    assert schedule.is_open(paris("2026-12-24T23:59:59"))
    assert not schedule.is_open(paris("2026-12-25T00:00"))
    assert not schedule.is_open(paris("2026-12-25T23:59:59"))
    assert schedule.next_open(paris("2026-12-25T00:00")) == paris("2026-12-26T00:00")


def test_a_holiday_cuts_the_night_that_runs_into_it():
    schedule = Schedule.parse("22:00-06:00", "UTC", [date(2026, 12, 25)])
    hours = open_hours(schedule, utc("2026-12-24T12:00"), utc("2026-12-26T12:00"))
    assert hours == ["24 22:00-25 00:00", "26 00:00-26 06:00"]


def test_a_half_day_replaces_the_hours_of_its_date():
    schedule = Schedule.parse(HOURS, "Europe/Paris", (), {date(2026, 12, 24): "09:00-12:00"})
    assert schedule.add(paris("2026-12-24T11:00"), 2 * H) == paris("2026-12-25T10:00")


@pytest.mark.parametrize("zone", ["Pacific/Apia", "America/New_York", "UTC"])
def test_a_half_day_is_a_local_date_in_every_zone(zone):
    schedule = Schedule.parse("Mo-Fr 09:00-17:00", zone, (), {date(2026, 11, 24): "20:00-22:00"})
    start = datetime(2026, 11, 23, tzinfo=ZoneInfo(zone))
    hours = open_hours(schedule, start, start + timedelta(days=3))
    assert hours == ["23 09:00-23 17:00", "24 20:00-24 22:00", "25 09:00-25 17:00"]


def test_an_override_can_close_a_date_and_open_a_holiday_or_a_sunday():
    schedule = Schedule.parse(
        HOURS,
        "Europe/Paris",
        [date(2026, 12, 25)],
        {
            date(2026, 12, 23): "off",
            date(2026, 12, 25): "10:00-11:00",
            date(2026, 12, 27): "10:00-11:00, 12:00-13:00",
        },
    )
    hours = open_hours(schedule, paris("2026-12-23T00:00"), paris("2026-12-28T00:00"))
    assert hours == [
        "24 09:00-24 12:00",
        "24 14:00-24 17:00",
        "25 10:00-25 11:00",
        "27 10:00-27 11:00",
        "27 12:00-27 13:00",
    ]


@pytest.mark.parametrize("hours", ["20:00-02:00", "20:00-26:00"])
def test_an_overnight_override_begins_on_its_date_and_ends_on_the_next(hours):
    schedule = Schedule.parse("Mo-Fr 09:00-17:00", "UTC", (), {date(2026, 11, 24): hours})
    opened = open_hours(schedule, utc("2026-11-24T00:00"), utc("2026-11-25T12:00"))
    assert opened == ["24 20:00-25 02:00", "25 09:00-25 12:00"]


def test_an_overnight_override_on_new_years_eve_reaches_the_next_year():
    hours = {date(2026, 12, 31): "20:00-02:00"}
    schedule = Schedule("Mo-Fr 09:00-17:00", "UTC", frozenset(), hours)
    assert schedule.is_open(utc("2027-01-01T01:00"))
    asked_from_2028_on = Schedule("Mo-Fr 09:00-17:00", "UTC", frozenset(), hours)
    asked_from_2028_on.next_open(utc("2028-06-01T00:00"))  # its years begin in 2027
    assert asked_from_2028_on.is_open(utc("2027-01-01T01:00"))


@pytest.mark.parametrize(
    "text", ["Mo 09:00-12:00", "09:00+", "9-12", "", "sunrise-12:00", "09:00-09:00", "25:00-26:00"]
)
def test_an_override_that_is_no_list_of_times_is_refused_with_its_date(text):
    with pytest.raises(PolicyError, match="2026-12-24"):
        Schedule.parse(HOURS, "Europe/Paris", (), {date(2026, 12, 24): text})


def test_2400_is_the_next_midnight_and_touching_hours_are_one():
    schedule = Schedule.parse("Mo-Tu 00:00-24:00", "UTC")
    hours = open_hours(schedule, utc("2026-11-22T00:00"), utc("2026-11-29T00:00"))
    assert hours == ["23 00:00-25 00:00"]


def test_a_night_belongs_to_the_day_it_starts_on():
    schedule = Schedule.parse("Fr 22:00-06:00", "UTC")
    assert schedule.is_open(utc("2026-11-21T05:59:59"))  # Saturday morning
    assert not schedule.is_open(utc("2026-11-20T05:59:59"))  # Friday morning
    assert schedule.add(utc("2026-11-20T23:00"), 8 * H) == utc("2026-11-27T23:00")


def test_a_night_over_new_year_is_whole_where_the_known_years_begin():
    schedule = Schedule("22:00-06:00", "UTC", frozenset(), {})
    schedule.next_open(utc("2026-06-01T00:00"))  # known from 2025 on
    assert schedule.is_open(utc("2025-01-01T03:00"))


def test_around_the_clock_counts_every_second():
    schedule = Schedule.parse("24/7", "Europe/Paris")
    start = utc("2026-03-01T00:00:01")
    assert schedule.add(start, timedelta(days=90)) == start + timedelta(days=90)
    assert schedule.segments(start, start + H) == [(start, start + H)]


def test_seasons_and_date_exceptions_are_read():
    schedule = Schedule.parse(
        "Mo-Fr 09:00-17:00; Jul-Aug Mo-Fr 08:00-13:00; Dec 24 off", "Europe/Paris"
    )
    assert schedule.is_open(paris("2026-07-01T08:30"))
    assert not schedule.is_open(paris("2026-07-01T14:00"))
    assert not schedule.is_open(paris("2026-12-24T10:00"))
    assert schedule.is_open(paris("2026-12-23T16:00"))


@pytest.mark.parametrize(
    ("evening", "hours"),
    [("2026-03-28T22:00", 7), ("2026-10-24T22:00", 9), ("2026-11-21T22:00", 8)],
)
def test_a_night_of_a_clock_change_has_its_physical_hours(evening, hours):
    schedule = Schedule.parse("22:00-06:00", "Europe/Paris")
    start = paris(evening)
    end = schedule.add(start, hours * H)
    assert f"{end.astimezone(PARIS):%H:%M}" == "06:00"
    assert schedule.elapsed(start, end) == hours * H


def test_an_opening_that_the_clock_skips_is_shifted_by_the_gap():
    schedule = Schedule.parse("02:30-05:00", "Europe/Paris")
    assert schedule.next_open(utc("2026-03-29T00:00")) == utc("2026-03-29T01:30")  # 03:30 summer
    lord_howe = Schedule.parse("02:15-05:00", "Australia/Lord_Howe")  # a gap of half an hour
    opening = lord_howe.next_open(utc("2026-10-03T14:00"))
    assert f"{opening.astimezone(ZoneInfo('Australia/Lord_Howe')):%H:%M}" == "02:45"


def test_an_edge_that_comes_twice_is_its_first_pass():
    schedule = Schedule.parse("02:30-05:00", "Europe/Paris")
    assert schedule.next_open(utc("2026-10-24T22:00")) == utc("2026-10-25T00:30")
    closing = Schedule.parse("01:00-02:30", "Europe/Paris")
    assert not closing.is_open(utc("2026-10-25T01:15"))  # the second 02:15


def test_a_start_in_the_second_pass_is_that_instant():
    schedule = Schedule.parse("00:00-06:00", "Europe/Paris")
    second = paris("2026-10-25T02:30").replace(fold=1)
    assert schedule.add(second, H) == utc("2026-10-25T02:30")


def test_hours_that_a_clock_change_turns_around_or_mixes_are_set_right():
    turned = Schedule.parse("02:30-03:15", "Europe/Paris")  # 03:30 to 03:15: dropped
    assert turned.segments(utc("2026-03-29T00:00"), utc("2026-03-29T12:00")) == []
    mixed = Schedule.parse("02:30-02:50,03:00-03:20", "Europe/Paris")
    hours = open_hours(mixed, utc("2026-03-29T00:00"), utc("2026-03-29T12:00"))
    assert hours == ["29 03:00-29 03:20", "29 03:30-29 03:50"]


def test_a_midnight_that_the_clock_skips_loses_nothing():
    schedule = Schedule.parse("22:00-06:00", "Africa/Cairo")  # 2026-04-24 00:00 does not exist
    start = datetime(2026, 4, 23, 22, tzinfo=ZoneInfo("Africa/Cairo"))
    assert schedule.segments(start, start + 12 * H) == [
        (start.astimezone(UTC), start.astimezone(UTC) + 7 * H)
    ]


def test_segments_are_cut_at_both_ends_and_sum_to_elapsed():
    start, end = paris("2026-11-23T11:00"), paris("2026-11-23T15:00")
    segments = OFFICE.segments(start, end)
    assert segments == [(start, paris("2026-11-23T12:00")), (paris("2026-11-23T14:00"), end)]
    assert sum((b - a for a, b in segments), timedelta(0)) == OFFICE.elapsed(start, end)


def test_segments_of_no_time_are_none():
    at = paris("2026-11-23T10:00")
    assert OFFICE.segments(at, at) == []
    assert OFFICE.segments(at, at - SECOND) == []
    assert OFFICE.segments(paris("2026-11-23T12:00"), paris("2026-11-23T14:00")) == []


def test_a_naive_instant_is_refused():
    naive, aware = datetime(2026, 11, 23, 10), paris("2026-11-23T10:00")  # noqa: DTZ001
    for question in (
        lambda: OFFICE.add(naive, H),
        lambda: OFFICE.elapsed(naive, aware),
        lambda: OFFICE.elapsed(aware, naive),
        lambda: OFFICE.is_open(naive),
        lambda: OFFICE.next_open(naive),
        lambda: OFFICE.segments(aware, naive),
    ):
        with pytest.raises(ValueError, match="aware"):
            question()


def test_negative_business_time_is_refused():
    with pytest.raises(ValueError, match="negative"):
        OFFICE.add(paris("2026-11-23T10:00"), -SECOND)


@pytest.mark.parametrize("hours", ["off", "Mo-Fr off", "2026 Feb 30 09:00-12:00"])
def test_a_schedule_that_never_opens_is_refused(hours):
    with pytest.raises(PolicyError):
        Schedule.parse(hours, "Europe/Paris")


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../etc/passwd", "Europe"])
def test_an_unknown_zone_is_refused(zone):
    with pytest.raises(PolicyError, match="IANA"):
        Schedule.parse(HOURS, zone)


@pytest.mark.parametrize("on", ["2026-12-25", datetime(2026, 12, 25)])  # noqa: DTZ001
def test_a_holiday_that_is_no_date_is_refused_and_not_overlooked(on):
    with pytest.raises(PolicyError, match="dates"):
        Schedule.parse(HOURS, "Europe/Paris", [on])


def test_the_known_years_grow_in_both_directions():
    schedule = Schedule(HOURS, "Europe/Paris", frozenset(), {})
    for monday in ("2026-11-23", "2050-11-21", "1980-11-24", "2099-11-23"):
        assert schedule.add(paris(f"{monday}T10:00"), H) == paris(f"{monday}T11:00")
    assert schedule.elapsed(paris("1990-01-01T00:00"), paris("1990-01-08T00:00")) == 30 * H


@pytest.mark.parametrize("hours", [HOURS, "24/7"])
@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2012-06-01T10:00", "2026-06-01T10:00"),
        ("2026-06-01T10:00", "2040-06-01T10:00"),
        ("2012-06-01T10:00", "2013-06-01T10:00"),
        ("2039-06-01T10:00", "2040-06-01T10:00"),
        ("2024-12-31T16:59:59", "2025-01-01T00:00"),
        ("2025-01-01T00:00", "2029-12-31T16:30"),
        ("2029-12-31T16:30", "2030-01-01T00:00"),
        ("2029-12-31T17:00", "2029-12-31T20:00"),
        ("2029-12-31T20:00", "2029-12-31T21:00"),
        ("2029-12-31T23:59:59", "2030-01-01T00:00:01"),
    ],
)
def test_no_answer_hangs_on_the_years_that_were_asked_for_before(hours, start, end):
    """2026 makes 2025 to 2029 known; the other schedule was asked for the whole time first."""
    a, b = paris(start), paris(end)
    wide = Schedule.parse(hours, "Europe/Paris", [date(2026, 12, 24)])
    wide.elapsed(utc("2010-06-01T00:00"), utc("2045-06-01T00:00"))
    for question in (
        lambda s: (s.elapsed(a, b), s.elapsed(b, a), s.segments(a, b)[-2:]),
        lambda s: (s.segments(a, b)[:2], s.is_open(b), s.add(b, H)),
        lambda s: (s.add(a, H), s.is_open(a), s.is_open(b)),
        lambda s: (s.is_open(b), s.elapsed(b, a)),
    ):
        fresh = Schedule(hours, "Europe/Paris", frozenset({date(2026, 12, 24)}), {})
        fresh.next_open(paris("2026-06-01T12:00"))
        assert question(fresh) == question(wide)


def test_a_long_search_crosses_the_known_years():
    schedule = Schedule(HOURS, "Europe/Paris", frozenset(), {})
    start = paris("2026-11-23T09:00")
    due = schedule.add(start, 52 * 20 * 30 * H)
    assert due == paris("2046-10-26T17:00")  # a Friday at the close
    assert schedule.elapsed(start, due) == 52 * 20 * 30 * H


@pytest.mark.parametrize(
    "at",
    [
        datetime(1960, 1, 1, tzinfo=UTC),
        datetime(2150, 1, 1, tzinfo=UTC),
        datetime.max.replace(tzinfo=UTC),
        datetime.min.replace(tzinfo=UTC),
    ],
)
@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "America/New_York"])
def test_beyond_the_horizon_there_is_a_named_error(at, zone):
    schedule = Schedule.parse("24/7", zone)
    with pytest.raises(HorizonError, match="1970 to 2099"):
        schedule.is_open(at)
    with pytest.raises(HorizonError):
        schedule.elapsed(datetime(2026, 1, 1, tzinfo=UTC), at)


@pytest.mark.parametrize(
    ("known", "beyond"),
    [("1970-01-01T00:00", "1969-12-31T23:59"), ("2099-12-31T23:59", "2100-01-01T00:00")],
)
def test_the_horizon_does_not_move_with_the_years_that_were_asked_for(known, beyond):
    schedule = Schedule("24/7", "UTC", frozenset(), {})
    assert schedule.is_open(utc(known))
    with pytest.raises(HorizonError):
        schedule.is_open(utc(beyond))
    with pytest.raises(HorizonError):
        schedule.elapsed(utc(known), utc(beyond))


def test_more_business_time_than_there_is_ends_in_a_named_error():
    once = Schedule.parse("2026 Dec 24 09:00-12:00", "Europe/Paris")
    assert once.add(paris("2026-01-01T00:00"), 3 * H) == paris("2026-12-24T12:00")
    with pytest.raises(HorizonError):
        once.next_open(paris("2026-12-24T12:00"))
    with pytest.raises(HorizonError):
        OFFICE.add(paris("2026-01-01T00:00"), timedelta.max)


def test_a_schedule_is_a_value():
    same = Schedule(HOURS, "Europe/Paris", frozenset({date(2026, 12, 25)}), {})
    assert same == OFFICE
    assert hash(same) == hash(OFFICE)
    assert Schedule.parse(HOURS, "Europe/Berlin") != OFFICE
    assert copy.deepcopy(OFFICE) == OFFICE
    assert pickle.loads(pickle.dumps(OFFICE)) == OFFICE  # noqa: S301
    with pytest.raises(AttributeError, match="does not change"):
        OFFICE.hours = "24/7"
    assert (OFFICE.hours, OFFICE.time_zone) == (HOURS, "Europe/Paris")
    assert OFFICE.holidays == {date(2026, 12, 25)}


def test_threads_that_grow_the_same_schedule_agree():
    starts = [datetime(year, 6, 1, tzinfo=UTC) for year in range(2005, 2050)] * 3
    expected = [OFFICE.add(at, 40 * H) for at in starts]
    fresh = Schedule(HOURS, "Europe/Paris", frozenset({date(2026, 12, 25)}), {})
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(lambda at: fresh.add(at, 40 * H), starts)) == expected


def test_an_overnight_override_stops_at_a_closed_date():
    hours = {date(2026, 12, 24): "20:00-02:00", date(2026, 12, 27): "20:00-02:00"}
    hours[date(2026, 12, 28)] = "off"
    schedule = Schedule.parse("Mo 09:00-17:00", "UTC", [date(2026, 12, 25)], hours)
    opened = open_hours(schedule, utc("2026-12-24T00:00"), utc("2026-12-29T00:00"))
    assert opened == ["24 20:00-25 00:00", "27 20:00-28 00:00"]


def test_hours_that_a_clock_change_lays_inside_others_are_counted_once():
    schedule = Schedule.parse("01:00-02:50,03:00-03:20", "Europe/Paris")  # 02:50 is 03:50 summer
    hours = open_hours(schedule, utc("2026-03-28T23:00"), utc("2026-03-29T12:00"))
    assert hours == ["29 01:00-29 03:50"]
