"""Zendesk's incremental exports: what changed since, tickets by cursor, organisations by time.

Both leave out the last minute, need an admin's rights and share ten requests a minute.
"""
# https://developer.zendesk.com/api-reference/ticketing/ticket-management/incremental_exports/
# (read 2026-11)

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from connectors.api import Api
from connectors.errors import CredentialsRejected, Rejected, TicketNotFound
from connectors.json_values import instant, mappings

_LAG = timedelta(seconds=61)
_FOR_OLD_CURSORS = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Position:
    """How far a sweep came: in the tickets, and in the organisations (seconds since 1970).

    `listed`: this sweep has seen all organisations that changed.
    """

    tickets: str
    organizations: int
    listed: bool = False

    def to_cursor(self) -> str:
        """Return it as text."""
        return json.dumps([self.tickets, self.organizations, self.listed])


def position(cursor: str) -> Position:
    """Read a cursor; a plain one tells of tickets only, `start_time=...` of both."""
    if cursor.startswith("["):
        return Position(*json.loads(cursor))
    name, _, value = cursor.partition("=")
    if name == "start_time":
        return Position(cursor, int(value))
    return Position(cursor, int((datetime.now(UTC) - _FOR_OLD_CURSORS).timestamp()))


def start(since: datetime) -> str:
    """Return the cursor of the tickets before everything that changed at or after an instant."""
    return f"start_time={max(0, int(since.timestamp()))}"


def tickets(api: Api, cursor: str, include: str = "") -> dict[str, Any] | None:
    """Return a page of up to a thousand; None while its start is younger than the vendor's lag."""
    name, _, value = cursor.partition("=")
    if name == "start_time" and _is_recent(int(value)):
        return None
    path = f"/incremental/tickets/cursor.json?{cursor}"
    answer: dict[str, Any] = api.get(path + (f"&include={include}" if include else ""))
    return answer


def after(answer: Mapping[str, Any], cursor: str) -> str:
    """Return the cursor after a page of tickets."""
    found = answer.get("after_cursor")
    return f"cursor={quote(str(found))}" if found else cursor


def organizations(api: Api, at: Position) -> tuple[dict[str, datetime | None], Position]:
    """Return the organisations of the next page, by id when each changed, and where it ends.

    What changed in the page's last second comes again. An account without this export has none.
    """
    if _is_recent(at.organizations):
        return {}, Position(at.tickets, at.organizations, listed=True)
    try:
        answer = api.get(f"/incremental/organizations.json?start_time={at.organizations}")
    except (CredentialsRejected, Rejected, TicketNotFound):
        answer = {}
    changed = {
        str(raw["id"]): instant(raw.get("updated_at"))
        for raw in mappings(answer.get("organizations"))
        if raw.get("id")
    }
    ends = answer.get("end_time")
    until = ends if isinstance(ends, int) else at.organizations
    listed = bool(answer.get("end_of_stream", True)) or until <= at.organizations
    return changed, Position(at.tickets, until, listed=listed)


def _is_recent(start_time: int) -> bool:
    return datetime.now(UTC).timestamp() - start_time < _LAG.seconds
