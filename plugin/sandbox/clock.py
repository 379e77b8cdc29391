"""The one clock of a sandbox: its calendar, and the seconds that windows, retries and tokens count.

Waits for nothing itself.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta


def utc_now() -> datetime:
    """Return the machine's time, aware, in UTC."""
    return datetime.now(UTC)


class Clock:
    """`clock()` is the sandbox's aware UTC time, `elapsed()` its seconds since some start.

    `speed` makes seconds pass faster: rate windows, retries, token lives, recalculations and the
    export's lag, all of them durations. The calendar keeps the pace of the machine's, or of the
    `calendar` given, because signatures and due dates are compared with a calendar outside.
    `advance` moves both.
    """

    def __init__(self, calendar: Callable[[], datetime] | None = None, speed: float = 1.0) -> None:
        if speed <= 0:
            raise ValueError(f"speed must be more than 0, not {speed}")
        self._calendar = calendar or utc_now
        self.speed = speed
        self._advanced = 0.0
        self._started = time.monotonic()
        self._watchers: list[Callable[[], None]] = []
        self._lock = threading.Lock()

    def __call__(self) -> datetime:
        return self._calendar() + timedelta(seconds=self._advanced)

    def elapsed(self) -> float:
        return (time.monotonic() - self._started) * self.speed + self._advanced

    def advance(self, seconds: float) -> None:
        """Move on by so many of the sandbox's seconds; what became due happens at once."""
        if seconds < 0:
            raise ValueError("the clock does not go back")
        with self._lock:
            self._advanced += seconds
        for tell in self._watchers:
            tell()

    def on_advance(self, tell: Callable[[], None]) -> None:
        self._watchers.append(tell)

    def real_seconds(self, seconds: float) -> float:
        """Return how long a client has to wait for so many of the sandbox's seconds."""
        return seconds / self.speed

    def told_seconds(self, seconds: float) -> int:
        """Return a duration as clients are told it: in their own whole seconds, at least 1."""
        return max(1, int(self.real_seconds(seconds)) + 1)


class SetClock(Clock):
    """A clock that stands still until `advance` is called, for tests."""

    def __init__(self, at: datetime) -> None:
        super().__init__(lambda: at)

    def elapsed(self) -> float:
        return self._advanced

    def real_seconds(self, seconds: float) -> float:
        """Return infinity for what lies ahead: waiting does not help."""
        return float("inf") if seconds > 0 else 0.0

    def told_seconds(self, seconds: float) -> int:
        return max(1, int(seconds) + 1)
