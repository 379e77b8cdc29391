"""The open tickets of one organisation, looked at again when its package changed.

An organisation itself is not kept: the helpdesk holds it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import Connection, Select, select
from sqlalchemy.dialects.postgresql import insert

from connectors.base import Delivery, OrganizationEvent
from plugin.jobs import enqueue_looks
from plugin.store import tables as t
from plugin.store.database import Database

_OPEN = ("open", "best_effort")
_MOST = 1000


class Organizations:
    """Reads the table `tickets` and queues looks below those of live events.

    What arrived of organisations stands in `inbox`, without a ticket.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def accept(self, delivery: Delivery, event: OrganizationEvent) -> int | None:
        """Keep an event and queue looks at the organisation's open tickets, all or none.

        Returns how many; None for a duplicate, which is noted and asks for nothing.
        """
        keys = {*delivery.dedupe_keys, *event.dedupe_keys}
        at = {"connection": delivery.connection, "received_at": delivery.received_at}
        with self._database.transaction() as database:
            is_fresh = _take_keys(database, [{**at, "key": key} for key in sorted(keys)])
            row = {
                **at,
                "name": f"organization {event.name}",
                "delivery_id": next(iter((*delivery.dedupe_keys, *event.dedupe_keys)), None),
                "outcome": "accepted" if is_fresh else "duplicate",
            }
            database.execute(insert(t.inbox).values(row))
            if not is_fresh:
                return None
            tickets = _open_tickets(delivery.connection, event.organization_id)
            return _enqueue(database, delivery.connection, tickets)

    def swept(
        self, connection: str, changed: Mapping[str, datetime | None], at: datetime, wait: timedelta
    ) -> int:
        """Queue looks, after `wait`, at the open tickets of organisations that a sweep saw changed.

        Once a version; returns how many were queued.
        """
        queued = 0
        with self._database.transaction() as database:
            for organization, version in changed.items():
                key = f"organization {organization} {version}"
                row = {"connection": connection, "received_at": at, "key": key}
                if _take_keys(database, [row]):
                    tickets = _open_tickets(connection, organization)
                    queued += _enqueue(database, connection, tickets, wait.total_seconds())
        return queued

    def spread_tier(self, connection: str, ticket_id: str, organization_id: str, tier: str) -> int:
        """Queue a look at the organisation's open tickets of another tier; return how many.

        Only where this ticket is new or had another tier itself: two tickets that differ for good
        must not set off each other. Called before the ticket is recorded.
        """
        mine = select(t.tickets.c.tier).where(
            t.tickets.c.connection == connection, t.tickets.c.ticket_id == ticket_id
        )
        with self._database.transaction() as database:
            if database.execute(mine).scalar() == tier:
                return 0
            others = _open_tickets(connection, organization_id).where(
                t.tickets.c.tier != tier, t.tickets.c.ticket_id != ticket_id
            )
            return _enqueue(database, connection, others)


def _take_keys(database: Connection, rows: list[dict[str, object]]) -> bool:
    """Keep a delivery's names; False where one of them was known."""
    if not rows:
        return True
    taken = insert(t.dedupe_keys).values(rows).on_conflict_do_nothing()
    return len(database.execute(taken.returning(t.dedupe_keys.c.key)).all()) == len(rows)


def _open_tickets(connection: str, organization_id: str) -> Select[str]:
    return (
        select(t.tickets.c.ticket_id)
        .where(
            t.tickets.c.connection == connection,
            t.tickets.c.organization_id == organization_id,
            t.tickets.c.state.in_(_OPEN),
        )
        .limit(_MOST)
    )


def _enqueue(database: Connection, connection: str, tickets: Select[str], wait: float = 0) -> int:
    found = [(connection, number) for number in database.execute(tickets).scalars()]
    return enqueue_looks(database, found, attempt=1, wait=wait)
