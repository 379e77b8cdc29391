"""Freshdesk's routes for the support team and the account: agents, groups, roles, hours, SLAs.

Partners are in `companies_api.py`.
"""

from __future__ import annotations

from flask import request

from plugin.sandbox.freshdesk.account import FreshdeskAccount
from plugin.sandbox.freshdesk.answers import paged, record
from plugin.sandbox.freshdesk.due_dates import TARGETS
from plugin.sandbox.gate import Gate
from plugin.sandbox.state import Json, Reply

ROLES = ("Account Administrator", "Administrator", "Supervisor", "Agent")
Caller = Json
Account = FreshdeskAccount


def register(gate: Gate) -> None:
    """Add the routes."""
    gate.route("GET", "/api/v2/agents", agents)
    gate.route("GET", "/api/v2/agents/me", me)
    gate.route("GET", "/api/v2/agents/<int:record_id>", agent)
    gate.route("GET", "/api/v2/groups", groups)
    gate.route("GET", "/api/v2/groups/<int:record_id>", group)
    gate.route("GET", "/api/v2/admin/groups", admin_groups)
    gate.route("GET", "/api/v2/roles", roles)
    gate.route("GET", "/api/v2/roles/<int:record_id>", role)
    gate.route("GET", "/api/v2/account", about)
    gate.route("GET", "/api/v2/business_hours", business_hours)
    gate.route("GET", "/api/v2/business_hours/<int:record_id>", one_business_hours)
    gate.route("GET", "/api/v2/sla_policies", sla_policies)
    gate.route("GET", "/api/v2/products", products)


def agents(account: Account, _caller: Caller) -> Reply:
    rows = list(account.agents.values())
    for name in ("email", "mobile", "phone"):
        if request.args.get(name):
            rows = [a for a in rows if a["contact"][name] == request.args[name]]
    return paged(rows)


def me(_account: Account, caller: Caller) -> Json:
    return caller


def agent(account: Account, _caller: Caller, record_id: int) -> Json:
    return record(account.agents, record_id)


def groups(account: Account, _caller: Caller) -> Reply:
    return paged(list(account.groups.values()))


def group(account: Account, _caller: Caller, record_id: int) -> Json:
    return record(account.groups, record_id)


def admin_groups(account: Account, caller: Caller) -> Reply:
    """The newer groups: the calendar goes by another name."""
    account.admins_only(caller)
    rows = [{k: v for k, v in g.items() if k != "business_hour_id"} for g in
            account.groups.values()]  # fmt: skip
    return paged([{**row, "business_calendar_id": 1, "type": "support_agent_group"}
                  for row in rows])  # fmt: skip


def roles(_account: Account, _caller: Caller) -> Reply:
    return paged([_role(number) for number in range(1, len(ROLES) + 1)])


def role(_account: Account, _caller: Caller, record_id: int) -> Json:
    return record({number: _role(number) for number in range(1, len(ROLES) + 1)}, record_id)


def _role(number: int) -> Json:
    return {"id": number, "name": ROLES[number - 1], "description": ROLES[number - 1],
            "default": True, "agent_type": 1, "created_at": "2025-01-01T00:00:00Z",
            "updated_at": "2025-01-01T00:00:00Z"}  # fmt: skip


def about(account: Account, _caller: Caller) -> Json:
    return {
        "account_id": 13, "account_name": account.name, "timezone": "Berlin",
        "tier_type": account.settings.plan.capitalize(), "data_center": "EU",
        "account_domain": f"{account.name}.freshdesk.test",
        "contact_person": {"firstname": "Sandbox", "lastname": "Admin",
                           "email": "admin@sandbox.test"},
        "total_agents": {"full_time": len(account.agents), "occasional": 0},
        "organisation_id": 1, "organisation_name": account.name, "hipaa_compliant": False,
    }  # fmt: skip


def business_hours(account: Account, caller: Caller) -> list[Json]:
    account.admins_only(caller)
    return [_hours()]


def one_business_hours(account: Account, caller: Caller, record_id: int) -> Json:
    account.admins_only(caller)
    return record({1: _hours()}, record_id)


def _hours() -> Json:
    """One interval a weekday, in the vendor's own notation; closed days are left out."""
    day = {"start_time": "09:00:00 am", "end_time": "05:00:00 pm"}
    days = ("monday", "tuesday", "wednesday", "thursday", "friday")
    return {"id": 1, "name": "Default", "description": None, "time_zone": "Berlin",
            "is_default": True, "business_hours": {name: dict(day) for name in days}}  # fmt: skip


def sla_policies(account: Account, caller: Caller) -> list[Json]:
    account.admins_only(caller)
    target = {
        f"priority_{n}": {"respond_within": TARGETS[n][0], "resolve_within": TARGETS[n][1],
                          "next_respond_within": None, "business_hours": False,
                          "escalation_enabled": False}
        for n in (4, 3, 2, 1)
    }  # fmt: skip
    return [{"id": 1, "name": "Default SLA Policy", "description": None, "active": True,
             "is_default": True, "position": 1, "sla_target": target, "applicable_to": {},
             "escalation": {}}]  # fmt: skip


def products(_account: Account, _caller: Caller) -> list[Json]:
    return []
