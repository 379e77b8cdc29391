"""Notation that would silently mean something else is refused, with what to write instead."""

from datetime import UTC, date, datetime, timedelta

import pytest

from sla_rules.errors import PolicyError
from sla_rules.policy_file import read_policy
from sla_rules.schedule import Schedule


@pytest.mark.parametrize(
    ("hours", "advice"),
    [
        ("Mo-Fr 09:00-12:00; Mo-Fr 14:00-17:00", "Mo-Fr 09:00-12:00,14:00-17:00"),
        ("Mo-Fr 09:00-17:00; Fr 09:00-12:00", "give each day one rule"),
        ("Mo-Fr 00:00-24:00; We 09:00-12:00", "give each day one rule"),
        ("Mo 09:00-12:00, Tu 11:00-15:00; Tu 09:00-10:00", "replaces"),
        ("Dec 24 09:00-12:00; Mo-Fr 09:00-17:00", "Mo-Fr 09:00-17:00; Dec 24 09:00-12:00"),
        ("Dec 24 off; Mo-Fr 09:00-17:00", "write `Mo-Fr 09:00-17:00; Dec 24 off`"),
        ("Mo-Fr 22:00-06:00; Sa 09:00-12:00", "write `Mo-Fr 22:00-06:00, Sa 09:00-12:00`"),
        ("Mo-Fr 20:00-30:00; Sa 09:00-12:00", "Mo-Fr 20:00-30:00, Sa"),
        ("We off; Mo-Fr 09:00-17:00", "write `Mo-Fr 09:00-17:00; We off`"),
        ("Mo-Fr 20:00-24:30; Sa 09:00-12:00", "Mo-Fr 20:00-24:30, Sa"),
        ("Mo-Fr 09:00-12:00,20:00-30:00; Sa 09:00-12:00", "20:00-30:00, Sa 09:00-12:00`"),
        ("Su 22:00-06:00; Mo 09:00-12:00", "write `Su 22:00-06:00, Mo 09:00-12:00`"),
        ("Mo-Su 09:00-12:00; Su 14:00-17:00", "replaces `Mo-Su 09:00-12:00`"),
        ("09:00-12:00; 14:00-17:00", "write `09:00-12:00,14:00-17:00`"),
        ("24/7; Mo 09:00-17:00", "replaces `24/7` on the days they share; give each day one rule"),
        ("Mo 09:00-17:00; 24/7", "on the days they share; give each day one rule"),
        ("Mo-Fr 09:00-17:00;", "not OpenStreetMap notation"),
        ("Su 09:00-12:00; Su 14:00-17:00", "write `Su 09:00-12:00,14:00-17:00`"),
        ("Mo-Fr 09:00-12:00 || 10:00-11:00", "one rule a day"),
        ("Mo-Fr 09:00-17:00; SH 09:00-12:00", "name the dates as overrides"),
        ("Mo-Fr 09:00-17:00; PH 09:00-12:00", "name half days as overrides"),
        ("MO-FR 09:00-17:00 UNKNOWN", "neither open nor closed"),
        ("Mo-Fr Sunrise-17:00", "clock times"),
        ("Jun-Aug Mo-Fr 08:00-12:00; JUN-AUG mo-fr 14:00-16:00", "08:00-12:00,14:00-16:00"),
        ("Mo-Fr 09:00-17:00/01:00", "points in time"),
        ("Feb 30 10:00-12:00", "a date that no year has"),
        ("Mo-Fr 09:00-17:00; Nov 31 off", "a date that no year has"),
        ("Mo-Fr 09:00+", "closing time"),
        ("Mo-Fr sunrise-sunset", "clock times"),
        ("Mo-Fr 09:00-12:00 unknown", "unknown"),
        ('Mo-Fr 09:00-12:00 "by phone"', "comments"),
        ("Mo-Fr 09:00-12:00; PH off", "holiday calendar"),
        ("", "blank"),
        ("  ", "24/7"),
        ("Mo-Fr", "Mo-Fr 00:00-24:00"),
        ("Mo-Fr 09:00-17:00; Sa", "Sa 00:00-24:00"),
        ("Mo-Fr 10:00-10:00", "would be 24 hours"),
        ("whenever", "OpenStreetMap notation"),
        ("Mo-Fr off", "never opens"),
    ],
)
def test_a_silent_fault_is_refused_with_a_suggestion(hours, advice):
    with pytest.raises(PolicyError, match=advice):
        Schedule.parse(hours, "Europe/Berlin")


