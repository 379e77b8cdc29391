"""Public holidays as dates: by country and subdivision, or from the text of an iCalendar file.

Fetches nothing; the service does.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

import holidays as public_holidays
from dateutil.rrule import rrulestr
from icalendar import Calendar

from .errors import PolicyError


def national_holidays(country: str, subdivision: str | None, years: range) -> frozenset[date]:
    """Return the public holidays of those years, for `DE` with subdivision `BY`, or `FR`.

    Raises `PolicyError` naming a code that is not known.
    """
    try:
        found = public_holidays.country_holidays(country, subdiv=subdivision, years=years)
    except NotImplementedError:
        code = f"{country}-{subdivision}" if subdivision else country
        raise PolicyError(
            f"holiday calendar {code!r} is not known; write `FR` or `DE-BY`"
        ) from None
    return frozenset(found)


def holidays_from_ics(text: str, years: range) -> frozenset[date]:
    """Return the local dates that all-day events close, yearly repetitions expanded.

    An event's end is exclusive, as iCalendar has it. Events with a time of day close nothing.
    Raises `PolicyError` for a text that is not iCalendar.
    """
    try:
        calendar = Calendar.from_ical(text)
    except ValueError as error:
        raise PolicyError(f"not an iCalendar text: {error}") from error
    closed: set[date] = set()
    for event in calendar.walk("VEVENT"):
        first = event.decoded("DTSTART") if "DTSTART" in event else None
        if first is None or isinstance(first, datetime):
            continue
        after = event.decoded("DTEND") if "DTEND" in event else first + timedelta(days=1)
        length = max(1, (after - first).days)
        for start in _occurrences(event, first, years):
            closed |= {start + timedelta(days=n) for n in range(length)}
    return frozenset(on for on in closed if on.year in years)


def _occurrences(event: object, first: date, years: range) -> list[date]:
    rule = event.get("RRULE")  # type: ignore[attr-defined]
    if rule is None:
        return [first]
    noon = datetime(first.year, first.month, first.day)  # noqa: DTZ001  (a date, no instant)
    last = datetime(max(years), 12, 31)  # noqa: DTZ001
    text = rule.to_ical().decode()
    return [at.date() for at in rrulestr(text, dtstart=noon).between(noon, last, inc=True)]
