"""The deliveries as a page lists them: what arrived, what became of it, how long it took.

Writes nothing but looks that are asked for again; taking them in is `inbox.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, DateTime, func, literal_column, select, true, tuple_

from plugin.jobs import enqueue_looks
from plugin.store import tables as t
from plugin.store.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """One verified delivery. `handled_at` is the first look after it that succeeded.

    `failures` counts the looks that failed until then. `ticket_id` is None where it concerned none.
    """

    id: int
    connection: str
    ticket_id: str | None
    name: str
    received_at: datetime
    outcome: str
    handled_at: datetime | None
    failures: int

    @property
    def latency(self) -> timedelta | None:
        """How long it took until the ticket was looked at."""
        return self.handled_at - self.received_at if self.handled_at else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """Which deliveries; None means any. `since` is inclusive, `until` exclusive."""

    connection: str | None = None
    ticket_id: str | None = None
    outcome: str | None = None
    since: datetime | None = None
    until: datetime | None = None


WAITED = "RateLimited"  # how the error of a look that waited its turn begins
_NEVER = literal_column("'infinity'::timestamptz", DateTime(timezone=True))


class Deliveries:
    """Questions to the table `inbox`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(
        self, sought: Sought, limit: int, after: tuple[datetime, int] | None = None
    ) -> list[Arrived]:
        """Return deliveries, the newest first; `after` is where the page before ended."""
        c, a = t.inbox.c, t.audit_entries.c
        page = (
            select(c.id, c.connection, c.ticket_id, c.name, c.received_at, c.outcome)
            .order_by(c.received_at.desc(), c.id.desc())
            .limit(limit)
        )
        page = page.where(*_like(sought))
        if after:
            page = page.where(c.received_at <= after[0], tuple_(c.received_at, c.id) < after)
        found = page.subquery("page")
        here = (
            a.connection == found.c.connection,
            a.ticket_id == found.c.ticket_id,
            a.at >= found.c.received_at,
        )
        handled = (
            select(func.min(a.at).label("at"))
            .where(*here, a.outcome != "failed")
            .lateral("handled")
        )
        failures = (
            select(func.count().label("number"))
            .where(*here, *real_failures(), a.at <= func.coalesce(handled.c.at, _NEVER))
            .lateral("failures")
        )
        query = (
            select(*found.c, handled.c.at.label("handled_at"), failures.c.number.label("failures"))
            .select_from(found.join(handled, true()).join(failures, true()))
            .order_by(found.c.received_at.desc(), found.c.id.desc())
        )
        with self._database.transaction() as database:
            return [Arrived(**row) for row in database.execute(query).mappings()]

    def replay(self, ids: Collection[int]) -> int:
        """Queue a look at each delivery's ticket; returns how many tickets they are.

        Safe to repeat: a ticket's waiting looks are one, and a look writes only what is wrong.
        """
        c = t.inbox.c
        query = (
            select(c.connection, c.ticket_id)
            .where(c.id.in_(ids), c.ticket_id.is_not(None))
            .distinct()
        )
        with self._database.transaction() as database:
            tickets = [(row.connection, row.ticket_id) for row in database.execute(query)]
            enqueue_looks(database, tickets)
        return len(tickets)

    def replay_all(self, sought: Sought, *, most: int | None = None, count: bool = False) -> int:
        """Queue a look, below live ones, at each ticket with such a delivery.

        Returns how many tickets they are; with `count` nothing is queued, and neither where they
        are more than `most`: then it returns one more than that.
        """
        c = t.inbox.c
        query = (
            select(c.connection, c.ticket_id)
            .where(*_like(sought), c.ticket_id.is_not(None))
            .distinct()
            .limit(None if most is None else most + 1)
        )
        with self._database.transaction() as database:
            tickets = [(row.connection, row.ticket_id) for row in database.execute(query)]
            if not count and (most is None or len(tickets) <= most):
                enqueue_looks(database, tickets, bulk=True)
        return len(tickets)


def real_failures() -> tuple[ColumnElement[bool], ...]:
    """Return what makes an audit entry a failed look: one that waited its turn is none."""
    a = t.audit_entries.c
    return a.outcome == "failed", func.coalesce(a.error, "").not_like(f"{WAITED}:%")


def _like(sought: Sought) -> Iterator[ColumnElement[bool]]:
    c = t.inbox.c
    for column, value in (
        (c.connection, sought.connection),
        (c.ticket_id, sought.ticket_id),
        (c.outcome, sought.outcome),
    ):
        if value:
            yield column == value
    if sought.since:
        yield c.received_at >= sought.since
    if sought.until:
        yield c.received_at < sought.until
