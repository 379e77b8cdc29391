"""Zendesk's ticket API: tickets, audits, comments, export, bulk updates.

People, fields, webhooks and triggers are in `admin_api.py`.
"""

from __future__ import annotations

import base64
import json
import re
from datetime import timedelta

from flask import request

from plugin.sandbox.gate import Gate, request_json
from plugin.sandbox.state import ApiError, Json, Reply
from plugin.sandbox.zendesk.account import ZendeskAccount
from plugin.sandbox.zendesk.records import not_found, ulid
from plugin.sandbox.zendesk.tickets import ACCEPTED, check_stamp

API: Json = {"channel": "api", "source": {"from": {}, "to": {}, "rel": None}}
Caller = Json
Account = ZendeskAccount


def register(gate: Gate) -> None:
    """Add the routes."""
    gate.route("GET POST", "/api/v2/tickets", list_or_create)
    gate.route("GET", "/api/v2/tickets/show_many", show_many)
    gate.route("PUT", "/api/v2/tickets/update_many", update_many)
    gate.route("GET", "/api/v2/job_statuses/<job_id>", job_status)
    gate.route("GET PUT DELETE", "/api/v2/tickets/<int:ticket_id>", one_ticket)
    gate.route("PUT POST DELETE", "/api/v2/tickets/<int:ticket_id>/tags", ticket_tags)
    gate.route("GET", "/api/v2/tickets/<int:ticket_id>/audits", ticket_audits)
    gate.route("GET", "/api/v2/tickets/<int:ticket_id>/comments", ticket_comments)
    gate.route("GET", "/api/v2/incremental/tickets/cursor", export)
    gate.route("GET", "/api/v2/search", search)


def list_or_create(account: Account, caller: Caller) -> Reply:
    if request.method == "GET":
        seen = [t for t in account.tickets.values() if t["status"] != "deleted"]
        return Reply(page(account, seen, "tickets"))
    fields = request_json().get("ticket") or {}
    ticket, audit = account.create_ticket(fields, actor=caller["id"], via=API)
    return Reply({"ticket": shown(ticket), "audit": audit}, 201, {"Location": ticket["url"]})


def one_ticket(account: Account, caller: Caller, ticket_id: int) -> Reply:
    ticket = account.ticket(ticket_id)
    if request.method == "GET":
        return Reply({"ticket": shown(ticket), **sideloads(account, [ticket])})
    if request.method == "DELETE":
        account.delete(ticket_id, caller["id"])
        return Reply(None, 204)
    headers = account.take_update(caller["id"], ticket_id)
    fields = request_json().get("ticket") or {}
    unknown = [f"ticket.{key}" for key in fields if key not in ACCEPTED]
    if unknown:
        listed = ", ".join(f'"{key}"' for key in unknown)
        headers["x-zendesk-api-warn"] = (
            f"{{:allowed_parameters=>{{:controller=>:tickets, :unpermitted_keys=>[{listed}]}}}}"
        )
    audit = account.change_ticket(ticket, fields, actor=caller["id"], via=API)
    return Reply({"ticket": shown(ticket), "audit": audit}, 200, headers)


def ticket_tags(account: Account, caller: Caller, ticket_id: int) -> Reply:
    """PUT adds tags, POST sets them, DELETE removes them."""
    ticket, body = account.ticket(ticket_id), request_json()
    given, old = set(body.get("tags") or ()), set(ticket["tags"])
    tags = {"PUT": old | given, "POST": given, "DELETE": old - given}[request.method]
    check_stamp(ticket, body)
    headers = account.take_update(caller["id"], ticket_id)
    account.change_ticket(ticket, {"tags": sorted(tags)}, actor=caller["id"], via=API)
    return Reply({"tags": ticket["tags"]}, 201 if request.method == "POST" else 200, headers)


def ticket_audits(account: Account, _caller: Caller, ticket_id: int) -> Json:
    ticket = account.ticket(ticket_id)
    return page(account, account.audits[ticket["id"]], "audits")


def ticket_comments(account: Account, _caller: Caller, ticket_id: int) -> Json:
    ticket = account.ticket(ticket_id)
    return page(account, account.comments(ticket["id"]), "comments")


def show_many(account: Account, _caller: Caller) -> Json:
    numbers = [int(n) for n in request.args.get("ids", "").split(",") if n.strip().isdigit()]
    _at_most_100(numbers)
    found = [account.tickets[n] for n in numbers if n in account.tickets]
    seen = [t for t in found if t["status"] != "deleted"]
    return {"tickets": [shown(t) for t in seen], **sideloads(account, seen),
            "next_page": None, "previous_page": None, "count": len(seen)}  # fmt: skip


def update_many(account: Account, caller: Caller) -> Json:
    body = request_json()
    numbers = [int(n) for n in request.args.get("ids", "").split(",") if n.strip().isdigit()]
    one = body.get("ticket") or {}
    changes = [{**one, "id": n} for n in numbers] or list(body.get("tickets") or ())
    _at_most_100(changes)
    job: Json = {"id": f"V3-{ulid().lower()}", "status": "queued", "total": len(changes),
                 "progress": None, "message": None, "results": None}  # fmt: skip
    job["url"] = f"{account.base_url}/api/v2/job_statuses/{job['id']}.json"
    results = [_update_one(account, caller, change) for change in changes]
    account.jobs[job["id"]] = {
        **job, "status": "completed", "progress": len(changes), "results": results,
        "message": f"Completed at {account.now()}",
    }  # fmt: skip
    return {"job_status": job}


