"""The figures that a monitor reads off the tables: waiting jobs by lane, failed jobs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import text

from plugin.jobs import LOOK_AT_TICKET
from plugin.store.database import Database

_LANES = text("""
    with ripe as (
        select id, scheduled_at,
               case when task_name = :look then 'tickets' else queue_name end as kind,
               coalesce(substring(queueing_lock from '/([a-z]+)$'), 'live') as lane
        from procrastinate_jobs
        where status = 'todo' and (scheduled_at is null or scheduled_at <= now())
    ), lanes as (
        select kind, lane, count(*) as jobs, min(id) as oldest, min(scheduled_at) as planned
        from ripe group by kind, lane
    )
    select kind, lane, jobs,
           extract(epoch from now() - least(planned, (
               select min(at) from procrastinate_events e
               where e.job_id = lanes.oldest and e.type = 'deferred'
           )))::float8
    from lanes
""")
_JOB_AGE = text(
    "select extract(epoch from clock_timestamp() - min(at))::float8 from procrastinate_events "
    "where job_id = :job and type = 'deferred'"
)
_OVERDUE = text("select count(*) from deadlines where look_at < now() - interval '1 minute'")
_NOTICES = text("select count(*) from notices where webhook_at is not null or note_at is not null")
_DEAD = text("select count(*) from dead_letters where resolved_at is null")
_FAILED = text("select count(*) from procrastinate_jobs where status = 'failed'")


@dataclass(frozen=True, slots=True)
class Lane:
    """Jobs of one kind that could run now and wait; `age` of the oldest is in seconds.

    `queue` is `tickets` for the looks of all accounts.
    """

    queue: str
    name: str
    jobs: int
    age: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FiguresNow:
    """All figures at one moment."""

    lanes: tuple[Lane, ...]
    failed_jobs: int
    dead_letters: int
    overdue_looks: int
    waiting_notices: int

    @property
    def queue_age(self) -> float:
        """How long the oldest waiting job waits, in seconds; 0 where none does."""
        return max((lane.age for lane in self.lanes), default=0.0)

    def single(self) -> Iterator[tuple[str, str, float]]:
        """Yield name, help and value of the figures without labels."""
        yield "sla_failed_jobs", "Jobs that ended in an unexpected error", self.failed_jobs
        yield "sla_dead_letters", "Tickets set aside and not resolved", self.dead_letters
        yield "sla_overdue_looks", "Deadlines past and not looked at", self.overdue_looks
        yield "sla_waiting_notices", "Warnings and breaches not told yet", self.waiting_notices


class Figures:
    """Reads many tables, writes none."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self) -> FiguresNow:
        """Return the figures of this moment. Raises `StoreUnavailable`."""
        with self._database.transaction() as database:
            lanes = tuple(
                Lane(queue, lane, jobs, max(0.0, age or 0.0))
                for queue, lane, jobs, age in database.execute(_LANES, {"look": LOOK_AT_TICKET})
            )
            return FiguresNow(
                lanes=lanes,
                failed_jobs=database.execute(_FAILED).scalar_one(),
                dead_letters=database.execute(_DEAD).scalar_one(),
                overdue_looks=database.execute(_OVERDUE).scalar_one(),
                waiting_notices=database.execute(_NOTICES).scalar_one(),
            )

    def job_age(self, job_id: int) -> float:
        """Return the seconds since a job was queued."""
        with self._database.transaction() as database:
            return float(database.execute(_JOB_AGE, {"job": job_id}).scalar() or 0.0)
