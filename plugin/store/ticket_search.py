"""Finds tickets for the pages: by what is asked, a page at a time, however many there are.

Writes nothing; what is kept of a ticket is `tickets.py`.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, ColumnElement, Select, func, literal_column, select, tuple_
from sqlalchemy.dialects.postgresql import JSONB

from plugin.store import tables as t
from plugin.store.database import Database
from plugin.store.tickets import AuditEntry, TicketRow
from sla_rules.memory import Memory

RUNNING = "running"  # a state of the filter only: waits for its first response, goal or promise
NO_CLOCK = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What to look for; None means any. `connections` lists keys, `organization` is a beginning.

    `state` is a `State`, `running` or `none`; `text` is the beginning of a ticket's number;
    `due_from` (inclusive) and `due_to` (exclusive) bound the deadline.
    """

    connections: Collection[str] | None = None
    organization: str | None = None
    tier: str | None = None
    state: str | None = None
    kind: str | None = None
    tag: str | None = None
    text: str | None = None
    due_from: datetime | None = None
    due_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page ended: the next one goes on after it."""

    updated_at: datetime
    connection: str
    ticket_id: str

    @classmethod
    def of(cls, row: TicketRow) -> Place:
        """Return the place of a row."""
        return cls(row.updated_at, row.connection, row.ticket_id)

    @classmethod
    def read(cls, text: str) -> Place:
        """Read what `text` gave. Raises `ValueError`."""
        at, connection, ticket_id = text.split("~", 2)
        updated_at = datetime.fromisoformat(at)
        if updated_at.tzinfo is None:
            raise ValueError(f"{at} has no offset")
        return cls(updated_at, connection, ticket_id)

    def text(self) -> str:
        """Write the place for an address."""
        return f"{self.updated_at.isoformat()}~{self.connection}~{self.ticket_id}"


@dataclass(frozen=True, slots=True)
class Event:
    """One event that arrived for a ticket; `name` is the vendor's."""

    name: str
    received_at: datetime


class TicketSearch:
    """Questions to the table `tickets`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, wanted: Filter, limit: int, after: Place | None = None) -> list[TicketRow]:
        """Return tickets, the one looked at last first."""
        table = t.tickets
        order = (table.c.updated_at, table.c.connection, table.c.ticket_id)
        query = _rows().where(*conditions(wanted)).order_by(*(one.desc() for one in order))
        if after is not None:
            query = query.where(
                table.c.updated_at <= after.updated_at,
                tuple_(*order) < (after.updated_at, after.connection, after.ticket_id),
            )
        return self._read(query.limit(limit))

    def due_next(self, limit: int) -> list[TicketRow]:
        """Return the tickets whose clock runs, the one due first first."""
        query = _rows().where(*conditions(Filter(state=RUNNING))).order_by(t.tickets.c.due_at)
        return self._read(query.limit(limit))

    def one(self, connection: str, ticket_id: str) -> tuple[TicketRow, Memory] | None:
        """Return a ticket with what is remembered of it, None where it is unknown."""
        table = t.tickets
        query = _rows(table.c.memory).where(
            table.c.connection == connection, table.c.ticket_id == ticket_id
        )
        with self._database.transaction() as database:
            row = database.execute(query).mappings().first()
        if row is None:
            return None
        values = {name: row[name] for name in TicketRow.__dataclass_fields__}
        return TicketRow(**values), Memory.from_json(row["memory"])

    def events(self, connection: str, ticket_id: str, limit: int) -> list[Event]:
        """Return the events that arrived for a ticket, the newest first."""
        c = t.inbox.c
        query = (
            select(c.name, c.received_at)
            .where(c.connection == connection, c.ticket_id == ticket_id)
            .order_by(c.id.desc())
            .limit(limit)
        )
        with self._database.transaction() as database:
            return [Event(**row) for row in database.execute(query).mappings()]

    def trail(self, connection: str, ticket_id: str, limit: int) -> list[AuditEntry]:
        """Return what was done to a ticket, the newest first, without the decisions."""
        c = t.audit_entries.c
        names = ("connection", "ticket_id", "at", "outcome", "patch", "calls", "error")
        query = (
            select(*(c[name] for name in names))
            .where(c.connection == connection, c.ticket_id == ticket_id)
            .order_by(c.id.desc())
            .limit(limit)
        )
        with self._database.transaction() as database:
            rows = database.execute(query).mappings()
            return [AuditEntry(**{**row, "patch": row["patch"] or {}}) for row in rows]

    def looked_at(self, connection: str, ticket_id: str) -> datetime | None:
        """Return when a ticket was looked at last, whatever came of it."""
        c = t.audit_entries.c
        query = (
            select(c.at)
            .where(c.connection == connection, c.ticket_id == ticket_id)
            .order_by(c.id.desc())
            .limit(1)
        )
        with self._database.transaction() as database:
            return database.execute(query).scalar()

    def count(self, wanted: Filter, most: int) -> int:
        """Return how many match, counted no further than `most`."""
        some: Select[Any] = (
            select(literal_column("1")).select_from(t.tickets).where(*conditions(wanted))
        )
        query = select(func.count()).select_from(some.limit(most).subquery())
        with self._database.transaction() as database:
            return int(database.execute(query).scalar_one())

    def organizations(self, beginning: str, limit: int) -> list[str]:
        """Return names of organisations that begin so, in any spelling of case."""
        name = t.tickets.c.organization_name
        query = (
            select(name)
            .where(func.lower(name).like(_beginning(beginning.lower())))
            .distinct()
            .limit(limit)
        )
        with self._database.transaction() as database:
            return sorted(database.execute(query).scalars())

    def _read(self, query: Select[Any]) -> list[TicketRow]:
        with self._database.transaction() as database:
            return [TicketRow(**row) for row in database.execute(query).mappings()]


def conditions(wanted: Filter) -> list[ColumnElement[bool]]:
    """Return the filter as conditions on the table `tickets`, each with an index behind it."""
    c = t.tickets.c
    found: list[ColumnElement[bool]] = []
    if wanted.connections is not None:
        found.append(c.connection.in_(wanted.connections))
    if wanted.organization:
        found.append(func.lower(c.organization_name).like(_beginning(wanted.organization.lower())))
    if wanted.tier:
        found.append(c.tier == wanted.tier)
    if wanted.kind:
        found.append(c.kind == wanted.kind)
    if wanted.tag:
        found.append(has_tag(wanted.tag))
    if wanted.text:
        found.append(c.ticket_id.like(_beginning(wanted.text)))
    if wanted.due_from:
        found.append(c.due_at >= wanted.due_from)
    if wanted.due_to:
        found.append(c.due_at < wanted.due_to)
    if wanted.state == RUNNING:
        found.append(_RUNNING)
    elif wanted.state == NO_CLOCK:
        found.append(c.state.is_(None))
    elif wanted.state:
        found.append(c.state == wanted.state)
    return found


_RUNNING = literal_column(f"({t.RUNNING_CLOCK})", Boolean)  # in the very words of its index


def has_tag(tag: str) -> ColumnElement[bool]:
    """The ticket should carry this tag; spelt as the index `tickets_tags` is."""
    tags = literal_column("(tickets.decision -> 'add_tags')", JSONB)
    return tags.has_key(tag)  # type: ignore[no-any-return]


def _rows(*more: Any) -> Select[Any]:
    return select(*(t.tickets.c[name] for name in TicketRow.__dataclass_fields__), *more)


def _beginning(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"{escaped}%"