@pytest.mark.parametrize(
    "zone", ["Europe/Bärlin", "", "../zone", "localtime", "right/Europe/Berlin", "posix/UTC"]
)
def test_what_is_no_zone_is_refused_by_name(zone):
    """A machine's own zone would count other hours elsewhere; `right` counts leap seconds."""
    with pytest.raises(PolicyError, match=f"'{zone}' is not an IANA zone"):
        Schedule.parse("Mo-Fr 09:00-17:00", zone)


@pytest.mark.parametrize(
    "hours",
    [
        "Mo-Fr 09:00-17:00; Dec 24 09:00-12:00",
        "Mo-Fr 09:00-17:00; Sa off",
        "Mo-Fr 09:00-17:00; Sa 09:00-12:00",
        "Mo-Fr 18:00-24:00; Sa 09:00-12:00",
        "Jun-Aug Mo-Fr 08:00-16:00; Sep-May Mo-Fr 09:00-17:00",
        "Mo-Fr 09:00-17:00; Sa Off",
        "Jun-Aug Sa 10:00-12:00; Mo-Fr 09:00-17:00",
        "Mo-Fr 22:00-06:00, Sa 09:00-12:00",
        "Mo-Fr 22:00-06:00; Sa off",
        "Mo-Fr 09:00-17:00; Mo-Fr 12:00-14:00 off",
        "Mo-Fr 09:00-17:00; Dec 24-31 off; Feb 29 10:00-12:00",
        "24/7",
        "24/7; Su off",
        "Mo-Fr 00:00-24:00",
        "Mo 22:00-06:00",
    ],
)
def test_seasons_closed_days_and_nights_are_read(hours):
    assert Schedule.parse(hours, "Europe/Berlin").hours == hours


@pytest.mark.parametrize(
    ("hours", "says"),
    [
        ("Mo-Fr 09:00-13:00,12:00-17:00", "`09:00-13:00` and `12:00-17:00` overlap"),
        ("Mo-Fr 09:00-13:00,12:59-17:00", "`09:00-13:00` and `12:59-17:00` overlap"),
        ("Mo-Fr 12:00-09:00,14:00-17:00", "`12:00-09:00` and `14:00-17:00` overlap"),
        ("Mo 09:00-10:00; Tu 14:00-17:00, 9:00-14:30", "`9:00-14:30` and `14:00-17:00` overlap"),
    ],
)
def test_a_policy_whose_hours_overlap_is_refused_by_line(hours, says):
    text = f'extends = "regiondo.toml"\n[schedules.support]\nhours = "{hours}"\n'
    with pytest.raises(PolicyError, match=says) as caught:
        read_policy(text, "mine.toml")
    assert str(caught.value).startswith("mine.toml:")


def test_touching_hours_and_those_of_other_days_do_not_overlap():
    for hours in ("Mo-Fr 09:00-12:00,12:00-17:00", "Mo 09:00-12:00, Tu 11:00-15:00"):
        text = f'extends = "regiondo.toml"\n[schedules.support]\nhours = "{hours}"\n'
        assert read_policy(text, "mine.toml").schedules["support"].hours == hours


def test_holidays_and_other_days_off_may_stand_together_anywhere():
    closed = {date(2026, 11, 23)}
    for hours in ("Mo-Sa 09:00-17:00; PH,Sa off", "PH off; Mo-Fr 09:00-17:00"):
        schedule = Schedule.parse(hours, "UTC", closed)
        monday, sunday = datetime(2026, 11, 23, tzinfo=UTC), datetime(2026, 11, 29, tzinfo=UTC)
        assert schedule.elapsed(monday, sunday) == timedelta(hours=4 * 8)
