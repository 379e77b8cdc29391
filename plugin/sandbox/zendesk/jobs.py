"""Zendesk's background jobs: queued, carried out a moment later, polled by their id.

Knows nothing of what a job does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from plugin.sandbox.state import ApiError, Json
from plugin.sandbox.zendesk.records import not_found, ulid

if TYPE_CHECKING:
    from plugin.sandbox.zendesk.tickets import Tickets

MOST = 30
Work = Callable[[], list[Json]]


class Jobs:
    """One account's jobs. Not locked: callers hold the sandbox's lock."""

    def __init__(self, account: Tickets) -> None:
        self._account = account
        self._jobs: dict[str, Json] = {}
        self._waiting: dict[str, tuple[float, Work]] = {}

    def start(self, total: int, work: Work) -> Json:
        """Queue a job and return it as the first answer shows it. Raises the 429 of too many."""
        self.settle()
        if len(self._waiting) >= MOST:
            text = "Too many jobs are currently queued or running. Try again later."
            raise ApiError(429, {"error": "TooManyJobs", "description": text}, Retry_After="60")
        job: Json = {
            "id": f"V3-{ulid().lower()}", "job_type": "Bulk Update Ticket", "status": "queued",
            "total": total, "progress": None, "message": None, "results": None,
        }  # fmt: skip
        job["url"] = f"{self._account.base_url}/api/v2/job_statuses/{job['id']}.json"
        self._jobs[job["id"]] = job
        seconds = self._account.settings.job_seconds
        self._waiting[job["id"]] = (self._account.clock.elapsed() + seconds, work)
        self._account.sender.later(seconds, self._wake)
        return dict(job)

    def settle(self) -> None:
        """Carry out the jobs that have become due, in the order they were queued."""
        now = self._account.clock.elapsed()
        for name, (due, work) in list(self._waiting.items()):
            if due > now:
                continue
            del self._waiting[name]
            job = self._jobs[name]
            job.update(
                status="completed", results=work(), progress=job["total"],
                message=f"Completed at {self._account.now()}",
            )  # fmt: skip

    def show(self, job_id: str) -> Json:
        """Return a job by its id. Raises the 404."""
        self.settle()
        if job_id not in self._jobs:
            raise not_found()
        return self._jobs[job_id]

    def every(self) -> list[Json]:
        self.settle()
        return list(self._jobs.values())

    def headers(self) -> dict[str, str]:
        left = MOST - len(self._waiting)
        text = f"total={MOST}; remaining={left}; resets=60"
        return {"zendesk-ratelimit-inflight-jobs": text}

    def _wake(self) -> None:
        with self._account.lock:
            self.settle()
