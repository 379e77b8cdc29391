"""What the tickets of one Zendesk account share, kept for a short while: people, fields, partners.

Says nothing of a single ticket; `tickets.py` does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from connectors.base import Connection, NamedContact
from connectors.cache import ShortCache
from connectors.errors import Rejected, TicketNotFound
from connectors.json_values import identifier, mapping, mappings, number, text

from .client import ZendeskClient
from .hands import People
from .tickets import Fields, Options

Json = Mapping[str, Any]
_AGENTS = {"agent", "admin"}
_TITLES = {
    "SLA due": "due",
    "SLA note": "note",
    "SLA kind": "kind",
    "SLA environment": "environment",
    "SLA impact": "impact",
}
ORGANIZATION_LIFE = timedelta(minutes=1)
_staff: ShortCache[dict[str, str]] = ShortCache(600)
_users: ShortCache[Json] = ShortCache(600)
_fields: ShortCache[Fields] = ShortCache(600)
_contacts: ShortCache[NamedContact] = ShortCache(60)
_groups: ShortCache[frozenset[str]] = ShortCache(600)
_organizations: ShortCache[Json] = ShortCache(ORGANIZATION_LIFE.total_seconds())
_domains: ShortCache[dict[str, str]] = ShortCache(900)


class Account:
    """Reads through caches that all threads share."""

    def __init__(self, connection: Connection, client: ZendeskClient) -> None:
        self._base = connection.base_url
        self._settings = connection.settings
        self._client = client

    def fields(self) -> Fields:
        """Return what we must know of the ticket fields."""
        return _fields.get((self._base, *sorted(self._own_fields().items())), self._find_fields)

    def _own_fields(self) -> dict[str, int]:
        """The numbers that `connect` noted; they count before the titles."""
        known = mapping(self._settings.get("fields"))
        return {name: number(one) for name, one in known.items() if number(one)}

    def people(self, requester: str | None, wrote: set[str], users: Mapping[str, Json]) -> People:
        """Return who is who among those who `wrote`; `users` came with the ticket."""
        staff = _staff.get(self._base, self._find_staff)
        agents = {who: staff[who] for who in wrote if who in staff}
        agents |= _agents(users.values())
        unknown = []
        for who in sorted(wrote - set(agents) - set(users) - {str(requester)}):
            user = _users.held((self._base, who))
            if user is None:
                unknown.append(who)
            else:
                agents |= _agents([user])
        for user in self._client.users(unknown[:100]):
            _users.put((self._base, str(user.get("id"))), user)
            agents |= _agents([user])
        return People(
            requester=requester,
            agents=agents,
            acting=identifier(self._settings.get("acting_user_id")),
        )

    def organization(
        self, ticket_json: Json, requester: Json, sideloaded: Iterable[Json]
    ) -> tuple[Json | None, str | None]:
        """Return the ticket's organisation and how it was found where the ticket names none.

        A requester may belong to several: the ticket's own comes first, then the requester's
        default, then the one that owns the e-mail domain.
        """
        own = identifier(ticket_json.get("organization_id"))
        for one in sideloaded:
            if own and identifier(one.get("id")) == own:
                _organizations.put((self._base, own), one)
                return one, None
        if own:
            return self._read_organization(own), None
        default = identifier(requester.get("organization_id"))
        if default:
            return self._read_organization(default), "the requester's own organisation"
        domain = (text(requester.get("email")) or "").rpartition("@")[2].lower()
        if not domain or self._settings.get("match_domains") is False:
            return None, None
        owner = _domains.get(self._base, self._find_domains).get(domain)
        return (
            (self._read_organization(owner), f"the e-mail domain {domain}")
            if owner
            else (None, None)
        )

    def named_contact(
        self, ticket_json: Json, organization: Json | None, options: Options
    ) -> NamedContact | None:
        """Return the named contact, with why they cannot take this ticket.

        Zendesk assigns only members of the ticket's group.
        """
        fields = mapping(mapping(organization).get("organization_fields"))
        given = (text(fields.get(options.named_contact_field)) or "").strip()
        if not given:
            return None
        contact = _contacts.get((self._base, given), lambda: self._find_contact(given))
        group = identifier(ticket_json.get("group_id"))
        if contact.refusal or not group or ticket_json.get("assignee_id"):
            return contact
        groups = _groups.get(
            (self._base, contact.id), lambda: frozenset(self._client.group_ids(contact.id))
        )
        if groups and group not in groups:
            return replace(contact, refusal="not_in_group")
        return contact

    def _read_organization(self, number_: str) -> Json | None:
        try:
            return _organizations.get(
                (self._base, number_), lambda: self._client.organization(number_)
            )
        except TicketNotFound:
            return None

    def _find_domains(self) -> dict[str, str]:
        """Which organisation, by its id, owns which e-mail domain."""
        found: dict[str, str] = {}
        for one in self._client.organizations():
            _organizations.put((self._base, str(one.get("id"))), one)
            for domain in one.get("domain_names") or ():
                found.setdefault(str(domain).lower(), str(one.get("id")))
        return found

    def _find_staff(self) -> dict[str, str]:
        return _agents(self._client.staff())

    def _find_fields(self) -> Fields:
        found: dict[str, int] = {}
        all_priorities = True
        for one in self._client.ticket_fields():
            if one.get("type") == "priority" and one.get("sub_type_id") == 1:
                all_priorities = False
            name = _TITLES.get(text(one.get("title")) or "")
            if name and one.get("active") is not False and number(one.get("id")):
                found.setdefault(name, number(one.get("id")))
        return Fields(**{**found, **self._own_fields()}, all_priorities=all_priorities)

    def _find_contact(self, given: str) -> NamedContact:
        try:
            users = (
                self._client.users([given])
                if given.isdigit()
                else self._client.agents_by_email(given)
            )
        except Rejected:
            return NamedContact(id=given, refusal="unknown")
        agent = next((user for user in users if user.get("role") in _AGENTS), None)
        if agent is None:
            return NamedContact(id=given, refusal="unknown")
        name = text(agent.get("name"))
        if agent.get("active") is False or agent.get("suspended"):
            return NamedContact(id=given, name=name, refusal="inactive")
        return NamedContact(id=str(agent["id"]), name=name)


def _agents(users: Iterable[Json]) -> dict[str, str]:
    return {
        str(user.get("id")): text(user.get("name")) or str(user.get("id"))
        for user in mappings(list(users))
        if user.get("role") in _AGENTS
    }
