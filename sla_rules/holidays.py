"""Public holidays as dates: by country and subdivision, or from the text of an iCalendar file.

Fetches nothing; the service does.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import Any

import holidays as public_holidays
from dateutil.rrule import rrulestr
from icalendar import Calendar, Component

from .errors import PolicyError

_DAY = timedelta(days=1)
_REPEATED = {"YEARLY", "MONTHLY", "WEEKLY", "DAILY"}


def national_holidays(country: str, subdivision: str | None, years: range) -> frozenset[date]:
    """Return the public holidays of those years, for `DE` with subdivision `BY`, or `FR`.

    Without a subdivision only the dates that the whole country keeps. Raises `PolicyError`
    naming a code that is not known.
    """
    code = country if subdivision is None else f"{country}-{subdivision}"
    if subdivision == "":  # the library would take it for none
        raise _unknown(code)
    try:
        found = public_holidays.country_holidays(country, subdiv=subdivision, years=years)
    except NotImplementedError:
        raise _unknown(code) from None
    return frozenset(found)


def _unknown(code: str) -> PolicyError:
    return PolicyError(f"holiday calendar {code!r} is not known; write `FR` or `DE-BY`")


def holidays_from_ics(text: str, years: range) -> frozenset[date]:
    """Return the dates of those years that all-day events close, repetitions expanded.

    An event's end is exclusive, as in RFC 5545, 3.6.1. Events with a time of day close nothing,
    nor do cancelled ones and exceptions to a repetition. Raises `PolicyError` for a text that is
    not iCalendar, or an event that cannot be read.
    """
    try:
        events = Calendar.from_ical(text).walk("VEVENT")
    except ValueError as error:
        raise PolicyError(f"not an iCalendar text: {error}") from error
    moved: set[tuple[str, date | None]] = set()
    closed: set[date] = set()
    for event in events:
        with _named_in_errors(event):
            if "RECURRENCE-ID" in event:
                moved.add((str(event.get("UID")), _day(event, "RECURRENCE-ID")))
    for event in events:
        with _named_in_errors(event):
            closed |= _closed_by(event, moved, years)
    return frozenset(closed)


@contextmanager
def _named_in_errors(event: Component) -> Iterator[None]:
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        name = event.get("SUMMARY") or event.get("UID") or "without a name"
        raise PolicyError(f"iCalendar event {str(name)!r} cannot be read: {error}") from error


def _closed_by(event: Component, moved: set[tuple[str, date | None]], years: range) -> set[date]:
    first = _day(event, "DTSTART")
    if first is None or not years or str(event.get("STATUS", "")).upper() == "CANCELLED":
        return set()
    if "DURATION" in event:
        length = event.decoded("DURATION").days
    else:
        end = _day(event, "DTEND")
        length = (end - first).days if end else 1
    skipped = set(_listed(event, "EXDATE"))
    if "RECURRENCE-ID" not in event:
        skipped |= {on for uid, on in moved if uid == str(event.get("UID")) and on is not None}
    starts = {first, *_repeated(event, first, years), *_listed(event, "RDATE")} - skipped
    begin, last = date(min(years), 1, 1), date(max(years), 12, 31)
    return {
        start + n * _DAY
        for start in starts
        for n in range(max(0, (begin - start).days), min(max(1, length), (last - start).days + 1))
    }


def _day(event: Component, name: str) -> date | None:
    """The date of a property; None where it is missing or has a time of day."""
    found = event.decoded(name) if name in event else None
    if found is None or isinstance(found, datetime):
        return None
    if not isinstance(found, date):
        raise TypeError(f"{name} is not a date")
    return found


def _listed(event: Component, name: str) -> Iterator[date]:
    for values in _as_list(event.get(name)):
        for value in values.dts:
            on = value.dt
            yield on.date() if isinstance(on, datetime) else on


def _repeated(event: Component, first: date, years: range) -> Iterator[date]:
    last = datetime(max(years), 12, 31)  # noqa: DTZ001  (a date, no instant)
    for rule in _as_list(event.get("RRULE")):
        if not _REPEATED.issuperset(rule.get("FREQ", [])):
            raise ValueError(f"FREQ={rule.get('FREQ')} does not repeat whole days")
        if any(every < 1 for every in rule.get("INTERVAL", [])):
            raise ValueError("an INTERVAL below 1 would never end")
        dates = rule.copy()
        # RFC 5545 wants UNTIL to be a date here; calendars in the wild write an instant
        dates["UNTIL"] = [datetime(u.year, u.month, u.day) for u in rule.get("UNTIL", [])]  # noqa: DTZ001
        if not dates["UNTIL"]:
            del dates["UNTIL"]
        begin = datetime(first.year, first.month, first.day)  # noqa: DTZ001
        for at in rrulestr(dates.to_ical().decode(), dtstart=begin).between(begin, last, inc=True):
            yield at.date()


def _as_list(found: Any) -> list[Any]:
    if found is None:
        return []
    return found if isinstance(found, list) else [found]
