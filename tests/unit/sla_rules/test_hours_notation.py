"""Notation that would silently mean something else is refused, with what to write instead."""

import pytest

from sla_rules.errors import PolicyError
from sla_rules.policy_file import read_policy
from sla_rules.schedule import Schedule


@pytest.mark.parametrize(
    ("hours", "advice"),
    [
        ("Mo-Fr 09:00-12:00; Mo-Fr 14:00-17:00", "Mo-Fr 09:00-12:00,14:00-17:00"),
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


def test_an_unknown_zone_is_refused_by_name():
    with pytest.raises(PolicyError, match="Europe/Bärlin"):
        Schedule.parse("Mo-Fr 09:00-17:00", "Europe/Bärlin")


@pytest.mark.parametrize(
    "hours",
    [
        "Mo-Fr 09:00-17:00; Dec 24 09:00-12:00",
        "Mo-Fr 09:00-17:00; Sa off",
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
