"""Everything that arrived and everything that was sent, and counts of it for tests.

Decides nothing.
"""

from __future__ import annotations

import re
import threading
from collections import Counter
from typing import Any

from plugin.sandbox.state import Json

_TICKET = re.compile(r"/tickets/(\d+)")
_WRITES = ("PUT", "POST", "PATCH", "DELETE")


class Journal:
    """The API calls received and the webhooks sent, oldest first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.calls: list[Json] = []
        self.deliveries: list[Json] = []

    def add_call(self, entry: Json) -> None:
        with self._lock:
            self.calls.append(entry)

    def add_delivery(self, entry: Json) -> None:
        with self._lock:
            self.deliveries.append(entry)

    def clear(self) -> None:
        with self._lock:
            self.calls.clear()
            self.deliveries.clear()

    def summary(self, vendor: str | None = None, account: str | None = None) -> Json:
        """Count the calls by status and by ticket, and the writes by ticket.

        A call belongs to the ticket its path names. A bulk update counts as a write of each ticket
        it names but as a call of none: it is one call, under `bulk`.
        """
        with self._lock:
            calls = [c for c in self.calls if _among(c, vendor, account)]
            sent = [d for d in self.deliveries if _among(d, vendor, account)]
        statuses: Counter[str] = Counter(str(c["status"]) for c in calls)
        by_ticket: Counter[str] = Counter()
        writes: Counter[str] = Counter()
        bulk = 0
        for call in calls:
            found = _TICKET.search(call["path"])
            many = bulk_ids(call)
            if found:
                by_ticket[found[1]] += 1
                writes[found[1]] += call["method"] in _WRITES
            elif many:
                bulk += 1
                writes.update(many)
        return {
            "calls": len(calls), "reads": sum(c["method"] == "GET" for c in calls),
            "writes": sum(c["method"] in _WRITES for c in calls), "bulk": bulk,
            "too_many_requests": statuses.get("429", 0), "statuses": dict(statuses),
            "calls_per_ticket": dict(by_ticket),
            "writes_per_ticket": {number: n for number, n in writes.items() if n},
            "deliveries": len(sent),
            "delivery_statuses": dict(Counter(str(d["status"]) for d in sent)),
        }  # fmt: skip


def bulk_ids(call: Json) -> list[str]:
    """Return the numbers of the tickets that a bulk update names; none for any other call."""
    body: Any = call["body"] if isinstance(call["body"], dict) else {}
    if "/tickets/update_many" in call["path"]:
        asked = re.search(r"[?&]ids=([\d,]+)", call["path"].replace("%2C", ","))
        if asked:
            return asked[1].split(",")
        return [str(t.get("id")) for t in body.get("tickets") or ()]
    if call["path"].endswith("/tickets/bulk_update"):
        return [str(n) for n in (body.get("bulk_action") or {}).get("ids") or ()]
    return []


def _among(row: Json, vendor: str | None, account: str | None) -> bool:
    return vendor in (None, row["vendor"]) and account in (None, row["account"])
