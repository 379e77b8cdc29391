"""Freshdesk's routes for automation rules.

What a rule does is in `automation.py`.
"""

from __future__ import annotations

from flask import request

from plugin.sandbox.freshdesk.account import FreshdeskAccount
from plugin.sandbox.freshdesk.answers import record
from plugin.sandbox.freshdesk.automation import check_rule
from plugin.sandbox.gate import Gate, request_json
from plugin.sandbox.state import ApiError, Json, Reply

Caller = Json
Account = FreshdeskAccount

A_PAGE = 30


def register(gate: Gate) -> None:
    """Add the routes."""
    gate.route("GET POST", "/api/v2/automations/<int:kind>/rules", rules)
    gate.route("GET PUT DELETE", "/api/v2/automations/<int:kind>/rules/<int:rule_id>", rule)


def rules(account: Account, caller: Caller, kind: int) -> Reply:
    account.admins_only(caller)
    table = _rules(account, kind)
    if request.method == "GET":
        meta = {"count": len(table), "cascading_rules": True}
        start = (max(1, request.args.get("page", 1, type=int)) - 1) * A_PAGE
        return Reply({"rules": list(table.values())[start : start + A_PAGE], "meta": meta})
    given = request_json()
    check_rule(given, kind)
    made = account.add(
        table,
        {"active": True, "position": len(table) + 1, "performer": {"type": 3}, "events": [],
         "conditions": [], "outdated": False, "affected_tickets_count": 0, "summary": {},
         "last_updated_by": caller["id"], **{k: v for k, v in given.items() if k != "id"}},
    )  # fmt: skip
    return Reply(made, 201)


def rule(account: Account, caller: Caller, kind: int, rule_id: int) -> Reply:
    account.admins_only(caller)
    table = _rules(account, kind)
    found = record(table, rule_id)
    if request.method == "DELETE":
        del table[rule_id]
        return Reply(None, 204)
    if request.method == "PUT":
        changed = {**found, **{k: v for k, v in request_json().items() if k != "id"}}
        check_rule(changed, kind)
        found.update(changed)
        found["updated_at"] = account.now()
    return Reply(found)


def _rules(account: Account, kind: int) -> dict[int, Json]:
    if kind not in account.rules:
        raise ApiError(404)
    return account.rules[kind]
