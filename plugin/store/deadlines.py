"""When time alone asks for a look at a ticket, and the notices of warnings and breaches.

A ticket has one row while something is ahead; the notices are told once each, by a unique key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Connection, delete, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from plugin.jobs import enqueue_looks
from plugin.store import tables as t
from plugin.store.database import Database

BREACH = "breach"
LOOK_AGAIN = timedelta(minutes=15)  # where the look itself planned nothing: it failed
_BATCH = 200

Way = Literal["webhook", "note"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something to tell of a ticket's deadline; `reached_at` is the instant of the level.

    `level` is the policy's name for it, or `BREACH`. `facts` is what the message may say.
    """

    level: str
    starts_at: datetime
    due_at: datetime
    reached_at: datetime
    facts: Mapping[str, Any]
    webhook: bool = False
    note: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A notice on its way. `state` is the ticket's as it was decided last."""

    id: int
    connection: str
    ticket_id: str
    level: str
    due_at: datetime
    told_at: datetime
    facts: Mapping[str, Any]
    attempts: int
    state: str | None


def plan_look(
    database: Connection, *, connection: str, ticket_id: str, at: datetime | None
) -> None:
    """Set the next instant at which the ticket is looked at; None where nothing is ahead."""
    table = t.deadlines
    if at is None:
        here = (table.c.connection == connection, table.c.ticket_id == ticket_id)
        database.execute(delete(table).where(*here))
        return
    row = {"connection": connection, "ticket_id": ticket_id, "look_at": at}
    database.execute(
        insert(table)
        .values(row)
        .on_conflict_do_update(
            index_elements=["connection", "ticket_id"], set_={"look_at": row["look_at"]}
        )
    )


def keep_notice(
    database: Connection, notice: Notice, *, connection: str, ticket_id: str, now: datetime
) -> bool:
    """Keep a notice to be told once; False where it was told before.

    The same level of the same clock is told again only when the due date moved so much later that
    the level's new instant lies after the date it was told for.
    """
    table = t.notices
    row = {
        "connection": connection,
        "ticket_id": ticket_id,
        "starts_at": notice.starts_at,
        "level": notice.level,
        "due_at": notice.due_at,
        "told_at": now,
        "facts": dict(notice.facts),
        "webhook_at": now if notice.webhook else None,
        "note_at": now if notice.note else None,
        "attempts": 0,
    }
    kept = database.execute(
        insert(table)
        .values(row)
        .on_conflict_do_update(
            constraint="notices_once", set_=row, where=table.c.due_at < notice.reached_at
        )
        .returning(table.c.id)
    )
    return kept.first() is not None


class Deadlines:
    """The tables `deadlines`, `planned_looks` and `notices`. Any number of workers may ask."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def enqueue_due(self, now: datetime) -> int:
        """Queue a look at every ticket whose instant has come; return how many there were.

        A look that succeeds plans the next one; after one that failed it is asked for again.
        """
        found = _BATCH
        total = 0
        while found == _BATCH:
            with self._database.transaction() as database:
                found = _enqueue_batch(database, now)
            total += found
        return total

    def enqueue_planned(self, now: datetime) -> int:
        """Queue some of the looks that a new policy asked for, as bulk; return how many.

        A batch at each call, so that a hundred thousand clocks do not stand in the queue at once.
        """
        table = t.planned_looks
        due = (
            select(table.c.connection, table.c.ticket_id, table.c.look_at)
            .where(table.c.look_at <= now)
            .order_by(table.c.look_at)
            .limit(_BATCH)
            .with_for_update(skip_locked=True)
        )
        with self._database.transaction() as database:
            rows = database.execute(due).all()
            row_key = tuple_(table.c.connection, table.c.ticket_id, table.c.look_at)
            database.execute(delete(table).where(row_key.in_(map(tuple, rows))))
            enqueue_looks(database, [(row.connection, row.ticket_id) for row in rows], bulk=True)
        return len(rows)

    def forget(self, connection: str, ticket_id: str) -> None:
        """Ask for no look at a ticket any more: it is gone, or cannot be done as it is."""
        with self._database.transaction() as database:
            plan_look(database, connection=connection, ticket_id=ticket_id, at=None)

    def next_notice(self, way: Way, now: datetime, *, lease: timedelta) -> Waiting | None:
        """Take the next notice that is due this way; it comes again after `lease` unless settled.

        A private note is never repeated, so its lease is for good: see `put_off`.
        """
        table = t.notices
        column = table.c[f"{way}_at"]
        due = (
            select(table.c.id)
            .where(or_(table.c.webhook_at.is_not(None), table.c.note_at.is_not(None)))
            .where(column <= now)
            .order_by(table.c.id)
            .limit(1)
            .with_for_update(skip_locked=True)
            .scalar_subquery()
        )
        taken = (
            update(table)
            .where(table.c.id == due)
            .values({column: now + lease if way == "webhook" else None, "attempts": _one_more(way)})
            .returning(table)
        )
        with self._database.transaction() as database:
            row = database.execute(taken).mappings().first()
            if row is None:
                return None
            state = select(t.tickets.c.state).where(
                t.tickets.c.connection == row["connection"],
                t.tickets.c.ticket_id == row["ticket_id"],
            )
            names = (name for name in Waiting.__dataclass_fields__ if name != "state")
            return Waiting(
                **{name: row[name] for name in names}, state=database.execute(state).scalar()
            )

    def settle(self, notice_id: int, way: Way) -> None:
        """Tell no more of a notice this way: it arrived, or it came to nothing."""
        self.put_off(notice_id, way, None)

    def put_off(self, notice_id: int, way: Way, until: datetime | None) -> None:
        """Tell of a notice at a later instant, None: never."""
        change = {f"{way}_at": until}
        with self._database.transaction() as database:
            database.execute(update(t.notices).where(t.notices.c.id == notice_id).values(change))


def _one_more(way: Way) -> Any:
    return t.notices.c.attempts + (1 if way == "webhook" else 0)


def _enqueue_batch(database: Connection, now: datetime) -> int:
    table = t.deadlines
    due = database.execute(
        select(table.c.connection, table.c.ticket_id)
        .where(table.c.look_at <= now)
        .order_by(table.c.look_at)
        .limit(_BATCH)
        .with_for_update(skip_locked=True)
    ).all()
    if not due:
        return 0
    keys = [(row.connection, row.ticket_id) for row in due]
    database.execute(
        update(table)
        .where(tuple_(table.c.connection, table.c.ticket_id).in_(keys))
        .values(look_at=now + LOOK_AGAIN)
    )
    enqueue_looks(database, keys)
    return len(keys)
