"""What arrived, and the looks it asks for: an event and its job are kept together or not at all."""

from __future__ import annotations

from sqlalchemy.dialects.postgresql import insert

from connectors.base import Delivery, TicketEvent
from plugin.jobs import enqueue_look
from plugin.store import tables as t
from plugin.store.database import Database


class Inbox:
    """The tables `inbox` and `dedupe_keys`, and the job engine's own."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def accept(self, delivery: Delivery, event: TicketEvent) -> bool:
        """Keep an event and queue a look at its ticket, both or neither; False for a duplicate."""
        names = {*delivery.dedupe_keys, *event.dedupe_keys}
        with self._database.transaction() as database:
            if names:
                rows = [
                    {
                        "connection": delivery.connection,
                        "key": n,
                        "received_at": delivery.received_at,
                    }
                    for n in sorted(names)
                ]
                fresh = database.execute(
                    insert(t.dedupe_keys)
                    .values(rows)
                    .on_conflict_do_nothing()
                    .returning(t.dedupe_keys.c.key)
                ).all()
                if len(fresh) < len(names):
                    return False
            database.execute(
                insert(t.inbox).values(
                    connection=delivery.connection,
                    ticket_id=event.ticket_id,
                    name=event.name,
                    received_at=delivery.received_at,
                    occurred_at=event.occurred_at,
                )
            )
            enqueue_look(database, connection=delivery.connection, ticket_id=event.ticket_id)
        return True

    def look_again(self, connection: str, ticket_id: str, *, attempt: int, wait: float) -> None:
        """Queue another look in `wait` seconds."""
        with self._database.transaction() as database:
            enqueue_look(
                database, connection=connection, ticket_id=ticket_id, attempt=attempt, wait=wait
            )
