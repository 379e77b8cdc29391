"""One Zendesk account: fetch a ticket, apply a patch.

Settings: `due_date` ("task" or "field"), `types_to_task`, `tier_field`, `named_contact_field`,
`match_domains` (true: a requester without organisation is matched by e-mail domain),
`acting_user_id`, `fields` (the numbers of our ticket fields; without it found by their titles).
Credentials: `client_id` and `client_secret` (OAuth), or `access_token`, or `email` and `api_token`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from connectors.base import Connection, Connector, Vendor
from connectors.bulk import Bulk
from connectors.errors import Rejected
from connectors.json_values import identifier, mapping, mappings, text
from connectors.pace import Pace
from sla_rules.ticket import Ticket, TicketPatch, Traits, Written

from .account import Account
from .client import ZendeskClient
from .events import parse
from .hands import STAMP, OurType, authors, our_type
from .manual import manual_steps
from .provision import setup
from .signature import verify
from .tickets import Options, fingerprint, to_ticket
from .updates import CLOSED, Update, drop_ignored, drop_refused, is_as_we_left_it, to_update

Json = Mapping[str, Any]
_ATTEMPTS = 3  # of one write, each without the parts that the last answer refused


@dataclass(frozen=True, slots=True)
class _Read:
    ticket_json: Mapping[str, Any]
    organization: Mapping[str, Any] | None
    type: OurType


class ZendeskConnector:
    """The account behind a connection; for one thread."""

    traits = Traits()

    def __init__(self, connection: Connection, pace: Pace | None = None) -> None:
        self._connection = connection
        self._client = ZendeskClient(connection, pace)
        self._account = Account(connection, self._client)
        self._last: dict[str, _Read] = {}

    @property
    def client(self) -> ZendeskClient:
        """The account's API."""
        return self._client

    @property
    def calls(self) -> int:
        """HTTP requests sent so far."""
        return self._client.session.calls

    def fetch(self, ticket_id: str) -> Ticket:
        """Read the ticket and its audits: two calls.

        What many tickets share (agents, fields) is read once in a while; a third call is made only
        for an author whom nobody knows.
        """
        ticket = self.fetch_changed(ticket_id, None)
        if ticket is None:
            raise AssertionError("without a fingerprint every ticket is read")
        return ticket

    def fetch_changed(self, ticket_id: str, seen: str | None) -> Ticket | None:
        """Read the ticket, and its audits unless it is as `seen`."""
        options = self._options()
        answer = self._client.ticket(ticket_id)
        raw = mapping(answer.get("ticket"))
        users = {str(user.get("id")): user for user in mappings(answer.get("users"))}
        sideloaded = mappings(answer.get("organizations"))
        requester = identifier(raw.get("requester_id"))
        organization, found_by = self._account.organization(
            raw, mapping(users.get(str(requester))), sideloaded
        )
        if seen is not None and seen == fingerprint(raw, organization, options):
            return None
        audits = self._client.audits(ticket_id)
        self._last = {}
        return self._ticket(raw, organization, found_by, users, audits)

    def listed(self, raw: Json, users: Mapping[str, Json], organizations: Iterable[Json]) -> Ticket:
        """Return a ticket out of a list: without audits, its conversation is unknown."""
        requester = mapping(users.get(str(identifier(raw.get("requester_id")))))
        organization, found_by = self._account.organization(raw, requester, organizations)
        return self._ticket(raw, organization, found_by, users, None)

    def update_for(self, ticket: Ticket, patch: TicketPatch) -> Update:
        """Return the update of a ticket that was read or listed last."""
        read = self._last[ticket.id]
        return to_update(read.ticket_json, patch, self._options(), read.type)

    def settle(self, ticket: Ticket, users: Mapping[str, Json]) -> Ticket:
        """Return a listed ticket with its audits: start, response and hands are known then."""
        read = self._last[ticket.id]
        found_by = ticket.organization.found_by if ticket.organization else None
        audits = self._client.audits(ticket.id)
        return self._ticket(read.ticket_json, read.organization, found_by, users, audits)

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
        organization: Json | None,
        found_by: str | None,
        users: Mapping[str, Json],
        audits: Sequence[Json] | None,
    ) -> Ticket:
        options, requester = self._options(), identifier(raw.get("requester_id"))
        self._last[str(raw.get("id"))] = _Read(raw, organization, our_type(audits or ()))
        ticket = to_ticket(
            raw,
            organization=organization,
            audits=audits,
            people=None
            if audits is None
            else self._account.people(requester, authors(audits), users),
            requester=users.get(str(requester)),
            named_contact=self._account.named_contact(raw, organization, options),
            found_by=found_by,
            options=options,
        )
        # a decision without audits is not final: the next look shall read them
        mark = fingerprint(raw, organization, options) if audits is not None else None
        return replace(ticket, fingerprint=mark)

    def apply(self, ticket: Ticket, patch: TicketPatch) -> Written:
        """Send one guarded update; what the account ignored or refused comes back as a note.

        A part that the account refuses by name is left out and the rest sent again.
        """
        read, options = self._last[ticket.id], self._options()
        update = self.update_for(ticket, patch)
        guard = {
            "updated_stamp": ticket.stamp,
            "safe_update": True,
            "metadata": {STAMP: self._connection.key},
        }
        answer: Mapping[str, Any] = {}
        for attempt in range(1, _ATTEMPTS + 1):
            if not update.body:
                break
            try:
                answer = self._client.update(ticket.id, update.body | guard)
                break
            except Rejected as error:
                if _is_closed(error):
                    return Written(stamp=ticket.stamp, notes=(CLOSED,))
                if attempt == _ATTEMPTS or not drop_refused(update, error.named):
                    raise
        if not answer:
            return Written(
                stamp=ticket.stamp,
                notes=tuple(update.notes),
                refused=frozenset(update.refused),
                fingerprint=ticket.fingerprint,
            )
        drop_ignored(update, self._client.session.ignored)
        after = mapping(answer.get("ticket"))
        mark = None
        if is_as_we_left_it(read.ticket_json, answer):
            counted = {**after, "comment_count": read.ticket_json.get("comment_count")}
            mark = fingerprint(counted, read.organization, options)
        return Written(
            values=update.taken,
            stamp=text(after.get("updated_at")),
            notes=tuple(update.notes),
            refused=frozenset(update.refused),
            fingerprint=mark,
        )

    def add_note(self, ticket_id: str, text: str) -> None:
        """Write an internal note, with our stamp."""
        self._client.add_note(ticket_id, text, {STAMP: self._connection.key})

    def requester_ids(self, email: str) -> list[str]:
        """Return the ids of the users with that address."""
        found = self._client.agents_by_email(email)
        return [str(user["id"]) for user in found]

    def ticket_url(self, ticket_id: str) -> str:
        """Return where an agent opens the ticket."""
        return f"{self._connection.base_url}/agent/tickets/{ticket_id}"

    def _options(self) -> Options:
        settings = self._connection.settings
        types: Any = settings.get("types_to_task") or ()
        return Options(
            due_date=str(settings.get("due_date") or "task"),
            types_to_task=frozenset(str(one) for one in types),
            tier_field=str(settings.get("tier_field") or "sla_tier"),
            named_contact_field=str(settings.get("named_contact_field") or "sla_named_contact"),
            fields=self._account.fields(),
        )


def _is_closed(error: Rejected) -> bool:
    """Zendesk's answer for a ticket that was closed after we read it."""
    return error.status == 422 and ("status" in error.named or error.code == "ClosedTicket")


def _connect(connection: Connection, pace: Pace | None = None) -> Connector:
    return ZendeskConnector(connection, pace)


def _bulk(connection: Connection, pace: Pace | None = None) -> Bulk:
    from .bulk import ZendeskBulk

    return ZendeskBulk(connection, pace)


VENDOR = Vendor(
    name="zendesk",
    title="Zendesk",
    verify=verify,
    parse=parse,
    connect=_connect,
    bulk=_bulk,
    manual_steps=manual_steps,
    setup=setup,
    domain="zendesk.com",
    credential_sets=(("client_id", "client_secret"), ("access_token",), ("email", "api_token")),
)
