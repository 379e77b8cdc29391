"""Which job a worker takes next: no account may hold the slots that the others need.

A look holds its slot for as long as the helpdesk takes, and one that never answers takes ten
seconds. What then becomes of the account is said by `setbacks.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from procrastinate import jobs
from procrastinate.connector import BaseConnector
from procrastinate.manager import JobManager, NotificationCallback

from plugin.jobs import OLD_QUEUE, UPKEEP


class FairJobs(JobManager):
    """The engine's side of the queue, for one worker with that many slots.

    An account begins a look only while it has fewer in hand than slots are free. Alone it gets half
    of them, and however many accounts hang, each leaves half of what it found.
    """

    def __init__(self, connector: BaseConnector, slots: int) -> None:
        super().__init__(connector)
        self._slots = slots
        self._in_hand: Counter[str] = Counter()
        self._wake: NotificationCallback | None = None

    async def fetch_job(self, queues: Iterable[str] | None, worker_id: int) -> jobs.Job | None:
        """Take the next job of an account that may have one more in hand."""
        free = self._slots - self._in_hand.total()
        full = {queue for queue, n in self._in_hand.items() if n >= free} - {UPKEEP}
        if full:
            queues = sorted({*await self._queues(), OLD_QUEUE, UPKEEP} - full)
        job = await super().fetch_job(queues, worker_id)
        if job is not None:
            self._in_hand[job.queue] += 1
        return job

    async def finish_job(self, job: jobs.Job, status: jobs.Status, delete_job: bool) -> None:
        """Write down how a job ended, and see at once what waited for its lock or its slot."""
        try:
            await super().finish_job(job, status, delete_job)
        finally:
            self._in_hand[job.queue] -= 1
        if self._wake is not None:
            await self._wake(channel="", notification={"type": "job_inserted", "job_id": 0})

    async def listen_for_jobs(
        self, *, on_notification: NotificationCallback, queues: Iterable[str] | None = None
    ) -> None:
        """Hear of new jobs; what is woken by them is woken by a job's end as well."""
        self._wake = on_notification
        await super().listen_for_jobs(on_notification=on_notification, queues=queues)

    async def _queues(self) -> list[str]:
        rows = await self.connector.execute_query_all_async("select key from connections")
        return [row["key"] for row in rows]
