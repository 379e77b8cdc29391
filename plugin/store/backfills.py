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
    """The tables `backfills` and `backfill_tickets`.

    A row of a ticket without `sent` is done; with it, a write was on its way when we last knew.
    """

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
            table.c.backfill == run,
            table.c.ticket_id.in_(list(ticket_ids)),
            table.c.sent.is_(None),
        )
        with self._database.transaction() as database:
            return set(database.execute(query).scalars())

    def sent(self, run: int, ticket_ids: Iterable[str]) -> dict[str, Mapping[str, Any]]:
        """Return what was on its way, for those of these tickets whose answer nobody heard."""
        chosen = set(ticket_ids)
        return {n: sent for n, sent in self.on_their_way(run).items() if n in chosen}

    def on_their_way(self, run: int) -> dict[str, Mapping[str, Any]]:
        """Return the tickets whose write was on its way, with what it said."""
        table = t.backfill_tickets
        query = select(table.c.ticket_id, table.c.sent).where(
            table.c.backfill == run, table.c.sent.is_not(None)
        )
        with self._database.transaction() as database:
            return {row.ticket_id: row.sent for row in database.execute(query)}

    def with_jobs(self, connection: str, ticket_ids: Iterable[str]) -> set[str]:
        """Return the tickets of these for which a job waits or runs."""
        with self._database.transaction() as database:
            return tickets_with_jobs(database, connection, ticket_ids)

    def send(self, run: int, sent: Mapping[str, Mapping[str, Any]]) -> None:
        """Say, before they are sent, which writes go out."""
        self._mark(run, [(number, dict(values)) for number, values in sent.items()])

    def done(self, run: int, ticket_ids: Iterable[str]) -> None:
        """Say that these tickets need nothing more."""
        self._mark(run, [(number, None) for number in ticket_ids])

    def advance(self, run: int, cursor: str, counts: Mapping[str, int]) -> None:
        """Everything before the cursor is done."""
        self._update(run, cursor=cursor, counts=dict(counts))

    def finish(self, run: int) -> None:
        """The backfill came to its end; what it knew of single tickets is not needed any more."""
        table = t.backfill_tickets
        self._update(run, finished_at=func.now())
        with self._database.transaction() as database:
            database.execute(table.delete().where(table.c.backfill == run))

    def _mark(self, run: int, rows: list[tuple[str, dict[str, Any] | None]]) -> None:
        if not rows:
            return
        table = t.backfill_tickets
        statement = insert(table).values(
            [{"backfill": run, "ticket_id": number, "sent": sent} for number, sent in rows]
        )
        with self._database.transaction() as database:
            database.execute(
                statement.on_conflict_do_update(
                    index_elements=["backfill", "ticket_id"],
                    set_={"sent": statement.excluded.sent},
                )
            )

    def _update(self, run: int, **values: Any) -> None:
        table = t.backfills
        with self._database.transaction() as database:
            database.execute(table.update().where(table.c.id == run).values(**values))
