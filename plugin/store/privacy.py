"""One requester's data: where it is, and erasing it. Also the evidence that has been kept enough.

Whatever table names a ticket is found by its columns, so that a new one cannot be forgotten.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    delete,
    func,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy import text as sql

from plugin.store import tables as t
from plugin.store.database import Database
from plugin.store.feature_titles import LONGEST_TITLE, title_of

ERASED = "(erased)"
_JOBS = sql(
    "delete from procrastinate_jobs where status <> 'doing' "
    "and args->>'connection' = :connection and args->>'ticket_id' = :ticket_id"
)
_COUNT_JOBS = sql(
    "select count(*) from procrastinate_jobs where status <> 'doing' "
    "and args->>'connection' = :connection and args->>'ticket_id' = :ticket_id"
)


@dataclass(frozen=True, slots=True)
class Holding:
    """How many rows of a table are about a requester."""

    table: str
    rows: int


class Privacy:
    """Reads and erases over every table that names a ticket."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def holdings(self, requesters: Mapping[str, Iterable[str]]) -> list[Holding]:
        """Return what is held of requesters, named by account and the helpdesk's ids."""
        with self._database.transaction() as database:
            tickets = _tickets(database, requesters)
            found = [
                Holding(
                    table.name,
                    database.execute(
                        select(func.count()).select_from(table).where(_about(table, tickets))
                    ).scalar_one(),
                )
                for table in _TABLES
            ]
            jobs = sum(database.execute(_COUNT_JOBS, _named(one)).scalar_one() for one in tickets)
            return [one for one in (*found, Holding("procrastinate_jobs", jobs)) if one.rows]

    def erase(self, requesters: Mapping[str, Iterable[str]]) -> list[Holding]:
        """Delete every row about these requesters, all or nothing; return what was deleted.

        A feature whose title was their sentence keeps its count of others and loses the title.
        """
        with self._database.transaction() as database:
            tickets = _tickets(database, requesters)
            _forget_titles(database, tickets)
            found = [
                Holding(
                    table.name,
                    database.execute(delete(table).where(_about(table, tickets))).rowcount,
                )
                for table in _TABLES
            ]
            jobs = sum(database.execute(_JOBS, _named(one)).rowcount for one in tickets)
            return [one for one in (*found, Holding("procrastinate_jobs", jobs)) if one.rows]

    def forget_quotes(self, before: datetime) -> int:
        """Take the sentence out of the entries recorded before an instant; the counts stay."""
        table = t.feature_requests
        old = (table.c.recorded_at < before, table.c.quote.is_not(None))
        with self._database.transaction() as database:
            keys = database.execute(select(table.c.connection, table.c.ticket_id).where(*old)).all()
            _forget_titles(database, [(row.connection, row.ticket_id) for row in keys])
            return database.execute(update(table).where(*old).values(quote=None)).rowcount


_TABLES: Sequence[Table] = [
    table
    for table in t.metadata.sorted_tables
    if {"connection", "ticket_id"} <= set(table.c.keys())
]


def _tickets(
    database: Connection, requesters: Mapping[str, Iterable[str]]
) -> list[tuple[str, str]]:
    found: set[tuple[str, str]] = set()
    for connection, ids in requesters.items():
        for table in (t.tickets, t.feature_requests):
            query = select(table.c.connection, table.c.ticket_id).where(
                table.c.connection == connection, table.c.requester_id.in_(list(ids))
            )
            found |= {(row.connection, row.ticket_id) for row in database.execute(query)}
    return sorted(found)


def _about(table: Table, tickets: Sequence[tuple[str, str]]) -> ColumnElement[bool]:
    return tuple_(table.c.connection, table.c.ticket_id).in_(tickets)


def _named(ticket: tuple[str, str]) -> dict[str, str]:
    return {"connection": ticket[0], "ticket_id": ticket[1]}


def _forget_titles(database: Connection, tickets: Sequence[tuple[str, str]]) -> None:
    """Titles that are a requester's sentence, and what the history of a feature says of them."""
    table = t.feature_requests
    quotes = database.execute(
        select(table.c.quote).where(_about(table, tickets), table.c.quote.is_not(None))
    ).scalars()
    # titles of an earlier version kept the greeting
    titles = {form for quote in quotes for form in (title_of(quote), quote[:LONGEST_TITLE])}
    if not titles:
        return
    database.execute(update(t.features).where(t.features.c.title.in_(titles)).values(title=ERASED))
    detail = t.feature_events.c.detail
    said = or_(*(detail[side].astext.in_(titles) for side in ("from", "to")))
    database.execute(update(t.feature_events).where(said).values(detail={}))
