"""The figures of the first page; each is one short question to an index."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import case, func, select

from plugin.store import tables as t
from plugin.store.database import Database
from plugin.store.deliveries import real_failures


@dataclass(frozen=True, slots=True)
class Kept:
    """How the promises of one tier were kept in a stretch of time."""

    tier: str
    met: int
    breached: int

    @property
    def share(self) -> float:
        """The share that was met, of one."""
        return self.met / (self.met + self.breached)


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """What came from one account: its vendor, the last event, looks that failed lately."""

    connection: str
    vendor: str
    last_event_at: datetime | None
    failures: int


class Overview:
    """Questions over several tables."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def attainment(self, start: datetime, end: datetime) -> list[Kept]:
        """Return met and breached by tier, of the deadlines from `start` to `end` (exclusive).

        Promises only: a goal that was missed is no breach, and one that was met no merit.
        """
        c = t.tickets.c
        met = func.count(case((c.state == "met", 1)))
        query = (
            select(c.tier, met, func.count() - met)
            .where(
                c.state.in_(("met", "breached")),
                c.due_at >= start,
                c.due_at < end,
                func.coalesce(c.commitment, "guaranteed") == "guaranteed",
            )
            .group_by(c.tier)
        )
        with self._database.transaction() as database:
            return [Kept(*row) for row in database.execute(query)]

    def events_by_hour(self, start: datetime) -> dict[datetime, int]:
        """Return how many events came in each hour (UTC) since `start`, without quiet hours."""
        hour = func.date_trunc("hour", t.inbox.c.received_at, "UTC")
        query = select(hour, func.count()).where(t.inbox.c.received_at >= start).group_by(hour)
        with self._database.transaction() as database:
            return {row[0]: row[1] for row in database.execute(query)}

    def activity(self, since: datetime) -> list[Activity]:
        """Return each account's activity; failures are counted from `since`."""
        c, inbox, audit = t.connections.c, t.inbox.c, t.audit_entries.c
        last = (
            select(inbox.received_at)
            .where(inbox.connection == c.key)
            .order_by(inbox.received_at.desc())
            .limit(1)
        )
        failed = select(func.count()).where(
            audit.connection == c.key, *real_failures(), audit.at >= since
        )
        query = select(
            c.key.label("connection"),
            c.vendor,
            last.scalar_subquery().label("last_event_at"),
            failed.scalar_subquery().label("failures"),
        ).order_by(c.key)
        with self._database.transaction() as database:
            return [Activity(**row) for row in database.execute(query).mappings()]
