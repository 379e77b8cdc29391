"""The job engine's side of the database: which tasks there are and how a job is enqueued.

What a task does is in `pipeline.py`; how jobs are run is in `worker.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from enum import Enum
from typing import Any

from procrastinate import SyncPsycopgConnector, tasks
from procrastinate.manager import JobManager
from psycopg.types.json import Jsonb
from sqlalchemy import Connection, text


class Lane(Enum):
    """The lanes of a ticket's jobs: what keeps two of a lane apart, and the priority."""

    LIVE = ("", 0)
    RETRY = ("/retry", -1)
    BULK = ("/backfill", -2)

    def __init__(self, suffix: str, priority: int) -> None:
        self.suffix = suffix
        self.priority = priority


LOOK_AT_TICKET = "look_at_ticket"
UPKEEP = "upkeep"
OLD_QUEUE = "tickets"  # of every account, before each had its own, named by its key
RUN_ERRAND = "run_errand"
_ERRAND = "errand/"
AFTER_FAILURE = 10.0  # seconds
_manager = JobManager(SyncPsycopgConnector())  # never opened: every call brings its connection


def live_job(connection: str, ticket_id: str) -> tuple[str, str, str, str, int, Jsonb]:
    """Return the job of a live event, as `sla_accept_v1` takes it.

    That is queue, task, `lock`, `queueing_lock`, priority and arguments.
    """
    key = f"{connection}/{ticket_id}"
    arguments = {"connection": connection, "ticket_id": ticket_id, "attempt": 0}
    lane = Lane.LIVE
    return connection, LOOK_AT_TICKET, key, key + lane.suffix, lane.priority, Jsonb(arguments)


def enqueue_look(
    database: Connection,
    *,
    connection: str,
    ticket_id: str,
    attempt: int = 0,
    wait: float = 0,
    bulk: bool = False,
) -> bool:
    """Queue a look at a ticket, see `enqueue_looks`; False where one waits already."""
    ticket = (connection, ticket_id)
    return enqueue_looks(database, [ticket], attempt=attempt, wait=wait, bulk=bulk) > 0


def enqueue_looks(
    database: Connection,
    tickets: Collection[tuple[str, str]],
    *,
    attempt: int = 0,
    wait: float = 0,
    bulk: bool = False,
) -> int:
    """Queue a look at each ticket (account, number) in the caller's transaction, by one statement.

    Returns how many; none is queued where one waits already. One `lock` a ticket keeps its jobs one
    after another. A repeated attempt has a lane of its own, below live events, so that a job that
    waits for its time holds up nobody; what a sweep, a backfill or a replay of many asks for
    (`bulk`) has another below that, so that no event inherits its low priority. `wait` is in
    seconds.
    """
    if not database.in_transaction():
        raise RuntimeError("a job is enqueued in the transaction of what it is about")
    lane = Lane.BULK if bulk else Lane.RETRY if attempt > 0 else Lane.LIVE
    given: dict[str, Any] = {"attempt": attempt}
    if bulk:
        given["bulk"] = True
    parameters = {
        "accounts": [account for account, _ in tickets],
        "numbers": [number for _, number in tickets],
        "task": LOOK_AT_TICKET,
        "suffix": lane.suffix,
        "priority": lane.priority,
        "given": Jsonb(given),
        "wait": wait or None,
    }
    return database.execute(_ENQUEUE, parameters).rowcount


_ENQUEUE = text("""
    insert into procrastinate_jobs
        (queue_name, task_name, priority, lock, queueing_lock, args, scheduled_at)
    select
        account, :task, :priority, key, key || :suffix,
        :given || jsonb_build_object('connection', account, 'ticket_id', number),
        now() + make_interval(secs => :wait)
    from unnest(cast(:accounts as text[]), cast(:numbers as text[])) as asked (account, number),
        concat(account, '/', number) as key
    order by key  -- so that no two wait for each other
    on conflict (queueing_lock) where status = 'todo' do nothing
""")


def enqueue_errand(database: Connection, number: str, lock: str) -> None:
    """Queue an errand in the caller's transaction; those of one `lock` run one after another."""
    tasks.configure_task(
        name=RUN_ERRAND,
        job_manager=_manager,
        queue=UPKEEP,
        lock=_ERRAND + lock,
        priority=1,
        connection=database.connection.driver_connection,
    ).defer(number=number)


def requeue_failed_errands(database: Connection, limit: int = 100) -> int:
    """Queue each errand whose job failed once more, in the caller's transaction; return how many.

    The database was away, or a worker took it that is older than errands are.
    """
    failed = database.execute(_TAKE_FAILED, {"task": RUN_ERRAND, "limit": limit}).all()
    for arguments, lock in failed:
        enqueue_errand(database, arguments["number"], lock.removeprefix(_ERRAND))
    return len(failed)


def requeue_failed(database: Connection, limit: int = 100) -> int:
    """Queue a fresh look for each that ended in failure, in the caller's transaction.

    Looks keep their own events; this is the net below them. Returns how many there were.
    """
    failed = database.execute(_TAKE_FAILED, {"task": LOOK_AT_TICKET, "limit": limit}).scalars()
    arguments = list(failed)
    for one in arguments:
        enqueue_look(
            database,
            connection=one["connection"],
            ticket_id=one["ticket_id"],
            attempt=int(one.get("attempt", 0)) + 1,
            wait=AFTER_FAILURE,
            bulk=bool(one.get("bulk")),
        )
    return len(arguments)


_TAKE_FAILED = text("""
    delete from procrastinate_jobs where id in (
        select id from procrastinate_jobs
        where status = 'failed' and task_name = :task
        order by id limit :limit for update skip locked
    ) returning args, lock
""")


def tickets_with_jobs(
    database: Connection, connection: str, ticket_ids: Iterable[str], *, running: bool = True
) -> set[str]:
    """Return the tickets of these for which a job waits to run now, or (`running`) runs."""
    locks = {f"{connection}/{number}": number for number in ticket_ids}
    states = ["todo", "doing"] if running else ["todo"]
    found = database.execute(_WITH_JOBS, {"locks": list(locks), "states": states}).scalars()
    return {locks[lock] for lock in found}


_WITH_JOBS = text("""
    select distinct lock from procrastinate_jobs
    where lock = any(:locks) and scheduled_at is null
      and status = any(cast(:states as procrastinate_job_status[]))
""")
