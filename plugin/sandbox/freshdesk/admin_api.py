"""Freshdesk's API around tickets: people, companies, fields, groups, automation rules, account.

Tickets are in `api.py`.
"""

from __future__ import annotations

from flask import request

from plugin.sandbox.freshdesk.account import FreshdeskAccount
from plugin.sandbox.freshdesk.api import paged
from plugin.sandbox.freshdesk.automation import check_rule
from plugin.sandbox.freshdesk.due_dates import TARGETS
from plugin.sandbox.freshdesk.records import PRIORITIES, SOURCES, TYPES, failed
from plugin.sandbox.gate import Gate, request_json
from plugin.sandbox.state import ApiError, Json, Reply

Caller = Json
Account = FreshdeskAccount


def register(gate: Gate) -> None:
    """Add the routes."""
    gate.route("GET POST", "/api/v2/companies", companies)
    gate.route("GET PUT", "/api/v2/companies/<int:record_id>", company)
    gate.route("GET POST", "/api/v2/company_fields", company_fields)
    gate.route("GET POST", "/api/v2/contacts", contacts)
    gate.route("GET PUT", "/api/v2/contacts/<int:record_id>", contact)
    gate.route("GET", "/api/v2/ticket_fields", ticket_fields)
    gate.route("GET POST", "/api/v2/admin/ticket_fields", admin_ticket_fields)
    gate.route("GET", "/api/v2/agents", agents)
    gate.route("GET", "/api/v2/agents/me", me)
    gate.route("GET", "/api/v2/agents/<int:record_id>", agent)
    gate.route("GET", "/api/v2/groups", groups)
    gate.route("GET", "/api/v2/groups/<int:record_id>", group)
    gate.route("GET", "/api/v2/account", about)
    gate.route("GET", "/api/v2/business_hours", business_hours)
    gate.route("GET", "/api/v2/sla_policies", sla_policies)
    gate.route("GET POST", "/api/v2/automations/<int:kind>/rules", rules)
    gate.route("GET PUT DELETE", "/api/v2/automations/<int:kind>/rules/<int:rule_id>", rule)


def companies(account: Account, _caller: Caller) -> Reply:
    if request.method == "GET":
        return paged([dict(one) for one in account.companies.values()])
    given = request_json()
    if any(one["name"] == given.get("name") for one in account.companies.values()):
        raise failed("name", "It should be a unique value", "duplicate_value", 409)
    made = account.create_company(given.get("name") or "", domains=given.get("domains"))
    _merge(account, made, given)
    return Reply(made, 201)


def company(account: Account, _caller: Caller, record_id: int) -> Json:
    found = _record(account.companies, record_id)
    if request.method == "PUT":
        _merge(account, found, request_json())
    return found


def company_fields(account: Account, _caller: Caller) -> Reply:
    if request.method == "GET":
        return Reply(list(account.company_fields.values()))
    given = request_json()
    label = given.get("label") or given.get("name") or ""
    name = given.get("name") or label.strip().lower().replace(" ", "_")
    if any(field["name"] == name for field in account.company_fields.values()):
        raise failed("label", "It should be a unique value", "duplicate_value", 409)
    made = account.add_company_field(name, label)
    return Reply(made, 201)


def contacts(account: Account, _caller: Caller) -> Reply:
    if request.method == "GET":
        email = request.args.get("email")
        rows = [c for c in account.contacts.values() if email in (None, c["email"])]
        return paged([dict(one) for one in rows])
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


def contact(account: Account, _caller: Caller, record_id: int) -> Json:
    found = _record(account.contacts, record_id)
    if request.method == "PUT":
        found.update({k: v for k, v in request_json().items() if k in found and k != "id"})
        found["updated_at"] = account.now()
    return found


def ticket_fields(account: Account, _caller: Caller) -> list[Json]:
    kind = request.args.get("type")
    rows = [f for f in account.ticket_fields.values() if kind in (None, f["type"])]
    return [{**f, "choices": _choices(account, f)} if _has_choices(f) else f for f in rows]


def admin_ticket_fields(account: Account, _caller: Caller) -> Reply:
    if request.method == "GET":
        return Reply([_with_choice_ids(f) for f in account.ticket_fields.values()])
    given = request_json()
    for name in ("label", "label_for_customers", "type"):
        if not given.get(name):
            raise failed(name, "It should be a/an String", "missing_field")
    values = [choice["value"] for choice in given.get("choices") or ()]
    made = account.add_ticket_field(given["label"], given["type"], values)
    return Reply(_with_choice_ids(made), 201)


