"""Zendesk's API for one account: zenpy over our own session. The only module here on the network.

Says nothing of what a ticket means; `tickets.py` does.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

import requests
from zenpy import Zenpy
from zenpy.lib.api_objects import Ticket as ZenpyTicket

from connectors.base import Connection
from connectors.errors import CredentialsRejected, TicketNotFound, VendorError
from connectors.http import AccountSession
from connectors.json_values import mapping, mappings
from connectors.pace import Pace

from .limits import ZendeskLimits

_tokens: dict[tuple[str, str, str], str] = {}


class ZendeskSession(AccountSession):
    """Sends zenpy's requests to the connection's own address, with a bearer that renews itself.

    https://developer.zendesk.com/api-reference/ticketing/oauth/grant_type_tokens/
    """

    authorized = True  # zenpy then leaves headers alone

    def __init__(self, connection: Connection, pace: Pace | None = None) -> None:
        super().__init__(
            "Zendesk", connection.base_url, "zendesk.com", limits=ZendeskLimits(), pace=pace
        )
        parts = urlsplit(self.base_url)
        last = parts.path.rsplit("/", 1)[-1] or (parts.hostname or "").split(".")[0]
        self.subdomain = last
        self.host = f"{last}.zendesk.com"
        self.ignored: tuple[str, ...] = ()
        self.answer: Any = None
        self._credentials = connection.credentials
        self.auth = self._authorize

    def request(self, method: str, url: str, **options: Any) -> requests.Response:  # type: ignore[override]
        """Send to the account's address; a refused token is renewed once."""
        parts = urlsplit(url)
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        if parts.hostname == self.host:
            url = self.base_url + path
        elif not url.startswith(self.base_url + "/"):
            raise ValueError(f"refused to call {parts.hostname} for {self.base_url}")
        try:
            response = super().request(method, url, **options)
        except CredentialsRejected as error:
            if error.status != 401 or not self.renew():
                raise
            response = super().request(method, url, **options)
        self.ignored = _ignored(response.headers.get("x-zendesk-api-warn"))
        self.answer = response
        if parts.hostname == self.host:
            response.request.url = url = f"https://{self.host}{path}"  # zenpy looks at this host
        return response

    def renew(self) -> bool:
        """Fetch a new token; False where the credentials are not an OAuth client's."""
        if "client_id" not in self._credentials:
            return False
        self._token(renew=True)
        return True

    def _authorize(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        given = self._credentials
        if "email" in given and "api_token" in given:
            pair = f"{given['email']}/token:{given['api_token']}".encode()
            value = f"Basic {base64.b64encode(pair).decode()}"
        else:
            value = f"Bearer {given.get('access_token') or self._token()}"
        request.headers["Authorization"] = value
        return request

    def _token(self, *, renew: bool = False) -> str:
        """The access token, shared by this process's sessions of the account.

        No lock: two threads may fetch one each, but none waits for an account that hangs.
        """
        given = self._credentials
        key = (self.base_url, str(given.get("client_id")), str(given.get("client_secret")))
        if renew or key not in _tokens:
            _tokens[key] = self._fetch_token()
        return _tokens[key]

    def _fetch_token(self) -> str:
        body = {
            "grant_type": "client_credentials",
            "client_id": self._credentials.get("client_id"),
            "client_secret": self._credentials.get("client_secret"),
            "scope": "read write",
        }
        message = "Zendesk refuses the OAuth client's id or secret"
        session = AccountSession("Zendesk", self.base_url, "zendesk.com")
        try:
            answer = session.post(f"{self.base_url}/oauth/tokens", json=body)
            return str(answer.json()["access_token"])
        except VendorError as error:
            if error.retryable:
                raise
            raise CredentialsRejected(message, status=error.status) from None
        except (ValueError, KeyError, TypeError):
            raise CredentialsRejected(message, status=answer.status_code) from None


def _ignored(header: str | None) -> tuple[str, ...]:
    """What Zendesk ignored of a request, but for the ticket's id, which zenpy always sends."""
    keys = set(re.findall(r'"(ticket\.[^"]+)"', header or "")) - {"ticket.id"}
    return tuple(sorted(keys))


class ZendeskClient:
    """The calls we make. For one thread."""

    def __init__(self, connection: Connection, pace: Pace | None = None) -> None:
        self.session = ZendeskSession(connection, pace)
        self._zenpy = Zenpy(
            subdomain=self.session.subdomain, session=self.session, disable_cache=True
        )

    def ticket(self, ticket_id: str) -> dict[str, Any]:
        """Return `{ticket, users, organizations}`; the ticket counts its comments.

        Raises `TicketGone` where the account answers us otherwise: a closed account and a wrong
        address say 404 to everything.
        """
        path = f"/api/v2/tickets/{ticket_id}.json?include=users,organizations,comment_count"
        try:
            return self._get(path)
        except TicketNotFound as error:
            me = mapping(self._get("/api/v2/users/me.json").get("user"))
            if error.status == 404 and me.get("id"):  # an anonymous caller has none
                raise error.as_gone() from None
            raise

    def audits(self, ticket_id: str) -> list[dict[str, Any]]:
        """Return every audit of a ticket, oldest first."""
        return pages(self.session, f"/api/v2/tickets/{ticket_id}/audits.json", "audits")

    def users(self, ids: list[str]) -> list[dict[str, Any]]:
        """Return users by id, at most 100."""
        if not ids:
            return []
        return list(self._get(f"/api/v2/users/show_many.json?ids={','.join(ids)}").get("users", []))

    def staff(self) -> list[dict[str, Any]]:
        """Return every agent and admin."""
        return pages(
            self.session, "/api/v2/users.json?role[]=agent&role[]=admin&page[size]=100", "users"
        )

    def group_ids(self, user_id: str) -> list[str]:
        """Return the groups that an agent belongs to."""
        path = f"/api/v2/users/{user_id}/group_memberships.json"
        return [str(one.get("group_id")) for one in pages(self.session, path, "group_memberships")]

    def organization(self, organization_id: str) -> dict[str, Any]:
        """Return an organisation with its custom fields."""
        found = self._get(f"/api/v2/organizations/{organization_id}.json").get("organization")
        return dict(found or {})

    def organizations(self) -> list[dict[str, Any]]:
        """Return the account's organisations, the first 2,000 of them."""
        return pages(
            self.session, "/api/v2/organizations.json?page[size]=100", "organizations", most=20
        )

    def agents_by_email(self, email: str) -> list[dict[str, Any]]:
        """Return the users with that e-mail address."""
        query = quote(f"email:{email}")
        return list(self._get(f"/api/v2/users/search.json?query={query}").get("users", []))

    def ticket_fields(self) -> list[dict[str, Any]]:
        """Return the account's ticket fields."""
        return list(self._get("/api/v2/ticket_fields.json").get("ticket_fields", []))

    def update(self, ticket_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Update a ticket; return `{ticket, audit}`. An attribute set to None is cleared."""
        ticket = ZenpyTicket(id=int(ticket_id))
        for name, value in body.items():
            setattr(ticket, name, value)  # a constructor argument of None would not be sent
        self._zenpy.tickets.update(ticket)
        return dict(self.session.answer.json())

    def add_note(self, ticket_id: str, text: str, metadata: Mapping[str, str]) -> None:
        """Add a comment that is not public."""
        comment = {"body": text, "public": False}
        self.session.put(
            f"{self.session.base_url}/api/v2/tickets/{ticket_id}.json",
            json={"ticket": {"comment": comment, "metadata": dict(metadata)}},
        )

    def _get(self, path: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.session.get(self.session.base_url + path).json()
        return answer


def pages(
    session: AccountSession, path: str, name: str, *, most: int = 100
) -> list[dict[str, Any]]:
    """Return the rows of a list, by cursor or by page number as Zendesk goes on."""
    found: list[dict[str, Any]] = []
    for _ in range(most):
        page = session.get(session.base_url + path).json()
        found += [dict(row) for row in mappings(page.get(name))]
        following = mapping(page.get("links")).get("next") or page.get("next_page")
        parts = urlsplit(str(following)) if following else None
        more = mapping(page.get("meta")).get("has_more", True)
        if parts is None or not more or "/api/v2/" not in parts.path:
            break
        path = parts.path[parts.path.index("/api/v2/") :] + f"?{parts.query}"
    return found
