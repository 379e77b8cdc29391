"""Counts of refused requests by day, account and reason. Nothing of the requests themselves.

Counts are gathered in the process and written at most every few seconds, so that a flood of bad
requests costs no flood of writes; a process that is killed loses the last few.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import func, select, text

from plugin.store import tables as t
from plugin.store.database import Database, StoreUnavailable

WRITE_EVERY = 5.0  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusals:
    """How many requests were refused; `connection` is empty where none of ours was addressed."""

    connection: str
    reason: str
    requests: int
    last_at: datetime


class RefusalCounts:
    """The table `refusals`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._waiting: Counter[tuple[str, str]] = Counter()
        self._written = 0.0

    def note(self, connection: str, reason: str) -> None:
        """Count one refused request. Never raises: the answer to it does not depend on us."""
        with self._lock:
            self._waiting[connection, reason] += 1
            if time.monotonic() - self._written < WRITE_EVERY:
                return
            self._written = time.monotonic()
            waiting, self._waiting = self._waiting, Counter()
        try:
            self._write(waiting)
        except StoreUnavailable:
            with self._lock:
                self._waiting.update(waiting)

    def since(self, day: date) -> list[Refusals]:
        """Return the counts from a UTC day on, the largest first."""
        table = t.refusals
        requests = func.sum(table.c.requests).label("requests")
        query = (
            select(
                table.c.connection,
                table.c.reason,
                requests,
                func.max(table.c.last_at).label("last_at"),
            )
            .where(table.c.day >= day)
            .group_by(table.c.connection, table.c.reason)
            .order_by(requests.desc())
        )
        with self._database.transaction() as database:
            return [
                Refusals(**{**row, "requests": int(row["requests"])})
                for row in database.execute(query).mappings()
            ]

    def _write(self, waiting: Counter[tuple[str, str]]) -> None:
        with self._database.transaction() as database:
            for (connection, reason), requests in sorted(waiting.items()):
                database.execute(
                    _ADD, {"connection": connection, "reason": reason, "requests": requests}
                )


_ADD = text("""
    insert into refusals (day, connection, reason, requests, last_at)
    values ((now() at time zone 'UTC')::date, :connection, :reason, :requests, now())
    on conflict (day, connection, reason) do update
    set requests = refusals.requests + excluded.requests, last_at = excluded.last_at
""")
