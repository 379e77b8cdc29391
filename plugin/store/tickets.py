"""The tickets as they were decided last, and what was done to each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from plugin.store import tables as t
from plugin.store.database import Database
from plugin.store.deadlines import Notice, keep_notice, plan_look
from plugin.store.register import register
from sla_rules.decision import Decision
from sla_rules.memory import Memory
from sla_rules.rules.judge_response import cancel_gone
from sla_rules.ticket import Kind, Ticket


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
    response_at: datetime | None = None
    schedule: str | None = None


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


class Tickets:
    """The tables `tickets` and `audit_entries`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def memory(self, connection: str, ticket_id: str) -> Memory:
        """Return what we remember of a ticket."""
        with self._database.transaction() as database:
            return _memory(database, connection, ticket_id)

    def memories(self, connection: str, ticket_ids: Iterable[str]) -> dict[str, Memory]:
        """Return what we remember of these tickets, by number; none of one never looked at."""
        with self._database.transaction() as database:
            return _memories(database, connection, ticket_ids)

    def note_sending(self, connection: str, changes: Mapping[str, Mapping[str, Any]]) -> None:
        """Say, before they are sent, which changes go out to which tickets.

        They stay in the tickets' memories until a look at each is recorded.
        """
        statement = insert(t.sent_changes).values(
            [
                {"connection": connection, "ticket_id": number, "sent": dict(values)}
                for number, values in changes.items()
            ]
        )
        new = {"sent": statement.excluded.sent, "sent_at": func.now()}
        with self._database.transaction() as database:
            database.execute(
                statement.on_conflict_do_update(
                    index_elements=["connection", "ticket_id"], set_=new
                )
            )

    def unheard_of(self, connection: str) -> set[str]:
        """Return the tickets of an account to which a change went out, and no look since ended."""
        table = t.sent_changes
        query = select(table.c.ticket_id).where(table.c.connection == connection)
        with self._database.transaction() as database:
            return set(database.execute(query).scalars())

    def record(
        self,
        ticket: Ticket,
        decision: Decision,
        remember: Callable[[Memory], Memory],
        entry: AuditEntry,
        url: str,
        notices: Iterable[Notice] = (),
        *,
        version: str | None = None,
    ) -> Memory:
        """Keep the memory, the decision and all that follows from it, all or none.

        That is the register's entry, the audit entry, the next look and what is to be told.
        `remember` gets the memory as it is by then, for a batch and a single look at the same
        ticket may end in any order; what it makes of it is returned. `version` is the vendor's,
        after what we wrote.
        """
        target = decision.target
        organization = ticket.organization
        row = {
            "connection": entry.connection,
            "ticket_id": ticket.id,
            "decision": decision.to_stored(),
            "organization_id": organization.id if organization else None,
            "organization_name": organization.name if organization else None,
            "requester_id": ticket.requester.id if ticket.requester else None,
            "kind": decision.kind.value,
            "tier": decision.tier,
            "state": target.state.value if target else None,
            "starts_at": decision.starts_at,
            "due_at": target.due_at if target else None,
            "updated_at": entry.at,
            "url": url,
            "exclusion": decision.exclusion.value if decision.exclusion else None,
            "commitment": target.commitment.value if target else None,
            "response_at": target.response_at if target else None,
            "response_after": target.response_after if target else None,
            "schedule": decision.schedule,
            "language": decision.language,
        }
        key = ["connection", "ticket_id"]
        with self._database.transaction() as database:
            _lock(database, entry)
            before = _memory(database, entry.connection, ticket.id)
            after = remember(before)
            row |= {"memory": after.to_json(), "version_at": _instant(version)}
            database.execute(
                insert(t.tickets).values(row).on_conflict_do_update(index_elements=key, set_=row)
            )
            register(database, ticket, decision, connection=entry.connection, at=entry.at)
            _write(database, entry)
            here = {"connection": entry.connection, "ticket_id": ticket.id}
            if before.sent:
                database.execute(delete(t.sent_changes).filter_by(**here))
            plan_look(database, at=decision.next_look_at, **here)
            for notice in notices:
                keep_notice(database, notice, now=entry.at, **here)
        return after

    def record_unchanged(self, entry: AuditEntry) -> None:
        """Keep the audit entry of a look that found the ticket as we left it, decision and all."""
        query = select(t.tickets.c.decision).where(
            t.tickets.c.connection == entry.connection, t.tickets.c.ticket_id == entry.ticket_id
        )
        with self._database.transaction() as database:
            _write(database, replace(entry, decision=database.execute(query).scalar()))

    def earliest_start(self, connection: str, ticket_ids: Sequence[str]) -> datetime | None:
        """Return the earliest start of these tickets' clocks, None where none is known."""
        query = select(func.min(t.tickets.c.starts_at)).where(
            t.tickets.c.connection == connection, t.tickets.c.ticket_id.in_(ticket_ids)
        )
        with self._database.transaction() as database:
            found: datetime | None = database.execute(query).scalar()
        return found

    def record_failure(self, entry: AuditEntry) -> None:
        """Keep the audit entry of a look that could not decide or write."""
        with self._database.transaction() as database:
            _write(database, entry)

    def record_gone(self, entry: AuditEntry) -> None:
        """Keep that the ticket is no more: a clock that runs is cancelled, nothing is ahead.

        A look that finds the ticket again decides afresh.
        """
        table = t.tickets
        here = (
            table.c.connection == entry.connection,
            table.c.ticket_id == entry.ticket_id,
        )
        stored = select(table.c.decision, table.c.response_at).where(*here)
        with self._database.transaction() as database:
            _lock(database, entry)
            row = database.execute(stored).first()
            if row is not None:
                found: dict[str, Any] = (
                    row.decision if row.response_at else cancel_gone(row.decision)
                )
                memory = _memory(database, entry.connection, entry.ticket_id)
                unread = replace(memory, fingerprint=None, next_look_at=None)
                change = {"decision": found, "memory": unread.to_json(), "updated_at": entry.at}
                if found["targets"]:
                    change["state"] = found["targets"][0]["state"]
                database.execute(update(table).where(*here).values(change))
                entry = replace(entry, decision=found)
            plan_look(database, connection=entry.connection, ticket_id=entry.ticket_id, at=None)
            _write(database, entry)

    def recent(self, limit: int, offset: int = 0) -> list[TicketRow]:
        """Return tickets, the one looked at last first."""
        names = list(TicketRow.__dataclass_fields__)
        query = (
            select(*(t.tickets.c[name] for name in names))
            .order_by(t.tickets.c.updated_at.desc(), t.tickets.c.ticket_id.desc())
            .limit(limit)
            .offset(offset)
        )
        with self._database.transaction() as database:
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
        with self._database.transaction() as database:
            rows = database.execute(query).mappings()
            return [AuditEntry(**{**row, "patch": row["patch"] or {}}) for row in rows]

    def counts(self) -> dict[str, int]:
        """Return the number of tickets by state (`none`: no clock), and `feature_requests`."""
        by_state = select(t.tickets.c.state, func.count()).group_by(t.tickets.c.state)
        requests = t.feature_requests
        wishes = select(func.count()).where(requests.c.withdrawn_at.is_(None))
        with self._database.transaction() as database:
            found = {state or "none": n for state, n in database.execute(by_state)}
            found["feature_requests"] = database.execute(wishes).scalar_one()
        return found


