"""Whoever reads a page: the language, the time zone, and how instants and numbers are written.

The texts are in `text/<language>.toml`; knows no page and no request.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_datetime, format_timedelta
from babel.numbers import format_decimal, format_percent

from connectors.sentences import in_language, to_stored
from sla_rules.sentences import render

LANGUAGES = {"en": "English", "fr": "Français", "de": "Deutsch"}
DEFAULT_LANGUAGE = "en"
_DAYS = {"en": "d MMM", "fr": "d MMM", "de": "d. MMM"}
_LOCALES = {"en": "en_GB", "fr": "fr_FR", "de": "de_DE"}


@dataclass(frozen=True, slots=True)
class Reader:
    """Writes texts, instants, durations and numbers for one reader. `now` is aware."""

    language: str
    zone: ZoneInfo
    now: datetime

    def t(self, key: str, /, **values: object) -> str:
        """Return the text of a key. Raises `KeyError` where there is none."""
        return catalog(self.language)[key].format(**values)

    def label(self, group: str, value: str | None) -> str:
        """Return the word for a value, such as the state `met`; an unknown one reads as it is."""
        found = catalog(self.language).get(f"{group}.{value or 'none'}")
        return found or str(value or "").replace("_", " ")

    def field(self, name: str) -> str:
        """Return the word for a field of a ticket, a tag (`tag:<name>`) by its own name."""
        kind, _, tag = name.partition(":")
        return f"{self.label('field', kind)} {tag}" if tag else self.label("field", name)

    def at(self, instant: datetime | None) -> str:
        """Return day and time: `Fri 27 Nov, 14:55`, with the year where it is another one."""
        if instant is None:
            return ""
        local = instant.astimezone(self.zone)
        same_year = local.year == self.now.astimezone(self.zone).year
        day = _DAYS[self.language]
        return self._written(f"EEE {day}, HH:mm" if same_year else f"EEE {day} y, HH:mm", local)

    def exact(self, instant: datetime | None) -> str:
        """Return day and time to the second."""
        if instant is None:
            return ""
        return self._written(f"{_DAYS[self.language]} y, HH:mm:ss", instant.astimezone(self.zone))

    def clock(self, instant: datetime | None) -> str:
        """Return the time of day: `14:55`."""
        return f"{instant.astimezone(self.zone):%H:%M}" if instant else ""

    def day(self, on: date) -> str:
        """Return a date: `Fri 27 Nov`."""
        return self._written(f"EEE {_DAYS[self.language]}", _noon(on, self.zone))

    def weekday(self, on: date) -> str:
        """Return a short date: `Fri 27`."""
        return self._written("EEE d", _noon(on, self.zone))

    def month(self, on: date) -> str:
        """Return a month: `Nov 2026`."""
        return self._written("MMM y", _noon(on, self.zone))

    def days(self, first: date, last: date) -> str:
        """Return a stretch of days: `Sat – Sun`."""
        begin, end = (self._written("EEE", _noon(on, self.zone)) for on in (first, last))
        return f"{begin} – {end}"

    def said(self, text: str | Mapping[str, Any]) -> str:
        """Return what is said about connecting an account in the reader's language."""
        stored = to_stored(text) if isinstance(text, str) else text
        return in_language(stored, self.language)

    def reason(self, reason: Mapping[str, Any]) -> str:
        """Return a stored reason of a decision as a sentence."""
        return render(reason, self.language, self.zone)

    def span(self, length: timedelta | None) -> str:
        """Return a duration without its sign: `26 h 55 min`; seconds below a minute.

        Never in days, which mean something else in business time.
        """
        if length is None:
            return ""
        seconds = int(abs(length).total_seconds())
        hours, minutes = divmod(seconds // 60, 60)
        parts = ((hours, "h"), (minutes, "min")) if seconds >= 60 else ((seconds, "s"),)
        written = " ".join(f"{n} {self.t(f'unit.{unit}')}" for n, unit in parts if n)
        return written or f"0 {self.t('unit.min')}"

    def quick(self, length: timedelta) -> str:
        """Return a short duration with tenths of a second: `0.4 s`; from a minute on as `span`."""
        seconds = abs(length.total_seconds())
        if seconds >= 60:
            return self.span(length)
        tenths = format_decimal(seconds, "0.0", locale=_LOCALES[self.language])
        return f"{tenths} {self.t('unit.s')}"

    def ago(self, instant: datetime | None) -> str:
        """Return how long ago (or how soon) an instant is, in words."""
        if instant is None:
            return ""
        return format_timedelta(
            instant - self.now, add_direction=True, locale=_LOCALES[self.language]
        )

    def number(self, value: float) -> str:
        """Return a number with the language's separators."""
        return format_decimal(value, locale=_LOCALES[self.language])

    def percent(self, value: float | None) -> str:
        """Return a share of one as a percentage, rounded down: 99.96 % is not 100 %."""
        if value is None:
            return "–"
        shown = int(value * 1000 + 1e-9) / 1000
        sign = "%" if self.language == "en" else "\N{NO-BREAK SPACE}%"
        return format_percent(shown, f"#,##0.#{sign}", locale=_LOCALES[self.language])

    def _written(self, pattern: str, local: datetime) -> str:
        return format_datetime(local, pattern, tzinfo=self.zone, locale=_LOCALES[self.language])


def _noon(on: date, zone: ZoneInfo) -> datetime:
    return datetime(on.year, on.month, on.day, 12, tzinfo=zone)


@cache
def catalog(language: str) -> Mapping[str, str]:
    """Return a language's texts by dotted key."""
    path = Path(__file__).parent / "text" / f"{language}.toml"
    return dict(_flat(tomllib.loads(path.read_text("utf-8")), ""))


def _flat(part: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    for key, value in part.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", str(value)
