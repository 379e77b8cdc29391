"""The company's numbers and words as values that have been checked.

Reads no files; `policy_file.py` does. Decides nothing about a ticket; `engine.py` does.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from enum import StrEnum
from functools import cached_property, lru_cache
from itertools import chain
from typing import Annotated, Any, Literal
from zlib import crc32
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from pydantic.json_schema import SkipJsonSchema, WithJsonSchema

from .classify import Classifier
from .errors import PolicyError
from .holidays import holidays_from_ics, national_holidays
from .hours_notation import refuse_overlaps
from .schedule import Schedule
from .ticket import Channel, Impact, Priority

HOLIDAY_YEARS = range(2020, 2041)


class Commitment(StrEnum):
    """Whether a target is promised, or only a goal that never counts as a breach."""

    GUARANTEED = "guaranteed"
    BEST_EFFORT = "best_effort"


def _business_duration(value: object) -> object:
    match = re.fullmatch(r"(?:(\d+)\s*h)?\s*(?:(\d+)\s*m(?:in)?)?", str(value).strip())
    if not match or not any(match.groups()):
        raise ValueError(f'expected business hours such as "4h" or "1h 30m", got {value!r}')
    duration = timedelta(hours=int(match[1] or 0), minutes=int(match[2] or 0))
    if duration <= timedelta(0):
        raise ValueError("a target must be longer than zero")
    return duration


def _left(value: object) -> object:
    """Business time, or a share such as "25%" as a fraction."""
    share = re.fullmatch(r"(\d{1,2})\s*%", str(value).strip())
    if share is None:
        return _business_duration(value)
    if not int(share[1]):
        raise ValueError('a warning needs some time left: "1%" to "99%", or such as "1h"')
    return int(share[1]) / 100


def _some_tag(value: str) -> str:
    if not re.fullmatch(r"[a-z0-9_]+", value):
        raise ValueError(f"a tag is made of a-z, 0-9 and _, got {value!r}")
    return value


BusinessDuration = Annotated[
    timedelta,
    BeforeValidator(_business_duration),
    WithJsonSchema({"type": "string", "pattern": r"^(\d+\s*h)?\s*(\d+\s*m(in)?)?$"}),
]
Left = Annotated[
    timedelta | float, BeforeValidator(_left), WithJsonSchema({"type": ["string", "number"]})
]
Tag = Annotated[
    str,
    AfterValidator(_some_tag),
    WithJsonSchema({"type": "string", "pattern": "^[a-z0-9_]+$"}),
]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class Clock(_Part):
    """When the clock starts."""

    clause: str
    counted_channels: frozenset[Channel] = Field(min_length=1)


class Tier(_Part):
    """One package of the contract."""

    label: str
    aliases: tuple[str, ...] = ()
    tag: Tag
    clause: str
    first_response: BusinessDuration
    commitment: Commitment
    named_contact: bool = False


class ScheduleText(_Part):
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
        country, _, subdivision = calendar.partition("-")
        return national_holidays(country, subdivision or None, HOLIDAY_YEARS)
    if calendar not in texts:
        kind = "has not been fetched" if "://" in calendar else "is not beside the policy"
        raise PolicyError(f"the holiday calendar {calendar} {kind}")
    try:
        return holidays_from_ics(texts[calendar], HOLIDAY_YEARS)
    except PolicyError as error:
        raise PolicyError(f"the holiday calendar {calendar}: {error}") from error


class ScheduleRule(_Part):
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


class PriorityMatrix(_Part):
    """Priority by tier and impact."""

    clause: str
    matrix: Mapping[str, Mapping[Impact, Priority]]


class It(_Part):
    """Where production errors go after the first response."""

    clause: str
    group: str = ""
    targets: Mapping[str, str] = {}


class FeatureRequests(_Part):
    """The clauses on feature requests."""

    clause: str
    register_clause: str


class Types(_Part):
    """The helpdesk's ticket types that say what kind a ticket is."""

    feature_request: tuple[str, ...] = ()
    error_report: tuple[str, ...] = ()
    question: tuple[str, ...] = ()


