"""What keeps the queue whole: jobs of dead workers, failed jobs, tickets that wait, old rows.

Once a day what runs is looked at, where other holidays may count by now. Any worker may run these;
the engine lets one at a time do each.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import structlog
from procrastinate import App, exceptions
from procrastinate.jobs import Job, Status

from plugin.jobs import LOOK_AT_TICKET, UPKEEP
from plugin.pipeline import Services
from plugin.retention import prune

log = structlog.get_logger()

STALLED_AFTER = 20  # seconds: four heartbeats missed
STUCK_AFTER = 180  # seconds, far above the longest look: its end was not written down
PRIORITY = 10  # before every look: what they do is short


def register(app: App, services: Services, kept: Mapping[str, timedelta]) -> None:
    """Add the periodic tasks to the engine."""

    @app.periodic(cron="* * * * * */10")
    @app.task(name="retry_stalled", queue=UPKEEP, queueing_lock="retry_stalled", priority=PRIORITY)
    async def retry_stalled(timestamp: int) -> None:
        del timestamp
        await take_up_stalled(app)

    @app.periodic(cron="* * * * * */10")
    @app.task(
        name="release_waiting", queue=UPKEEP, queueing_lock="release_waiting", priority=PRIORITY
    )
    def release_waiting(timestamp: int) -> None:
        del timestamp
        failed = services.store.inbox.requeue_failed()
        failed += services.store.errands.requeue_failed()
        released = services.store.circuits.release()
        if failed or released:
            log.info("jobs queued again", failed=failed, waited=released)

    @app.periodic(cron="17 * * * *")
    @app.task(name="prune", queue=UPKEEP, queueing_lock="prune", lock="prune")
    def prune_old(timestamp: int) -> None:
        del timestamp
        prune(services.store, services.clock(), kept)

    @app.periodic(cron="37 3 * * *")
    @app.task(name="follow_calendars", queue=UPKEEP, queueing_lock="follow_calendars")
    def follow(timestamp: int) -> None:
        del timestamp
        follow_calendars(services)


def follow_calendars(services: Services) -> int:
    """Plan a look at every running clock where a policy subscribes to a holiday calendar.

    A look costs one read where the same dates are closed as before. Returns how many there were.
    """
    if not any(policy.subscribes for policy in services.policies().versions):
        return 0
    planned = services.store.policies.look_at_running(services.clock())
    log.info("holiday calendars: looks planned", tickets=planned)
    return planned


async def take_up_stalled(app: App) -> int:
    """Queue the jobs of dead workers again; where a newer one waits for the ticket, that one does.

    Returns how many there were.
    """
    manager = app.job_manager
    stalled = list(await manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_AFTER))
    stalled += [job for job in await _stuck(app) if job.id not in {one.id for one in stalled}]
    for job in stalled:
        try:
            await manager.retry_job(job)
        except exceptions.UniqueViolation:
            await manager.finish_job_by_id_async(
                job_id=job.id or 0, status=Status.ABORTED, delete_job=False
            )
        log.warning("stalled job taken up", job=job.id, lock=job.lock)
    return len(stalled)


async def _stuck(app: App) -> list[Job]:
    """Looks that have been running for too long though their worker lives."""
    rows = await app.connector.execute_query_all_async(
        _STUCK, task=LOOK_AT_TICKET, seconds=STUCK_AFTER
    )
    jobs: list[Job] = []
    for row in rows:
        jobs += await app.job_manager.list_jobs_async(id=row["id"], status=Status.DOING.value)
    return jobs


_STUCK = """
    select id from procrastinate_jobs j
    where status = 'doing' and task_name = %(task)s and (
        select max(at) from procrastinate_events e where e.job_id = j.id and e.type = 'started'
    ) < now() - make_interval(secs => %(seconds)s)
"""
