"""Zendesk's routes for organisations and their fields.

People are in `people_api.py`.
"""

from __future__ import annotations

from flask import request

from plugin.sandbox.gate import Gate, request_json
from plugin.sandbox.state import ApiError, Json, Reply
from plugin.sandbox.zendesk.account import ZendeskAccount
from plugin.sandbox.zendesk.answers import asked_ids, page, record
from plugin.sandbox.zendesk.records import invalid

Caller = Json
Account = ZendeskAccount


def register(gate: Gate) -> None:
    """Add the routes."""
    gate.route("GET POST", "/api/v2/organizations", organizations)
    gate.route("GET", "/api/v2/organizations/show_many", show_many)
    gate.route("GET", "/api/v2/organizations/search", search)
    gate.route("GET", "/api/v2/organizations/autocomplete", autocomplete)
    gate.route("GET", "/api/v2/organizations/count", count)
    gate.route("POST", "/api/v2/organizations/create_or_update", create_or_update)
    gate.route("GET PUT DELETE", "/api/v2/organizations/<int:record_id>", organization)
    gate.route("GET", "/api/v2/organizations/<int:record_id>/users", users)
    gate.route("GET POST", "/api/v2/organization_fields", organization_fields)
    gate.route("GET PUT DELETE", "/api/v2/organization_fields/<int:record_id>", organization_field)


def organizations(account: Account, _caller: Caller) -> Reply:
    if request.method == "GET":
        return Reply(page(list(account.organizations.values()), "organizations"))
    return Reply({"organization": _create(account, request_json().get("organization") or {})}, 201)


def _create(account: Account, given: Json) -> Json:
    name = given.get("name") or ""
    if not name:
        raise invalid("name", "Name: cannot be blank")
    if any(o["name"].casefold() == name.casefold() for o in account.organizations.values()):
        raise invalid("name", "Name: has already been taken")
    values = {k: v for k, v in given.items() if k != "name"}
    return account.new_organization(name, values)


def show_many(account: Account, _caller: Caller) -> Json:
    """Find organisations by `ids` or `external_ids`; those that do not exist are left out."""
    external = {e.casefold() for e in request.args.get("external_ids", "").split(",") if e}
    wanted = asked_ids()
    rows = [
        o
        for o in account.organizations.values()
        if o["id"] in wanted or str(o["external_id"] or "").casefold() in external
    ]
    return page(rows, "organizations")


def search(account: Account, _caller: Caller) -> Json:
    """Find organisations whose `external_id` or `name` is the one given, in any case."""
    if any(key.startswith("external_id[") for key in request.args):
        return page(
            [], "organizations"
        )  # no text, so nobody's: node-zendesk sends `{name: ...}` so
    arguments = [n for n in ("external_id", "name") if request.args.get(n)]
    if len(arguments) != 1:
        text = "Give an external_id or a name"
        raise ApiError(400, {"error": "BadRequest", "description": text})
    wanted = request.args[arguments[0]].casefold()
    rows = [
        o for o in account.organizations.values() if str(o[arguments[0]] or "").casefold() == wanted
    ]
    return page(rows, "organizations")


def autocomplete(account: Account, _caller: Caller) -> Json:
    start = request.args.get("name", "").casefold()
    rows = [o for o in account.organizations.values() if o["name"].casefold().startswith(start)]
    return page(rows, "organizations")


def count(account: Account, _caller: Caller) -> Json:
    return {"count": {"value": len(account.organizations), "refreshed_at": account.now()}}


def create_or_update(account: Account, _caller: Caller) -> Reply:
    given = request_json().get("organization") or {}
    for found in account.organizations.values():
        for name in ("id", "external_id"):
            if given.get(name) and found[name] == given[name]:
                account.change_organization(found, given)
                return Reply({"organization": found})
    return Reply({"organization": _create(account, given)}, 201)


def organization(account: Account, _caller: Caller, record_id: int) -> Reply:
    found = record(account.organizations, record_id)
    if request.method == "DELETE":
        account.delete_organization(record_id)
        return Reply(None, 204)
    if request.method == "PUT":
        headers = account.take("organization-updates", record_id)
        account.change_organization(found, request_json().get("organization") or {})
        return Reply({"organization": found}, 200, headers)
    return Reply({"organization": found})


def users(account: Account, _caller: Caller, record_id: int) -> Json:
    rows = [u for u in account.users.values() if u["organization_id"] == record_id]
    return page(rows, "users")


def organization_fields(account: Account, _caller: Caller) -> Reply:
    if request.method == "GET":
        rows = list(account.organization_fields.values())
        return Reply(page(rows, "organization_fields"))
    given = request_json().get("organization_field") or {}
    for name in ("key", "title", "type"):
        if not given.get(name):
            raise invalid(name, f"{name.capitalize()}: cannot be blank")
    if any(f["key"] == given.get("key") for f in account.organization_fields.values()):
        raise invalid("key", "Key: has already been taken")
    return Reply({"organization_field": account.add_organization_field(given)}, 201)


def organization_field(account: Account, _caller: Caller, record_id: int) -> Reply:
    found = record(account.organization_fields, record_id)
    if request.method == "DELETE":
        del account.organization_fields[record_id]
        return Reply(None, 204)
    if request.method == "PUT":
        account.change_field(found, request_json().get("organization_field") or {})
    return Reply({"organization_field": found})
