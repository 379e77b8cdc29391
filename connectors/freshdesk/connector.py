"""One Freshdesk account: fetch a ticket, apply a patch.

Settings: `engine` ("legacy", or "recalculating" for accounts since 2025-08-25), `timer_off`
(numbers of statuses), `feature_request_type`, `tier_field`, `named_contact_field`,
`webhook_header`.
Credentials: `api_key`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from connectors.base import Connection, Connector, Vendor
from connectors.cache import ShortCache
from connectors.errors import TicketNotFound
from connectors.pace import Pace
from sla_rules.ticket import Priority, Ticket, TicketPatch, Traits, Written

from .client import FreshdeskClient
from .events import parse
from .manual import manual_steps
from .tickets import Options, to_ticket, to_update
from .webhook_token import verify

_EMBEDDED_MESSAGES = 10
_companies: ShortCache[dict[str, Any]] = ShortCache(60)
_contacts: ShortCache[tuple[str | None, str | None]] = ShortCache(60)


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
        self._last: dict[str, Mapping[str, Any]] = {}
        if connection.settings.get("engine") == "recalculating":
            self.traits = replace(self.traits, recalculates_due_at=True)

    @property
    def calls(self) -> int:
        """HTTP requests sent so far."""
        return self._client.session.calls

    def fetch(self, ticket_id: str) -> Ticket:
        """Read the ticket: one call, with a second where it has more than ten messages."""
        raw = self._client.ticket(ticket_id)
        conversations = raw.get("conversations") or []
        if len(conversations) >= _EMBEDDED_MESSAGES:
            conversations = self._client.conversations(ticket_id)
        company = self._company(raw.get("company_id"))
        self._last = {ticket_id: raw}
        return to_ticket(
            raw,
            company=company,
            conversations=conversations,
            named_contact=self._named_contact(company),
            options=self._options,
        )

    def apply(self, ticket: Ticket, patch: TicketPatch) -> Written:
        """Send one update, unguarded: what changed meanwhile is seen at the next look."""
        body, taken, notes = to_update(self._last[ticket.id], patch, self._options)
        if not body:
            return Written(stamp=ticket.stamp)
        answer = self._client.update(ticket.id, body)
        return Written(values=taken, stamp=answer.get("updated_at"), notes=notes)

    def ticket_url(self, ticket_id: str) -> str:
        """Return where an agent opens the ticket."""
        return f"{self._connection.base_url}/a/tickets/{ticket_id}"

    def _company(self, company_id: object) -> dict[str, Any] | None:
        if not company_id:
            return None
        key = (self._connection.base_url, str(company_id))
        try:
            return _companies.get(key, lambda: self._client.company(str(company_id)))
        except TicketNotFound:
            return None

    def _named_contact(self, company: Mapping[str, Any] | None) -> tuple[str | None, str | None]:
        """The named contact's id, and why they cannot take tickets; the address where unknown."""
        fields = (company or {}).get("custom_fields") or {}
        given = str(fields.get(self._options.named_contact_field) or "").strip()
        if not given or given.isdigit():
            return given or None, None
        key = (self._connection.base_url, given)
        return _contacts.get(key, lambda: self._find_contact(given))

    def _find_contact(self, given: str) -> tuple[str | None, str | None]:
        agent = next(iter(self._client.agents_by_email(given)), None)
        if agent is None:
            return given, "there is no agent of that address"
        if agent.get("deactivated") or (agent.get("contact") or {}).get("active") is False:
            return given, "the agent is not active"
        return str(agent["id"]), None


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


VENDOR = Vendor(
    name="freshdesk",
    title="Freshdesk",
    verify=verify,
    parse=parse,
    connect=_connect,
    manual_steps=manual_steps,
)