def agents(account: Account, _caller: Caller) -> Reply:
    email = request.args.get("email")
    rows = [a for a in account.agents.values() if email in (None, a["contact"]["email"])]
    return paged([dict(one) for one in rows])


def me(_account: Account, caller: Caller) -> Json:
    return caller


def agent(account: Account, _caller: Caller, record_id: int) -> Json:
    return _record(account.agents, record_id)


def groups(account: Account, _caller: Caller) -> Reply:
    return paged([dict(one) for one in account.groups.values()])


def group(account: Account, _caller: Caller, record_id: int) -> Json:
    return _record(account.groups, record_id)


def about(account: Account, _caller: Caller) -> Json:
    return {
        "account_id": 13, "account_name": account.name, "tier_type": "Pro", "timezone": "Berlin",
        "account_domain": f"{account.name}.freshdesk.test", "data_center": "EU",
        "contact_person": {"firstname": "Sandbox", "lastname": "Admin",
                           "email": "admin@sandbox.test"},
        "total_agents": {"full_time": len(account.agents), "occasional": 0},
        "organisation_id": 1, "organisation_name": account.name, "hipaa_compliant": False,
    }  # fmt: skip


def business_hours(_account: Account, _caller: Caller) -> list[Json]:
    hours = {"start_time": "09:00:00 am", "end_time": "05:00:00 pm"}
    days = ("monday", "tuesday", "wednesday", "thursday", "friday")
    return [{"id": 1, "name": "Default", "description": None, "time_zone": "Berlin",
             "is_default": True, "business_hours": dict.fromkeys(days, hours)}]  # fmt: skip


def sla_policies(_account: Account, _caller: Caller) -> list[Json]:
    target = {
        f"priority_{n}": {"respond_within": TARGETS[n][0], "resolve_within": TARGETS[n][1],
                          "business_hours": False, "escalation_enabled": False}
        for n in (4, 3, 2, 1)
    }  # fmt: skip
    return [{"id": 1, "name": "Default SLA Policy", "description": None, "active": True,
             "is_default": True, "position": 1, "sla_target": target, "applicable_to": {},
             "escalation": {}}]  # fmt: skip


def rules(account: Account, _caller: Caller, kind: int) -> Reply:
    table = _rules(account, kind)
    if request.method == "GET":
        meta = {"count": len(table), "cascading_rules": True}
        return Reply({"rules": list(table.values()), "meta": meta})
    given = request_json()
    check_rule(given)
    made = account.add(
        table,
        {"active": True, "position": len(table) + 1, "performer": {"type": 3}, "events": [],
         "conditions": [], "outdated": False, "affected_tickets_count": 0, "summary": {},
         **{k: v for k, v in given.items() if k != "id"}},
    )  # fmt: skip
    return Reply(made, 201)


def rule(account: Account, _caller: Caller, kind: int, rule_id: int) -> Reply:
    table = _rules(account, kind)
    found = _record(table, rule_id)
    if request.method == "DELETE":
        del table[rule_id]
        return Reply(None, 204)
    if request.method == "PUT":
        changed = {**found, **{k: v for k, v in request_json().items() if k != "id"}}
        check_rule(changed)
        found.update(changed)
        found["updated_at"] = account.now()
    return Reply(found)


def _rules(account: Account, kind: int) -> dict[int, Json]:
    if kind not in account.rules:
        raise ApiError(404)
    return account.rules[kind]


def _record(table: dict[int, Json], record_id: int) -> Json:
    if record_id not in table:
        raise ApiError(404)
    return table[record_id]


def _merge(account: Account, found: Json, given: Json) -> None:
    """Store a company's values; only the custom fields sent are changed."""
    known = {field["name"] for field in account.company_fields.values()}
    custom = given.get("custom_fields") or {}
    for name in (*custom, *given):
        if name not in known and name not in found:
            raise failed(name, "Unexpected/invalid field in request", "invalid_field")
    found["custom_fields"].update(custom)
    found.update({k: v for k, v in given.items() if k not in ("id", "custom_fields")})
    found["updated_at"] = account.now()


def _has_choices(field: Json) -> bool:
    plain = ("default_subject", "default_description", "default_company", "custom_text")
    return field["type"] not in plain


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


def _with_choice_ids(field: Json) -> Json:
    choices = enumerate(field.get("choices") or [], start=1)
    return {**field, "choices": [{"id": field["id"] * 10 + n, "value": v, "position": n,
                                  "label": v} for n, v in choices]}  # fmt: skip
