"""Zendesk's API around tickets: tokens, people, organisations, fields, webhooks, triggers.

Tickets are in `api.py`.
"""

from __future__ import annotations

import requests
from flask import request

from plugin.sandbox.gate import Gate, request_json
from plugin.sandbox.state import ApiError, Json, Reply
from plugin.sandbox.webhooks import TIMEOUT_SECONDS, is_private_address
from plugin.sandbox.zendesk.account import ZendeskAccount
from plugin.sandbox.zendesk.api import page
from plugin.sandbox.zendesk.events import CONDITIONAL, EVENT_TYPES
from plugin.sandbox.zendesk.records import invalid, not_found

ANONYMOUS = {"id": None, "name": "Anonymous user", "email": "invalid@example.com",
             "role": "end-user", "active": False}  # fmt: skip
Caller = Json
Account = ZendeskAccount


def register(gate: Gate) -> None:
    """Add the routes."""
    gate.route("POST", "/oauth/tokens", oauth_token)
    gate.route("GET", "/api/v2/users/me", me)
    gate.route("GET", "/api/v2/users/search", search_users)
    gate.route("GET", "/api/v2/users/show_many", show_many_users)
    gate.route("GET POST", "/api/v2/users", users)
    gate.route("GET", "/api/v2/users/<int:record_id>", user)
    gate.route("GET POST", "/api/v2/organizations", organizations)
    gate.route("GET PUT", "/api/v2/organizations/<int:record_id>", organization)
    gate.route("GET", "/api/v2/groups", groups)
    gate.route("GET", "/api/v2/group_memberships", memberships)
    gate.route("GET", "/api/v2/groups/<int:group_id>/memberships", memberships)
    gate.route("GET", "/api/v2/users/<int:user_id>/group_memberships", memberships)
    gate.route("GET POST", "/api/v2/ticket_fields", ticket_fields)
    gate.route("GET", "/api/v2/ticket_fields/<int:record_id>", ticket_field)
    gate.route("GET POST", "/api/v2/organization_fields", organization_fields)
    gate.route("GET POST", "/api/v2/webhooks", webhooks)
    gate.route("POST", "/api/v2/webhooks/test", try_webhook, unlocked=True)
    gate.route("GET PUT PATCH DELETE", "/api/v2/webhooks/<webhook_id>", webhook)
    gate.route("GET POST", "/api/v2/webhooks/<webhook_id>/signing_secret", signing_secret)
    gate.route("GET POST", "/api/v2/triggers", triggers)
    gate.route("GET PUT DELETE", "/api/v2/triggers/<int:trigger_id>", trigger)


def oauth_token(account: Account, _caller: Caller | None) -> Reply:
    body = request_json() or request.form.to_dict()
    basic = request.authorization
    if basic is not None and basic.type == "basic":
        body = {**body, "client_id": basic.username, "client_secret": basic.password}
    if body.get("grant_type") != "client_credentials":
        raise ApiError(400, {"error": "unsupported_grant_type",
                             "error_description": "The grant type is not supported."})  # fmt: skip
    token = account.token(body.get("client_id"), body.get("client_secret"), body.get("scope"))
    return Reply(token)


def me(_account: Account, caller: Caller | None) -> Json:
    return {"user": caller or ANONYMOUS}


def users(account: Account, _caller: Caller) -> Reply:
    if request.method == "GET":
        roles = request.args.getlist("role[]") or request.args.getlist("role")
        rows = [u for u in account.users.values() if not roles or u["role"] in roles]
        return Reply(page(account, rows, "users"))
    given = request_json().get("user") or {}
    if not given.get("name"):
        raise invalid("name", "Name: is too short (minimum is 1 characters)")
    made = account.add_user(
        given["name"],
        given.get("email"),
        role=given.get("role", "end-user"),
        organization_id=given.get("organization_id"),
        locale=given.get("locale", "en-US"),
    )
    return Reply({"user": made}, 201)


