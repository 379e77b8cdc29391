"""The company's numbers and words as one value whose parts have been checked against each other.

Reads no files; `policy_file.py` does. Decides nothing about a ticket; `engine.py` does.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from functools import cached_property, lru_cache
from itertools import chain, pairwise
from typing import Annotated, Any, Literal
from zlib import crc32
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime, Field, ValidationError, model_validator
from pydantic.json_schema import SkipJsonSchema

from .classify import Classifier
from .errors import PolicyError
from .policy_sections import (
    Clock,
    Environments,
    FeatureRequests,
    It,
    PriorityMatrix,
    Section,
    Tags,
    Tier,
    Types,
    Warnings,
    Words,
)
from .schedule_text import ScheduleRule, ScheduleText, is_subscribed
from .ticket import Impact, Priority

Choice = Literal["default_tier", "priority", "time_zone"]
_URGENCY = list(Priority)


class Policy(Section):
    """One version of the company's rules, checked.

    `our_choice` names what stands here although the contract does not say it.
    """

    name: str = Field(min_length=1)
    version: str = Field(min_length=1)
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
        for number, rule in enumerate(self.schedule_rules[:-1]):
            if not rule.conditions:
                raise ValueError(
                    f"schedule_rules.{number}: it matches every ticket, those below never count"
                )

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
            for graver, lesser in pairwise(Impact):
                if _URGENCY.index(row[graver]) < _URGENCY.index(row[lesser]):
                    raise ValueError(
                        f"priority.matrix.{key}: {lesser} ({row[lesser]}) is more urgent than "
                        f"{graver} ({row[graver]})"
                    )
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
