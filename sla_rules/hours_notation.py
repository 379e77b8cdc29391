"""OpenStreetMap opening-hours notation: read, and refuse what would silently mean something else.

Overrides have a notation of their own. Both are expanded to local wall clock here; business time is
`schedule.py`'s.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from functools import lru_cache
from itertools import pairwise

import opening_hours
from opening_hours import OpeningHours

from .errors import PolicyError

_FAULTS = (
    (r"\d\+", "an open end (`09:00+`) names no closing time; write `09:00-17:00`"),
    (r"sunrise|sunset|dawn|dusk", "sun times change daily; write clock times"),
    (r"\bunknown\b", "`unknown` is neither open nor closed; leave it out"),
    (r'"', "comments are not read; leave them out"),
    (r":\d\d\s*/", "points in time (`/01:00`) are no hours; leave them out"),
    (r"Feb\s*3[01]|(?:Apr|Jun|Sep|Nov)\s*31", "it names a date that no year has"),
    (r"\|\|", "fallback rules (`||`) are not read; write one rule a day"),
    (r"\bSH\b", "school holidays (`SH`) are not known; name the dates as overrides"),
    (
        r"\bPH\b(?![\sa-z,-]*\b(off|closed)\b)",
        "a holiday closes the whole date; name half days as overrides",
    ),
)
_DATES = re.compile(
    r"\b(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec|week|easter|\d{4})\b", re.I
)
_CLOSES = re.compile(r"\b(off|closed)\s*$", re.I)
_FROM_ITS_TIMES = re.compile(r"\b\d{1,2}:\d\d.*")
_MORE_DAYS = re.compile(r"(?<=\d),\s*(?=[A-Za-z])")
_TIMES = re.compile(r"(\d{1,2}:\d\d)\s*-\s*(\d{1,2}:\d\d)")
_DAYS_AMID_TIMES = re.compile(r"\d:\d\d.*,\s*[A-Za-z]")
_SAYS_SO = re.compile(r"\b(off|closed|open|24/7)\s*$", re.I)
_OVERRIDE = re.compile(r"([01]\d|2[0-3]):([0-5]\d)\s*-\s*([0-3]\d|4[0-8]):([0-5]\d)")
_MONDAY = datetime(2024, 1, 1)  # noqa: DTZ001  (local wall clock)
_DAY = 24 * 60  # minutes
_WEEK, _EVERY_DATE = timedelta(days=7), timedelta(days=28 * 365.25)


@lru_cache(maxsize=512)
def read_hours(text: str, *, has_holidays: bool) -> OpeningHours:
    """Return the parsed notation. Raises `PolicyError` with what to write instead."""
    if not text.strip():
        raise PolicyError("hours are blank: that would mean always open; write `24/7` for that")
    for pattern, advice in _FAULTS:
        if re.search(pattern, text, re.I):
            raise PolicyError(f"hours {text!r}: {advice}")
    if re.search(r"\bPH\b", text) and not has_holidays:
        raise PolicyError(f"hours {text!r}: `PH` needs a holiday calendar; name one")
    try:
        hours = OpeningHours(text)
    except opening_hours.ParserError as error:  # type: ignore[attr-defined]
        raise PolicyError(
            f"hours {text!r}: not OpenStreetMap notation such as `Mo-Fr 09:00-12:00,14:00-17:00`"
        ) from error
    for rule in text.split(";"):
        _refuse_whole_days_by_accident(text, rule.strip())
    _refuse_replaced_days(text)
    return hours


def spans(
    hours: OpeningHours, begin: datetime, end: datetime
) -> Iterator[tuple[datetime, datetime]]:
    """Yield the open stretches between two local wall-clock times, ascending."""
    for opened, closed, state, *_ in hours.intervals(begin, end):
        if str(state) == "open":
            yield opened, closed


def read_override(on: date, text: str) -> list[tuple[datetime, datetime]]:
    """Return what an override opens, as local wall clock: `off`, or times that begin on that date.

    An end before the beginning is the next date's. Raises `PolicyError`.
    """
    if text.strip() in {"off", "closed"}:
        return []
    midnight = datetime(on.year, on.month, on.day)  # noqa: DTZ001
    found: list[tuple[datetime, datetime]] = []
    for part in text.split(","):
        times = _OVERRIDE.fullmatch(part.strip())
        if times is None:
            raise PolicyError(
                f"override {text!r} for {on}: write `off` or times such as "
                f"`09:00-12:00,14:00-17:00`; `24:00` is the next midnight"
            )
        hour, minute, end_hour, end_minute = map(int, times.groups())
        opened = timedelta(hours=hour, minutes=minute)
        closed = timedelta(hours=end_hour, minutes=end_minute)
        if closed == opened:
            raise PolicyError(f"override {text!r} for {on}: write `00:00-24:00` for a whole day")
        closed += timedelta(days=1 if closed < opened else 0)
        found.append((midnight + opened, midnight + closed))
    return found


def refuse_overlaps(text: str) -> None:
    """Raise `PolicyError` where two times of one rule overlap: counted once, but hardly meant."""
    for rule in text.split(";"):
        if _DAYS_AMID_TIMES.search(rule):
            continue  # times of several days
        for one, other in _overlaps(rule):
            raise PolicyError(f"hours {text!r}: `{one}` and `{other}` overlap")


def _overlaps(rule: str) -> Iterator[tuple[str, str]]:
    """Yield the times of a rule that overlap; one that ends before it begins ends the next day."""
    times = sorted((_minutes(a), _minutes(b), f"{a}-{b}") for a, b in _TIMES.findall(rule))
    for (began, ends, one), (begins, _, other) in pairwise(times):
        if begins < ends or ends < began:
            yield one, other


def _minutes(text: str) -> int:
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)


def _refuse_whole_days_by_accident(text: str, rule: str) -> None:
    if not _TIMES.search(rule) and not _SAYS_SO.search(rule):
        raise PolicyError(f"hours {text!r}: `{rule}` names no times; write `{rule} 00:00-24:00`")
    for opens, closes in _TIMES.findall(rule):
        if opens == closes:
            raise PolicyError(
                f"hours {text!r}: `{opens}-{closes}` would be 24 hours; write `00:00-24:00` for a "
                f"whole day"
            )


def _refuse_replaced_days(text: str) -> None:
    """In this notation a later rule replaces a day's hours: fine for dates, a trap for weekdays."""
    rules = [rule.strip() for rule in text.split(";")]
    for number, rule in enumerate(rules):
        for one in rules[:number]:
            if not _CLOSES.search(rule) and _shares_days(one, rule):
                raise PolicyError(
                    f"hours {text!r}: the rule `{rule}` replaces `{one}` on the days they share; "
                    f"{_instead(one, rule)}"
                )


