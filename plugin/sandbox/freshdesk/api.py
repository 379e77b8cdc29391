"""Freshdesk's ticket API: tickets and conversations.

People, companies, fields and automation rules are in `admin_api.py`.
"""

from __future__ import annotations

from datetime import timedelta

from flask import request

from plugin.sandbox.freshdesk.account import FreshdeskAccount
from plugin.sandbox.freshdesk.records import failed
from plugin.sandbox.gate import Gate, request_json
from plugin.sandbox.state import ApiError, Json, Reply, instant, iso

Caller = Json
Account = FreshdeskAccount


def register(gate: Gate) -> None:
    """Add the routes."""
    gate.route("GET POST", "/api/v2/tickets", list_or_create)
    gate.route("GET PUT DELETE", "/api/v2/tickets/<int:ticket_id>", one_ticket)
    gate.route("PUT", "/api/v2/tickets/<int:ticket_id>/restore", restore)
    gate.route("GET", "/api/v2/tickets/<int:ticket_id>/conversations", conversations)
    gate.route("POST", "/api/v2/tickets/<int:ticket_id>/reply", reply)
    gate.route("POST", "/api/v2/tickets/<int:ticket_id>/notes", note)


def list_or_create(account: Account, _caller: Caller) -> Reply:
    if request.method == "GET":
        return list_tickets(account)
    given = request_json()
    ticket = account.create_ticket(given, actor="agent")
    location = f"{request.base_url}/{ticket['id']}"
    return Reply(dict(ticket), 201, {"Location": location})


def list_tickets(account: Account) -> Reply:
    """List tickets: without `updated_since`, only those created in the last 30 days."""
    if not account.list_rate.take():
        raise account.too_many_requests(account.list_rate.resets_in)
    arguments = request.args
    since = arguments.get("updated_since")
    try:
        start = iso(instant(since) if since else account.clock() - timedelta(days=30))
    except ValueError:
        text = "It should be in the combined date and time ISO8601 format"
        raise failed("updated_since", text, "invalid_date") from None
    chosen = arguments.get("filter")
    rows = [account.ticket(number) for number in account.tickets]
    rows = [t for t in rows if t["updated_at" if since else "created_at"] >= start]
    rows = [t for t in rows if t["spam"] == (chosen == "spam")]
    rows = [t for t in rows if bool(t.get("deleted")) == (chosen == "deleted")]
    for name in ("requester_id", "company_id"):
        if arguments.get(name):
            rows = [t for t in rows if str(t[name]) == arguments[name]]
    order = arguments.get("order_by", "created_at")
    if order not in ("created_at", "due_by", "updated_at", "status"):
        raise failed("order_by", "It should be one of these values", "invalid_value")
    newest_first = arguments.get("order_type", "desc") == "desc"
    rows.sort(key=lambda t: (str(t[order] or ""), t["id"]), reverse=newest_first)
    included = arguments.get("include", "").split(",")
    shown = [{k: v for k, v in t.items() if not k.startswith("description")} for t in rows]
    if "description" in included:
        shown = [dict(t) for t in rows]
    reply = paged(shown)
    for ticket in reply.body if isinstance(reply.body, list) else []:
        ticket.update(
            _embedded(account, ticket, [n for n in included if n in ("stats", "requester")])
        )
    return reply


def one_ticket(account: Account, _caller: Caller, ticket_id: int) -> Reply:
    ticket = account.ticket(ticket_id)
    if request.method == "GET":
        included = request.args.get("include", "").split(",")
        return Reply({**ticket, **_embedded(account, ticket, included)})
    if request.method == "DELETE":
        if ticket.get("deleted"):
            raise ApiError(405, None, Allow="GET")
        account.delete(ticket_id)
        return Reply(None, 204)
    if not account.update_rate.take():
        raise account.too_many_requests(account.update_rate.resets_in)
    return Reply(account.change_ticket(ticket, request_json(), actor="agent"))


def restore(account: Account, _caller: Caller, ticket_id: int) -> Reply:
    account.ticket(ticket_id).pop("deleted", None)
    return Reply(None, 204)


def conversations(account: Account, _caller: Caller, ticket_id: int) -> Reply:
    account.ticket(ticket_id)
    return paged([dict(message) for message in account.conversations[ticket_id]])


def reply(account: Account, caller: Caller, ticket_id: int) -> Reply:
    body = _body()
    made = account.add_conversation(
        account.ticket(ticket_id), body, user_id=caller["id"], actor="agent"
    )
    return Reply(made, 201)


def note(account: Account, caller: Caller, ticket_id: int) -> Reply:
    """Add a note; private unless told otherwise."""
    given = request_json()
    made = account.add_conversation(
        account.ticket(ticket_id),
        _body(),
        user_id=given.get("user_id") or caller["id"],
        actor="agent",
        incoming=bool(given.get("incoming", False)),
        private=given.get("private", True) is not False,
        source=2,
    )
    return Reply(made, 201)


def paged(rows: list[Json]) -> Reply:
    """Answer one page of a list; the `link` header names the next."""
    number = request.args.get("page", 1, type=int)
    size = request.args.get("per_page", 30, type=int)
    if not 1 <= size <= 100:
        raise failed("per_page", "It should be a Positive Integer less than or equal to 100",
                     "invalid_value")  # fmt: skip
    start = (number - 1) * size
    headers = {}
    if start + size < len(rows):
        others = [f"{k}={v}" for k, v in request.args.items() if k not in ("page", "per_page")]
        query = "&".join([*others, f"page={number + 1}", f"per_page={size}"])
        headers["link"] = f'<{request.base_url}?{query}>; rel="next"'
    return Reply(rows[start : start + size], 200, headers)


def _body() -> str:
    body = request_json().get("body")
    if not body:
        raise failed("body", "It should be a/an String", "missing_field")
    return str(body)


def _embedded(account: Account, ticket: Json, included: list[str]) -> Json:
    company = account.companies.get(ticket["company_id"] or 0)
    contact = account.contacts.get(ticket["requester_id"])
    every: Json = {
        "stats": account.stats[ticket["id"]],
        "conversations": account.conversations[ticket["id"]][:10],
        "company": {"id": company["id"], "name": company["name"]} if company else {},
        "requester": {k: contact[k] for k in ("id", "name", "email", "mobile", "phone")}
        if contact
        else {},
    }
    return {name: every[name] for name in included if name in every}
