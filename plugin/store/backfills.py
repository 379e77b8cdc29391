"""How far each backfill came: its cursor, its counts, the tickets it has touched.

What a backfill does is in `backfill.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from plugin.jobs import tickets_with_jobs
from plugin.store import tables as t
from plugin.store.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One backfill. `cursor` is None before its first page is done."""

    id: int
    connection: str
    options: Mapping[str, Any]
    cursor: str | None
    counts: Mapping[str, int]


class Backfills:
    """The tables `backfills` and `backfill_tickets`: a row of each ticket that is done."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def unfinished(self, connection: str) -> Run | None:
        """Return the account's newest backfill if it did not come to its end."""
        names = list(Run.__dataclass_fields__)
        table = t.backfills
        query = (
            select(*(table.c[name] for name in names))
            .where(table.c.connection == connection, table.c.finished_at.is_(None))
            .order_by(table.c.id.desc())
        )
        with self._database.transaction() as database:
            row = database.execute(query).mappings().first()
            return Run(**row) if row else None

    def start(self, connection: str, options: Mapping[str, Any]) -> Run:
        """Begin a new backfill; older ones of the account are given up."""
        table = t.backfills
        with self._database.transaction() as database:
            database.execute(
                table.update()
                .where(table.c.connection == connection, table.c.finished_at.is_(None))
                .values(finished_at=func.now())
            )
            number = database.execute(
                insert(table)
                .values(connection=connection, options=dict(options), counts={})
                .returning(table.c.id)
            ).scalar_one()
        return Run(id=number, connection=connection, options=options, cursor=None, counts={})

    def done_of(self, run: int, ticket_ids: Iterable[str]) -> set[str]:
        """Return the tickets of these that need nothing more."""
        table = t.backfill_tickets
        query = select(table.c.ticket_id).where(
            table.c.backfill == run, table.c.ticket_id.in_(list(ticket_ids))
        )
        with self._database.transaction() as database:
            return set(database.execute(query).scalars())

    def with_jobs(self, connection: str, ticket_ids: Iterable[str]) -> set[str]:
        """Return the tickets of these for which a job waits or runs."""
        with self._database.transaction() as database:
            return tickets_with_jobs(database, connection, ticket_ids)

    def done(self, run: int, ticket_ids: Iterable[str]) -> None:
        """Say that these tickets need nothing more."""
        rows = [{"backfill": run, "ticket_id": number} for number in ticket_ids]
        if not rows:
            return
        with self._database.transaction() as database:
            database.execute(insert(t.backfill_tickets).values(rows).on_conflict_do_nothing())

    def advance(self, run: int, cursor: str, counts: Mapping[str, int]) -> None:
        """Everything before the cursor is done."""
        self._update(run, cursor=cursor, counts=dict(counts))

    def finish(self, run: int) -> None:
        """The backfill came to its end; what it knew of single tickets is not needed any more."""
        table = t.backfill_tickets
        self._update(run, finished_at=func.now())
        with self._database.transaction() as database:
            database.execute(table.delete().where(table.c.backfill == run))

    def _update(self, run: int, **values: Any) -> None:
        table = t.backfills
        with self._database.transaction() as database:
            database.execute(table.update().where(table.c.id == run).values(**values))
