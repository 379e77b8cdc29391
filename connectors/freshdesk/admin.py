"""Freshdesk's administration API: fields, automation rules, the account, who we are.

What is made of it is `provision.py`, what is wrong with it `checks.py`; tickets are in `client.py`.
"""
# https://developers.freshdesk.com/api/  (read 2026-11)

from __future__ import annotations

from connectors.api import Api, Json
from connectors.base import Connection
from connectors.pace import Pace

from .client import FreshdeskClient

CREATION, UPDATE = 1, 4  # kinds of automation rule
_RULES_A_PAGE = 30
PATHS = {
    "ticket_field": "/admin/ticket_fields",
    "company_field": "/company_fields",
    "rule_creation": f"/automations/{CREATION}/rules",
    "rule_update": f"/automations/{UPDATE}/rules",
}


class FreshdeskAdmin(Api):
    """One account's administration. Every method may raise a `VendorError`."""

    def __init__(self, connection: Connection, pace: Pace | None = None) -> None:
        super().__init__(FreshdeskClient(connection, pace).session, "/api/v2")

    def me(self) -> Json:
        """Return the agent who owns the key."""
        agent: Json = self.get("/agents/me")
        return agent

    def roles(self) -> list[Json]:
        """Return the account's roles."""
        found: list[Json] = self.get("/roles")
        return found

    def account(self) -> Json:
        """Return plan, data centre and time zone."""
        account: Json = self.get("/account")
        return account

    def ticket_fields(self) -> list[Json]:
        """Return every ticket field, with the choices of each."""
        found: list[Json] = self.get("/admin/ticket_fields")
        return found

    def company_fields(self) -> list[Json]:
        """Return every company field."""
        found: list[Json] = self.get("/company_fields")
        return found

    def rules(self, kind: int) -> tuple[list[Json], bool]:
        """Return the rules of a kind, and whether all that match are run.

        The documentation shows one answer with all; a public program that reads real accounts gets
        a bare list in pages of thirty. Either is read.
        """
        found: dict[object, Json] = {}
        cascading, page = True, 1
        while True:
            answer = self.get(f"/automations/{kind}/rules" + (f"?page={page}" if page > 1 else ""))
            if isinstance(answer, dict):
                meta = answer.get("meta") or {}
                cascading = cascading and meta.get("cascading_rules") is not False
                answer = answer.get("rules")
            rows = {rule["id"]: rule for rule in answer or []}
            if len(rows) < _RULES_A_PAGE or rows.keys() <= found.keys():
                return list((found | rows).values()), cascading
            found |= rows
            page += 1

    def make(self, kind: str, body: Json, connection: Connection) -> str:
        """Make something of a kind in `PATHS` and return its id. As a step's `make`."""
        del connection
        return str(self.post(PATHS[kind], body)["id"])
