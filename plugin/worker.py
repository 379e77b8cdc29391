"""The worker process: runs the jobs, and takes up those of workers that died.

What a job does is `pipeline.look_at_ticket`; there is no retry in place (see `jobs.py`).
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext

import structlog
from procrastinate import App, JobContext, PsycopgConnector, exceptions
from procrastinate.jobs import Status

from plugin import deadlines
from plugin.bootstrap import build_services
from plugin.jobs import LOOK_AT_TICKET
from plugin.pacing import PATIENCE, bulk_work
from plugin.pipeline import Services, look_at_ticket
from plugin.reconcile import sweep_all
from plugin.settings import Settings

log = structlog.get_logger()

HEARTBEAT = 5  # seconds
STALLED_AFTER = 20  # seconds: four heartbeats missed


def run_worker(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT; the jobs in hand are finished first."""
    asyncio.run(_run(settings))


async def _run(settings: Settings) -> None:
    concurrency = settings.worker_concurrency
    services = build_services(settings, pool_size=concurrency + 1)
    address = settings.require_database().replace("postgres://", "postgresql://", 1)
    app = build_app(address, services)
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(concurrency + 2, "job"))
    async with app.open_async():
        await app.run_worker_async(
            queues=["tickets", "upkeep"],
            concurrency=concurrency,
            fetch_job_polling_interval=1,  # a follow-up job is not announced when its lock is freed
            delete_jobs="successful",
            update_heartbeat_interval=HEARTBEAT,
            stalled_worker_timeout=STALLED_AFTER,
            shutdown_graceful_timeout=20,
        )


def build_app(database_url: str, services: Services) -> App:
    """Return the job engine with its tasks."""
    app = App(connector=PsycopgConnector(conninfo=database_url, min_size=2, max_size=8))

    @app.task(name=LOOK_AT_TICKET, queue="tickets")
    def look(connection: str, ticket_id: str, attempt: int = 0, bulk: bool = False) -> None:
        with bulk_work(PATIENCE) if bulk else nullcontext():
            look_at_ticket(services, connection, ticket_id, attempt, bulk=bulk)

    @app.periodic(cron="* * * * *")
    @app.task(name="sweep", queue="upkeep", queueing_lock="sweep", lock="sweep", pass_context=True)
    def sweep(context: JobContext, timestamp: int) -> None:
        del context, timestamp
        sweep_all(services)

    @app.periodic(cron="* * * * * */10")
    @app.task(
        name="retry_stalled", queue="upkeep", queueing_lock="retry_stalled", pass_context=True
    )
    async def retry_stalled(context: JobContext, timestamp: int) -> None:
        del context, timestamp
        await take_up_stalled(app)

    deadlines.add_tasks(app, services)
    return app


async def take_up_stalled(app: App) -> int:
    """Queue the jobs of dead workers again; where a newer one waits for the ticket, that one does.

    Returns how many there were.
    """
    stalled = list(await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_AFTER))
    for job in stalled:
        try:
            await app.job_manager.retry_job(job)
        except exceptions.UniqueViolation:
            await app.job_manager.finish_job_by_id_async(
                job_id=job.id or 0, status=Status.ABORTED, delete_job=False
            )
        log.warning("stalled job taken up", job=job.id, lock=job.lock)
    return len(stalled)
