"""Freshdesk's routes for tickets: list, create, view, update, delete, what was said on them.

Bulk updates and searches are in `bulk_api.py`.
"""

from __future__ import annotations

from datetime import timedelta

from flask import request

from plugin.sandbox.freshdesk.account import FreshdeskAccount
from plugin.sandbox.freshdesk.answers import MOST_PAGES, paged
from plugin.sandbox.freshdesk.records import failed
from plugin.sandbox.gate import Gate, request_json
from plugin.sandbox.state import ApiError, Json, Reply, instant, iso

Caller = Json
Account = FreshdeskAccount


def register(gate: Gate) -> None:
    """Add the routes."""
    gate.route("GET POST", "/api/v2/tickets", list_or_create)
    gate.route("POST", "/api/v2/tickets/outbound_email", outbound_email)
    gate.route("PUT", "/api/v2/tickets/merge", merge)
    gate.route("GET PUT DELETE", "/api/v2/tickets/<int:ticket_id>", one_ticket)
    gate.route("PUT", "/api/v2/tickets/<int:ticket_id>/restore", restore)
    gate.route("GET", "/api/v2/tickets/<int:ticket_id>/conversations", conversations)
    gate.route("POST", "/api/v2/tickets/<int:ticket_id>/reply", reply)
    gate.route("POST", "/api/v2/tickets/<int:ticket_id>/notes", note)


def list_or_create(account: Account, caller: Caller) -> Reply:
    if request.method == "GET":
        return list_tickets(account, caller)
    account.take("ticket_create")
    ticket = account.create_ticket(request_json(), actor="agent", by=caller["id"])
    location = f"{request.base_url}/{ticket['id']}"
    return Reply(dict(ticket), 201, {"Location": location})


def list_tickets(account: Account, caller: Caller) -> Reply:
    """List tickets: without `updated_since`, only those created in the last 30 days."""
    account.take("ticket_list")
    arguments = request.args
    if arguments.get("page", 1, type=int) > MOST_PAGES:
        raise failed("page", f"You cannot access tickets beyond the {MOST_PAGES}th page",
                     "invalid_value")  # fmt: skip
    order = arguments.get("order_by", "created_at")
    if order not in ("created_at", "due_by", "updated_at", "status"):
        raise failed("order_by", "It should be one of these values: "
                     "'created_at,due_by,updated_at,status'", "invalid_value")  # fmt: skip
    rows = _chosen(account, caller)
    newest_first = arguments.get("order_type", "desc") == "desc"
    rows.sort(key=lambda t: (str(t[order] or ""), t["id"]), reverse=newest_first)
    reply = paged(rows)
    included = arguments.get("include", "").split(",")
    for ticket in reply.body if isinstance(reply.body, list) else []:
        if "description" not in included:
            del ticket["description"], ticket["description_text"]
        names = [n for n in included if n in ("stats", "requester")]
        ticket.update(_embedded(account, ticket, names))
    return reply


def _chosen(account: Account, caller: Caller) -> list[Json]:
    """Return the tickets that the request's filters let through, in no order."""
    arguments = request.args
    since, chosen = arguments.get("updated_since"), arguments.get("filter")
    try:
        start = iso(instant(since) if since else account.clock() - timedelta(days=30))
    except ValueError:
        text = "It should be in the combined date and time ISO8601 format"
        raise failed("updated_since", text, "invalid_date") from None
    name = "updated_at" if since else "created_at"
    rows = [
        t for t in map(account.ticket, account.tickets)
        if t[name] >= start and t["spam"] == (chosen == "spam")
        and bool(t.get("deleted")) == (chosen == "deleted")
    ]  # fmt: skip
    if chosen == "new_and_my_open":
        rows = [t for t in rows if t["responder_id"] in (None, caller["id"]) and t["status"] == 2]
    elif chosen == "watching":
        rows = []
    for column in ("requester_id", "company_id"):
        if arguments.get(column):
            rows = [t for t in rows if str(t[column]) == arguments[column]]
    for column, external in (("email", "email"), ("unique_external_id", "unique_external_id")):
        if arguments.get(column):
            people = [n for n, c in account.contacts.items() if c[external] == arguments[column]]
            rows = [t for t in rows if t["requester_id"] in people]
    return rows


def one_ticket(account: Account, caller: Caller, ticket_id: int) -> Reply:
    ticket = account.ticket(ticket_id)
    if request.method == "GET":
        included = request.args.get("include", "").split(",")
        return Reply({**ticket, **_embedded(account, ticket, included)})
    if request.method == "DELETE":
        if ticket.get("deleted"):
            raise ApiError(405, None, Allow="GET")
        account.delete(ticket_id)
        return Reply(None, 204)
    account.take("ticket_update")
    answer = account.change_ticket(ticket, request_json(), actor="agent", by=caller["id"])
    return Reply(dict(answer))


def outbound_email(account: Account, caller: Caller) -> Reply:
    """Open a ticket by an agent's own e-mail to a partner."""
    given = request_json()
    if not given.get("email_config_id"):
        raise failed("email_config_id", "It should be a/an Positive Integer", "missing_field")
    account.take("ticket_create")
    fields = {"status": 5, **given, "source": 10}
    return Reply(dict(account.create_ticket(fields, actor="agent", by=caller["id"])), 201)


def restore(account: Account, _caller: Caller, ticket_id: int) -> Reply:
    account.restore(ticket_id)
    return Reply(None, 204)


def merge(account: Account, _caller: Caller) -> Reply:
    """Merge the tickets of `ticket_ids` into `primary_id`."""
    given = request_json()
    for number in given.get("ticket_ids") or ():
        account.merge(int(number), int(given["primary_id"]))
    return Reply(None, 204)


def conversations(account: Account, _caller: Caller, ticket_id: int) -> Reply:
    account.ticket(ticket_id)
    return paged(account.conversations[ticket_id])


def reply(account: Account, caller: Caller, ticket_id: int) -> Reply:
    made = account.add_conversation(
        account.ticket(ticket_id), _body(), user_id=caller["id"], actor="agent"
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
