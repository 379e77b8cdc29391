"""What should hold on a ticket, and why.

Holds values only; `engine.py` makes them and `patch.py` turns them into a change.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, overload

from .policy_sections import Commitment, Effect
from .sentences import sentence
from .ticket import Environment, Hand, Impact, Kind, Priority


class State(StrEnum):
    """How a target stands."""

    OPEN = "open"
    MET = "met"
    BREACHED = "breached"
    CANCELLED = "cancelled"
    BEST_EFFORT = "best_effort"


class Exclusion(StrEnum):
    """Why no clock runs."""

    FEATURE_REQUEST = "feature_request"
    TEST_SYSTEM = "test_system"
    NO_EMAIL = "no_email"
    SPAM = "spam"
    MERGED = "merged"


@dataclass(frozen=True, slots=True)
class Reason:
    """One step of a decision: the rule, its sentence by key, and the clause of the contract.

    The sentences stand in `catalog/`, in each language; `params` fill them in (instants in ISO).
    """

    rule: str
    key: str
    clause: str | None = None
    params: Mapping[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The sentence in English."""
        return sentence(self.rule, self.key, self.params)

    def to_json(self) -> dict[str, Any]:
        """Return it as `evaluate` prints it."""
        return {"rule": self.rule, "text": self.text, "clause": self.clause}

    def to_stored(self) -> dict[str, Any]:
        """Return it as it is kept, to be read in any language by `sentences.render`."""
        return self.to_json() | {"key": self.key, "params": dict(self.params)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A promise with its deadline. `business` is business time; `due_at` is UTC.

    `response_at` is the first response that judged it, None while there is none;
    `response_after` is the business time until then.
    """

    metric: str
    business: timedelta
    commitment: Commitment
    due_at: datetime
    state: State
    response_at: datetime | None = None
    response_after: timedelta | None = None

    def to_json(self) -> dict[str, Any]:
        """Return it as `evaluate` prints it."""
        return {
            "metric": self.metric,
            "business_minutes": _number(self.business / timedelta(minutes=1)),
            "commitment": self.commitment,
            "due_at": instant(self.due_at),
            "state": self.state,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Warned:
    """A level of warning that was reached at `at` (UTC), and what it does."""

    level: str
    at: datetime
    effects: frozenset[Effect]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What should hold on one ticket, decided `at`. `tags` are all of ours that belong on it.

    `remove_tags` are those of ours that are on it and do not belong. `due_at` is the date that
    agents should see, None where none should stand. `overrides` are the fields that a person holds.
    `next_day_ends_at` is when the next business day after `due_at` ends, where a vendor needs it.
    `due_not_kept`: the vendor changes our due date whenever we set it, so we stopped.
    `quote` is the sentence that asked for a feature; `schedule` names the hours that counted.
    `warnings` are the levels that people may be told of now. `next_look_at` is the next instant at
    which time alone changes what should hold, a policy's beginning included, None where there is
    none. `closed_mark` is the policy's, see there.
    """

    id: str
    at: datetime
    kind: Kind
    environment: Environment
    impact: Impact
    tier: str
    tier_known: bool
    exclusion: Exclusion | None
    candidate: bool
    starts_at: datetime | None
    targets: tuple[Target, ...]
    due_at: datetime | None
    priority: Priority | None
    tags: frozenset[str]
    remove_tags: frozenset[str]
    assignee: str | None
    group: str | None
    due_text: str | None
    note_text: str | None
    reasons: tuple[Reason, ...]
    overrides: tuple[Hand, ...]
    restored: frozenset[str]
    cancelled_at: datetime | None
    restarted_after: datetime | None
    quote: str | None
    language: str | None
    schedule: str
    policy_name: str
    policy_version: str
    closed_mark: str
    warnings: tuple[Warned, ...] = ()
    next_look_at: datetime | None = None
    next_day_ends_at: datetime | None = None
    due_not_kept: bool = False

    @property
    def covered(self) -> bool:
        """Whether the SLA covers the ticket."""
        return self.exclusion is None

    @property
    def is_open(self) -> bool:
        """Whether a clock runs that an answer would still meet."""
        return self.target is not None and self.target.state in {State.OPEN, State.BEST_EFFORT}

    @property
    def target(self) -> Target | None:
        """The first-response target, None where no clock runs."""
        return self.targets[0] if self.targets else None

    def to_stored(self) -> dict[str, Any]:
        """Return it as it is kept: as `to_json`, with reasons that can be read in any language."""
        return self.to_json() | {"reasons": [reason.to_stored() for reason in self.reasons]}

    def to_json(self) -> dict[str, Any]:
        """Return it as `evaluate` prints it."""
        return {
            "id": self.id,
            "kind": self.kind,
            "environment": self.environment,
            "impact": self.impact,
            "tier": self.tier,
            "covered": self.covered,
            "exclusion": self.exclusion,
            "starts_at": instant(self.starts_at),
            "targets": [target.to_json() for target in self.targets],
            "priority": self.priority,
            "add_tags": sorted(self.tags),
            "remove_tags": sorted(self.remove_tags),
            "assignee": self.assignee,
            "group": self.group,
            "reasons": [reason.to_json() for reason in self.reasons],
            "policy": {"name": self.policy_name, "version": self.policy_version},
        }


@overload
def instant(at: datetime) -> str: ...
@overload
def instant(at: None) -> None: ...
@overload
def instant(at: datetime | None) -> str | None: ...
def instant(at: datetime | None) -> str | None:
    """Return an instant as ISO 8601 in UTC with `Z`; fractions of a second only where there are."""
    return f"{at.astimezone(UTC).isoformat()[:-6]}Z" if at else None


def _number(value: float) -> int | float:
    return int(value) if value == int(value) else value
