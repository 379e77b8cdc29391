"""The sections of a policy, each checked by itself: tiers, priorities, tags, warnings and the rest.

What they must have in common is `policy.py`'s; the hours are `schedule_text.py`'s.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.json_schema import WithJsonSchema

from .ticket import Channel, Impact, Priority


class Commitment(StrEnum):
    """Whether a target is promised, or only a goal that never counts as a breach."""

    GUARANTEED = "guaranteed"
    BEST_EFFORT = "best_effort"


def _business_duration(value: object) -> object:
    match = re.fullmatch(r"(?:(\d{1,5})\s*h)?\s*(?:(\d{1,5})\s*m(?:in)?)?", str(value).strip())
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
    WithJsonSchema({"type": "string", "pattern": r"^(\d{1,5}\s*h)?\s*(\d{1,5}\s*m(in)?)?$"}),
]
Left = Annotated[
    timedelta | float, BeforeValidator(_left), WithJsonSchema({"type": ["string", "number"]})
]
Tag = Annotated[
    str,
    AfterValidator(_some_tag),
    WithJsonSchema({"type": "string", "pattern": "^[a-z0-9_]+$"}),
]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class Clock(Section):
    """When the clock starts."""

    clause: str
    counted_channels: frozenset[Channel] = Field(min_length=1)


class Tier(Section):
    """One package of the contract."""

    label: str
    aliases: tuple[str, ...] = ()
    tag: Tag
    clause: str
    first_response: BusinessDuration
    commitment: Commitment
    named_contact: bool = False


class PriorityMatrix(Section):
    """Priority by tier and impact."""

    clause: str
    matrix: Mapping[str, Mapping[Impact, Priority]]


class It(Section):
    """Where production errors go after the first response."""

    clause: str
    group: str = ""
    targets: Mapping[str, str] = {}


class FeatureRequests(Section):
    """The clauses on feature requests."""

    clause: str
    register_clause: str


class Types(Section):
    """The helpdesk's ticket types that say what kind a ticket is."""

    feature_request: tuple[str, ...] = ()
    error_report: tuple[str, ...] = ()
    question: tuple[str, ...] = ()


class Environments(Section):
    """The clause on test systems."""

    clause: str


class Words(Section):
    """Files with word lists beside the policy, and words of one's own."""

    files: tuple[str, ...]
    extra: Mapping[str, Mapping[str, tuple[str, ...]]] = {}


class Tags(Section):
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


class WarningLevel(Section):
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


class Breach(Section):
    """What a breach does; its tag always goes with it."""

    effects: frozenset[Effect] = frozenset()


class Warnings(Section):
    """The levels of warning, by name; `best_effort` says whether mere goals warn too."""

    best_effort: bool = False
    levels: Mapping[str, WarningLevel] = {}
    breach: Breach = Breach()
