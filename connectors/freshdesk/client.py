"""Freshdesk's API for one account. The only module here on the network.

Says nothing of what a ticket means; `tickets.py` does.
"""
# https://developers.freshdesk.com/api/  (read 2026-11)

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from requests.auth import HTTPBasicAuth

from connectors.base import Connection
from connectors.errors import CredentialsRejected, TicketNotFound
from connectors.http import AccountSession
from connectors.json_values import mapping, mappings
from connectors.pace import Pace

from .limits import FreshdeskLimits

_PAGE = 100
_MOST_PAGES = 50


class FreshdeskClient:
    """The calls we make. For one thread. Credentials: `api_key`."""

    def __init__(self, connection: Connection, pace: Pace | None = None) -> None:
        self.session = AccountSession(
            "Freshdesk", connection.base_url, "freshdesk.com", limits=FreshdeskLimits(), pace=pace
        )
        api_key = connection.credentials.get("api_key")
        if not api_key:
            raise CredentialsRejected(f"connection {connection.key}: api_key is missing")
        self.session.auth = HTTPBasicAuth(api_key, "X")

    def ticket(self, ticket_id: str) -> dict[str, Any]:
        """Return a ticket with requester, stats and its first ten messages.

        Raises `TicketGone` where the account answers us otherwise: a wrong address may say 404 to
        everything.
        """
        path = f"/tickets/{ticket_id}?include=requester,stats,conversations"
        try:
            found: dict[str, Any] = self._get(path)
        except TicketNotFound as error:
            if error.status == 404 and mapping(self._get("/agents/me")).get("id"):
                raise error.as_gone() from None
            raise
        return found

    def conversations(self, ticket_id: str) -> list[dict[str, Any]]:
        """Return every message of a ticket but its first, oldest first."""
        return self._pages(f"/tickets/{ticket_id}/conversations?")

    def company(self, company_id: str) -> dict[str, Any]:
        """Return a company with its custom fields."""
        found: dict[str, Any] = self._get(f"/companies/{company_id}")
        return found

    def companies(self, since: str) -> list[dict[str, Any]]:
        """Return the companies changed at or after an instant."""
        return self._pages(f"/companies?updated_since={quote(since, safe=':')}&")

    def company_of_domain(self, domain: str) -> dict[str, Any]:
        """Return the company that owns an e-mail domain, nothing where none does."""
        query = quote(f"\"domain:'{domain}'\"")
        found = mappings(mapping(self._get(f"/search/companies?query={query}")).get("results"))
        return dict(found[0]) if len(found) == 1 else {}

    def contact(self, contact_id: str) -> dict[str, Any]:
        """Return a contact with its companies and language."""
        found: dict[str, Any] = self._get(f"/contacts/{contact_id}")
        return found

    def agent(self, agent_id: str) -> dict[str, Any]:
        """Return an agent with the groups they belong to."""
        found: dict[str, Any] = self._get(f"/agents/{agent_id}")
        return found

    def types(self) -> list[str]:
        """Return the account's ticket types."""
        fields = mappings(self._get("/ticket_fields?type=default_ticket_type"))
        choices = fields[0].get("choices") if fields else None
        return [str(one) for one in choices] if isinstance(choices, list) else []

    def agents_by_email(self, email: str) -> list[dict[str, Any]]:
        """Return the agents with that e-mail address."""
        found: list[dict[str, Any]] = self._get(f"/agents?email={quote(email)}")
        return found

    def contacts_by_email(self, email: str) -> list[dict[str, Any]]:
        """Return the contacts with that e-mail address."""
        found: list[dict[str, Any]] = self._get(f"/contacts?email={quote(email)}")
        return found

    def update(self, ticket_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Update a ticket and return it; its due dates may still change seconds later."""
        answer: dict[str, Any] = self.session.put(
            f"{self.session.base_url}/api/v2/tickets/{ticket_id}", json=dict(body)
        ).json()
        return answer

    def add_note(self, ticket_id: str, text: str) -> None:
        """Add a note that is private; `text` is plain."""
        self.session.post(
            f"{self.session.base_url}/api/v2/tickets/{ticket_id}/notes",
            json={"body": html.escape(text), "private": True},
        )

    def _pages(self, path: str) -> list[dict[str, Any]]:
        """Every row of a list; `path` is open for more of a query: it ends with `?` or `&`."""
        found: list[dict[str, Any]] = []
        for page in range(1, _MOST_PAGES + 1):
            some = self._get(f"{path}page={page}&per_page={_PAGE}")
            found += some
            if len(some) < _PAGE:
                break
        return found

    def _get(self, path: str) -> Any:
        return self.session.get(f"{self.session.base_url}/api/v2{path}").json()
