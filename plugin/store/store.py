"""The queries: everything the service reads and writes in PostgreSQL.

Knows no web framework and no vendor; the tables are in `tables.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection as Database
from sqlalchemy import Engine, create_engine, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from connectors.base import Connection, Delivery, TicketEvent, WebhookSecret
from plugin.jobs import enqueue_look
from plugin.secrets import Vault
from plugin.store import tables as t
from sla_rules.decision import Decision, Exclusion
from sla_rules.memory import Memory
from sla_rules.ticket import Ticket


class StoreUnavailable(Exception):
    """The database did not answer or could not write; the same call may work later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketRow:
    """One ticket as it was decided last."""

    connection: str
    ticket_id: str
    decision: Mapping[str, Any]
    organization_name: str | None
    kind: str
    tier: str
    state: str | None
    starts_at: datetime | None
    due_at: datetime | None
    updated_at: datetime
    url: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """What one look at a ticket did; `patch` is what was sent, `calls` counts requests."""

    connection: str
    ticket_id: str
    at: datetime
    outcome: str
    decision: Mapping[str, Any] | None = None
    patch: Mapping[str, Any] = field(default_factory=dict)
    calls: int = 0
    error: str | None = None


class Store:
    """The database, behind one bounded pool of connections."""

    def __init__(self, database_url: str, vault: Vault, *, pool_size: int = 5) -> None:
        self._engine = make_engine(database_url, pool_size=pool_size)
        self._vault = vault

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()

    # -- connections

    def save_connection(self, connection: Connection) -> None:
        """Add an account, or replace the one of the same key."""
        secrets = {
            "credentials": dict(connection.credentials),
            "webhook": [[secret.kid, secret.value] for secret in connection.webhook_secrets],
        }
        row = {
            "key": connection.key,
            "vendor": connection.vendor,
            "base_url": connection.base_url,
            "settings": dict(connection.settings),
            "secrets": self._vault.seal(secrets),
        }
        with self._transaction() as database:
            database.execute(
                insert(t.connections)
                .values(row)
                .on_conflict_do_update(index_elements=["key"], set_=row)
            )

    def connection(self, key: str) -> Connection | None:
        """Return the account of that key, None where there is none. Raises `SecretsError`."""
        with self._transaction() as database:
            row = database.execute(select(t.connections).where(t.connections.c.key == key)).first()
        if row is None:
            return None
        secrets = self._vault.open(row.secrets)
        return Connection(
            key=row.key,
            vendor=row.vendor,
            base_url=row.base_url,
            credentials=secrets["credentials"],
            webhook_secrets=tuple(
                WebhookSecret(kid=kid, value=value) for kid, value in secrets["webhook"]
            ),
            settings=row.settings,
        )

    # -- events

    def accept(self, delivery: Delivery, event: TicketEvent) -> bool:
        """Keep an event and queue a look at its ticket, both or neither; False for a duplicate."""
        names = {*delivery.dedupe_keys, *event.dedupe_keys}
        with self._transaction() as database:
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
        with self._transaction() as database:
            enqueue_look(
                database, connection=connection, ticket_id=ticket_id, attempt=attempt, wait=wait
            )

    # -- tickets

    def memory(self, connection: str, ticket_id: str) -> Memory:
        """Return what we remember of a ticket."""
        query = select(t.tickets.c.memory).where(
            t.tickets.c.connection == connection, t.tickets.c.ticket_id == ticket_id
        )
        with self._transaction() as database:
            stored = database.execute(query).scalar()
        return Memory.from_json(stored or {})

    def record(
        self, ticket: Ticket, decision: Decision, memory: Memory, entry: AuditEntry, url: str
    ) -> None:
        """Keep the memory, the decision, the register's entry and the audit entry, all or none."""
        target = decision.target
        organization = ticket.organization
        row = {
            "connection": entry.connection,
            "ticket_id": ticket.id,
            "memory": memory.to_json(),
            "decision": decision.to_json(),
            "organization_id": organization.id if organization else None,
            "organization_name": organization.name if organization else None,
            "kind": decision.kind.value,
            "tier": decision.tier,
            "state": target.state.value if target else None,
            "starts_at": decision.starts_at,
            "due_at": target.due_at if target else None,
            "updated_at": entry.at,
            "url": url,
        }
        key = ["connection", "ticket_id"]
        with self._transaction() as database:
            database.execute(
                insert(t.tickets).values(row).on_conflict_do_update(index_elements=key, set_=row)
            )
            self._register(database, ticket, decision, entry)
            _write(database, entry)

    def record_failure(self, entry: AuditEntry) -> None:
        """Keep the audit entry of a look that could not decide or write."""
        with self._transaction() as database:
            _write(database, entry)

    def recent_tickets(self, limit: int, offset: int = 0) -> list[TicketRow]:
        """Return tickets, the one looked at last first."""
        names = list(TicketRow.__dataclass_fields__)
        query = (
            select(*(t.tickets.c[name] for name in names))
            .order_by(t.tickets.c.updated_at.desc(), t.tickets.c.ticket_id.desc())
            .limit(limit)
            .offset(offset)
        )
        with self._transaction() as database:
            return [TicketRow(**row) for row in database.execute(query).mappings()]

    def audit_trail(self, connection: str, ticket_id: str) -> list[AuditEntry]:
        """Return what was done to a ticket, oldest first."""
        names = list(AuditEntry.__dataclass_fields__)
        table = t.audit_entries
        query = (
            select(*(table.c[name] for name in names))
            .where(table.c.connection == connection, table.c.ticket_id == ticket_id)
            .order_by(table.c.id)
        )
        with self._transaction() as database:
            rows = database.execute(query).mappings()
            return [AuditEntry(**{**row, "patch": row["patch"] or {}}) for row in rows]

    def counts(self) -> dict[str, int]:
        """Return the number of tickets by state (`none`: no clock), and `feature_requests`."""
        by_state = select(t.tickets.c.state, func.count()).group_by(t.tickets.c.state)
        requests = t.feature_requests
        wishes = select(func.count()).where(requests.c.withdrawn_at.is_(None))
        with self._transaction() as database:
            found = {state or "none": n for state, n in database.execute(by_state)}
            found["feature_requests"] = database.execute(wishes).scalar_one()
        return found

    def is_migrated(self) -> bool:
        """Say whether the tables are those of this version."""
        from plugin.store.migrate import is_current

        with self._transaction() as database:
            return is_current(database)

    def _register(
        self, database: Database, ticket: Ticket, decision: Decision, entry: AuditEntry
    ) -> None:
        """Record a feature request (clause 4): with its evidence and without any date promised."""
        asked = decision.exclusion is Exclusion.FEATURE_REQUEST or decision.candidate
        table = t.feature_requests
        here = (table.c.connection == entry.connection, table.c.ticket_id == ticket.id)
        if not asked:
            database.execute(
                table.update()
                .where(*here, table.c.withdrawn_at.is_(None))
                .values(withdrawn_at=entry.at)
            )
            return
        organization = ticket.organization
        row = {
            "connection": entry.connection,
            "ticket_id": ticket.id,
            "organization_id": organization.id if organization else None,
            "organization_name": organization.name if organization else None,
            "requester_id": ticket.requester.id if ticket.requester else None,
            "tier": decision.tier,
            "quote": decision.quote,
            "language": decision.language,
            "confirmed": not decision.candidate,
            "recorded_at": entry.at,
        }
        database.execute(
            insert(table)
            .values(row)
            .on_conflict_do_update(
                index_elements=["connection", "ticket_id"],
                set_={"confirmed": row["confirmed"], "withdrawn_at": None},
            )
        )

    @contextmanager
    def _transaction(self) -> Iterator[Database]:
        """One transaction; a database that fails is `StoreUnavailable`."""
        try:
            with self._engine.begin() as database:
                yield database
        except (DBAPIError, PoolTimeout) as error:
            raise StoreUnavailable(type(error).__name__) from error


def make_engine(database_url: str, *, pool_size: int = 5) -> Engine:
    """Return an engine for a PostgreSQL address in any of its usual spellings."""
    url = make_url(database_url.replace("postgres://", "postgresql://", 1))
    return create_engine(
        url.set(drivername="postgresql+psycopg"),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=5,
        pool_pre_ping=True,
    )


def _write(database: Database, entry: AuditEntry) -> None:
    values = {name: getattr(entry, name) for name in AuditEntry.__dataclass_fields__}
    database.execute(insert(t.audit_entries).values(values))
