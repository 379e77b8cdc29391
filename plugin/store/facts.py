"""What the tables tell about how an account is doing; `doctor` asks. Changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Text, cast, func, select

from plugin.store import tables as t
from plugin.store.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountFacts:
    """An account since some instant: looks that failed, and what the vendor did not take."""

    looks: int
    failures: int
    last_error: str | None
    notes: tuple[str, ...]
    not_kept: int


class Facts:
    """Reads over the other subjects' tables."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, connection: str, since: datetime, not_kept_tag: str) -> AccountFacts:
        """Return the facts of an account; `notes` are the distinct remarks on its writes."""
        entries = t.audit_entries
        recent = (entries.c.connection == connection, entries.c.at >= since)
        notes = func.jsonb_array_elements_text(entries.c.patch["notes"])
        with self._database.transaction() as database:
            looks, failures = database.execute(
                select(func.count(), func.count(entries.c.error)).where(*recent)
            ).one()
            last_error = database.execute(
                select(entries.c.error)
                .where(*recent, entries.c.error.is_not(None))
                .order_by(entries.c.id.desc())
                .limit(1)
            ).scalar()
            found = database.execute(
                select(notes.label("note"))
                .where(*recent, func.jsonb_typeof(entries.c.patch["notes"]) == "array")
                .distinct()
                .limit(20)
            ).scalars()
            distinct = tuple(sorted(found))
            not_kept = database.execute(
                select(func.count()).where(
                    t.tickets.c.connection == connection,
                    t.tickets.c.updated_at >= since,
                    cast(t.tickets.c.decision["add_tags"], Text).contains(f'"{not_kept_tag}"'),
                )
            ).scalar_one()
        return AccountFacts(
            looks=looks, failures=failures, last_error=last_error, notes=distinct, not_kept=not_kept
        )
