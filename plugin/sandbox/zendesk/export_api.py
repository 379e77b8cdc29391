"""Zendesk's incremental exports: what changed since, by cursor or by time.

Searches are in `search_api.py`.
"""

from __future__ import annotations

import base64
import json
from datetime import timedelta

from flask import request

from plugin.sandbox.gate import Gate
from plugin.sandbox.state import ApiError, Json, instant
from plugin.sandbox.zendesk.account import ZendeskAccount
from plugin.sandbox.zendesk.answers import admins_only, shown, sideloads

Caller = Json
Account = ZendeskAccount
MOST = 1000


def register(gate: Gate) -> None:
    """Add the routes."""
    gate.route("GET", "/api/v2/incremental/tickets/cursor", export)
    gate.route("GET", "/api/v2/incremental/users/cursor", user_cursor_export)
    gate.route("GET", "/api/v2/incremental/tickets", ticket_export)
    gate.route("GET", "/api/v2/incremental/organizations", organization_export)
    gate.route("GET", "/api/v2/incremental/users", user_export)


def export(account: Account, caller: Caller) -> Json:
    """Answer the incremental export; the last minute is left out, deleted tickets are in it."""
    answer = _by_cursor(account, caller, "tickets", list(account.tickets.values()))
    rows = answer["tickets"]
    return {**answer, "tickets": [shown(t) for t in rows], **sideloads(account, rows)}


def user_cursor_export(account: Account, caller: Caller) -> Json:
    return _by_cursor(account, caller, "users", list(account.users.values()))


def _by_cursor(account: Account, caller: Caller, name: str, rows: list[Json]) -> Json:
    admins_only(caller)
    account.take("incremental-exports")
    end = int((account.clock() - timedelta(seconds=account.export_lag())).timestamp())
    since, last = _position(end)
    size = max(1, min(request.args.get("per_page", MOST, type=int), MOST))
    dated = sorted(((_changed(row), row["id"], row) for row in rows), key=lambda one: one[:2])
    waiting = [one for one in dated if (since, last) < one[:2] and one[0] <= end]
    batch = waiting[:size]
    if batch:
        since, last, _ = batch[-1]
    after = base64.urlsafe_b64encode(json.dumps([since, last]).encode()).decode()
    kept = "".join(
        f"&{name}={request.args[name]}" for name in ("include", "per_page") if name in request.args
    )
    return {
        name: [row for _, _, row in batch], "after_cursor": after,
        "after_url": f"{request.base_url}.json?cursor={after}{kept}",
        "before_cursor": None, "before_url": None, "end_of_stream": len(waiting) <= size,
    }  # fmt: skip


def ticket_export(account: Account, caller: Caller) -> Json:
    """Answer the older export of tickets, which goes on by time."""
    answer = _by_time(account, caller, "tickets", list(account.tickets.values()))
    rows = answer["tickets"]
    return {**answer, "tickets": [shown(t) for t in rows], **sideloads(account, rows)}


def organization_export(account: Account, caller: Caller) -> Json:
    return _by_time(account, caller, "organizations", list(account.organizations.values()))


def user_export(account: Account, caller: Caller) -> Json:
    return _by_time(account, caller, "users", list(account.users.values()))


def _by_time(account: Account, caller: Caller, name: str, rows: list[Json]) -> Json:
    """Answer up to a thousand records changed since `start_time`, the oldest change first.

    A page ends with all that changed in its last second, so that none is lost between two.
    """
    admins_only(caller)
    account.take("incremental-exports")
    end = int((account.clock() - timedelta(seconds=account.export_lag())).timestamp())
    since, _ = _position(end)
    dated = sorted(((_changed(row), row["id"], row) for row in rows), key=lambda one: one[:2])
    waiting = [one for one in dated if since <= one[0] <= end]
    batch = waiting[:MOST]
    batch += [one for one in waiting[MOST:] if one[0] == batch[-1][0]]
    last = batch[-1][0] if batch else since
    return {
        name: [row for _, _, row in batch], "count": len(batch), "end_time": last,
        "next_page": f"{request.base_url}.json?start_time={last + 1}",
        "end_of_stream": len(batch) == len(waiting),
    }  # fmt: skip


def _changed(row: Json) -> int:
    stamp: int | None = row.get("generated_timestamp")
    return stamp if stamp is not None else int(instant(row["updated_at"]).timestamp())


def _position(end: int) -> tuple[int, int]:
    """Where to go on: after the cursor, or at `start_time`. Raises the 400 of a recent one."""
    cursor, start = request.args.get("cursor"), request.args.get("start_time", "")
    if cursor:
        try:
            since, last = json.loads(base64.urlsafe_b64decode(cursor))
        except ValueError:
            text = "cursor is invalid"
            raise ApiError(400, {"error": "InvalidValue", "description": text}) from None
        return since, last
    if not start.isdigit() or int(start) > end:
        text = "Too recent start_time. Use a start_time older than 60 seconds"
        raise ApiError(400, {"error": "InvalidValue", "description": text})
    return int(start), 0
