"""The versions of the policy that admins published, and the tickets that a new one is tried on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, literal, or_, select
from sqlalchemy.dialects.postgresql import insert

from plugin.store import tables as t
from plugin.store.database import Database

_RUNNING = ("open", "best_effort")
ASKED_EVERY = 5.0  # seconds: how late a process notices what was published or rolled back elsewhere
NOTICED = timedelta(seconds=ASKED_EVERY + 1)  # a look before may go by the versions of before


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedPolicy:
    """One published version: its text, from when it holds, who published and who withdrew it."""

    id: int
    text: str
    name: str
    version: str
    effective_from: datetime
    published_by: str
    published_at: datetime
    withdrawn_by: str | None
    withdrawn_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredClock:
    """What is kept of a ticket that had a clock: enough to compute its deadline anew."""

    connection: str
    ticket_id: str
    organization_id: str | None
    organization_name: str | None
    tier: str
    kind: str
    language: str | None
    state: str
    starts_at: datetime
    due_at: datetime
    response_at: datetime | None
    updated_at: datetime


class Policies:
    """The table `policies`, and the clocks in `tickets`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def published(self) -> list[PublishedPolicy]:
        """Return every published version, withdrawn ones too, the newest first."""
        names = list(PublishedPolicy.__dataclass_fields__)
        query = select(*(t.policies.c[name] for name in names)).order_by(t.policies.c.id.desc())
        with self._database.transaction() as connection:
            return [PublishedPolicy(**row) for row in connection.execute(query).mappings()]

    def mark(self) -> tuple[int, int]:
        """Return what changes whenever a version is published or withdrawn."""
        table = t.policies
        query = select(func.count(), func.count(table.c.withdrawn_at)).select_from(table)
        with self._database.transaction() as connection:
            row = connection.execute(query).one()
            return row[0], row[1]

    def publish(
        self,
        text: str,
        *,
        name: str,
        version: str,
        effective_from: datetime,
        by: str,
        at: datetime,
        moves_open: bool,
    ) -> int:
        """Keep a version; with `moves_open` every running clock is looked at once it holds.

        Returns how many looks were planned.
        """
        row = {
            "text": text,
            "name": name,
            "version": version,
            "effective_from": effective_from,
            "published_by": by,
            "published_at": at,
        }
        with self._database.transaction() as connection:
            connection.execute(insert(t.policies).values(row))
            since = None if moves_open else effective_from
            return _plan_looks(connection, since=since, at=max(at + NOTICED, effective_from))

    def withdraw(self, number: int, *, by: str, at: datetime) -> int:
        """Take a version back; the running clocks that it governed are looked at again.

        Returns how many looks were planned.
        """
        table = t.policies
        ended = (
            table.update()
            .where(table.c.id == number, table.c.withdrawn_at.is_(None))
            .values(withdrawn_by=by, withdrawn_at=at)
        )
        with self._database.transaction() as connection:
            if not connection.execute(ended).rowcount:
                return 0
            return _plan_looks(connection, since=None, at=at + NOTICED)

    def look_at_running(self, at: datetime) -> int:
        """Plan a look at every running clock, below live work; return how many there are."""
        with self._database.transaction() as connection:
            return _plan_looks(connection, since=None, at=at)

    def clocks(self, since: datetime, limit: int) -> list[StoredClock]:
        """Return clocks that run or that started at or after `since`, the newest first."""
        names = list(StoredClock.__dataclass_fields__)
        c = t.tickets.c
        query = (
            select(*(c[name] for name in names))
            .where(
                c.starts_at.is_not(None),
                c.due_at.is_not(None),
                c.exclusion.is_(None),
                or_(c.state.in_(_RUNNING), c.starts_at >= since),
            )
            .order_by(c.starts_at.desc())
            .limit(limit)
        )
        with self._database.transaction() as connection:
            return [StoredClock(**row) for row in connection.execute(query).mappings()]


def _plan_looks(connection: Connection, *, since: datetime | None, at: datetime) -> int:
    """Ask for a look at each running clock that started at or after `since` (None: ever), at `at`.

    One statement, however many there are; `Deadlines.enqueue_planned` queues them by and by.
    """
    c = t.tickets.c
    running = select(c.connection, c.ticket_id, literal(at)).where(c.state.in_(_RUNNING))
    if since is not None:
        running = running.where(c.starts_at >= since)
    table = t.planned_looks
    columns = [table.c.connection, table.c.ticket_id, table.c.look_at]
    planned = insert(table).from_select(columns, running).on_conflict_do_nothing()
    return connection.execute(planned, execution_options={"preserve_rowcount": True}).rowcount
