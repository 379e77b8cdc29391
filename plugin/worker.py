"""The worker process: runs the jobs, and takes up those of workers that died.

What a job does is `pipeline.look_at_ticket`; there is no retry in place (see `jobs.py`).
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from datetime import timedelta

import psycopg
import structlog
from procrastinate import App, JobContext, PsycopgConnector, exceptions
from prometheus_client import start_http_server

from plugin import deadlines, errands, privacy, upkeep
from plugin.bootstrap import build_services
from plugin.fairness import FairJobs
from plugin.jobs import LOOK_AT_TICKET, OLD_QUEUE, UPKEEP
from plugin.metrics import EVENT_TO_WRITE_SECONDS
from plugin.pacing import PATIENCE, bulk_work
from plugin.pipeline import Outcome, Services, look_at_ticket
from plugin.reconcile import sweep_all
from plugin.retention import KEPT, kept_for
from plugin.settings import Settings
from plugin.store import StoreUnavailable
from plugin.store.database import Patience, driver_options
from plugin.upkeep import STALLED_AFTER

log = structlog.get_logger()

HEARTBEAT = 5  # seconds
LONGEST_WAIT = 5  # seconds between two attempts to reach the database
ENGINE_CONNECTIONS = 4  # of a worker: the engine's own, besides one for each job
RETRY_KEEPING = (0.5, 2.0)  # seconds


def run_worker(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT; the jobs in hand are finished first.

    Where the database was lost the engine is begun anew, after every job that was in hand has
    ended, so that no ticket has two writers here.
    """
    wait = 0
    while not asyncio.run(_run_until_stopped(settings)):
        wait = min(wait + 1, LONGEST_WAIT)
        log.error("the database does not answer", again_in=wait)
        time.sleep(wait)


async def _run_until_stopped(settings: Settings) -> bool:
    """Run the engine; True where a signal ended it, False where the database was lost."""
    running = asyncio.create_task(_run(settings))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, running.cancel)
    try:
        await running  # the engine ends by itself where it lost the database
    except asyncio.CancelledError:
        return True
    except (exceptions.ConnectorException, psycopg.Error) as error:
        log.warning("the engine ended", error=type(error).__name__)
    finally:
        await loop.shutdown_default_executor()
    return False


async def _run(settings: Settings) -> None:
    concurrency = settings.worker_concurrency
    services = build_services(settings, pool_size=concurrency // 2 + 2)
    app = build_app(
        settings.require_database(),
        services,
        slots=concurrency,
        kept=kept_for(settings.keep_days),
    )
    if settings.metrics_port:
        start_http_server(settings.metrics_port, addr=settings.host)
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(concurrency + 2, "job"))
    try:
        async with app.open_async():
            await app.run_worker_async(
                concurrency=concurrency,
                fetch_job_polling_interval=1,  # a job whose time has come is not announced
                delete_jobs="successful",
                update_heartbeat_interval=HEARTBEAT,
                stalled_worker_timeout=STALLED_AFTER,
                shutdown_graceful_timeout=20,
                install_signal_handlers=False,
            )
    finally:
        services.store.close()


def build_app(
    database_url: str, services: Services, *, slots: int, kept: Mapping[str, timedelta] = KEPT
) -> App:
    """Return the job engine with its tasks, for a worker that runs `slots` jobs at a time."""
    app = App(
        connector=PsycopgConnector(
            conninfo=database_url.replace("postgres://", "postgresql://", 1),
            min_size=2,
            max_size=ENGINE_CONNECTIONS,
            timeout=10,
            kwargs=driver_options(database_url, Patience()),
        )
    )

    app.job_manager = FairJobs(app.connector, slots)

    @app.task(name=LOOK_AT_TICKET, queue=OLD_QUEUE, pass_context=True)
    def look(
        context: JobContext, connection: str, ticket_id: str, attempt: int = 0, bulk: bool = False
    ) -> None:
        try:
            with (
                structlog.contextvars.bound_contextvars(job=context.job.id),
                bulk_work(PATIENCE) if bulk else nullcontext(),
            ):
                outcome = look_at_ticket(services, connection, ticket_id, attempt, bulk=bulk)
            is_live = attempt == 0 and not bulk
            if outcome is Outcome.APPLIED and is_live and context.job.id:
                EVENT_TO_WRITE_SECONDS.observe(services.store.figures.job_age(context.job.id))
        except StoreUnavailable:
            keep_event(services, connection, ticket_id, attempt, bulk=bulk)

    @app.periodic(cron="* * * * *")
    @app.task(name="sweep", queue=UPKEEP, queueing_lock="sweep", lock="sweep", pass_context=True)
    def sweep(context: JobContext, timestamp: int) -> None:
        del context, timestamp
        sweep_all(services)

    deadlines.add_tasks(app, services)
    upkeep.register(app, services, kept)
    privacy.add_tasks(app, services)
    errands.add_tasks(app, services)
    return app


def keep_event(
    services: Services, connection: str, ticket_id: str, attempt: int, *, bulk: bool
) -> None:
    """Queue a look that the database cut short; where it takes none, the job fails and is kept.

    `upkeep.requeue_failed` takes failed jobs up again.
    """
    for wait in (*RETRY_KEEPING, None):
        try:
            services.store.inbox.look_again(
                connection, ticket_id, attempt=attempt + 1, wait=1, bulk=bulk
            )
        except StoreUnavailable:
            if wait is None:
                raise
            time.sleep(wait)
        else:
            return