def _lock(database: Connection, entry: AuditEntry) -> None:
    """Let nobody else record this ticket until the end of the transaction."""
    name = f"{entry.connection}/{entry.ticket_id}"
    database.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))


def _memory(database: Connection, connection: str, ticket_id: str) -> Memory:
    return _memories(database, connection, [ticket_id]).get(ticket_id, Memory())


def _memories(
    database: Connection, connection: str, ticket_ids: Iterable[str]
) -> dict[str, Memory]:
    rows = database.execute(_MEMORIES, {"connection": connection, "ticket_ids": sorted(ticket_ids)})
    return {
        row.ticket_id: replace(
            Memory.from_json(row.memory or {}),
            reviewed=Kind(row.reviewed_kind) if row.reviewed_kind else None,
            sent=row.sent or {},
        )
        for row in rows
    }


_MEMORIES = text("""
    select ticket_id, memory, reviewed_kind, sent
    from (
        select ticket_id, memory, reviewed_kind from tickets
        where connection = :connection and ticket_id = any(:ticket_ids)
    ) as known full join (
        select ticket_id, sent from sent_changes
        where connection = :connection and ticket_id = any(:ticket_ids)
    ) as unheard_of using (ticket_id)
""")


def _instant(version: str | None) -> datetime | None:
    """A vendor's version as an instant, None where it is none."""
    try:
        at = datetime.fromisoformat(version or "")
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _write(database: Connection, entry: AuditEntry) -> None:
    values = {name: getattr(entry, name) for name in AuditEntry.__dataclass_fields__}
    database.execute(insert(t.audit_entries).values(values))