def search_users(account: Account, _caller: Caller) -> Json:
    """Find users by `email:` or a part of name or address."""
    query = request.args.get("query", "").strip().strip('"').lower()
    email = query.removeprefix("email:").strip('"') if query.startswith("email:") else None
    rows = [
        user
        for user in account.users.values()
        if (email and email == (user["email"] or "").lower())
        or (not email and query in f"{user['name']} {user['email']}".lower())
    ]
    return page(account, rows, "users")


def show_many_users(account: Account, _caller: Caller) -> Json:
    """Find users by `ids`; those that do not exist are left out."""
    wanted = request.args.get("ids", "").split(",")
    return page(account, [u for n, u in account.users.items() if str(n) in wanted], "users")


def user(account: Account, _caller: Caller, record_id: int) -> Json:
    return {"user": _record(account.users, record_id)}


def organizations(account: Account, _caller: Caller) -> Reply:
    if request.method == "GET":
        return Reply(page(account, list(account.organizations.values()), "organizations"))
    given = request_json().get("organization") or {}
    if any(o["name"] == given.get("name") for o in account.organizations.values()):
        raise invalid("name", "Name: has already been taken")
    made = account.create_organization(given.get("name") or "", domains=given.get("domain_names"))
    made["organization_fields"].update(given.get("organization_fields") or {})
    return Reply({"organization": made}, 201)


def organization(account: Account, _caller: Caller, record_id: int) -> Json:
    found = _record(account.organizations, record_id)
    if request.method == "PUT":
        given = request_json().get("organization") or {}
        found["organization_fields"].update(given.pop("organization_fields", None) or {})
        found.update({k: v for k, v in given.items() if k in found and k != "id"})
        found["updated_at"] = account.now()
    return {"organization": found}


def groups(account: Account, _caller: Caller) -> Json:
    return page(account, list(account.groups.values()), "groups")


def memberships(
    account: Account, _caller: Caller, group_id: int | None = None, user_id: int | None = None
) -> Json:
    """Every member of staff belongs to every group."""
    rows = [
        {"id": u["id"] * 10 + n, "user_id": u["id"], "group_id": g, "default": n == 0}
        for u in account.users.values() if account.staff(u["id"])
        for n, g in enumerate(account.groups)
        if group_id in (None, g) and user_id in (None, u["id"])
    ]  # fmt: skip
    return page(account, rows, "group_memberships")


def ticket_fields(account: Account, _caller: Caller) -> Reply:
    if request.method == "GET":
        return Reply(page(account, list(account.ticket_fields.values()), "ticket_fields"))
    given = request_json().get("ticket_field") or {}
    if not given.get("title") or not given.get("type"):
        raise invalid("title", "Title: cannot be blank")
    taken = {o["value"] for f in account.custom_ticket_fields()
             for o in f.get("custom_field_options", ())}  # fmt: skip
    for option in given.get("custom_field_options") or ():
        if option.get("value") in taken:
            raise invalid("custom_field_options", f"Tag {option['value']} is already used")
    return Reply({"ticket_field": account.add_ticket_field(given)}, 201)


def ticket_field(account: Account, _caller: Caller, record_id: int) -> Json:
    return {"ticket_field": _record(account.ticket_fields, record_id)}


def organization_fields(account: Account, _caller: Caller) -> Reply:
    if request.method == "GET":
        rows = list(account.organization_fields.values())
        return Reply(page(account, rows, "organization_fields"))
    given = request_json().get("organization_field") or {}
    if any(f["key"] == given.get("key") for f in account.organization_fields.values()):
        raise invalid("key", "Key: has already been taken")
    return Reply({"organization_field": account.add_organization_field(given)}, 201)


