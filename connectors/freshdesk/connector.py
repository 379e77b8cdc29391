"""One Freshdesk account: fetch a ticket, apply a patch.

Settings: `engine` ("legacy", or "recalculating" for accounts since 2025-08-25), `timer_off`
(numbers of statuses), `status_without_timer` (a number), `feature_request_type`, `tier_field`,
`named_contact_field`, `match_domains`, `recalculation_seconds`, `webhook_header`.
Credentials: `api_key`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from connectors.base import Connection, Connector, Vendor
from connectors.bulk import Bulk
from connectors.errors import Rejected
from connectors.json_values import mapping, mappings, number, text
from connectors.pace import Pace
from sla_rules.ticket import Priority, Ticket, TicketPatch, Traits, Written

from .account import Account
from .client import FreshdeskClient
from .events import parse
from .manual import manual_steps
from .provision import setup
from .tickets import Options, fingerprint, to_ticket
from .updates import (
    TIMER_OFF,
    Update,
    drop_refused,
    is_as_we_left_it,
    speaks_of_the_timer,
    to_update,
)
from .webhook_token import verify

Json = Mapping[str, Any]
_EMBEDDED_MESSAGES = 10
_ATTEMPTS = 3  # of one write, each without the parts that the last answer refused


@dataclass(frozen=True, slots=True)
class _Read:
    ticket_json: Mapping[str, Any]
    company: Mapping[str, Any] | None


class FreshdeskConnector:
    """The account behind a connection; for one thread."""

    traits = Traits(
        clears_due_at=False,
        past_due_at=False,
        clears_due_when_done=False,
        default_priority=Priority.LOW,
        native_due_at=True,
        sets_kind=True,
    )

    def __init__(self, connection: Connection, pace: Pace | None = None) -> None:
        self._connection = connection
        self._client = FreshdeskClient(connection, pace)
        self._options = _options(connection.settings)
        self._account = Account(connection, self._client, self._options)
        self._last: dict[str, _Read] = {}
        self.traits = replace(
            self.traits,
            recalculates_due_at=connection.settings.get("engine") == "recalculating",
            stops_timer=self._options.status_without_timer is not None,
        )

    @property
    def client(self) -> FreshdeskClient:
        """The account's API."""
        return self._client

    @property
    def calls(self) -> int:
        """HTTP requests sent so far."""
        return self._client.session.calls

    def fetch(self, ticket_id: str) -> Ticket:
        """Read the ticket: one call, with a second where it has more than ten messages.

        What many tickets share (companies, agents) is read once in a while.
        """
        ticket = self.fetch_changed(ticket_id, None)
        if ticket is None:
            raise AssertionError("without a fingerprint every ticket is read")
        return ticket

    def fetch_changed(self, ticket_id: str, seen: str | None) -> Ticket | None:
        """Read the ticket, and what belongs to it unless it is as `seen`."""
        raw = mapping(self._client.ticket(ticket_id))
        company, found_by = self._account.company(raw)
        now = fingerprint(raw, company, self._options)
        if seen is not None and seen == now:
            return None
        conversations = mappings(raw.get("conversations"))
        if len(conversations) >= _EMBEDDED_MESSAGES:
            conversations = mappings(self._client.conversations(ticket_id))
        self._last = {}
        ticket = self._ticket(raw, company, found_by, conversations)
        return replace(ticket, fingerprint=now)

    def listed(self, raw: Json) -> Ticket:
        """Return a ticket out of a list: its conversation is unknown, `stats` tell the answer."""
        company, found_by = self._account.company(raw)
        return self._ticket(raw, company, found_by, None)

    def settle(self, ticket: Ticket) -> Ticket:
        """Return a listed ticket with its conversation."""
        read = self._last[ticket.id]
        found_by = ticket.organization.found_by if ticket.organization else None
        conversations = mappings(self._client.conversations(ticket.id))
        return self._ticket(read.ticket_json, read.company, found_by, conversations)

    def listed_so_far(self) -> Mapping[str, object]:
        """Return what `take_over` needs of the tickets listed since the last call."""
        kept, self._last = self._last, {}
        return kept

    def take_over(self, kept: object) -> None:
        """Work on tickets that another thread has listed."""
        self._last = dict(kept) if isinstance(kept, dict) else {}

    def _ticket(
        self,
        raw: Json,
        company: Json | None,
        found_by: str | None,
        conversations: Sequence[Json] | None,
    ) -> Ticket:
        self._last[str(raw.get("id"))] = _Read(raw, company)
        return to_ticket(
            raw,
            company=company,
            conversations=conversations,
            named_contact=self._account.named_contact(raw, company),
            found_by=found_by,
            options=self._options,
        )

    def apply(self, ticket: Ticket, patch: TicketPatch) -> Written:
        """Send one update, unguarded: what changed meanwhile is seen at the next look.

        A part that the account refuses by name is left out and the rest sent again.
        """
        read = self._last[ticket.id]
        status = number(read.ticket_json.get("status"))
        update = to_update(
            read.ticket_json,
            patch,
            self._options,
            timer_off=(status,) if self._account.timer_off(status) else (),
            types=self._account.types() if "kind" in patch.changes() else None,
        )
        answer = self._send(ticket.id, update, status)
        if answer is None:
            return Written(
                stamp=ticket.stamp,
                notes=tuple(update.notes),
                refused=frozenset(update.refused),
                fingerprint=ticket.fingerprint,
            )
        mark = None
        if is_as_we_left_it(read.ticket_json, answer, update.body):
            fields = {
                **mapping(read.ticket_json.get("custom_fields")),
                **mapping(update.body.get("custom_fields")),
            }
            now = {**read.ticket_json, **update.body, "custom_fields": fields}
            now["updated_at"] = answer.get("updated_at")
            mark = fingerprint(now, read.company, self._options)
        delay = timedelta(seconds=self._options.recalculation_seconds)
        return Written(
            values=update.taken,
            stamp=text(answer.get("updated_at")),
            notes=tuple(update.notes),
            refused=frozenset(update.refused),
            fingerprint=mark,
            look_again_after=delay if self.traits.recalculates_due_at else None,
        )

    def _send(self, ticket_id: str, update: Update, status: int) -> Mapping[str, Any] | None:
        """Send what the account takes of an update; None where nothing is left of it."""
        for attempt in range(1, _ATTEMPTS + 1):
            if not update.body:
                return None
            try:
                return mapping(self._client.update(ticket_id, update.body))
            except Rejected as error:
                if "fr_due_by" in update.body and speaks_of_the_timer(error.named):
                    self._account.learn_timer_off(number(update.body.get("status", status)))
                    update.without_dates(TIMER_OFF)
                elif attempt == _ATTEMPTS or not drop_refused(update, error.named, self._options):
                    raise
        return None

    def add_note(self, ticket_id: str, text: str) -> None:
        """Write a private note."""
        self._client.add_note(ticket_id, text)

    def requester_ids(self, email: str) -> list[str]:
        """Return the ids of the contacts with that address."""
        return [str(contact["id"]) for contact in self._client.contacts_by_email(email)]

    def ticket_url(self, ticket_id: str) -> str:
        """Return where an agent opens the ticket."""
        return f"{self._connection.base_url}/a/tickets/{ticket_id}"


def _options(settings: Mapping[str, Any]) -> Options:
    given = {
        name: settings[name]
        for name in Options.__dataclass_fields__
        if settings.get(name) is not None
    }
    if "timer_off" in given:
        given["timer_off"] = frozenset(int(number) for number in given["timer_off"])
    return Options(**given)


def _connect(connection: Connection, pace: Pace | None = None) -> Connector:
    return FreshdeskConnector(connection, pace)


def _bulk(connection: Connection, pace: Pace | None = None) -> Bulk:
    from .bulk import FreshdeskBulk

    return FreshdeskBulk(connection, pace)


VENDOR = Vendor(
    name="freshdesk",
    title="Freshdesk",
    verify=verify,
    parse=parse,
    connect=_connect,
    bulk=_bulk,
    manual_steps=manual_steps,
    setup=setup,
    domain="freshdesk.com",
    credential_sets=(("api_key",),),
)