def _update_one(account: Account, caller: Caller, change: Json) -> Json:
    number = change.get("id")
    try:
        ticket = account.ticket(number)
        tags = set(change["tags"] if "tags" in change else ticket["tags"])
        if "additional_tags" in change or "remove_tags" in change:
            tags |= set(change.get("additional_tags") or ())
            change["tags"] = sorted(tags - set(change.get("remove_tags") or []))
        account.change_ticket(ticket, change, actor=caller["id"], via=API)
    except ApiError as error:
        reason = error.body if isinstance(error.body, dict) else {}
        return {"id": number, "action": "update", "success": False, "status": "Failed",
                "error": reason.get("error"), "details": reason.get("description")}  # fmt: skip
    return {"id": number, "action": "update", "success": True, "status": "Updated"}


def job_status(account: Account, _caller: Caller, job_id: str) -> Json:
    if job_id not in account.jobs:
        raise not_found()
    return {"job_status": account.jobs[job_id]}


def export(account: Account, _caller: Caller) -> Json:
    """Answer the incremental export; the last minute is left out, deleted tickets are in it."""
    end = int((account.clock() - timedelta(minutes=1)).timestamp())
    cursor, start = request.args.get("cursor"), request.args.get("start_time", "")
    if cursor:
        since, last = json.loads(base64.urlsafe_b64decode(cursor))
    elif not start.isdigit() or int(start) > end:
        raise ApiError(400, {"error": "InvalidValue",
                             "description": "Too recent start_time. Use a start_time older than "
                             "60 seconds"})  # fmt: skip
    else:
        since, last = int(start), 0
    size = int(request.args.get("per_page", 1000))
    tickets = sorted(account.tickets.values(), key=lambda t: (t["generated_timestamp"], t["id"]))
    waiting = [
        t for t in tickets
        if (since, last) < (t["generated_timestamp"], t["id"]) and t["generated_timestamp"] <= end
    ]  # fmt: skip
    batch = waiting[:size]
    if batch:
        since, last = batch[-1]["generated_timestamp"], batch[-1]["id"]
    after = base64.urlsafe_b64encode(json.dumps([since, last]).encode()).decode()
    return {
        "tickets": [shown(t) for t in batch], **sideloads(account, batch), "after_cursor": after,
        "after_url": f"{account.base_url}/api/v2/incremental/tickets/cursor.json?cursor={after}",
        "before_cursor": None, "before_url": None, "end_of_stream": len(waiting) <= size,
    }  # fmt: skip


def search(account: Account, _caller: Caller) -> Json:
    """Find tickets by `tags:`, `status:`, `external_id:` or plain words of the subject."""
    terms = re.findall(r'(?:(\w+):)?("[^"]*"|\S+)', request.args.get("query", ""))
    found = [t for t in account.tickets.values() if t["status"] != "deleted"]
    for key, quoted in terms:
        value = quoted.strip('"')
        if key == "tags":
            found = [t for t in found if value in t["tags"]]
        elif key in ("status", "external_id", "priority"):
            found = [t for t in found if str(t[key]) == value]
        elif not key:
            found = [t for t in found if value.lower() in (t["subject"] or "").lower()]
    rows = [{**shown(t), "result_type": "ticket"} for t in found]
    return page(account, rows, "results")


def shown(ticket: Json) -> Json:
    """Return a ticket as REST shows it, with custom fields twice."""
    return {**ticket, "fields": ticket["custom_fields"]}


def sideloads(account: Account, tickets: list[Json]) -> Json:
    wanted = request.args.get("include", "").split(",")
    tables = {
        "users": (account.users, ("requester_id", "submitter_id", "assignee_id")),
        "organizations": (account.organizations, ("organization_id",)),
        "groups": (account.groups, ("group_id",)),
    }
    return {
        name: [table[n] for n in sorted({t[k] for t in tickets for k in keys} & set(table))]
        for name, (table, keys) in tables.items()
        if name in wanted
    }


def page(account: Account, rows: list[Json], name: str) -> Json:
    """Answer a list in pages: by cursor where `page[size]` is given, else by number."""
    del account
    size = request.args.get("page[size]", type=int)
    if size:
        start = int(request.args.get("page[after]") or 0)
        more = start + size < len(rows)
        after = str(start + size) if more else None
        following = f"{request.base_url}?page[size]={size}&page[after]={after}" if more else None
        return {name: rows[start : start + size],
                "meta": {"has_more": more, "after_cursor": after, "before_cursor": None},
                "links": {"next": following, "prev": None}}  # fmt: skip
    size = min(request.args.get("per_page", 100, type=int), 100)
    number = request.args.get("page", 1, type=int)
    start = (number - 1) * size
    following = f"{request.base_url}?page={number + 1}&per_page={size}"
    return {name: rows[start : start + size], "count": len(rows), "previous_page": None,
            "next_page": following if start + size < len(rows) else None}  # fmt: skip


def _at_most_100(rows: list[int] | list[Json]) -> None:
    if len(rows) > 100:
        text = "Parameter  cannot specify more than 100 values"
        raise ApiError(400, {"error": "TooManyValues", "description": text, "max_count": 100})
