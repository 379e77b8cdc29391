"""The ticket as the rules see it, and the change they ask for.

The only module that connectors import; it knows no vendor's words and no policy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from enum import Enum, StrEnum
from typing import Literal, TypeAlias


class Channel(StrEnum):
    """How a message arrived."""

    EMAIL = "email"
    WEB = "web"
    PORTAL = "portal"
    PHONE = "phone"
    CHAT = "chat"
    API = "api"
    OTHER = "other"


class Status(StrEnum):
    """Where a ticket stands; the last three left the queue without an answer of ours."""

    NEW = "new"
    OPEN = "open"
    PENDING = "pending"
    HOLD = "hold"
    SOLVED = "solved"
    CLOSED = "closed"
    SPAM = "spam"
    DELETED = "deleted"
    MERGED = "merged"


class Priority(StrEnum):
    """How urgent a ticket is, lowest first."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    URGENT = "urgent"


class Kind(StrEnum):
    """What a message is."""

    FEATURE_REQUEST = "feature_request"
    ERROR_REPORT = "error_report"
    QUESTION = "question"


class Environment(StrEnum):
    """Which system a message is about."""

    PRODUCTION = "production"
    TEST = "test"
    UNKNOWN = "unknown"


class Impact(StrEnum):
    """How much of the partner's work stands still."""

    BLOCKING = "blocking"
    DEGRADED = "degraded"
    MINOR = "minor"
    NONE = "none"


class Author(StrEnum):
    """Who wrote a message: the partner, a person of the support team, or a machine."""

    PARTNER = "partner"
    AGENT = "agent"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True, kw_only=True)
class Organization:
    """The partner's company. `tier` is the raw value in the helpdesk, None where there is none.

    `named_contact` is what a ticket is assigned to, `named_contact_name` what people call them;
    `named_contact_refusal` says why the named contact cannot take tickets (a word of
    `terms.refusal` in the catalog), None where they can.
    `found_by` says how it was found where the ticket itself names none.
    """

    id: str | None = None
    name: str | None = None
    tier: str | None = None
    named_contact: str | None = None
    named_contact_name: str | None = None
    named_contact_refusal: str | None = None
    found_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Requester:
    """The person who asks."""

    id: str | None = None
    email: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message of a ticket's conversation. `text` may be HTML; None where it was not read."""

    at: datetime
    author: Author
    public: bool
    channel: Channel = Channel.OTHER
    text: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hand:
    """A person changed a field. `field` is a TicketPatch field, or `tag:<name>`.

    `by_our_account` says that the change came from the account we act as, without our stamp: where
    the value is one that we wrote, it is ours after all.
    """

    field: str
    by: str | None = None
    at: datetime | None = None
    by_our_account: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """One ticket as it is now. Every key but `id` may be unknown.

    `messages`, oldest first, is None where the conversation was not read; then `channel`,
    `created_at` and `first_response_at` tell the same in short. `kind`, `environment` and `impact`
    are what a person or a field says, never our own judgement. `stamp` is the vendor's version of
    the ticket. `merged_into` names the ticket that survived a merge; `merged_from` those merged
    into this one, and `merged_starts_at` is the earliest start of theirs that is known. `solved_at`
    is when it was solved or closed last, `solved_before` the times before that, where the vendor
    tells. `fingerprint` is the same as long as nothing that a decision reads has changed. `audited`
    says that `hands` is complete: every change by a person is in it.
    """

    id: str
    subject: str = ""
    body: str = ""
    channel: Channel | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    status: Status = Status.OPEN
    priority: Priority | None = None
    type: str | None = None
    tags: frozenset[str] = frozenset()
    language: str | None = None
    brand: str | None = None
    organization: Organization | None = None
    requester: Requester | None = None
    assignee: str | None = None
    group: str | None = None
    messages: tuple[Message, ...] | None = None
    first_response_at: datetime | None = None
    merged_into: str | None = None
    merged_from: tuple[str, ...] = ()
    merged_starts_at: datetime | None = None
    solved_at: datetime | None = None
    solved_before: tuple[datetime, ...] = ()
    due_at: datetime | None = None
    kind: Kind | None = None
    environment: Environment | None = None
    impact: Impact | None = None
    due_text: str | None = None
    note_text: str | None = None
    hands: tuple[Hand, ...] = ()
    audited: bool = False
    stamp: str | None = None
    fingerprint: str | None = None


class Keep(Enum):
    """Marks a field of a patch that stays as it is (None means: clear it)."""

    KEEP = "keep"


Kept: TypeAlias = Literal[Keep.KEEP]
KEEP: Kept = Keep.KEEP


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketPatch:
    """The smallest change that makes a ticket hold what was decided; falsy when empty.

    `due_text` and `note_text` are what agents read in the fields `SLA due` and `SLA note`.
    `kind` is the label for the vendor's own type, where it has one (Freshdesk: Feature Request).
    `stop_timer` asks for a status in which the account's own clock rests (False: take it back).
    `next_day_ends_at` is no change of its own: the end of the next business day after `due_at`, for
    vendors that want a resolution date with it.
    """

    due_at: datetime | Kept | None = KEEP
    priority: Priority | Kept = KEEP
    assignee: str | Kept = KEEP
    group: str | Kept = KEEP
    kind: Kind | Kept = KEEP
    due_text: str | Kept | None = KEEP
    note_text: str | Kept | None = KEEP
    stop_timer: bool | Kept = KEEP
    next_day_ends_at: datetime | None = None
    add_tags: frozenset[str] = frozenset()
    remove_tags: frozenset[str] = frozenset()

    def changes(self) -> dict[str, object]:
        """Return the fields that change, by name."""
        found: dict[str, object] = {}
        for item in fields(self):
            if item.name == "next_day_ends_at":
                continue
            value = getattr(self, item.name)
            if value is not KEEP and not (item.name.endswith("_tags") and not value):
                found[item.name] = value
        return found

    def __bool__(self) -> bool:
        return bool(self.changes())


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """What a vendor can do with a due date and what it fills in by itself.

    `clears_due_at`: a due date can be taken away. `past_due_at`: one in the past is accepted.
    `clears_due_when_done`: an answered ticket's date would read as overdue, so it is cleared.
    `default_priority`: the priority that a ticket has when nobody chose one.
    `native_due_at`: the account fills in due dates of its own, so one found before our first write
    is nobody's hand. `recalculates_due_at`: it also changes ours, so no due date is anybody's hand.
    `sets_kind`: the vendor's own type can say that a ticket is a feature request.
    `stops_timer`: the account has a status for tickets outside the SLA.
    """

    clears_due_at: bool = True
    past_due_at: bool = True
    clears_due_when_done: bool = True
    default_priority: Priority | None = None
    native_due_at: bool = False
    recalculates_due_at: bool = False
    sets_kind: bool = False
    stops_timer: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What a vendor took of a patch: the values as it stored them, and the ticket's new version.

    `refused`: fields of the patch that the vendor will not take, as long as the same is asked.
    `fingerprint` is the ticket's after the write. `look_again_after`: the vendor may still change
    what was written; look then.
    """

    values: Mapping[str, object] = field(default_factory=dict)
    stamp: str | None = None
    notes: tuple[str, ...] = ()
    refused: frozenset[str] = frozenset()
    fingerprint: str | None = None
    look_again_after: timedelta | None = None
