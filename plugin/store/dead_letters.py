"""Looks that cannot be done: each with its reason, until a later look at the ticket succeeds.

Holds no message text: errors name vendor, ticket and request id. Replaying queues a fresh look;
an account as a whole that is broken is in `circuits.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, func, select, text, update

from plugin.jobs import enqueue_looks
from plugin.store import tables as t
from plugin.store.database import Database


class SetAside(StrEnum):
    """Why a look could not be done."""

    CREDENTIALS_REFUSED = "credentials_refused"
    REJECTED = "rejected"
    GONE = "gone"
    UNAVAILABLE = "unavailable"
    UNREADABLE = "unreadable"
    BUG = "bug"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """One ticket that was set aside. `times` counts the looks that failed since `first_at`."""

    id: int
    connection: str
    ticket_id: str
    reason: str
    error: str
    times: int
    first_at: datetime
    last_at: datetime
    replayed_at: datetime | None
    resolved_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which dead letters: all conditions that are given. `since` inclusive, `until` exclusive."""

    ids: Sequence[int] = ()
    connection: str | None = None
    ticket_id: str | None = None
    reason: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    resolved: bool = False

    def conditions(self) -> list[ColumnElement[bool]]:
        """The conditions on the table; times are those of the last failure."""
        table = t.dead_letters.c
        found: list[ColumnElement[bool]] = [
            table.resolved_at.is_not(None) if self.resolved else table.resolved_at.is_(None)
        ]
        if self.ids:
            found.append(table.id.in_(self.ids))
        for column, value in (
            (table.connection, self.connection),
            (table.ticket_id, self.ticket_id),
            (table.reason, self.reason),
        ):
            if value is not None:
                found.append(column == value)
        if self.since is not None:
            found.append(table.last_at >= self.since)
        if self.until is not None:
            found.append(table.last_at < self.until)
        return found


class DeadLetters:
    """The table `dead_letters`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def set_aside(self, connection: str, ticket_id: str, reason: SetAside, error: str) -> None:
        """Keep that a look could not be done; one letter a ticket, until one succeeds."""
        given = {
            "connection": connection,
            "ticket_id": ticket_id,
            "reason": reason.value,
            "error": error,
        }
        with self._database.transaction() as database:
            database.execute(_SET_ASIDE, given)

    def resolve(self, connection: str, ticket_id: str) -> None:
        """Close the ticket's letter, where it has one: a look succeeded."""
        self._database.call(_RESOLVE, (connection, ticket_id))

    def find(self, wanted: Wanted, limit: int = 100, offset: int = 0) -> list[DeadLetter]:
        """Return letters, the one that failed last first."""
        names = list(DeadLetter.__dataclass_fields__)
        table = t.dead_letters
        query = (
            select(*(table.c[name] for name in names))
            .where(*wanted.conditions())
            .order_by(table.c.last_at.desc(), table.c.id.desc())
            .limit(limit)
            .offset(offset)
        )
        with self._database.transaction() as database:
            return [DeadLetter(**row) for row in database.execute(query).mappings()]

    def counts(self, connection: str | None = None) -> dict[str, int]:
        """Return the number of open letters by reason, of one account or of all."""
        table = t.dead_letters.c
        query = (
            select(table.reason, func.count().label("letters"))
            .where(table.resolved_at.is_(None))
            .group_by(table.reason)
        )
        if connection is not None:
            query = query.where(table.connection == connection)
        with self._database.transaction() as database:
            return {row.reason: row.letters for row in database.execute(query)}

    def replay(self, wanted: Wanted) -> list[tuple[str, str]]:
        """Queue a look at each ticket whose letter is wanted and open; returns the tickets.

        Doing it twice queues nothing twice: a ticket's waiting looks are one.
        """
        table = t.dead_letters
        query = (
            update(table)
            .where(*wanted.conditions())
            .values(replayed_at=func.now())
            .returning(table.c.connection, table.c.ticket_id)
        )
        with self._database.transaction() as database:
            tickets = [(row.connection, row.ticket_id) for row in database.execute(query)]
            enqueue_looks(database, tickets)
        return tickets


_SET_ASIDE = text("""
    insert into dead_letters (connection, ticket_id, reason, error, times, first_at, last_at)
    values (:connection, :ticket_id, :reason, :error, 1, now(), now())
    on conflict (connection, ticket_id) where resolved_at is null do update
    set reason = :reason, error = :error, times = dead_letters.times + 1, last_at = now()
""")
_RESOLVE = """
    update dead_letters set resolved_at = now()
    where connection = %s and ticket_id = %s and resolved_at is null
    returning id
"""
