"""How Zendesk writes its answers: pages, tickets, side-loads, and the limits on lists of ids.

Serves no route and changes nothing.
"""

from __future__ import annotations

from urllib.parse import urlencode

from flask import request

from plugin.sandbox.state import ApiError, Json, instant
from plugin.sandbox.zendesk.account import ZendeskAccount
from plugin.sandbox.zendesk.records import not_found

MANY = 100


def shown(ticket: Json) -> Json:
    """Return a ticket as REST shows it, with custom fields twice."""
    visible = {name: value for name, value in ticket.items() if name != "previous_status"}
    return {**visible, "fields": ticket["custom_fields"]}


def comment_count(account: ZendeskAccount, ticket: Json) -> Json:
    """Return how many comments a ticket has, where `include` asks for it."""
    if "comment_count" not in request.args.get("include", "").split(","):
        return {}
    return {"comment_count": len(account.comments(ticket["id"]))}


def sideloads(account: ZendeskAccount, tickets: list[Json]) -> Json:
    """Return the people and organisations of `tickets` that `include` asks for."""
    wanted = request.args.get("include", "").split(",")
    tables = {
        "users": (account.users, ("requester_id", "submitter_id", "assignee_id")),
        "organizations": (account.organizations, ("organization_id",)),
        "groups": (account.groups, ("group_id",)),
    }
    found = {
        name: [table[n] for n in sorted({t[k] for t in tickets for k in keys} & set(table))]
        for name, (table, keys) in tables.items()
        if name in wanted
    }
    if "metric_sets" in wanted:
        found["metric_sets"] = [metric_set(account, ticket) for ticket in tickets]
    return found


def metric_set(account: ZendeskAccount, ticket: Json) -> Json:
    """Return what the account measured of a ticket: replies, reopenings, the first reply's minute.

    The calendar minutes only; business minutes would need the account's own schedule.
    """
    replied_at: list[str] = []
    reopens = 0
    for audit in account.audits[ticket["id"]]:
        for event in audit["events"]:
            if event["type"] == "Comment" and event["public"] and account.staff(event["author_id"]):
                replied_at.append(audit["created_at"])
            if event.get("field_name") == "status" and event.get("previous_value") == "solved":
                reopens += event["value"] in ("new", "open", "pending", "hold")
    minutes = None
    if replied_at:
        waited = instant(replied_at[0]) - instant(ticket["created_at"])
        minutes = int(waited.total_seconds() // 60)
    return {"ticket_id": ticket["id"], "replies": len(replied_at), "reopens": reopens,
            "reply_time_in_minutes": {"calendar": minutes, "business": None}}  # fmt: skip


def authors(account: ZendeskAccount, rows: list[Json]) -> Json:
    """Return the authors of audits or comments where `include` asks for users."""
    if "users" not in request.args.get("include", "").split(","):
        return {}
    numbers = {row["author_id"] for row in rows}
    return {"users": [account.users[n] for n in sorted(numbers & set(account.users))]}


def page(rows: list[Json], name: str) -> Json:
    """Answer a list in pages: by cursor where `page[size]` is given, else by number."""
    size = request.args.get("page[size]", type=int)
    if size:
        part, rest = cursor_page(rows, min(size, MANY))
        return {name: part, **rest}
    size = min(request.args.get("per_page", MANY, type=int), MANY)
    number = request.args.get("page", 1, type=int)
    if size < 1 or number < 1:
        raise ApiError(400, {"error": "InvalidPaginationParameter",
                             "description": "page and per_page start at 1"})  # fmt: skip
    start = (number - 1) * size
    return {
        name: rows[start : start + size],
        "count": len(rows),
        "previous_page": _address(page=number - 1, per_page=size) if number > 1 else None,
        "next_page": _address(page=number + 1, per_page=size) if start + size < len(rows) else None,
    }


def cursor_page(rows: list[Json], size: int) -> tuple[list[Json], Json]:
    """Return one page of `size` rows and the `meta` and `links` that lead on."""
    start = int(request.args.get("page[after]") or 0)
    more = start + size < len(rows)
    after = str(start + size) if more else None
    following = _address(**{"page[size]": size, "page[after]": after}) if more else None
    return rows[start : start + size], {
        "meta": {"has_more": more, "after_cursor": after, "before_cursor": None},
        "links": {"next": following, "prev": None},
    }


def _address(**changed: object) -> str:
    """The request's own address with some arguments changed."""
    return f"{request.base_url}?{urlencode({**request.args.to_dict(), **changed})}"


def asked_ids(name: str = "ids") -> list[int]:
    """Return the numbers of `?ids=1,2`. Raises the 400 of more than a hundred."""
    numbers = [int(n) for n in request.args.get(name, "").split(",") if n.strip().isdigit()]
    at_most_100(numbers)
    return numbers


def at_most_100(rows: list[int] | list[Json]) -> None:
    """Raise the 400 of more than a hundred, as recorded (the name is missing there too)."""
    if len(rows) > MANY:
        text = "Parameter  cannot specify more than 100 values"
        raise ApiError(400, {"error": "TooManyValues", "description": text, "max_count": MANY})


def record(table: dict[int, Json], record_id: int) -> Json:
    """Find a record by its number. Raises the 404."""
    if record_id not in table:
        raise not_found()
    return table[record_id]


def admins_only(caller: Json) -> None:
    """Raise the 403 of a caller who is no admin; its text is ours."""
    if caller["role"] != "admin":
        text = "You do not have access to this page."
        raise ApiError(403, {"error": "Forbidden", "description": text})
