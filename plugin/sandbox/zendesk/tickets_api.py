"""Zendesk's routes for one ticket at a time: list, create, show, update, tags, audits, comments.

Many tickets in one call are in `bulk_api.py`, exports and searches in `export_api.py`.
"""

from __future__ import annotations

from flask import request

from plugin.sandbox.gate import Gate, request_json
from plugin.sandbox.state import Json, Reply
from plugin.sandbox.zendesk.account import ZendeskAccount
from plugin.sandbox.zendesk.answers import (
    admins_only,
    authors,
    comment_count,
    page,
    shown,
    sideloads,
)
from plugin.sandbox.zendesk.records import not_found
from plugin.sandbox.zendesk.tickets import API
from plugin.sandbox.zendesk.values import ACCEPTED, check_stamp

Caller = Json
Account = ZendeskAccount


def register(gate: Gate) -> None:
    """Add the routes."""
    gate.route("GET POST", "/api/v2/tickets", list_or_create)
    gate.route("GET", "/api/v2/tickets/count", count)
    gate.route("GET PUT DELETE", "/api/v2/tickets/<int:ticket_id>", one_ticket)
    gate.route("GET PUT POST DELETE", "/api/v2/tickets/<int:ticket_id>/tags", ticket_tags)
    gate.route("GET", "/api/v2/tickets/<int:ticket_id>/audits", ticket_audits)
    gate.route("GET", "/api/v2/tickets/<int:ticket_id>/audits/<int:audit_id>", ticket_audit)
    gate.route("GET", "/api/v2/tickets/<int:ticket_id>/comments", ticket_comments)
    gate.route("PUT", "/api/v2/tickets/<int:ticket_id>/mark_as_spam", mark_as_spam)
    gate.route("POST", "/api/v2/tickets/<int:ticket_id>/merge", merge)
    gate.route("GET", "/api/v2/deleted_tickets", deleted_tickets)
    gate.route("PUT", "/api/v2/deleted_tickets/<int:ticket_id>/restore", restore)
    gate.route("GET", "/api/v2/organizations/<int:record_id>/tickets", organization_tickets)


def list_or_create(account: Account, caller: Caller) -> Reply:
    if request.method == "GET":
        seen = account.seen_tickets()
        answer = page(seen, "tickets")
        return Reply({**answer, "tickets": [shown(t) for t in answer["tickets"]],
                      **sideloads(account, answer["tickets"])})  # fmt: skip
    fields = request_json().get("ticket") or {}
    ticket, audit = account.create_ticket(fields, actor=caller["id"], via=API)
    headers = {"Location": ticket["url"], **_warning(fields)}
    return Reply({"ticket": shown(ticket), "audit": audit}, 201, headers)


def count(account: Account, _caller: Caller) -> Json:
    return {"count": {"value": len(account.seen_tickets()), "refreshed_at": account.now()}}


def one_ticket(account: Account, caller: Caller, ticket_id: int) -> Reply:
    ticket = account.ticket(ticket_id)
    if request.method == "GET":
        seen = {**shown(ticket), **comment_count(account, ticket)}
        return Reply({"ticket": seen, **sideloads(account, [ticket])})
    if request.method == "DELETE":
        account.delete(ticket_id, caller["id"])
        return Reply(None, 204)
    headers = account.take_update(caller["id"], ticket_id)
    fields = request_json().get("ticket") or {}
    audit = account.change_ticket(ticket, fields, actor=caller["id"], via=API)
    return Reply({"ticket": shown(ticket), "audit": audit}, 200, {**headers, **_warning(fields)})


def ticket_tags(account: Account, caller: Caller, ticket_id: int) -> Reply:
    """PUT adds tags, POST sets them, DELETE removes them."""
    ticket, body = account.ticket(ticket_id), request_json()
    if request.method == "GET":
        return Reply({"tags": ticket["tags"]})
    given, old = set(body.get("tags") or ()), set(ticket["tags"])
    tags = {"PUT": old | given, "POST": given, "DELETE": old - given}[request.method]
    check_stamp(ticket, body)
    headers = account.take_update(caller["id"], ticket_id)
    account.change_ticket(ticket, {"tags": sorted(tags)}, actor=caller["id"], via=API)
    return Reply({"tags": ticket["tags"]}, 201 if request.method == "POST" else 200, headers)


def ticket_audits(account: Account, _caller: Caller, ticket_id: int) -> Json:
    rows = account.audits[account.ticket(ticket_id)["id"]]
    answer = page(rows, "audits")
    return {**answer, **authors(account, answer["audits"])}


def ticket_audit(account: Account, _caller: Caller, ticket_id: int, audit_id: int) -> Json:
    for audit in account.audits[account.ticket(ticket_id)["id"]]:
        if audit["id"] == audit_id:
            return {"audit": audit}
    raise not_found()


def ticket_comments(account: Account, _caller: Caller, ticket_id: int) -> Json:
    rows = account.comments(account.ticket(ticket_id)["id"])
    if request.args.get("sort_order") == "desc" or request.args.get("sort") == "-created_at":
        rows.reverse()
    answer = page(rows, "comments")
    return {**answer, **authors(account, answer["comments"])}


def mark_as_spam(account: Account, caller: Caller, ticket_id: int) -> Reply:
    account.spam(ticket_id, caller["id"])
    return Reply(None, 200)


def merge(account: Account, caller: Caller, ticket_id: int) -> Json:
    """Merge the tickets of `ids` into this one; a job says so."""
    numbers = [int(n) for n in request_json().get("ids") or ()]
    account.ticket(ticket_id)

    def run() -> list[Json]:
        return [{"id": account.merge(n, ticket_id, caller["id"])["id"], "success": True}
                for n in numbers]  # fmt: skip

    return {"job_status": account.jobs.start(len(numbers), run)}


def deleted_tickets(account: Account, _caller: Caller) -> Json:
    rows = [
        {"id": t["id"], "subject": t["subject"], "deleted_at": t["updated_at"],
         "previous_state": t.get("previous_status", "open"), "actor": {"id": -1, "name": ""}}
        for t in account.tickets.values() if t["status"] == "deleted"
    ]  # fmt: skip
    return page(rows, "deleted_tickets")


def restore(account: Account, caller: Caller, ticket_id: int) -> Reply:
    admins_only(caller)
    account.undelete(ticket_id, caller["id"])
    return Reply({})


def organization_tickets(account: Account, _caller: Caller, record_id: int) -> Json:
    rows = [t for t in account.seen_tickets() if t["organization_id"] == record_id]
    answer = page(rows, "tickets")
    return {**answer, "tickets": [shown(t) for t in answer["tickets"]]}


def _warning(fields: Json) -> dict[str, str]:
    """Name the keys that Zendesk accepts and ignores, in the header as recorded."""
    unknown = ", ".join(f'"ticket.{key}"' for key in fields if key not in ACCEPTED)
    if not unknown:
        return {}
    listed = f"{{:controller=>:tickets, :unpermitted_keys=>[{unknown}]}}"
    return {"x-zendesk-api-warn": f"{{:allowed_parameters=>{listed}}}"}
