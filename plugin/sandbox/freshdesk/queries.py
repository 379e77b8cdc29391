"""Freshdesk's query language: `(priority:3 OR tag:'vip') AND created_at:>'2026-11-01'`.

https://developers.freshdesk.com/api/#filter_tickets ; `:>` and `:<` include the value itself.
"""

from __future__ import annotations

import re

from plugin.sandbox.freshdesk.records import failed
from plugin.sandbox.state import Json

_TOKEN = re.compile(
    r"\s*(?:(?P<sign>\(|\))|(?P<word>AND|OR)\b|"
    r"(?P<field>\w+):(?P<order>[<>]?)(?P<value>'[^']*'|[^\s()]+))"
)
_NAMES = {"agent_id": "responder_id", "tag": "tags", "domain": "domains"}


def matches(row: Json, query: str) -> bool:
    """Whether a record fits a query. Raises the 400 of one that cannot be read."""
    return _Reader(row, query).read()


class _Reader:
    """Reads a query once, from left to right, judging one record; AND binds before OR."""

    def __init__(self, row: Json, query: str) -> None:
        self._row = row
        self._tokens: list[re.Match[str]] = []
        position = 0
        while position < len(query.rstrip()):
            found = _TOKEN.match(query, position)
            if found is None:
                raise failed("query", f"Unreadable at {query[position:]!r}", "invalid_value")
            self._tokens.append(found)
            position = found.end()
        self._next = 0

    def read(self) -> bool:
        answer = self._any()
        if self._next < len(self._tokens):
            raise failed("query", "Unreadable after its end", "invalid_value")
        return answer

    def _any(self) -> bool:
        answer = self._all()
        while self._took("word", "OR"):
            answer = self._all() or answer
        return answer

    def _all(self) -> bool:
        answer = self._one()
        while self._took("word", "AND"):
            answer = self._one() and answer
        return answer

    def _one(self) -> bool:
        if self._took("sign", "("):
            answer = self._any()
            if not self._took("sign", ")"):
                raise failed("query", "A bracket is not closed", "invalid_value")
            return answer
        if self._next >= len(self._tokens) or not self._tokens[self._next]["field"]:
            raise failed("query", "A condition is missing", "invalid_value")
        token = self._tokens[self._next]
        self._next += 1
        return _holds(self._row, token["field"], token["order"], token["value"])

    def _took(self, group: str, text: str) -> bool:
        if self._next < len(self._tokens) and self._tokens[self._next][group] == text:
            self._next += 1
            return True
        return False


def _holds(row: Json, field: str, order: str, quoted: str) -> bool:
    name, value = _NAMES.get(field, field), quoted.strip("'")
    custom = row.get("custom_fields") or {}
    if name not in row and name not in custom:
        raise failed(field, "Unexpected/invalid field in request", "invalid_field")
    held = row[name] if name in row else custom[name]
    if isinstance(held, list):
        return value in held or (value == "null" and not held)
    if order:
        day = str(held or "")[: len(value)]
        return bool(held) and (day >= value if order == ">" else day <= value)
    if value == "null":
        return held is None
    dated = name.endswith(("_at", "_by")) and len(value) == len("2026-11-23")
    return (str(held)[: len(value)] if dated else str(held)) == value