class Environments(_Part):
    """The clause on test systems."""

    clause: str


class Words(_Part):
    """Files with word lists beside the policy, and words of one's own."""

    files: tuple[str, ...]
    extra: Mapping[str, Mapping[str, tuple[str, ...]]] = {}


class Tags(_Part):
    """The names of our tags, but for the tiers' own."""

    priority_urgent: Tag
    priority_high: Tag
    priority_normal: Tag
    priority_low: Tag
    feature_request: Tag
    feature_request_candidate: Tag
    it_escalation: Tag
    excluded: Tag
    no_email: Tag
    tier_unknown: Tag
    at_risk: Tag
    met: Tag
    breached: Tag
    manual: Tag
    due_not_kept: Tag


class Effect(StrEnum):
    """What a warning or a breach does besides being recorded."""

    TAG = "tag"
    NOTE = "note"
    WEBHOOK = "webhook"


class WarningLevel(_Part):
    """One warning: `left` is the business time before the deadline, or a share of the target."""

    left: Left
    effects: frozenset[Effect] = frozenset({Effect.TAG})
    raise_priority: Priority | None = None

    @property
    def does_something(self) -> bool:
        """Whether the level has an effect; one without is switched off."""
        return bool(self.effects) or self.raise_priority is not None

    def left_of(self, whole: timedelta) -> timedelta:
        """Return the business time that is left of `whole` when the level is reached."""
        return self.left if isinstance(self.left, timedelta) else whole * self.left


class Breach(_Part):
    """What a breach does; its tag always goes with it."""

    effects: frozenset[Effect] = frozenset()


class Warnings(_Part):
    """The levels of warning, by name; `best_effort` says whether mere goals warn too."""

    best_effort: bool = False
    levels: Mapping[str, WarningLevel] = {}
    breach: Breach = Breach()


Choice = Literal["default_tier", "priority", "time_zone"]


