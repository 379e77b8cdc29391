"""The words that both vendors' mocks share: instants, answers, rate windows.

Holds nothing that only one vendor does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from plugin.sandbox.clock import Clock

Json = dict[str, Any]


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


class RateWindow:
    """A budget of requests per fixed window of the sandbox's seconds."""

    def __init__(self, clock: Clock, limit: int, seconds: float = 60) -> None:
        self.clock = clock
        self.limit = limit
        self.seconds = seconds
        self._used = 0
        self._ends_at = 0.0

    def take(self, cost: int = 1) -> bool:
        """Use up `cost` requests; False where the window has no room for them."""
        if self.clock.elapsed() >= self._ends_at:
            self._used = 0
            self._ends_at = self.clock.elapsed() + self.seconds
        self._used += cost
        return self._used <= self.limit

    @property
    def remaining(self) -> int:
        return max(0, self.limit - self._used)

    @property
    def left(self) -> float:
        """The sandbox's seconds until the window ends."""
        return max(0.0, self._ends_at - self.clock.elapsed())

    @property
    def resets_in(self) -> int:
        """Seconds until the window ends as clients are told them, at least 1."""
        return self.clock.told_seconds(self.left)
