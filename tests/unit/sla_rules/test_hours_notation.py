"""Notation that would silently mean something else is refused, with what to write instead."""

import pytest

from sla_rules.errors import PolicyError
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
        "Mo 22:00-06:00",
    ],
)
def test_seasons_closed_days_and_nights_are_read(hours):
    assert Schedule.parse(hours, "Europe/Berlin").hours == hours
