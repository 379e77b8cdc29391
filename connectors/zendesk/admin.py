"""Zendesk's administration API: fields, views, triggers, webhooks, who we are.

What is made of it is `provision.py`, what is wrong with it `checks.py`; tickets are in `client.py`.
"""
# https://developer.zendesk.com/api-reference/  (read 2026-11)

from __future__ import annotations

from connectors.api import Api, Json
from connectors.base import Connection
from connectors.errors import CredentialsRejected
from connectors.pace import Pace

from .client import ZendeskSession, pages

PATHS = {
    "ticket_field": "/ticket_fields",
    "organization_field": "/organization_fields",
    "view": "/views",
    "trigger": "/triggers",
    "webhook": "/webhooks",
}


class ZendeskAdmin(Api):
    """One account's administration. Every method may raise a `VendorError`."""

    session: ZendeskSession

    def __init__(self, connection: Connection, pace: Pace | None = None) -> None:
        super().__init__(ZendeskSession(connection, pace), "/api/v2")

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
        return pages(self.session, f"/api/v2{path}?page[size]=100", name)

    def make(self, kind: str, body: Json, connection: Connection) -> str:
        """Make something of a kind in `PATHS` and return its id. As a step's `make`."""
        del connection
        given = {name: value for name, value in body.items() if value not in ([], None)}
        return str(self.post(PATHS[kind], {kind: given})[kind]["id"])

    def signing_secret(self, webhook_id: str) -> str:
        """Return the secret that signs a webhook's requests."""
        return _secret(self.get(f"/webhooks/{webhook_id}/signing_secret"))

    def new_signing_secret(self, webhook_id: str) -> str:
        """Replace that secret at once and return the new one."""
        return _secret(self.post(f"/webhooks/{webhook_id}/signing_secret", {}))


def _secret(answer: Json) -> str:
    return str(answer["signing_secret"]["secret"])
