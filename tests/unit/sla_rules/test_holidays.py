"""Holiday dates: the calendars of countries and Länder, and what iCalendar texts close."""

from datetime import date

import pytest

from sla_rules.errors import PolicyError
from sla_rules.holidays import holidays_from_ics, national_holidays

YEARS = range(2026, 2029)
NEW_YEAR = "UID:1\nDTSTART;VALUE=DATE:20200101\nRRULE:FREQ=YEARLY"


def calendar(*events: str) -> str:
    body = "".join(f"BEGIN:VEVENT\n{event}\nEND:VEVENT\n" for event in events)
    return f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:typed\n{body}END:VCALENDAR\n".replace(
        "\n", "\r\n"
    )


def closed(*events: str) -> list[str]:
    return sorted(map(str, holidays_from_ics(calendar(*events), YEARS)))


def test_bavaria_keeps_epiphany_and_berlin_does_not():
    epiphany, womens_day = date(2026, 1, 6), date(2026, 3, 8)
    bavaria = national_holidays("DE", "BY", YEARS)
    berlin = national_holidays("DE", "BE", YEARS)
    assert epiphany in bavaria - berlin
    assert womens_day in berlin - bavaria


def test_a_country_without_subdivision_has_the_dates_all_of_it_keeps():
    france = national_holidays("FR", None, YEARS)
    assert date(2026, 7, 14) in france
    assert {on.year for on in france} == set(YEARS)
    assert date(2026, 1, 6) not in national_holidays("DE", None, YEARS)


@pytest.mark.parametrize(
    ("country", "subdivision", "named"),
    [("XX", None, "'XX'"), ("DE", "XX", "'DE-XX'"), ("", None, "''"), ("DE-BY", None, "'DE-BY'")],
)
def test_an_unknown_calendar_is_refused_by_name(country, subdivision, named):
    with pytest.raises(PolicyError, match=named):
        national_holidays(country, subdivision, YEARS)


def test_an_all_day_event_closes_its_date():
    assert closed("DTSTART;VALUE=DATE:20261224") == ["2026-12-24"]


def test_an_end_is_exclusive():
    event = "DTSTART;VALUE=DATE:20261224\nDTEND;VALUE=DATE:20261227"
    assert closed(event) == ["2026-12-24", "2026-12-25", "2026-12-26"]


def test_a_duration_is_read_like_an_end():
    event = "DTSTART;VALUE=DATE:20261224\nDURATION:P2D"
    assert closed(event) == ["2026-12-24", "2026-12-25"]


def test_a_closure_over_new_year_counts_in_both_years():
    event = "DTSTART;VALUE=DATE:20251230\nDTEND;VALUE=DATE:20260103"
    assert closed(event) == ["2026-01-01", "2026-01-02"]


def test_a_yearly_event_is_expanded_over_the_years_asked_for():
    assert closed(NEW_YEAR) == ["2026-01-01", "2027-01-01", "2028-01-01"]


def test_a_repetition_ends_where_it_says_even_as_an_instant():
    assert closed(NEW_YEAR + ";UNTIL=20270101") == ["2026-01-01", "2027-01-01"]
    assert closed(NEW_YEAR + ";UNTIL=20270101T000000Z") == ["2026-01-01", "2027-01-01"]
    assert closed(NEW_YEAR + ";COUNT=7") == ["2026-01-01"]


def test_a_leap_day_comes_in_leap_years():
    assert closed("DTSTART;VALUE=DATE:20240229\nRRULE:FREQ=YEARLY") == ["2028-02-29"]


def test_exceptions_and_extra_dates_of_a_repetition_are_kept():
    event = f"{NEW_YEAR}\nEXDATE;VALUE=DATE:20270101\nRDATE;VALUE=DATE:20270301,20270302"
    assert closed(event) == ["2026-01-01", "2027-03-01", "2027-03-02", "2028-01-01"]


def test_a_moved_occurrence_closes_its_new_date_only():
    moved = "UID:1\nRECURRENCE-ID;VALUE=DATE:20270101\nDTSTART;VALUE=DATE:20270104"
    assert closed(NEW_YEAR, moved) == ["2026-01-01", "2027-01-04", "2028-01-01"]


@pytest.mark.parametrize(
    "event",
    [
        "DTSTART:20261224T090000Z\nDTEND:20261224T120000Z",
        "DTSTART;VALUE=DATE:20261224\nSTATUS:CANCELLED",
        "SUMMARY:no date",
    ],
)
def test_timed_cancelled_and_dateless_events_close_nothing(event):
    assert closed(event) == []


@pytest.mark.parametrize("text", ["", "hello", "<html>not found</html>", "BEGIN:VCALENDAR\r\n"])
def test_a_text_that_is_no_calendar_is_refused(text):
    with pytest.raises(PolicyError):
        holidays_from_ics(text, YEARS)


@pytest.mark.parametrize(
    "event",
    [
        "DTSTART;VALUE=DATE:2026xx24",
        "DTSTART;VALUE=DATE:20261224\nRRULE:FREQ=SECONDLY",
        "DTSTART;VALUE=DATE:20261224\nRRULE:FREQ=NEVER",
        "DTSTART;VALUE=DATE:20261224\nRRULE:FREQ=DAILY;INTERVAL=0",
        "DTSTART;VALUE=DATE:20261224\nRRULE:FREQ=DAILY;INTERVAL=-1",
        "DTSTART;VALUE=DATE:20261224\nRECURRENCE-ID;VALUE=DATE:20261224\nRECURRENCE-ID:20261224",
    ],
)
def test_an_event_that_cannot_be_read_is_refused_by_name(event):
    with pytest.raises(PolicyError, match="Xmas"):
        closed(f"SUMMARY:Xmas\n{event}")


@pytest.mark.parametrize(
    ("event", "dates"),
    [
        ("DTSTART;VALUE=DATE:20281230\nDTEND;VALUE=DATE:99991231", ["2028-12-30", "2028-12-31"]),
        ("DTSTART;VALUE=DATE:20281231\nDURATION:P99999999D", ["2028-12-31"]),
        ("DTSTART;VALUE=DATE:99991231", []),
        ("DTSTART;VALUE=DATE:20251230\nDTEND;VALUE=DATE:20260103", ["2026-01-01", "2026-01-02"]),
    ],
)
def test_only_the_years_asked_for_are_counted_however_far_an_event_goes(event, dates):
    assert closed(event) == dates


def test_no_years_mean_no_dates():
    assert holidays_from_ics(calendar(NEW_YEAR), range(0)) == frozenset()
    assert national_holidays("FR", None, range(0)) == frozenset()
