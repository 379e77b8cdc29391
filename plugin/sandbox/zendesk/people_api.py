"""Zendesk's routes for people: users, who am I, groups and who belongs to them.

Organisations are in `organizations_api.py`.
"""

from __future__ import annotations

from flask import request

from plugin.sandbox.gate import Gate, request_json
from plugin.sandbox.state import Json, Reply
from plugin.sandbox.zendesk.account import ZendeskAccount
from plugin.sandbox.zendesk.answers import asked_ids, page, record
from plugin.sandbox.zendesk.records import invalid

# What /users/me answers to bad credentials, with status 200.
ANONYMOUS = {"id": None, "name": "Anonymous user", "email": "invalid@example.com",
             "role": "end-user", "active": False}  # fmt: skip
Caller = Json
Account = ZendeskAccount


def register(gate: Gate) -> None:
    """Add the routes."""
    gate.route("GET", "/api/v2/users/me", me)
    gate.route("GET", "/api/v2/users/search", search_users)
    gate.route("GET", "/api/v2/users/show_many", show_many_users)
    gate.route("GET", "/api/v2/users/count", count_users)
    gate.route("GET POST", "/api/v2/users", users)
    gate.route("POST", "/api/v2/users/create_or_update", create_or_update_user)
    gate.route("GET PUT DELETE", "/api/v2/users/<int:record_id>", user)
    gate.route("GET", "/api/v2/users/<int:record_id>/related", related)
    gate.route("GET POST", "/api/v2/groups", groups)
    gate.route("GET", "/api/v2/groups/assignable", groups)
    gate.route("GET", "/api/v2/groups/<int:record_id>", group)
    gate.route("GET", "/api/v2/groups/<int:group_id>/users", group_users)
    gate.route("GET", "/api/v2/group_memberships", memberships)
    gate.route("GET", "/api/v2/group_memberships/assignable", memberships)
    gate.route("GET", "/api/v2/groups/<int:group_id>/memberships", memberships)
    gate.route("GET", "/api/v2/users/<int:user_id>/group_memberships", memberships)


def me(_account: Account, caller: Caller | None) -> Json:
    return {"user": caller or ANONYMOUS}


def users(account: Account, _caller: Caller) -> Reply:
    if request.method == "GET":
        roles = request.args.getlist("role[]") or request.args.getlist("role")
        rows = [u for u in account.users.values() if not roles or u["role"] in roles]
        return Reply(page(rows, "users"))
    return Reply({"user": _create(account, request_json().get("user") or {})}, 201)


def create_or_update_user(account: Account, _caller: Caller) -> Reply:
    """Find the user by e-mail address or external id, change it, or create it."""
    given = request_json().get("user") or {}
    for found in account.users.values():
        for name in ("email", "external_id"):
            if given.get(name) and found[name] == given[name]:
                account.change_user(found, given)
                return Reply({"user": found})
    return Reply({"user": _create(account, given)}, 201)


def _create(account: Account, given: Json) -> Json:
    if not given.get("name"):
        raise invalid("name", "Name: is too short (minimum is 1 characters)")
    made = account.add_user(
        given["name"],
        given.get("email"),
        role=given.get("role", "end-user"),
        organization_id=given.get("organization_id"),
        locale=given.get("locale", "en-US"),
    )
    made["external_id"] = given.get("external_id")
    return made


def search_users(account: Account, _caller: Caller) -> Json:
    """Find users by `email:`, `external_id` or a part of name or address."""
    external = request.args.get("external_id")
    if external:
        return page([u for u in account.users.values() if u["external_id"] == external], "users")
    query = request.args.get("query", "").strip().strip('"').lower()
    email = query.removeprefix("email:").strip('"') if query.startswith("email:") else None
    rows = [
        user
        for user in account.users.values()
        if (email and email == (user["email"] or "").lower())
        or (not email and query in f"{user['name']} {user['email']}".lower())
    ]
    return page(rows, "users")


def show_many_users(account: Account, _caller: Caller) -> Json:
    """Find users by `ids`; those that do not exist are left out."""
    wanted = asked_ids()
    return page([account.users[n] for n in wanted if n in account.users], "users")


def count_users(account: Account, _caller: Caller) -> Json:
    return {"count": {"value": len(account.users), "refreshed_at": account.now()}}


def related(account: Account, _caller: Caller, record_id: int) -> Json:
    """Answer how many tickets a user has, as requester and as assignee."""
    record(account.users, record_id)
    counted = {"requested_tickets": "requester_id", "assigned_tickets": "assignee_id"}
    tickets = account.tickets.values()
    return {
        "user_related": {
            name: sum(1 for ticket in tickets if ticket[key] == record_id)
            for name, key in counted.items()
        }
    }


def user(account: Account, _caller: Caller, record_id: int) -> Reply:
    found = record(account.users, record_id)
    if request.method == "PUT":
        headers = account.take("user-updates", record_id)
        account.change_user(found, request_json().get("user") or {})
        return Reply({"user": found}, 200, headers)
    if request.method == "DELETE":
        found["active"] = False
    return Reply({"user": found})


def groups(account: Account, _caller: Caller) -> Reply:
    if request.method == "GET":
        return Reply(page(list(account.groups.values()), "groups"))
    given = request_json().get("group") or {}
    if not given.get("name"):
        raise invalid("name", "Name: cannot be blank")
    return Reply({"group": account.add_group(given["name"])}, 201)


def group(account: Account, _caller: Caller, record_id: int) -> Json:
    return {"group": record(account.groups, record_id)}


def group_users(account: Account, _caller: Caller, group_id: int) -> Json:
    record(account.groups, group_id)
    return page([u for u in account.users.values() if account.staff(u["id"])], "users")


def memberships(
    account: Account, _caller: Caller, group_id: int | None = None, user_id: int | None = None
) -> Json:
    """Every member of staff belongs to every group."""
    rows = [
        {"id": u["id"] * 10 + n, "user_id": u["id"], "group_id": g, "default": n == 0,
         "created_at": u["created_at"], "updated_at": u["updated_at"]}
        for u in account.users.values() if account.staff(u["id"])
        for n, g in enumerate(account.groups)
        if group_id in (None, g) and user_id in (None, u["id"])
    ]  # fmt: skip
    return page(rows, "group_memberships")
