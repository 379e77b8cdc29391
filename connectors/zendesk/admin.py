"""Zendesk's administration API: fields, views, triggers, webhooks, who we are.

What is made of it is `provision.py`, what is wrong with it `checks.py`; tickets are in `client.py`.
"""
# https://developer.zendesk.com/api-reference/  (read 2026-11)

from __future__ import annotations

from typing import Any

from connectors.base import Connection
from connectors.errors import CredentialsRejected, TicketNotFound

from .client import ZendeskSession

Json = dict[str, Any]
_MOST_PAGES = 100
PATHS = {
    "ticket_field": "/ticket_fields",
    "organization_field": "/organization_fields",
    "view": "/views",
    "trigger": "/triggers",
    "webhook": "/webhooks",
}


class ZendeskAdmin:
    """One account's administration. Every method may raise a `VendorError`."""

    def __init__(self, connection: Connection) -> None:
        self.session = ZendeskSession(connection)

    def me(self) -> Json:
        """Return whom we act as.

        Zendesk answers 200 "Anonymous user" to credentials it refuses, an old token's too: that one
        is renewed once.
        """
        user: Json = self.get("/users/me.json").get("user") or {}
        if not user.get("id") and self.session.renew():
            user = self.get("/users/me.json").get("user") or {}
        if not user.get("id") or user.get("role") not in {"agent", "admin"}:
            name = user.get("name") or "Anonymous user"
            raise CredentialsRejected(
                f"Zendesk does not accept the credentials as an agent's: it answers as {name!r}",
                status=401,
            )
        return user

    def every(self, path: str, name: str) -> list[Json]:
        """Return all pages of a list."""
        found: list[Json] = []
        following: str | None = f"{path}?page[size]=100"
        for _ in range(_MOST_PAGES):
            if following is None:
                break
            page = self.get(following)
            found += page.get(name) or []
            more = (page.get("meta") or {}).get("has_more")
            after = (page.get("meta") or {}).get("after_cursor")
            following = f"{path}?page[size]=100&page[after]={after}" if more and after else None
        return found

    def get(self, path: str) -> Json:
        """Return what stands at a path under `/api/v2`."""
        answer: Json = self.session.get(self._url(path)).json()
        return answer

    def post(self, path: str, body: Json) -> Json:
        """Make something and return it."""
        answer: Json = self.session.post(self._url(path), json=body).json()
        return answer

    def make(self, kind: str, body: Json, connection: Connection) -> str:
        """Make something of a kind in `PATHS` and return its id. As a step's `make`."""
        del connection
        given = {name: value for name, value in body.items() if value not in ([], None)}
        return str(self.post(PATHS[kind], {kind: given})[kind]["id"])

    def put(self, path: str, body: Json) -> None:
        """Change something."""
        self.session.put(self._url(path), json=body)

    def delete(self, path: str) -> bool:
        """Remove something; False where it is gone already."""
        try:
            self.session.delete(self._url(path))
        except TicketNotFound as error:
            if error.status != 404:
                raise
            return False
        return True

    def signing_secret(self, webhook_id: str) -> str:
        """Return the secret that signs a webhook's requests."""
        return _secret(self.get(f"/webhooks/{webhook_id}/signing_secret"))

    def new_signing_secret(self, webhook_id: str) -> str:
        """Replace that secret at once and return the new one."""
        return _secret(self.post(f"/webhooks/{webhook_id}/signing_secret", {}))

    def _url(self, path: str) -> str:
        return f"{self.session.base_url}/api/v2{path}"


def _secret(answer: Json) -> str:
    return str(answer["signing_secret"]["secret"])
