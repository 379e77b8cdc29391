"""What both vendors' mocks share: instants, faults, rate windows, the journal of calls.

Holds nothing that only one vendor does.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Json = dict[str, Any]
Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the machine's time, aware, in UTC."""
    return datetime.now(UTC)


def iso(at: datetime) -> str:
    """Write an instant as both vendors do: UTC, whole seconds, `Z`."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def instant(value: object) -> datetime:
    """Read an instant; one without a zone is UTC. Raises `ValueError`."""
    parsed = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)


class ApiError(Exception):
    """An answer other than success. A `str` body is sent as text/plain, None as an empty body."""

    def __init__(self, status: int, body: object = None, **headers: str) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status
        self.body = body
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


@dataclass
class Reply:
    """An answer of a view. A None body is sent empty."""

    body: object = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


class Journal:
    """Everything that arrived and everything that was sent, oldest first."""

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


API_FAULTS = ("429", "503", "timeout", "reset", "slow")
WEBHOOK_FAULTS = ("duplicate", "reorder", "drop")


@dataclass
class Fault:
    """Something that goes wrong `count` times.

    `after` executes the request before losing its answer (503, timeout, reset). `method` and
    `path` (a part of it) narrow which requests are hit. `seconds` is how long slow, timeout and
    reorder take.
    """

    kind: str
    vendor: str | None = None
    count: int = 1
    method: str | None = None
    path: str | None = None
    after: bool = False
    seconds: float | None = None
    retry_after: int = 1

    def __post_init__(self) -> None:
        self.kind = str(self.kind)
        if self.kind not in API_FAULTS + WEBHOOK_FAULTS:
            raise ValueError(f"unknown fault {self.kind!r}")


class Faults:
    """The faults still to come."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[Fault] = []

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._waiting.append(fault)

    def clear(self) -> None:
        with self._lock:
            self._waiting.clear()

    def take(
        self, kinds: tuple[str, ...], vendor: str, method: str = "", path: str = ""
    ) -> Fault | None:
        """Use up one matching fault, or return None."""
        with self._lock:
            for fault in self._waiting:
                if (
                    fault.kind in kinds
                    and fault.vendor in (None, vendor)
                    and fault.method in (None, method)
                    and (fault.path is None or fault.path in path)
                ):
                    fault.count -= 1
                    if fault.count <= 0:
                        self._waiting.remove(fault)
                    return fault
            return None


class RateWindow:
    """A budget of requests per fixed window of real seconds (never of the sandbox's own clock)."""

    def __init__(self, limit: int, seconds: float = 60) -> None:
        self.limit = limit
        self.seconds = seconds
        self._used = 0
        self._ends_at = 0.0

    def take(self, cost: int = 1) -> bool:
        """Use up `cost` requests; False where the window has no room for them."""
        if time.monotonic() >= self._ends_at:
            self._used = 0
            self._ends_at = time.monotonic() + self.seconds
        self._used += cost
        return self._used <= self.limit

    @property
    def remaining(self) -> int:
        return max(0, self.limit - self._used)

    @property
    def resets_in(self) -> int:
        """Whole seconds until the window ends, at least 1."""
        return max(1, int(self._ends_at - time.monotonic()) + 1)
