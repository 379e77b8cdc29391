"""The hours of a policy: schedules with their closed days, and which tickets they count for.

Reads no calendar from outside: their texts are handed in.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import cached_property

from pydantic import ValidationInfo, model_validator

from .errors import PolicyError
from .holidays import holidays_from_ics, national_holidays
from .hours_notation import refuse_overlaps
from .policy_sections import Section
from .schedule import Schedule

HOLIDAY_YEARS = range(2020, 2041)


class ScheduleText(Section):
    """Weekly hours in OpenStreetMap notation, with zone and closed days.

    `holiday_calendars` are countries (`DE-BY`, `FR`) or iCalendar files and addresses (`.ics`,
    `https://`), whose texts the reader of the policy hands in.
    """

    clause: str
    hours: str
    time_zone: str
    holiday_calendars: tuple[str, ...] = ()
    holidays: tuple[date, ...] = ()
    overrides: Mapping[date, str] = {}
    source: str | None = None

    @model_validator(mode="after")
    def _is_a_schedule(self, info: ValidationInfo) -> ScheduleText:
        texts: Mapping[str, str] = (info.context or {}).get("calendars", {})
        refuse_overlaps(self.hours)
        closed = set(self.holidays)
        for calendar in self.holiday_calendars:
            closed |= _closed_by(calendar, texts)
        self._parse(self.time_zone, frozenset(closed))
        return self

    def _parse(self, time_zone: str, closed: frozenset[date]) -> None:
        """Keep the schedule as a cached property: it is asked for by every ticket."""
        self.__dict__["closed"] = closed
        self.__dict__["schedule"] = Schedule.parse(self.hours, time_zone, closed, self.overrides)

    def in_zone(self, time_zone: str) -> ScheduleText:
        """Return the same hours and closed days by the clocks of a zone. Raises `PolicyError`."""
        copy = self.model_copy(update={"time_zone": time_zone})
        copy._parse(time_zone, self.closed)
        return copy

    @cached_property
    def closed(self) -> frozenset[date]:
        """The closed dates, those of the holiday calendars included."""
        raise AttributeError("a schedule is validated before it is asked")

    @cached_property
    def schedule(self) -> Schedule:
        """The schedule that this text means."""
        raise AttributeError("a schedule is validated before it is asked")


def is_subscribed(calendar: str) -> bool:
    """Return whether a holiday calendar is an iCalendar file or address, not a country."""
    return calendar.lower().endswith(".ics") or "://" in calendar


def _closed_by(calendar: str, texts: Mapping[str, str]) -> frozenset[date]:
    if not is_subscribed(calendar):
        country, dash, subdivision = calendar.partition("-")
        return national_holidays(country, subdivision if dash else None, HOLIDAY_YEARS)
    if calendar not in texts:
        kind = "has not been fetched" if "://" in calendar else "is not beside the policy"
        raise PolicyError(f"the holiday calendar {calendar} {kind}")
    try:
        return holidays_from_ics(texts[calendar], HOLIDAY_YEARS)
    except PolicyError as error:
        raise PolicyError(f"the holiday calendar {calendar}: {error}") from error


class ScheduleRule(Section):
    """Names the schedule of the tickets that match every given key."""

    schedule: str
    language: tuple[str, ...] | None = None
    tier: tuple[str, ...] | None = None
    organization: tuple[str, ...] | None = None
    brand: tuple[str, ...] | None = None

    @cached_property
    def conditions(self) -> dict[str, tuple[str, ...]]:
        """The keys that are given, with the values that match."""
        found = {key: getattr(self, key) for key in ("language", "tier", "organization", "brand")}
        return {key: value for key, value in found.items() if value is not None}
