"""What connecting an account takes, in words that hold for every vendor: steps, findings, a trial.

Names no vendor's path or field type; each vendor's `provision.py` and `checks.py` do. When things
are made and what is saved is in `plugin/connect/`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

from .base import Connection

FIELD_TITLES: Mapping[str, str] = {
    "due": "SLA due",
    "note": "SLA note",
    "kind": "SLA kind",
    "environment": "SLA environment",
    "impact": "SLA impact",
}
TIER_TITLE = "SLA tier"
CONTACT_TITLE = "SLA named contact"
ABOUT_FIELDS: Mapping[str, str] = {
    "due": "When the first response is due, in the contract's time zone. Filled in automatically.",
    "note": "How the due date comes about. Filled in automatically.",
    "kind": "Correct here what kind of ticket this is; it decides whether the SLA applies.",
    "environment": "Correct here which system this is about; only production has an SLA.",
    "impact": "Correct here how much of the partner's work stands still; it decides the priority.",
}


class Level(StrEnum):
    """How much a finding matters. `unknown`: the vendor's documentation does not say."""

    OK = "ok"
    NOTE = "note"
    UNKNOWN = "unknown"
    WARNING = "warning"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing seen in an account: what it is about, what holds, and what to do about it."""

    level: Level
    subject: str
    text: str
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the admin wants made.

    `public_url` is where the vendor reaches this service, without a trailing slash. `tiers` are
    the packages as (value, label), `tags` our tags by the policy's names, `tier_tags` those of the
    tiers. `titles` names the ticket fields, see `FIELD_TITLES`. `via` chooses between ways of being
    told where the vendor has several. `token_lasts` is None for a token without an end.
    """

    public_url: str
    now: datetime
    tiers: tuple[tuple[str, str], ...]
    tags: Mapping[str, str]
    tier_tags: tuple[str, ...]
    titles: Mapping[str, str] = field(default_factory=lambda: dict(FIELD_TITLES))
    via: str = "events"
    views: bool = True
    token_lasts: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Whom the credentials act as. `refusal` says why they do not suffice to set things up."""

    id: str
    name: str
    email: str
    role: str
    refusal: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What an account is like: findings for a person, and settings that follow from them."""

    findings: tuple[Finding, ...] = ()
    settings: Mapping[str, object] = field(default_factory=dict)


def _as_it_was(connection: Connection, vendor_id: str) -> Connection:
    del vendor_id
    return connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that an account needs.

    `name` is ours for it and stays the same. `found` is the vendor's id of the one that is there,
    None where it must be made. `stale` says what must be renewed about it. `conflict` says why
    what is there cannot be used. Without an `optional` one the rest still works. One that is
    `here` is kept on our side and touches nothing in the account.

    `make(connection)` makes it and returns its id, `renew(connection, id)` renews it; both raise
    `VendorError`. `settle(connection, id)` returns the connection that knows of it.
    """

    name: str
    title: str
    make: Callable[[Connection], str]
    found: str | None = None
    stale: str | None = None
    conflict: str | None = None
    optional: bool = False
    here: bool = False
    renew: Callable[[Connection, str], None] | None = None
    settle: Callable[[Connection, str], Connection] = _as_it_was


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A test delivery that was asked for.

    `sent` says what the vendor was told to send, None where a person has to do something: `ask`.
    `fault` is the status that the vendor got where it could not deliver, empty for no answer.
    `finish()` removes what was made.
    """

    sent: str | None = None
    ask: str = ""
    fault: str | None = None
    finish: Callable[[], None] = lambda: None


class Setup(Protocol):
    """The administration of one account. Every method may raise a `VendorError`."""

    def identify(self) -> Identity:
        """Return whom the credentials act as. Raises `CredentialsRejected`."""

    def inspect(self) -> Inspection:
        """Return limits, settings and whatever an admin should know before going on."""

    def steps(self) -> list[Step]:
        """Return what the account needs, in the order in which it is made."""

    def remove(self, name: str, vendor_id: str) -> bool:
        """Remove what the step of that name made; False where it is gone already."""

    def rotate(self) -> Iterator[Connection]:
        """Yield the connection after each part of a change of webhook secret; save each at once.

        The newest secret stands first; all before it stay accepted, for this may be the second
        attempt, and what stands in the helpdesk is of before the first.
        """

    def trial(self, nonce: str, *, with_ticket: bool) -> Trial:
        """Have the vendor send a delivery. A ticket is only made `with_ticket`."""

    def clock(self) -> datetime | None:
        """Return the vendor's clock in its last answer, None where it told none."""

    def diagnose(self) -> list[Finding]:
        """Return what is wrong, or worth knowing, in an account that was connected."""


def provisioned(connection: Connection) -> dict[str, dict[str, Any]]:
    """Return what is known of an account's things: name to `{"id", "made"}`, `made` by us."""
    known: Any = connection.settings.get("provisioned") or {}
    return {str(name): dict(value) for name, value in known.items()}


def with_settings(connection: Connection, **settings: object) -> Connection:
    """Return the connection with these settings; None takes one away."""
    merged = {**connection.settings, **settings}
    kept = {name: value for name, value in merged.items() if value is not None}
    return replace(connection, settings=kept)
