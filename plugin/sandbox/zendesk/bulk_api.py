"""Zendesk's routes for many tickets in one call, and the jobs that do the work.

Runs no job itself; `jobs.py` does.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from flask import request

from plugin.sandbox.gate import Gate, request_json
from plugin.sandbox.state import ApiError, Json, Reply
from plugin.sandbox.zendesk.account import ZendeskAccount
from plugin.sandbox.zendesk.answers import asked_ids, at_most_100, page, shown, sideloads
from plugin.sandbox.zendesk.tickets import API

Caller = Json
Account = ZendeskAccount


def register(gate: Gate) -> None:
    """Add the routes."""
    gate.route("GET", "/api/v2/tickets/show_many", show_many)
    gate.route("POST", "/api/v2/tickets/create_many", create_many)
    gate.route("PUT", "/api/v2/tickets/update_many", update_many)
    gate.route("DELETE", "/api/v2/tickets/destroy_many", destroy_many)
    gate.route("GET", "/api/v2/job_statuses", job_statuses)
    gate.route("GET", "/api/v2/job_statuses/show_many", show_many_jobs)
    gate.route("GET", "/api/v2/job_statuses/<job_id>", job_status)


def show_many(account: Account, _caller: Caller) -> Json:
    found = [account.tickets[n] for n in asked_ids() if n in account.tickets]
    seen = [t for t in found if t["status"] != "deleted"]
    return {"tickets": [shown(t) for t in seen], **sideloads(account, seen),
            "next_page": None, "previous_page": None, "count": len(seen)}  # fmt: skip


def create_many(account: Account, caller: Caller) -> Reply:
    wanted = [dict(fields) for fields in request_json().get("tickets") or ()]
    at_most_100(wanted)

    def run() -> list[Json]:
        made = [account.create_ticket(t, actor=caller["id"], via=API)[0] for t in wanted]
        return [{"index": n, "id": ticket["id"]} for n, ticket in enumerate(made)]

    job = account.jobs.start(len(wanted), run)
    return Reply({"job_status": job}, 200, account.jobs.headers())


def destroy_many(account: Account, caller: Caller) -> Reply:
    numbers = asked_ids()

    def run() -> list[Json]:
        return [
            _one("delete", "Deleted", n, k, partial(account.delete, n, caller["id"]))
            for k, n in enumerate(numbers)
        ]

    job = account.jobs.start(len(numbers), run)
    return Reply({"job_status": job}, 200, account.jobs.headers())


def update_many(account: Account, caller: Caller) -> Reply:
    """Update in bulk (`?ids=` and one `ticket`) or as a batch (`tickets`, each with its id)."""
    body = request_json()
    numbers, one = asked_ids(), body.get("ticket") or {}
    changes = [{**one, "id": n} for n in numbers] or [dict(t) for t in body.get("tickets") or ()]
    at_most_100(changes)
    if not changes:
        raise ApiError(400, {"error": "BadRequest", "description": "no tickets are named"})
    if not numbers and not account.settings.batch_additional_tags:
        changes = [
            {k: v for k, v in c.items() if k not in ("additional_tags", "remove_tags")}
            for c in changes
        ]
    job = account.jobs.start(
        len(changes),
        lambda: [
            _one(
                "update",
                "Updated",
                change.get("id"),
                position,
                partial(_update, account, caller, change),
            )
            for position, change in enumerate(changes)
        ],
    )
    return Reply({"job_status": job}, 200, account.jobs.headers())


def _update(account: Account, caller: Caller, change: Json) -> None:
    ticket = account.ticket(change.get("id"))
    if "additional_tags" in change or "remove_tags" in change:
        tags = set(change["tags"] if "tags" in change else ticket["tags"])
        tags |= set(change.get("additional_tags") or ())
        change = {**change, "tags": sorted(tags - set(change.get("remove_tags") or ()))}
    account.change_ticket(ticket, change, actor=caller["id"], via=API)


def _one(action: str, done: str, number: object, position: int, work: Callable[[], object]) -> Json:
    """Do the work on one ticket and say how it went; a refusal stops none of the others."""
    try:
        work()
    except ApiError as error:
        reason = error.body if isinstance(error.body, dict) else {}
        details = reason.get("details") or {}
        texts = [item["description"] for items in details.values() for item in items]
        return {"index": position, "id": number, "action": action, "success": False,
                "status": "Failed", "error": reason.get("error"),
                "details": " ".join(texts) or reason.get("description")}  # fmt: skip
    return {"action": action, "status": done, "success": True, "id": number}


def job_status(account: Account, _caller: Caller, job_id: str) -> Json:
    return {"job_status": account.jobs.show(job_id)}


def job_statuses(account: Account, _caller: Caller) -> Json:
    return page(account.jobs.every(), "job_statuses")


def show_many_jobs(account: Account, _caller: Caller) -> Json:
    wanted = request.args.get("ids", "").split(",")
    return {"job_statuses": [job for job in account.jobs.every() if job["id"] in wanted]}
