"""Freshdesk's routes for ticket fields, as agents and as admins see them.

Company fields are in `companies_api.py`.
"""

from __future__ import annotations

from flask import request

from plugin.sandbox.freshdesk.account import FreshdeskAccount
from plugin.sandbox.freshdesk.answers import record
from plugin.sandbox.freshdesk.records import PRIORITIES, SOURCES, TYPES, failed
from plugin.sandbox.gate import Gate, request_json
from plugin.sandbox.state import ApiError, Json, Reply

FIELD_TYPES = ("custom_text", "custom_paragraph", "custom_checkbox", "custom_number",
               "custom_decimal", "custom_date", "custom_dropdown", "nested_field")  # fmt: skip
_WITHOUT_CHOICES = ("default_subject", "default_description", "default_company", "custom_text",
                    "custom_paragraph", "custom_checkbox", "custom_number", "custom_decimal",
                    "custom_date")  # fmt: skip
Caller = Json
Account = FreshdeskAccount


def register(gate: Gate) -> None:
    """Add the routes."""
    gate.route("GET", "/api/v2/ticket_fields", ticket_fields)
    gate.route("GET POST", "/api/v2/admin/ticket_fields", admin_ticket_fields)
    gate.route("GET PUT DELETE", "/api/v2/admin/ticket_fields/<int:record_id>", admin_ticket_field)
    gate.route("GET", "/api/v2/ticket-forms", ticket_forms)


def ticket_fields(account: Account, _caller: Caller) -> list[Json]:
    kind = request.args.get("type")
    rows = [f for f in account.ticket_fields.values() if kind in (None, f["type"])]
    return [
        f if f["type"] in _WITHOUT_CHOICES else {**f, "choices": _choices(account, f)} for f in rows
    ]


def _choices(account: Account, field: Json) -> object:
    every: Json = {
        "default_ticket_type": TYPES,
        "default_source": SOURCES,
        "default_priority": PRIORITIES,
        "default_status": {
            str(number): [status.agent_label, status.customer_label]
            for number, status in account.statuses.items()
        },
        "default_group": {g["name"]: g["id"] for g in account.groups.values()},
        "default_agent": {a["contact"]["name"]: a["id"] for a in account.agents.values()},
    }
    return every.get(field["type"], field.get("choices", []))


def admin_ticket_fields(account: Account, caller: Caller) -> Reply:
    account.admins_only(caller)
    if request.method == "GET":
        return Reply([_with_choice_ids(f) for f in account.ticket_fields.values()])
    given = request_json()
    for name in ("label", "label_for_customers", "type"):
        if not given.get(name):
            raise failed(name, "It should be a/an String", "missing_field")
    if given["type"] not in FIELD_TYPES:
        listed = ",".join(FIELD_TYPES)
        raise failed("type", f"It should be one of these values: '{listed}'", "invalid_value")
    if given["type"] == "custom_dropdown" and not given.get("choices"):
        raise failed("choices", "It should be a/an Array", "missing_field")
    made = account.add_ticket_field(given["label"], given["type"], _values(given))
    _change(made, given)
    return Reply(_with_choice_ids(made), 201)


def admin_ticket_field(account: Account, caller: Caller, record_id: int) -> Reply:
    account.admins_only(caller)
    found = record(account.ticket_fields, record_id)
    if request.method == "GET":
        return Reply(_with_choice_ids(found))
    if request.method == "DELETE":
        if found["default"]:
            raise ApiError(405, None, Allow="GET")
        account.remove_ticket_field(record_id)
        return Reply(None, 204)
    given = request_json()
    if "choices" in given:
        kept = [] if given.get("replace_choices") else found.get("choices") or []
        found["choices"] = list(dict.fromkeys([*kept, *_values(given)]))
    _change(found, given)
    return Reply(_with_choice_ids(found))


def _change(field: Json, given: Json) -> None:
    for name in ("label", "label_for_customers", "position", "required_for_agents",
                 "required_for_closure", "customers_can_edit", "archived"):  # fmt: skip
        if name in given:
            field[name] = given[name]


def _values(given: Json) -> list[str]:
    return [c["value"] if isinstance(c, dict) else str(c) for c in given.get("choices") or ()]


def _with_choice_ids(field: Json) -> Json:
    choices = enumerate(field.get("choices") or [], start=1)
    return {**field, "choices": [{"id": field["id"] * 10 + n, "value": v, "position": n,
                                  "label": v} for n, v in choices]}  # fmt: skip


def ticket_forms(account: Account, caller: Caller) -> list[Json]:
    account.admins_only(caller)
    return [{"id": 298, "name": "default_ticket_form", "title": "Default Ticket Form",
             "default": True, "fields": list(account.ticket_fields)}]  # fmt: skip
