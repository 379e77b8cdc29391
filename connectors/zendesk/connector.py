"""One Zendesk account: fetch a ticket, apply a patch.

Settings: `due_date` ("task" or "field"), `types_to_task`, `tier_field`, `named_contact_field`.
Credentials: `client_id` and `client_secret` (OAuth), or `access_token`, or `email` and `api_token`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connectors.base import Connection, Connector, Vendor
from connectors.cache import ShortCache
from connectors.errors import Rejected
from connectors.pace import Pace
from sla_rules.ticket import Ticket, TicketPatch, Traits, Written

from .client import ZendeskClient
from .events import parse
from .hands import STAMP, People, authors, type_is_ours
from .manual import manual_steps
from .signature import verify
from .tickets import Fields, Options, to_ticket, to_update

_users: ShortCache[dict[str, Any]] = ShortCache(600)
_contacts: ShortCache[tuple[str | None, str | None]] = ShortCache(60)
_fields: ShortCache[Fields] = ShortCache(600)
_TITLES = {
    "SLA due": "due",
    "SLA note": "note",
    "SLA kind": "kind",
    "SLA environment": "environment",
}


@dataclass(frozen=True, slots=True)
class _Read:
    ticket_json: Mapping[str, Any]
    type_is_ours: bool


class ZendeskConnector:
    """The account behind a connection; for one thread."""

    traits = Traits()

    def __init__(self, connection: Connection, pace: Pace | None = None) -> None:
        self._connection = connection
        self._client = ZendeskClient(connection, pace)
        self._last: dict[str, _Read] = {}

    @property
    def calls(self) -> int:
        """HTTP requests sent so far."""
        return self._client.session.calls

    def fetch(self, ticket_id: str) -> Ticket:
        """Read the ticket and its audits: two calls, and a third where an author is new to us."""
        options = self._options()
        answer = self._client.ticket(ticket_id)
        raw = answer.get("ticket") or {}
        audits = self._client.audits(ticket_id)
        users = {str(user.get("id")): user for user in answer.get("users") or ()}
        organizations = {str(one.get("id")): one for one in answer.get("organizations") or ()}
        organization = organizations.get(str(raw.get("organization_id")))
        requester = str(raw.get("requester_id"))
        self._last = {ticket_id: _Read(raw, type_is_ours(audits))}
        return to_ticket(
            raw,
            organization=organization,
            audits=audits,
            people=self._people(requester, authors(audits), users),
            requester=users.get(requester),
            named_contact=self._named_contact(organization, options),
            options=options,
        )

    def apply(self, ticket: Ticket, patch: TicketPatch) -> Written:
        """Send one guarded update; what the account ignored comes back as a note."""
        read = self._last[ticket.id]
        body, taken = to_update(read.ticket_json, patch, self._options(), ours=read.type_is_ours)
        if not body:
            return Written(stamp=ticket.stamp)
        body |= {
            "updated_stamp": ticket.stamp,
            "safe_update": True,
            "metadata": {STAMP: self._connection.key},
        }
        stamp = self._client.update(ticket.id, body)
        warning = self._client.session.warning
        notes = (f"Zendesk ignored: {warning}",) if warning else ()
        return Written(values=taken, stamp=stamp, notes=notes)

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
            fields=_fields.get(self._connection.base_url, self._find_fields),
        )

    def _find_fields(self) -> Fields:
        found: dict[str, int] = {}
        for one in self._client.ticket_fields():
            name = _TITLES.get(str(one.get("title")))
            if name and one.get("active", True):
                found.setdefault(name, int(one["id"]))
        return Fields(**found)

    def _people(self, requester: str, wrote: set[str], known: dict[str, dict[str, Any]]) -> People:
        base = self._connection.base_url
        missing: list[str] = []
        found: dict[str, dict[str, Any]] = {}
        for identifier in sorted(wrote - {requester}):
            user = known.get(identifier) or _users.held((base, identifier))
            if user is None:
                missing.append(identifier)
            else:
                found[identifier] = user
        for user in self._client.users(missing[:100]):
            found[str(user.get("id"))] = user
            _users.put((base, str(user.get("id"))), user)
        agents = {
            identifier: str(user.get("name") or identifier)
            for identifier, user in found.items()
            if user.get("role") in {"agent", "admin"}
        }
        return People(requester=requester, agents=agents)

    def _named_contact(
        self, organization: Mapping[str, Any] | None, options: Options
    ) -> tuple[str | None, str | None]:
        """The named contact's id, and why they cannot take tickets; the address where unknown."""
        fields = (organization or {}).get("organization_fields") or {}
        given = str(fields.get(options.named_contact_field) or "").strip()
        if not given:
            return None, None
        key = (self._connection.base_url, given)
        return _contacts.get(key, lambda: self._find_contact(given))

    def _find_contact(self, given: str) -> tuple[str | None, str | None]:
        try:
            users = (
                self._client.users([given])
                if given.isdigit()
                else (self._client.agents_by_email(given))
            )
        except Rejected as error:
            return given, f"Zendesk does not find them ({error.status})"
        agent = next((user for user in users if user.get("role") in {"agent", "admin"}), None)
        if agent is None:
            return given, "there is no agent of that address"
        if not agent.get("active", True) or agent.get("suspended"):
            return given, "the agent is not active"
        return str(agent["id"]), None


def _connect(connection: Connection, pace: Pace | None = None) -> Connector:
    return ZendeskConnector(connection, pace)


VENDOR = Vendor(
    name="zendesk",
    title="Zendesk",
    verify=verify,
    parse=parse,
    connect=_connect,
    manual_steps=manual_steps,
)