class Policy(_Part):
    """One version of the company's rules, checked.

    `our_choice` names what stands here although the contract does not say it.
    """

    name: str
    version: str
    title: str = ""
    effective_from: AwareDatetime | None = None
    applies_to_open: bool = False
    our_choice: frozenset[Choice] = frozenset()
    default_tier: str
    clock: Clock
    schedules: Mapping[str, ScheduleText] = Field(min_length=1)
    schedule_rules: tuple[ScheduleRule, ...] = Field(min_length=1)
    tiers: Mapping[str, Tier] = Field(min_length=1)
    priority: PriorityMatrix
    it: It
    feature_requests: FeatureRequests
    types: Types = Types()
    environments: Environments
    words: Words
    tags: Tags
    warnings: Warnings = Warnings()
    classifier: Annotated[Classifier, Field(exclude=True), SkipJsonSchema()]

    @model_validator(mode="after")
    def _parts_fit_together(self) -> Policy:
        self._check_schedules()
        self._check_tiers()
        self._check_warnings()
        return self

    def _check_schedules(self) -> None:
        for rule in self.schedule_rules:
            if rule.schedule not in self.schedules:
                known = _list(self.schedules)
                raise ValueError(f"schedule_rules: {rule.schedule!r} is not one of {known}")
            unknown = set(rule.tier or ()) - set(self.tiers)
            if unknown:
                raise ValueError(f"schedule_rules.tier: {_list(unknown)} is not a tier")
        if self.schedule_rules[-1].conditions:
            raise ValueError("schedule_rules: the last rule must match every ticket (no keys)")

    def _check_tiers(self) -> None:
        tiers = _list(self.tiers)
        if self.default_tier not in self.tiers:
            raise ValueError(f"default_tier: {self.default_tier!r} is not one of {tiers}")
        if set(self.priority.matrix) != set(self.tiers):
            rows = _list(self.priority.matrix)
            raise ValueError(f"priority.matrix: expected one row for each of {tiers}, got {rows}")
        for key, row in self.priority.matrix.items():
            if set(row) != set(Impact):
                raise ValueError(f"priority.matrix.{key}: expected the impacts {_list(Impact)}")
        if len(self.our_tags) != len(Tags.model_fields) + len(self.tiers):
            raise ValueError("tags: two tags have the same name")
        names: dict[str, str] = {}
        for key, tier in self.tiers.items():
            for name in {plain(key), plain(tier.label), *map(plain, tier.aliases)}:
                if names.setdefault(name, key) != key:
                    raise ValueError(f"tiers.{key}.aliases: {name!r} is {names[name]}'s already")

    def _check_warnings(self) -> None:
        longest = max(tier.first_response for tier in self.tiers.values())
        for key, level in self.warnings.levels.items():
            if key == "breach":
                raise ValueError("warnings.levels.breach: this name is taken; choose another")
            if level.left_of(longest) >= longest:
                raise ValueError(f"warnings.levels.{key}.left: no target is longer than this")

    @cached_property
    def tier_by_name(self) -> dict[str, str]:
        """Tier keys by every name they go by, plain."""
        return {
            plain(name): key
            for key, tier in self.tiers.items()
            for name in (key, tier.label, *tier.aliases)
        }

    @cached_property
    def subscribes(self) -> bool:
        """Whether a holiday calendar counts that somebody else may change."""
        calendars = (text.holiday_calendars for text in self.schedules.values())
        return any(map(is_subscribed, chain.from_iterable(calendars)))

    @cached_property
    def closed_mark(self) -> str:
        """A text that is the same as long as the same dates are closed."""
        closed = sorted((key, sorted(text.closed)) for key, text in self.schedules.items())
        return f"{crc32(repr(closed).encode()):08x}"

    @cached_property
    def zone(self) -> ZoneInfo:
        """The zone of the schedule that counts where no rule says otherwise."""
        return ZoneInfo(self.schedules[self.schedule_rules[-1].schedule].time_zone)

    @cached_property
    def our_tags(self) -> frozenset[str]:
        """All tags that are ours."""
        tiers = (tier.tag for tier in self.tiers.values())
        return frozenset((*self.tags.model_dump().values(), *tiers))

    def adapted(
        self, *, time_zone: str | None = None, counted_channels: Iterable[str] | None = None
    ) -> Policy:
        """Return the policy as one helpdesk account has it; what is None stays as it is.

        Raises `PolicyError` for an unknown zone or channel.
        """
        channels = frozenset(counted_channels) if counted_channels is not None else None
        known = self._adapted.get((time_zone, channels))
        if known is None:
            known = self._adapted[time_zone, channels] = self._adapt(time_zone, channels)
        return known

    def _adapt(self, time_zone: str | None, channels: frozenset[str] | None) -> Policy:
        changes: dict[str, Any] = {}
        try:
            if channels is not None:
                clock = {"clause": self.clock.clause, "counted_channels": channels}
                changes["clock"] = Clock.model_validate(clock)
        except ValidationError as error:
            raise PolicyError(f"counted_channels: {error.errors()[0]['msg']}") from error
        if time_zone is not None:
            changes["schedules"] = {
                key: text.in_zone(time_zone) for key, text in self.schedules.items()
            }
        if not changes:
            return self
        copy = self.model_copy(update=changes)
        for name in ("_adapted", "zone"):
            copy.__dict__.pop(name, None)  # the copy's own
        return copy

    @cached_property
    def _adapted(self) -> dict[tuple[str | None, frozenset[str] | None], Policy]:
        return {}

    def tag(self, name: str) -> str:
        """Return our tag of that key."""
        return str(getattr(self.tags, name))


@lru_cache(maxsize=4096)
def plain(text: str) -> str:
    """Return a name without case, accents and outer space, for comparing."""
    decomposed = unicodedata.normalize("NFKD", text.strip())
    return "".join(c for c in decomposed if not unicodedata.combining(c)).casefold()


def _list(names: Any) -> str:
    return ", ".join(str(name) for name in names)
