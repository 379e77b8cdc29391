"""Freshdesk's background jobs: a bulk update is carried out a moment later, polled by its id.

Knows nothing of what a job does. Final statuses are not documented; these are ours.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING

from plugin.sandbox.state import ApiError, Json

if TYPE_CHECKING:
    from plugin.sandbox.freshdesk.tickets import Tickets

Work = Callable[[], list[Json]]


class Jobs:
    """One account's jobs. Not locked: callers hold the sandbox's lock."""

    def __init__(self, account: Tickets) -> None:
        self._account = account
        self._jobs: dict[str, Json] = {}
        self._waiting: dict[str, tuple[float, Work]] = {}

    def start(self, work: Work) -> str:
        """Queue a job and return its id."""
        name = str(uuid.uuid4())
        seconds = self._account.settings.job_seconds
        self._jobs[name] = {"id": name, "status": "IN PROGRESS", "progress": 0,
                            "created_at": self._account.now()}  # fmt: skip
        self._waiting[name] = (self._account.clock.elapsed() + seconds, work)
        self._account.sender.later(seconds, self._wake)
        return name

    def settle(self) -> None:
        """Carry out the jobs that have become due, in the order they were queued."""
        now = self._account.clock.elapsed()
        for name, (due, work) in list(self._waiting.items()):
            if due <= now:
                del self._waiting[name]
                self._jobs[name].update(data=work(), status="COMPLETED", progress=100)

    def show(self, name: str) -> Json:
        """Return a job. Raises the 404."""
        self.settle()
        if name not in self._jobs:
            raise ApiError(404)
        return self._jobs[name]

    def _wake(self) -> None:
        with self._account.lock:
            self.settle()
