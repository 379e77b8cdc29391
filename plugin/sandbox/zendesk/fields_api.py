"""Zendesk's routes for what a ticket is made of: fields, forms, custom statuses, brands.

Organisation fields are in `organizations_api.py`.
"""

from __future__ import annotations

from flask import request

from plugin.sandbox.gate import Gate, request_json
from plugin.sandbox.state import ApiError, Json, Reply
from plugin.sandbox.zendesk.account import ZendeskAccount
from plugin.sandbox.zendesk.answers import admins_only, page, record
from plugin.sandbox.zendesk.records import invalid

FIELD_TYPES = ("text", "textarea", "checkbox", "date", "integer", "decimal", "regexp",
               "partialcreditcard", "multiselect", "tagger", "lookup")  # fmt: skip
Caller = Json
Account = ZendeskAccount


def register(gate: Gate) -> None:
    """Add the routes."""
    gate.route("GET POST", "/api/v2/ticket_fields", ticket_fields)
    gate.route("GET PUT DELETE", "/api/v2/ticket_fields/<int:record_id>", ticket_field)
    gate.route("GET", "/api/v2/ticket_fields/<int:record_id>/options", options)
    gate.route("GET", "/api/v2/ticket_forms", ticket_forms)
    gate.route("GET PUT", "/api/v2/ticket_forms/<int:record_id>", ticket_form)
    gate.route("GET", "/api/v2/custom_statuses", custom_statuses)
    gate.route("GET", "/api/v2/custom_statuses/<int:record_id>", custom_status)
    gate.route("GET", "/api/v2/brands", brands)
    gate.route("GET", "/api/v2/brands/<int:record_id>", brand)


def ticket_fields(account: Account, caller: Caller) -> Reply:
    if request.method == "GET":
        return Reply(page(list(account.ticket_fields.values()), "ticket_fields"))
    admins_only(caller)
    given = request_json().get("ticket_field") or {}
    if not given.get("title") or not given.get("type"):
        raise invalid("title", "Title: cannot be blank")
    if given["type"] not in FIELD_TYPES:
        raise invalid("type", f"Type: {given['type']} is not valid")
    _check_options(account, given, None)
    return Reply({"ticket_field": account.add_ticket_field(given)}, 201)


def ticket_field(account: Account, caller: Caller, record_id: int) -> Reply:
    found = record(account.ticket_fields, record_id)
    if request.method == "GET":
        return Reply({"ticket_field": found})
    admins_only(caller)
    if request.method == "DELETE":
        if not found["removable"]:
            raise ApiError(403, {"error": "Forbidden", "description": "a system field stays"})
        account.remove_ticket_field(record_id)
        return Reply(None, 204)
    given = request_json().get("ticket_field") or {}
    _check_options(account, given, record_id)
    account.change_field(found, given)
    return Reply({"ticket_field": found})


def _check_options(account: Account, given: Json, own: int | None) -> None:
    """Raise the 422 of a drop-down option whose tag another field uses, or uses twice."""
    if given.get("type") in ("tagger", "multiselect") and not given.get("custom_field_options"):
        raise invalid("custom_field_options", "Custom field options: cannot be blank")
    taken = {
        option["value"]
        for field in account.custom_ticket_fields()
        if field["id"] != own
        for option in field.get("custom_field_options", ())
    }
    for option in given.get("custom_field_options") or ():
        value = option.get("value")
        if not value or value in taken:
            raise invalid("custom_field_options", f"Tag {value} is already used")
        taken.add(value)


def options(account: Account, _caller: Caller, record_id: int) -> Json:
    found = record(account.ticket_fields, record_id)
    return page(found.get("custom_field_options") or [], "custom_field_options")


def ticket_forms(account: Account, _caller: Caller) -> Json:
    """Every account has one form; `ticket_field_ids` are always all fields."""
    return page([account.shown_form(form) for form in account.forms.values()], "ticket_forms")


def ticket_form(account: Account, caller: Caller, record_id: int) -> Json:
    found = record(account.forms, record_id)
    if request.method == "PUT":
        admins_only(caller)
        account.change_field(found, request_json().get("ticket_form") or {})
    return {"ticket_form": account.shown_form(found)}


def custom_statuses(account: Account, _caller: Caller) -> Json:
    rows = list(account.custom_statuses.values())
    wanted = request.args.get("status_categories", "")
    rows = [s for s in rows if not wanted or s["status_category"] in wanted.split(",")]
    return page(rows, "custom_statuses")


def custom_status(account: Account, _caller: Caller, record_id: int) -> Json:
    return {"custom_status": record(account.custom_statuses, record_id)}


def brands(account: Account, _caller: Caller) -> Json:
    return page(list(account.brands.values()), "brands")


def brand(account: Account, _caller: Caller, record_id: int) -> Json:
    return {"brand": record(account.brands, record_id)}
