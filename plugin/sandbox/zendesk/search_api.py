"""Zendesk's routes that search: by words, in pages of a thousand at most, or as an export.

Evaluates few search words; those it does not know are ignored.
"""

from __future__ import annotations

import operator
import re

from flask import request

from plugin.sandbox.gate import Gate
from plugin.sandbox.state import ApiError, Json
from plugin.sandbox.zendesk.account import ZendeskAccount
from plugin.sandbox.zendesk.answers import cursor_page, page, shown
from plugin.sandbox.zendesk.triggers import STATUSES

Caller = Json
Account = ZendeskAccount
_TERM = re.compile(r'(?:(\w+)(:|>=|<=|>|<))?("[^"]*"|\S+)')
_ORDER = {"<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge}
MOST_FOUND = 1000


def register(gate: Gate) -> None:
    """Add the routes."""
    gate.route("GET", "/api/v2/search", search)
    gate.route("GET", "/api/v2/search/count", search_count)
    gate.route("GET", "/api/v2/search/export", search_export)


def search(account: Account, _caller: Caller) -> Json:
    """Find tickets, users or organisations, the first thousand of them."""
    found = _found(account, request.args.get("query", ""))
    if request.args.get("page", 1, type=int) * request.args.get("per_page", 100, type=int) > (
        MOST_FOUND + 99
    ):
        text = "Requested response size was greater than Search Response Limits"
        raise ApiError(422, {"error": "invalid", "description": text})
    return {**page(found[:MOST_FOUND], "results"), "count": len(found), "facets": None}


def search_count(account: Account, _caller: Caller) -> Json:
    return {"count": len(_found(account, request.args.get("query", "")))}


def search_export(account: Account, _caller: Caller) -> Json:
    """Answer in pages by cursor; `filter[type]` names the one type that is searched.

    Zendesk documents that a type in the query is an error; zenpy sends the same one there too, so
    only another one is refused.
    """
    account.take("search-export")
    kind, query = request.args.get("filter[type]"), request.args.get("query", "")
    others = set(re.findall(r"(?<!\w)type:(\w+)", query)) - {kind}
    if kind not in ("ticket", "user", "organization", "group") or others:
        text = "filter[type] must name one type, and the query no other"
        raise ApiError(422, {"error": "invalid", "description": text})
    found = _found(account, f"type:{kind} {query}")
    size = min(request.args.get("page[size]", 100, type=int), MOST_FOUND)
    rows, rest = cursor_page(sorted(found, key=lambda r: str(r["created_at"])), size)
    return {"results": rows, "facets": None, **rest}


def _found(account: Account, query: str) -> list[Json]:
    terms = [(key, sign, text.strip('"')) for key, sign, text in _TERM.findall(query)]
    kind = next((value for key, _, value in terms if key == "type"), "ticket")
    tables = {"user": account.users, "organization": account.organizations,
              "group": account.groups}  # fmt: skip
    rows = list(tables[kind].values()) if kind in tables else account.seen_tickets()
    for key, sign, value in terms:
        rows = [row for row in rows if _fits(account, row, key, sign, value)]
    return [{**(row if kind in tables else shown(row)), "result_type": kind} for row in rows]


def _fits(account: Account, row: Json, key: str, sign: str, value: str) -> bool:
    """Whether a row has a search word: a tag, a plain field, an instant, or a part of its name."""
    if not key:
        words = (row.get("subject") or row.get("name"), row.get("email"))
        return value.lower() in " ".join(filter(None, words)).lower()
    if key in ("tags", "tag"):
        return value in row.get("tags", ())
    if key == "organization":
        wanted = account.organizations.get(row.get("organization_id") or 0) or {}
        return value in (str(wanted.get("id")), wanted.get("name"))
    if sign in _ORDER:
        return _lies(row, key, sign, value)
    names = {"ticket_type": "type", "assignee": "assignee_id", "requester": "requester_id"}
    name = names.get(key, key)
    return key == "type" or name not in row or str(row[name] or "none") == value


def _lies(row: Json, key: str, sign: str, value: str) -> bool:
    """Whether an instant or a status lies on that side of `value`; other keys always do."""
    if key in ("created", "updated"):
        return bool(_ORDER[sign](str(row[f"{key}_at"])[: len(value)], value))
    if key == "status" and value in STATUSES and row["status"] in STATUSES:
        return bool(_ORDER[sign](STATUSES.index(row["status"]), STATUSES.index(value)))
    return True
