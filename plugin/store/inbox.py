"""What arrived, and the looks it asks for: an event and its job are kept together or not at all."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from connectors.base import Delivery, TicketEvent
from plugin.jobs import enqueue_look, live_job, requeue_failed
from plugin.store import tables as t
from plugin.store.database import Database

_ACCEPT = """
    select sla_accept_v1(%s, %s, %s::text[], %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""


class Inbox:
    """The tables `inbox` and `dedupe_keys`, and the job engine's own."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def accept(self, delivery: Delivery, event: TicketEvent) -> bool:
        """Keep an event and queue a look at its ticket, both or neither; False for a duplicate.

        One statement, one round trip, one commit. A duplicate is noted and asks for nothing.
        """
        names = sorted({*delivery.dedupe_keys, *event.dedupe_keys})
        given = (
            delivery.connection,
            delivery.received_at,
            names,
            next(iter((*delivery.dedupe_keys, *event.dedupe_keys)), None),
            event.ticket_id,
            event.name,
            event.occurred_at,
            *live_job(delivery.connection, event.ticket_id),
        )
        return bool(self._database.call(_ACCEPT, given))

    def note_ignored(self, delivery: Delivery) -> None:
        """Keep that a verified delivery concerned no ticket."""
        with self._database.transaction() as database:
            database.execute(
                insert(t.inbox).values(
                    connection=delivery.connection,
                    name="",
                    received_at=delivery.received_at,
                    delivery_id=next(iter(delivery.dedupe_keys), None),
                    outcome="ignored",
                )
            )

    def last_received_at(self, connection: str) -> datetime | None:
        """Return when the last event of an account arrived, as far back as they are kept."""
        query = select(func.max(t.inbox.c.received_at)).where(t.inbox.c.connection == connection)
        with self._database.transaction() as database:
            found: datetime | None = database.execute(query).scalar()
        return found

    def look_again(
        self, connection: str, ticket_id: str, *, attempt: int, wait: float, bulk: bool = False
    ) -> None:
        """Queue another look in `wait` seconds."""
        with self._database.transaction() as database:
            enqueue_look(
                database,
                connection=connection,
                ticket_id=ticket_id,
                attempt=attempt,
                wait=wait,
                bulk=bulk,
            )

    def requeue_failed(self) -> int:
        """Queue a fresh look for each that ended in failure; returns how many there were."""
        with self._database.transaction() as database:
            return requeue_failed(database)
