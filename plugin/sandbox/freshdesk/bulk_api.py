"""Freshdesk's routes for many tickets: bulk update and delete, jobs, search.

One ticket at a time is in `tickets_api.py`; what a query means in `queries.py`.
"""

from __future__ import annotations

from collections.abc import Callable

from flask import request

from plugin.sandbox.freshdesk.account import FreshdeskAccount
from plugin.sandbox.freshdesk.queries import matches
from plugin.sandbox.freshdesk.records import failed
from plugin.sandbox.gate import Gate, request_json
from plugin.sandbox.state import ApiError, Json, Reply

MOST_IDS = 100  # ours: the vendor names no limit
SEARCH_PAGE, SEARCH_PAGES, QUERY_LENGTH = 30, 10, 512
Caller = Json
Account = FreshdeskAccount


def register(gate: Gate) -> None:
    """Add the routes."""
    gate.route("POST", "/api/v2/tickets/bulk_update", bulk_update)
    gate.route("POST", "/api/v2/tickets/bulk_delete", bulk_delete)
    gate.route("GET", "/api/v2/jobs/<job_id>", job)
    gate.route("GET", "/api/v2/search/tickets", search_tickets)
    gate.route("GET", "/api/v2/search/companies", search_companies)
    gate.route("GET", "/api/v2/search/contacts", search_contacts)


def bulk_update(account: Account, caller: Caller) -> Reply:
    action = request_json().get("bulk_action") or {}
    properties, answer = action.get("properties") or {}, action.get("reply") or {}

    def update(number: int) -> None:
        ticket = account.ticket(number)
        fields = {k: v for k, v in properties.items() if k != "skip_close_notification"}
        if fields:
            account.change_ticket(ticket, fields, actor="agent", by=caller["id"])
        if answer.get("body"):
            account.add_conversation(ticket, answer["body"], user_id=caller["id"], actor="agent")

    return _start(account, action, update)


def bulk_delete(account: Account, _caller: Caller) -> Reply:
    return _start(account, request_json().get("bulk_action") or {}, account.delete)


def _start(account: Account, action: Json, work: Callable[[int], object]) -> Reply:
    numbers = action.get("ids")
    if not isinstance(numbers, list) or not numbers or len(numbers) > MOST_IDS:
        raise failed("ids", "It should be a/an Array of Positive Integer", "datatype_mismatch")

    def run() -> list[Json]:
        return [_tried(work, int(number)) for number in numbers]

    name = account.jobs.start(run)
    href = f"{request.host_url}freshdesk/{account.name}/api/v2/jobs/{name}"
    return Reply({"job_id": name, "href": href}, 202)


def _tried(work: Callable[[int], object], number: int) -> Json:
    """Do one ticket's part; a refusal stops none of the others."""
    try:
        work(number)
    except ApiError as error:
        body = error.body if isinstance(error.body, dict) else {}
        return {"id": number, "success": False, "status": error.status,
                "errors": body.get("errors", [])}  # fmt: skip
    return {"id": number, "success": True}


def job(account: Account, _caller: Caller, job_id: str) -> Json:
    return account.jobs.show(job_id)


def search_tickets(account: Account, _caller: Caller) -> Json:
    """Find tickets, thirty a page and ten pages at most; spam and deleted ones are left out."""
    rows = [
        t
        for t in map(account.ticket, account.tickets)
        if not t["spam"] and not t.get("deleted") and matches(t, _query())
    ]
    return _results(rows)


def search_companies(account: Account, _caller: Caller) -> Json:
    return _results([c for c in account.companies.values() if matches(c, _query())])


def search_contacts(account: Account, _caller: Caller) -> Json:
    return _results([c for c in account.contacts.values() if matches(c, _query())])


def _query() -> str:
    query = request.args.get("query", "")
    if len(query) > QUERY_LENGTH + 2:
        raise failed("query", f"It should have at most {QUERY_LENGTH} characters", "invalid_value")
    if len(query) < 2 or not query.startswith('"') or not query.endswith('"'):
        raise failed("query", 'The query should be enclosed in double quotes (")', "invalid_value")
    return query[1:-1]


def _results(rows: list[Json]) -> Json:
    number = request.args.get("page", 1, type=int)
    if not 1 <= number <= SEARCH_PAGES:
        raise failed("page", f"It should be between 1 and {SEARCH_PAGES}", "invalid_value")
    start = (number - 1) * SEARCH_PAGE
    return {"total": len(rows), "results": [dict(r) for r in rows[start : start + SEARCH_PAGE]]}
