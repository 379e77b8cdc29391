"""How Freshdesk writes its answers: pages with a `link` header, records by number.

Serves no route and changes nothing.
"""

from __future__ import annotations

from urllib.parse import quote

from flask import request

from plugin.sandbox.freshdesk.records import failed
from plugin.sandbox.state import ApiError, Json, Reply

MOST_PAGES = 300


def paged(rows: list[Json]) -> Reply:
    """Answer one page of a list, each row a copy; the `link` header names the next."""
    number = request.args.get("page", 1, type=int)
    size = request.args.get("per_page", 30, type=int)
    if not 1 <= size <= 100:
        raise failed("per_page", "It should be a Positive Integer less than or equal to 100",
                     "invalid_value")  # fmt: skip
    if number < 1:
        raise failed("page", "It should be a Positive Integer", "invalid_value")
    start = (number - 1) * size
    headers = {}
    if start + size < len(rows):
        others = [
            f"{k}={quote(v, safe=':,')}"
            for k, v in request.args.items()
            if k not in ("page", "per_page")
        ]
        query = "&".join([*others, f"page={number + 1}", f"per_page={size}"])
        headers["link"] = f'<{request.base_url}?{query}>; rel="next"'
    return Reply([dict(row) for row in rows[start : start + size]], 200, headers)


def record(table: dict[int, Json], record_id: int) -> Json:
    """Find a record by its number. Raises the 404 with its empty body."""
    if record_id not in table:
        raise ApiError(404)
    return table[record_id]
