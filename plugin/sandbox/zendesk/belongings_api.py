"""Zendesk's routes for what belongs to a person or an organisation: tickets, groups, memberships.

The people themselves are in `people_api.py`, organisations in `organizations_api.py`.
"""

from __future__ import annotations

from collections.abc import Callable

from plugin.sandbox.gate import Gate
from plugin.sandbox.state import Json
from plugin.sandbox.zendesk.account import ZendeskAccount
from plugin.sandbox.zendesk.answers import page, record, shown

Caller = Json
Account = ZendeskAccount


def register(gate: Gate) -> None:
    """Add the routes."""
    person = "/api/v2/users/<int:user_id>"
    gate.route("GET", f"{person}/tickets/requested", requested)
    gate.route("GET", f"{person}/tickets/assigned", assigned)
    gate.route("GET", f"{person}/tickets/ccd", copied)
    gate.route("GET", f"{person}/groups", groups)
    gate.route("GET", f"{person}/organizations", organizations)
    gate.route("GET", f"{person}/organization_memberships", memberships)
    gate.route("GET", "/api/v2/organization_memberships", memberships)
    organization = "/api/v2/organizations/<int:organization_id>"
    gate.route("GET", f"{organization}/organization_memberships", memberships)
    gate.route("GET", f"{organization}/related", related)


def requested(account: Account, _caller: Caller, user_id: int) -> Json:
    return _tickets(account, user_id, lambda ticket: ticket["requester_id"] == user_id)


def assigned(account: Account, _caller: Caller, user_id: int) -> Json:
    return _tickets(account, user_id, lambda ticket: ticket["assignee_id"] == user_id)


def copied(account: Account, _caller: Caller, user_id: int) -> Json:
    return _tickets(account, user_id, lambda ticket: user_id in ticket["collaborator_ids"])


def _tickets(account: Account, user_id: int, wanted: Callable[[Json], bool]) -> Json:
    record(account.users, user_id)
    answer = page([t for t in account.seen_tickets() if wanted(t)], "tickets")
    return {**answer, "tickets": [shown(t) for t in answer["tickets"]]}


def groups(account: Account, _caller: Caller, user_id: int) -> Json:
    """Every member of staff belongs to every group."""
    record(account.users, user_id)
    return page(list(account.groups.values()) if account.staff(user_id) else [], "groups")


def organizations(account: Account, _caller: Caller, user_id: int) -> Json:
    own = record(account.users, user_id)["organization_id"]
    return page([o for o in account.organizations.values() if o["id"] == own], "organizations")


def memberships(
    account: Account,
    _caller: Caller,
    user_id: int | None = None,
    organization_id: int | None = None,
) -> Json:
    """A user belongs to one organisation at most."""
    rows = [
        {"id": u["id"] * 10, "user_id": u["id"], "organization_id": o["id"],
         "organization_name": o["name"], "default": True, "view_tickets": False,
         "created_at": u["created_at"], "updated_at": u["updated_at"]}
        for u in account.users.values()
        if (o := account.organizations.get(u["organization_id"] or 0))
        if user_id in (None, u["id"]) and organization_id in (None, o["id"])
    ]  # fmt: skip
    return page(rows, "organization_memberships")


def related(account: Account, _caller: Caller, organization_id: int) -> Json:
    """Answer how many tickets and people an organisation has."""
    record(account.organizations, organization_id)
    counted = {"tickets_count": account.tickets, "users_count": account.users}
    return {
        "organization_related": {
            name: sum(1 for row in table.values() if row["organization_id"] == organization_id)
            for name, table in counted.items()
        }
    }
