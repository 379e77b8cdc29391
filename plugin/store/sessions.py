"""Who is signed in, and how often a sign-in was refused lately.

Ends by time are told by the caller's `now`; nothing here knows of cookies.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from sqlalchemy import case, select
from sqlalchemy.dialects.postgresql import insert

from plugin.store import tables as t
from plugin.store.database import Database
from plugin.store.people import Person, columns, digest, to_person

ENDS_UNUSED_AFTER = timedelta(hours=2)
ENDS_AFTER = timedelta(hours=12)
NOTED_EVERY = timedelta(minutes=1)
FORGOTTEN_AFTER = timedelta(minutes=15)


class Sessions:
    """The tables `console_sessions` and `refused_sign_ins`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, person_id: int, now: datetime) -> str:
        """Return the token of a new session. Sessions that have ended are swept away."""
        token = secrets.token_urlsafe(32)
        table = t.console_sessions
        row = {"token": digest(token), "person_id": person_id, "began_at": now, "seen_at": now}
        with self._database.transaction() as database:
            database.execute(
                table.delete().where(
                    (table.c.began_at < now - ENDS_AFTER)
                    | (table.c.seen_at < now - ENDS_UNUSED_AFTER)
                )
            )
            database.execute(insert(table).values(row))
        return token

    def person(self, token: str, now: datetime) -> Person | None:
        """Return who is signed in by that token; None where the session has ended."""
        table, people = t.console_sessions, t.people
        query = (
            select(*columns(), table.c.seen_at)
            .join(people, people.c.id == table.c.person_id)
            .where(
                table.c.token == digest(token),
                table.c.began_at >= now - ENDS_AFTER,
                table.c.seen_at >= now - ENDS_UNUSED_AFTER,
                people.c.disabled_at.is_(None),
            )
        )
        with self._database.transaction() as database:
            row = database.execute(query).mappings().first()
            if row is None:
                return None
            if row["seen_at"] < now - NOTED_EVERY:
                database.execute(
                    table.update().where(table.c.token == digest(token)).values(seen_at=now)
                )
        return to_person(row)

    def end(self, token: str) -> None:
        """End one session."""
        table = t.console_sessions
        with self._database.transaction() as database:
            database.execute(table.delete().where(table.c.token == digest(token)))

    def end_all(self, person_id: int) -> None:
        """End every session of a person."""
        table = t.console_sessions
        with self._database.transaction() as database:
            database.execute(table.delete().where(table.c.person_id == person_id))

    def refused(self, subject: str, now: datetime) -> tuple[int, datetime | None]:
        """Return how often a subject was refused in a row lately, and when last."""
        table = t.refused_sign_ins
        query = select(table.c.count, table.c.last_at).where(
            table.c.subject == subject, table.c.last_at > now - FORGOTTEN_AFTER
        )
        with self._database.transaction() as database:
            row = database.execute(query).first()
        return (int(row[0]), row[1]) if row else (0, None)

    def note_refusal(self, subject: str, now: datetime) -> None:
        """Count one refusal more; a pause of `FORGOTTEN_AFTER` begins anew."""
        table = t.refused_sign_ins
        added = insert(table).values(subject=subject, count=1, last_at=now)
        recent = table.c.last_at > now - FORGOTTEN_AFTER
        with self._database.transaction() as database:
            database.execute(
                added.on_conflict_do_update(
                    index_elements=["subject"],
                    set_={"count": case((recent, table.c.count + 1), else_=1), "last_at": now},
                )
            )
            database.execute(table.delete().where(table.c.last_at < now - timedelta(days=1)))

    def forgive(self, subject: str) -> None:
        """Forget a subject's refusals."""
        table = t.refused_sign_ins
        with self._database.transaction() as database:
            database.execute(table.delete().where(table.c.subject == subject))
