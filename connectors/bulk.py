"""Many tickets at once, in the words of the field: what changed, what is there, write a batch.

Names no vendor; `bulk.py` in each vendor's folder does the work. One ticket at a time is a
`Connector`'s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from sla_rules.ticket import Ticket, TicketPatch, Traits, Written

from .errors import VendorError


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """A page of what changed: each ticket's version (when it was updated last), None if unknown.

    `cursor` leads on after this page; `more` says that there is something there already.
    `known_only` are those of interest only where we know the ticket: spam and the bin.
    `organizations` changed, by id; what was read of them before may still be used for `stale_for`.
    """

    versions: Mapping[str, datetime | None]
    cursor: str
    more: bool
    known_only: frozenset[str] = frozenset()
    organizations: Mapping[str, datetime | None] = field(default_factory=dict)
    stale_for: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A ticket out of a list. `settled`: the list tells its start and its first response for sure.

    Its hands are never known from a list (`audited` is False).
    """

    ticket: Ticket
    settled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page of tickets, and the cursor after it; `more` says that another page is there.

    `changed_at` is the last change in it and `read_at` when it was read, both by the vendor's clock
    and None where it does not tell. `kept` is what the vendor's `take_over` needs of it.
    """

    found: tuple[Found, ...]
    cursor: str
    more: bool
    changed_at: datetime | None = None
    read_at: datetime | None = None
    kept: object = None


class Bulk(Protocol):
    """One account's lists and batches, for one thread. Every method raises `VendorError`."""

    @property
    def traits(self) -> Traits:
        """What the vendor can do with a due date."""

    @property
    def calls(self) -> int:
        """HTTP requests sent so far."""

    @property
    def batch(self) -> int:
        """The most tickets that `apply` takes."""

    def start(self, since: datetime) -> str:
        """Return the cursor before everything that changed at or after an instant."""

    def changes(self, cursor: str) -> Changes:
        """Return the next page of what changed, oldest first. One call."""

    def page(self, cursor: str) -> Page:
        """Return the next page of tickets with what a decision needs, oldest change first."""

    def take_over(self, page: Page) -> None:
        """Work on the tickets of a page that another thread has read."""

    def settle(self, ticket: Ticket) -> Ticket:
        """Return a ticket of the page taken over with its conversation. One call."""

    def apply(
        self, writes: Sequence[tuple[Ticket, TicketPatch]]
    ) -> tuple[Written | VendorError, ...]:
        """Write a batch, guarded where the vendor can; the answers are in the order of `writes`."""

    def count(self) -> int | None:
        """Return how many tickets there are about, None where the vendor does not tell."""

    def ticket_url(self, ticket_id: str) -> str:
        """Return the address where an agent opens the ticket."""
