"""Freshdesk's routes for partners: companies, their fields, contacts.

Agents and groups are in `agents_api.py`.
"""

from __future__ import annotations

from flask import request

from plugin.sandbox.freshdesk.account import FreshdeskAccount
from plugin.sandbox.freshdesk.answers import paged, record
from plugin.sandbox.freshdesk.records import failed
from plugin.sandbox.gate import Gate, request_json
from plugin.sandbox.state import ApiError, Json, Reply

Caller = Json
Account = FreshdeskAccount


def register(gate: Gate) -> None:
    """Add the routes."""
    gate.route("GET POST", "/api/v2/companies", companies)
    gate.route("GET", "/api/v2/companies/autocomplete", autocomplete)
    gate.route("GET PUT DELETE", "/api/v2/companies/<int:record_id>", company)
    for path in ("/api/v2/company_fields", "/api/v2/admin/company_fields"):
        gate.route("GET POST", path, company_fields)
        gate.route("GET PUT DELETE", f"{path}/<int:record_id>", company_field)
    gate.route("GET POST", "/api/v2/contacts", contacts)
    gate.route("GET PUT DELETE", "/api/v2/contacts/<int:record_id>", contact)
    gate.route("PUT", "/api/v2/contacts/<int:record_id>/restore", restore_contact)
    gate.route("GET", "/api/v2/contact_fields", contact_fields)


def companies(account: Account, _caller: Caller) -> Reply:
    if request.method == "GET":
        since = request.args.get("updated_since", "")
        return paged([c for c in account.companies.values() if c["updated_at"] >= since])
    given = request_json()
    if not given.get("name"):
        raise failed("name", "It should be a/an String", "missing_field")
    _check(account, given, None)
    made = account.create_company(given["name"])
    _merge(account, made, given)
    return Reply(made, 201)


def autocomplete(account: Account, _caller: Caller) -> Json:
    start = request.args.get("name", "").casefold()
    rows = [c for c in account.companies.values() if c["name"].casefold().startswith(start)]
    return {"companies": [{"id": c["id"], "name": c["name"]} for c in rows]}


def company(account: Account, _caller: Caller, record_id: int) -> Reply:
    found = record(account.companies, record_id)
    if request.method == "DELETE":
        account.remove_company(record_id)
        return Reply(None, 204)
    if request.method == "PUT":
        given = request_json()
        _check(account, given, found)
        _merge(account, found, given)
    return Reply(found)


def _check(account: Account, given: Json, own: Json | None) -> None:
    """Raise the 409 of a name or mail domain that another company has, the 400 of an odd key."""
    known = {field["name"] for field in account.company_fields.values()}
    plain = ("name", "domains", "description", "note", "health_score", "account_tier",
             "renewal_date", "industry", "custom_fields")  # fmt: skip
    for name in given:
        if name not in plain:
            raise failed(name, "Unexpected/invalid field in request", "invalid_field")
    for name in given.get("custom_fields") or {}:
        if name not in known:
            raise failed(name, "Unexpected/invalid field in request", "invalid_field")
    for other in account.companies.values():
        if other is own:
            continue
        if other["name"] == given.get("name"):
            raise failed("name", "It should be a unique value", "duplicate_value", 409)
        if set(other["domains"]) & set(given.get("domains") or ()):
            raise failed("domains", "It should be a unique value", "duplicate_value", 409)


def _merge(account: Account, found: Json, given: Json) -> None:
    """Store a company's values; only the custom fields sent are changed."""
    found["custom_fields"].update(given.get("custom_fields") or {})
    found.update({k: v for k, v in given.items() if k != "custom_fields"})
    found["updated_at"] = account.now()


def company_fields(account: Account, caller: Caller) -> Reply:
    if request.method == "GET":
        return Reply(list(account.company_fields.values()))
    account.admins_only(caller)
    given = request_json()
    label = given.get("label") or given.get("name") or ""
    if not label:
        raise failed("label", "It should be a/an String", "missing_field")
    name = given.get("name") or label.strip().lower().replace(" ", "_")
    if any(field["name"] == name for field in account.company_fields.values()):
        raise failed("label", "It should be a unique value", "duplicate_value", 409)
    choices = [c["value"] if isinstance(c, dict) else c for c in given.get("choices") or ()]
    kind = given.get("type", "custom_text")
    return Reply(account.add_company_field(name, label, kind, choices), 201)


def company_field(account: Account, caller: Caller, record_id: int) -> Reply:
    found = record(account.company_fields, record_id)
    if request.method != "GET":
        account.admins_only(caller)
    if request.method == "DELETE":
        del account.company_fields[record_id]
        return Reply(None, 204)
    if request.method == "PUT":
        given = {k: v for k, v in request_json().items() if k in found}
        found.update({k: v for k, v in given.items() if k not in ("id", "name", "type")})
    return Reply(found)


def contacts(account: Account, _caller: Caller) -> Reply:
    if request.method == "GET":
        account.take("contact_list")
        rows = list(account.contacts.values())
        for name in ("email", "mobile", "phone", "company_id", "unique_external_id"):
            if request.args.get(name):
                rows = [c for c in rows if str(c[name]) == request.args[name]]
        since = request.args.get("_updated_since", "")
        return paged([c for c in rows if c["updated_at"] >= since and not c.get("deleted")])
    given = request_json()
    if not given.get("name") or not given.get("email"):
        raise failed("name", "It should be a/an String", "missing_field")
    made = account.add_contact(
        given["name"],
        given["email"],
        given.get("company_id") or account.company_for(given["email"]),
        given.get("language", "en"),
    )
    return Reply(made, 201)


def contact(account: Account, _caller: Caller, record_id: int) -> Reply:
    found = record(account.contacts, record_id)
    if request.method == "DELETE":
        if found.get("deleted"):
            raise ApiError(405, None, Allow="GET")
        found["deleted"] = True
        return Reply(None, 204)
    if request.method == "PUT":
        account.change_contact(found, request_json())
    return Reply(found)


def restore_contact(account: Account, _caller: Caller, record_id: int) -> Reply:
    record(account.contacts, record_id)["deleted"] = False
    return Reply(None, 204)


def contact_fields(_account: Account, _caller: Caller) -> list[Json]:
    return [
        {"id": n, "name": name, "label": name.capitalize(), "default": True, "position": n,
         "type": f"default_{name}"}
        for n, name in enumerate(("name", "email", "phone", "company_name", "language"), start=1)
    ]  # fmt: skip
