"""How far each account was swept for changes that no webhook told.

What a sweep does is in `reconcile.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, or_, select
from sqlalchemy.dialects.postgresql import insert

from connectors.bulk import Changes
from plugin.jobs import enqueue_looks, tickets_with_jobs
from plugin.store import tables as t
from plugin.store.database import Database

SECOND_OVER = timedelta(seconds=1.5)  # a look is noted at its end, and has read before
LEASE = timedelta(minutes=5)  # longer than one page takes; a dead sweeper's runs out


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """The last sweep of an account. `changed` and `enqueued` count its tickets."""

    connection: str
    cursor: str | None
    swept_at: datetime | None
    changed: int
    enqueued: int
    error: str | None


class Sweeps:
    """The table `sweeps`. Instants are the database's."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def due(self, interval: timedelta) -> list[str]:
        """Return the accounts whose last sweep began at least `interval` ago, or never did."""
        table = t.sweeps
        query = (
            select(t.connections.c.key)
            .outerjoin(table, table.c.connection == t.connections.c.key)
            .where(or_(table.c.swept_at.is_(None), table.c.swept_at <= func.now() - interval))
            .order_by(t.connections.c.key)
        )
        with self._database.transaction() as database:
            return list(database.execute(query).scalars())

    def connected_at(self, connection: str) -> datetime | None:
        """Return when the account was connected."""
        query = select(t.connections.c.created_at).where(t.connections.c.key == connection)
        with self._database.transaction() as database:
            return database.execute(query).scalar()

    def get(self, connection: str) -> Sweep | None:
        """Return the account's last sweep, None where there was none."""
        names = list(Sweep.__dataclass_fields__)
        query = select(*(t.sweeps.c[n] for n in names)).where(t.sweeps.c.connection == connection)
        with self._database.transaction() as database:
            row = database.execute(query).mappings().first()
            return Sweep(**row) if row else None

    def begin(self, connection: str) -> bool:
        """Take the account for this sweep; False while another sweeps it."""
        table = t.sweeps
        fresh: dict[str, Any] = {"busy_until": func.now() + LEASE, "swept_at": func.now()}
        fresh |= {"changed": 0, "enqueued": 0, "error": None}
        statement = (
            insert(table)
            .values(connection=connection, **fresh)
            .on_conflict_do_update(
                index_elements=["connection"],
                set_=fresh,
                where=or_(table.c.busy_until.is_(None), table.c.busy_until < func.now()),
            )
            .returning(table.c.connection)
        )
        with self._database.transaction() as database:
            return database.execute(statement).first() is not None

    def advance(self, connection: str, changes: Changes) -> int:
        """Queue looks at what we have not seen in this version, and move on; both or neither.

        Returns how many looks were queued.
        """
        with self._database.transaction() as database:
            unseen = _unseen(database, connection, changes)
            queued = enqueue_looks(database, [(connection, one) for one in unseen], bulk=True)
            table = t.sweeps
            database.execute(
                table.update()
                .where(table.c.connection == connection)
                .values(
                    cursor=changes.cursor,
                    busy_until=func.now() + LEASE,
                    changed=table.c.changed + len(changes.versions),
                    enqueued=table.c.enqueued + queued,
                )
            )
        return queued

    def end(self, connection: str, error: str | None = None) -> None:
        """Let the account go; `error` says why the sweep stopped early."""
        table = t.sweeps
        with self._database.transaction() as database:
            database.execute(
                table.update()
                .where(table.c.connection == connection)
                .values(busy_until=None, error=error)
            )


def _unseen(database: Connection, connection: str, changes: Changes) -> list[str]:
    """The tickets whose version is newer than what we looked at last; no look waits for them.

    Versions count whole seconds: one that is as we left it may hide a change in the second of our
    own write, until a later look has found nothing. Rows of before versions were kept go by the
    instant of the look.
    """
    table, numbers = t.tickets, list(changes.versions)
    query = select(
        table.c.ticket_id, func.coalesce(table.c.version_at, table.c.updated_at).label("seen_at")
    ).where(table.c.connection == connection, table.c.ticket_id.in_(numbers))
    seen = {row.ticket_id: row.seen_at for row in database.execute(query)}
    settled = _settled(database, connection, seen)
    queued = tickets_with_jobs(database, connection, numbers, running=False)
    return [
        number
        for number, version in changes.versions.items()
        if number not in queued
        and (number in seen or number not in changes.known_only)
        and (
            number not in seen
            or version is None
            or version > seen[number]
            or (version == seen[number] and number not in settled)
        )
    ]


def _settled(database: Connection, connection: str, seen: Mapping[str, datetime]) -> set[str]:
    """The tickets that a look found unchanged after the second of the version seen was over."""
    table = t.audit_entries
    query = (
        select(table.c.ticket_id, func.max(table.c.at).label("at"))
        .where(
            table.c.connection == connection,
            table.c.ticket_id.in_(list(seen)),
            table.c.outcome == "no_change",
        )
        .group_by(table.c.ticket_id)
    )
    return {
        row.ticket_id
        for row in database.execute(query)
        if row.at >= seen[row.ticket_id] + SECOND_OVER
    }
