"""What the tables tell about how an account is doing; `doctor` asks. Changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Text, cast, func, select

from plugin.store import tables as t
from plugin.store.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountFacts:
    """An account since some instant.

    `looked_at` counts tickets, `failing` those whose last look failed, `last_error` is one of
    theirs. `notes` are the distinct remarks on writes, `not_kept` the tickets that lost our due
    date.
    """

    looked_at: int
    failing: int
    last_error: str | None
    notes: tuple[str, ...]
    not_kept: int


class Facts:
    """Reads over the other subjects' tables."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, connection: str, since: datetime, not_kept_tag: str) -> AccountFacts:
        """Return the facts of an account; `since` is inclusive."""
        entries = t.audit_entries
        recent = (entries.c.connection == connection, entries.c.at >= since)
        newest = select(func.max(entries.c.id)).where(*recent).group_by(entries.c.ticket_id)
        last = select(entries.c.error, entries.c.id).where(entries.c.id.in_(newest)).subquery()
        notes = func.jsonb_array_elements(entries.c.patch["notes"]).op("->>")("text")
        with self._database.transaction() as database:
            looked_at, failing = database.execute(
                select(func.count(), func.count(last.c.error))
            ).one()
            last_error = database.execute(
                select(last.c.error)
                .where(last.c.error.is_not(None))
                .order_by(last.c.id.desc())
                .limit(1)
            ).scalar()
            distinct = database.execute(
                select(notes)
                .where(*recent, func.jsonb_typeof(entries.c.patch["notes"]) == "array")
                .distinct()
                .limit(20)
            ).scalars()
            remarks = tuple(sorted(distinct))
            not_kept = database.execute(
                select(func.count()).where(
                    t.tickets.c.connection == connection,
                    t.tickets.c.updated_at >= since,
                    cast(t.tickets.c.decision["add_tags"], Text).contains(f'"{not_kept_tag}"'),
                )
            ).scalar_one()
        return AccountFacts(
            looked_at=looked_at,
            failing=failing,
            last_error=last_error,
            notes=remarks,
            not_kept=not_kept,
        )