def webhooks(account: Account, _caller: Caller) -> Reply:
    if request.method == "GET":
        part = request.args.get("filter[name_contains]", "").lower()
        rows = [w for w in account.webhooks.values() if part in (w["name"] or "").lower()]
        return Reply({"webhooks": rows, "meta": {"has_more": False, "after_cursor": None},
                      "links": {"next": None, "prev": None}})  # fmt: skip
    given = request_json().get("webhook") or {}
    subscriptions = set(given.get("subscriptions") or ())
    known = subscriptions <= set(EVENT_TYPES) or subscriptions == {CONDITIONAL}
    if not given.get("name") or not given.get("endpoint") or not known:
        title = "invalid name, endpoint or subscriptions"
        raise ApiError(400, {"errors": [{"code": "InvalidParameter", "title": title}]})
    return Reply({"webhook": account.add_webhook(given)}, 201)


def webhook(account: Account, _caller: Caller, webhook_id: str) -> Reply:
    found = _webhook(account, webhook_id)
    if request.method == "GET":
        return Reply({"webhook": found})
    if request.method == "DELETE":
        del account.webhooks[webhook_id]
    else:
        given = request_json().get("webhook") or {}
        found.update({k: v for k, v in given.items() if k in found and k != "id"})
        found["updated_at"] = account.now()
    return Reply(None, 204)


def signing_secret(account: Account, _caller: Caller, webhook_id: str) -> Reply:
    found = _webhook(account, webhook_id)
    if request.method == "POST":
        account.reset_secret(found["id"])
    secret = account.webhook_secrets[found["id"]]
    body = {"signing_secret": {"secret": secret, "algorithm": "SHA256"}}
    return Reply(body, 201 if request.method == "POST" else 200)


def try_webhook(account: Account, _caller: Caller) -> Json:
    """Call a webhook once and show what it answered."""
    with account.lock:
        found = _webhook(account, request.args.get("webhook_id", ""))
        body, headers = account.events.sample(found)
    override = request_json().get("request") or {}
    url = override.get("endpoint") or found["endpoint"]
    if not is_private_address(url):
        raise ApiError(
            400, {"errors": [{"code": "InvalidParameter", "title": "not a local address"}]}
        )
    try:
        answer = requests.post(url, data=body, headers=headers, timeout=TIMEOUT_SECONDS)
    except requests.RequestException:
        return {"response": {"headers": [], "status_code": 504, "payload": ""}}
    shown = [{"key": key, "value": value} for key, value in answer.headers.items()]
    return {
        "response": {"headers": shown, "status_code": answer.status_code, "payload": answer.text}
    }


def triggers(account: Account, _caller: Caller) -> Reply:
    if request.method == "GET":
        return Reply(page(account, list(account.triggers.values()), "triggers"))
    given = request_json().get("trigger") or {}
    if not given.get("title") or not given.get("actions"):
        raise invalid("base", "Title and actions: cannot be blank")
    record = account.add(
        account.triggers, {"title": given["title"], "position": len(account.triggers)}
    )
    _fill_trigger(record, given)
    return Reply({"trigger": record}, 201)


def trigger(account: Account, _caller: Caller, trigger_id: int) -> Reply:
    found = _record(account.triggers, trigger_id)
    if request.method == "DELETE":
        del account.triggers[trigger_id]
        return Reply(None, 204)
    if request.method == "PUT":
        _fill_trigger(found, request_json().get("trigger") or {})
    return Reply({"trigger": found})


def _fill_trigger(record: Json, given: Json) -> None:
    """Store what a write gives: `all` and `any` stand under `trigger`, reads show `conditions`."""
    old = record.get("conditions", {"all": [], "any": []})
    nested = given.get("conditions") or {}
    record["conditions"] = {
        name: given.get(name, nested.get(name, old[name])) for name in ("all", "any")
    }
    for name, default in (("title", None), ("active", True), ("actions", []), ("category_id", None),
                          ("description", None)):  # fmt: skip
        record[name] = given.get(name, record.get(name, default))


def _record(table: dict[int, Json], record_id: int) -> Json:
    if record_id not in table:
        raise not_found()
    return table[record_id]


def _webhook(account: Account, webhook_id: str) -> Json:
    if webhook_id not in account.webhooks:
        raise ApiError(404, {"errors": [{"code": "WebhookNotFound", "title": "Webhook not found"}]})
    return account.webhooks[webhook_id]
