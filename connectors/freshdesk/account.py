"""What the tickets of one Freshdesk account share, kept for a short while: companies, agents.

Says nothing of a single ticket; `tickets.py` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from connectors.base import Connection, NamedContact
from connectors.cache import ShortCache
from connectors.errors import Rejected, TicketNotFound
from connectors.json_values import identifier, identifiers, mapping, text

from .client import FreshdeskClient
from .tickets import Options

Json = Mapping[str, Any]

COMPANY_LIFE = timedelta(minutes=1)

_companies: ShortCache[Json] = ShortCache(COMPANY_LIFE.total_seconds())
_domains: ShortCache[str] = ShortCache(600)
_contacts: ShortCache[Json] = ShortCache(600)
_named: ShortCache[NamedContact] = ShortCache(60)
_types: ShortCache[tuple[str, ...]] = ShortCache(600)
_timer_off: ShortCache[bool] = ShortCache(3600)


class Account:
    """Reads through caches that all threads share."""

    def __init__(self, connection: Connection, client: FreshdeskClient, options: Options) -> None:
        self._base = connection.base_url
        self._client = client
        self._options = options

    def company(self, ticket_json: Json) -> tuple[Json | None, str | None]:
        """Return the ticket's company and how it was found where the ticket names none.

        A requester may belong to several: the ticket's own comes first, then the requester's
        primary one, then the one that owns the e-mail domain.
        """
        own = identifier(ticket_json.get("company_id"))
        if own:
            return self._read_company(own), None
        requester = identifier(ticket_json.get("requester_id"))
        if not requester or not self._options.match_domains:
            return None, None
        primary = identifier(self._read_contact(requester).get("company_id"))
        if primary:
            return self._read_company(primary), "the requester's primary company"
        email = text(mapping(ticket_json.get("requester")).get("email")) or ""
        domain = email.rpartition("@")[2].lower().replace("'", "")
        owner = self._owner_of(domain) if domain else ""
        return (self._read_company(owner), f"the e-mail domain {domain}") if owner else (None, None)

    def named_contact(self, ticket_json: Json, company: Json | None) -> NamedContact | None:
        """Return the named contact, with why they cannot take this ticket.

        Who takes a ticket must fit its group.
        """
        fields = mapping(mapping(company).get("custom_fields"))
        given = (text(fields.get(self._options.named_contact_field)) or "").strip()
        if not given:
            return None
        contact = _named.get((self._base, given), lambda: self._find_contact(given))
        group = identifier(ticket_json.get("group_id"))
        if contact.refusal or not group or not contact.groups or group in contact.groups:
            return contact
        return replace(contact, refusal="not_in_group")

    def types(self) -> tuple[str, ...] | None:
        """Return the account's ticket types, None where it does not tell."""
        found = _types.get(self._base, lambda: tuple(self._client.types()))
        return found or None

    def timer_off(self, status: int) -> bool:
        """Say whether this status refused due dates lately."""
        return _timer_off.held((self._base, status)) or False

    def learn_timer_off(self, status: int) -> None:
        """Remember for an hour that a status's timer is off."""
        _timer_off.put((self._base, status), True)

    def _read_company(self, company_id: str) -> Json | None:
        try:
            return _companies.get(
                (self._base, company_id), lambda: self._client.company(company_id)
            )
        except TicketNotFound:
            return None

    def _read_contact(self, contact_id: str) -> Json:
        def read() -> Json:
            try:
                return self._client.contact(contact_id)
            except TicketNotFound:
                return {}

        return _contacts.get((self._base, contact_id), read)

    def _owner_of(self, domain: str) -> str:
        """The id of the company that owns an e-mail domain; empty where none does."""

        def search() -> str:
            try:
                found = self._client.company_of_domain(domain)
            except (Rejected, TicketNotFound):
                return ""
            return identifier(found.get("id")) or ""

        return _domains.get((self._base, domain), search)

    def _find_contact(self, given: str) -> NamedContact:
        if given.isdigit():
            try:
                agent: Json | None = self._client.agent(given)
            except TicketNotFound:
                agent = None
        else:
            agent = next(iter(self._client.agents_by_email(given)), None)
        if agent is None:
            return NamedContact(id=given, refusal="unknown")
        person = mapping(agent.get("contact"))
        name = text(person.get("name"))
        if agent.get("deactivated") or person.get("active") is False:
            return NamedContact(id=given, name=name, refusal="inactive")
        groups = identifiers(agent.get("group_ids"))
        return NamedContact(id=str(agent.get("id")), name=name, groups=groups)