def _shares_days(one: str, later: str) -> bool:
    """Whether a later rule replaces hours without meaning to: an exception names its dates."""
    if _DATES.search(later):
        return _days(one).lower().split() == _days(later).lower().split()
    return bool((_weekdays(one) | _mornings_after(one)) & _weekdays(later))


def _days(rule: str) -> str:
    """What stands before a rule's times."""
    return _SAYS_SO.sub("", _FROM_ITS_TIMES.sub("", rule)).strip()


def _weekdays(rule: str) -> set[int]:
    """The weekdays that a rule is about, 0 being Monday."""
    end = _MONDAY + (_EVERY_DATE if _DATES.search(rule) else _WEEK)
    return {
        (opened + timedelta(days=n)).weekday()
        for part in _MORE_DAYS.split(rule)
        for opened, closed in spans(OpeningHours(_days(part) or "24/7"), _MONDAY, end)
        for n in range(min(7, (closed - opened).days))
    }


def _mornings_after(rule: str) -> set[int]:
    """The weekdays on which a rule's nights end: a later rule would take what is left of them."""
    nights = any(_minutes(a) > _minutes(b) or _minutes(b) > _DAY for a, b in _TIMES.findall(rule))
    return {(day + 1) % 7 for day in _weekdays(rule)} if nights else set()


def _instead(one: str, later: str) -> str:
    if _CLOSES.search(one) or (_DATES.search(one) and not _DATES.search(later)):
        return f"write `{later}; {one}`"
    if not _weekdays(one) & _weekdays(later):
        return f"write `{one}, {later}`"
    both = ",".join(rule.removeprefix(_days(rule)).strip() for rule in (one, later))
    timed = _TIMES.search(one) and _TIMES.search(later)
    if not timed or any(_overlaps(both)):
        return "give each day one rule"
    return f"write `{f'{_days(later)} {both}'.strip()}`"
