"""What every vendor offers, in the words of the field.

Names no vendor; `registry.py` does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from sla_rules.ticket import Ticket, TicketPatch, Traits, Written

from .bulk import Bulk
from .pace import Pace

if TYPE_CHECKING:
    from .setup import Setup, Wishes


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSecret:
    """One live webhook secret. `kid` names it during rotation; several may be live at once."""

    kid: str
    value: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """One configured account.

    `key` is our own short name for it, as in its webhook address. `base_url` is the account's
    address without a trailing slash (`https://acme.zendesk.com`). `settings` are the vendor's own,
    see its `connector.py`.
    """

    key: str
    vendor: str
    base_url: str
    credentials: Mapping[str, str] = field(default_factory=dict, repr=False)
    webhook_secrets: tuple[WebhookSecret, ...] = field(default=(), repr=False)
    settings: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedContact:
    """A partner's named contact. `id` is the agent's, else the text as given.

    `refusal` says why they cannot take tickets (`unknown`, `inactive`, `not_in_group`), None where
    they can; `groups` are their own, empty where the vendor did not tell.
    """

    id: str
    name: str | None = None
    refusal: str | None = None
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One verified HTTP arrival. `dedupe_keys` are the vendor's own names for it."""

    connection: str
    vendor: str
    body: bytes = field(repr=False)
    received_at: datetime
    dedupe_keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketEvent:
    """What a delivery means: look at this ticket. `name` is the vendor's name for what happened."""

    ticket_id: str
    name: str
    dedupe_keys: tuple[str, ...] = ()
    occurred_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganizationEvent:
    """What a delivery means: this organisation changed, look at its open tickets."""

    organization_id: str
    name: str
    dedupe_keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Knock:
    """A test delivery that `connect` asked the vendor for. It concerns no ticket."""

    nonce: str


class Connector(Protocol):
    """One account's API, for one thread. `calls` counts the HTTP requests made so far."""

    @property
    def traits(self) -> Traits:
        """What the vendor can do with a due date."""

    @property
    def calls(self) -> int:
        """HTTP requests sent so far."""

    def fetch(self, ticket_id: str) -> Ticket:
        """Read a ticket with its organisation, its conversation and what people changed.

        Raises `VendorError`.
        """

    def fetch_changed(self, ticket_id: str, seen: str | None) -> Ticket | None:
        """Read a ticket; None where the first read shows it as the fingerprint `seen` says.

        Raises `VendorError`.
        """

    def apply(self, ticket: Ticket, patch: TicketPatch) -> Written:
        """Write a patch onto the ticket as it was read; merge tags, send nothing that is not ours.

        Raises `Conflict` where the ticket changed meanwhile and the vendor can tell, and any other
        `VendorError`.
        """

    def add_note(self, ticket_id: str, text: str) -> None:
        """Write a private note that only agents see; never a public message.

        Raises `VendorError`.
        """

    def requester_ids(self, email: str) -> list[str]:
        """Return the ids of the people with that e-mail address.

        Raises `VendorError`.
        """

    def ticket_url(self, ticket_id: str) -> str:
        """Return the address where an agent opens the ticket."""


class Connect(Protocol):
    """Makes a connector; without a `pace` it asks nobody before it sends."""

    def __call__(self, connection: Connection, pace: Pace | None = None) -> Connector:
        """Return the account's connector for one thread. Raises `VendorError`."""


class ConnectBulk(Protocol):
    """Makes what lists and writes many tickets of an account."""

    def __call__(self, connection: Connection, pace: Pace | None = None) -> Bulk:
        """Return it, for one thread. Raises `VendorError`."""


class SetUp(Protocol):
    """Makes what administers an account."""

    def __call__(self, connection: Connection, wishes: Wishes, pace: Pace | None = None) -> Setup:
        """Return it. Raises `AddressError`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendor:
    """Everything the service needs to know of a vendor.

    `verify(headers, body, connection, now)` judges authenticity only and raises
    `VerificationError`; header names are compared without case. `parse(delivery)` returns the
    event, a `Knock`, or None where the delivery concerns no ticket, and raises `PayloadError`.
    `manual_steps(connection, public_url)` are the settings to type in by hand, `setup` makes them.
    `domain` is where its accounts live; `credential_sets` are the names of the credentials it
    takes, the preferred set first.
    """

    name: str
    title: str
    verify: Callable[[Mapping[str, str], bytes, Connection, datetime], Delivery]
    parse: Callable[[Delivery], TicketEvent | OrganizationEvent | Knock | None]
    connect: Connect
    bulk: ConnectBulk
    manual_steps: Callable[[Connection, str], list[str]]
    setup: SetUp
    domain: str
    credential_sets: tuple[tuple[str, ...], ...]
