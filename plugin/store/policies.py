"""The versions of the policy that admins published, and the tickets that a new one is tried on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, or_, select
from sqlalchemy.dialects.postgresql import insert

from plugin.jobs import enqueue_look
from plugin.store import tables as t
from plugin.store.database import Database

_RUNNING = ("open", "best_effort")
ASKED_EVERY = 5.0  # seconds: how late a process notices what was published or rolled back elsewhere
NOTICED = ASKED_EVERY + 1.0  # seconds: a look before that may still go by the versions of before


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

        Returns how many looks were queued.
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
            wait = max(NOTICED, (effective_from - at).total_seconds())
            since = None if moves_open else effective_from
            return _look_at_running(connection, since=since, wait=wait)

    def withdraw(self, number: int, *, by: str, at: datetime) -> int:
        """Take a version back; the running clocks that it governed are looked at again.

        Returns how many looks were queued.
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
            return _look_at_running(connection, since=None, wait=NOTICED)

    def look_at_running(self) -> int:
        """Queue a look at every running clock, below live work; return how many there are."""
        with self._database.transaction() as connection:
            return _look_at_running(connection, since=None, wait=0)

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


def _look_at_running(connection: Connection, *, since: datetime | None, wait: float) -> int:
    """Queue a look at each running clock that started at or after `since` (None: at any time)."""
    return sum(
        enqueue_look(connection, connection=key, ticket_id=ticket, attempt=1, wait=wait)
        for key, ticket in _running(connection, since)
    )


def _running(connection: Connection, since: datetime | None) -> Iterator[tuple[str, str]]:
    c = t.tickets.c
    query = select(c.connection, c.ticket_id).where(c.state.in_(_RUNNING))
    if since is not None:
        query = query.where(c.starts_at >= since)
    for row in connection.execute(query).all():
        yield row.connection, row.ticket_id
