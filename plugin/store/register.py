"""Records what a look found to be a feature request (clause 4), or withdraws it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from plugin.store import tables as t
from plugin.store.feature_titles import title_of
from sla_rules.decision import Decision, Exclusion
from sla_rules.ticket import Ticket


def register(
    database: Connection, ticket: Ticket, decision: Decision, *, connection: str, at: datetime
) -> None:
    """Record a feature request, or withdraw what is none any more."""
    asked = decision.exclusion is Exclusion.FEATURE_REQUEST or decision.candidate
    table = t.feature_requests
    here = (table.c.connection == connection, table.c.ticket_id == ticket.id)
    if not asked:
        database.execute(
            table.update().where(*here, table.c.withdrawn_at.is_(None)).values(withdrawn_at=at)
        )
        return
    organization = ticket.organization
    row = {
        "connection": connection,
        "ticket_id": ticket.id,
        "organization_id": organization.id if organization else None,
        "organization_name": organization.name if organization else None,
        "requester_id": ticket.requester.id if ticket.requester else None,
        "tier": decision.tier,
        "quote": decision.quote,
        "language": decision.language,
        "confirmed": not decision.candidate,
        "recorded_at": at,
        "withdrawn_at": None,
    }
    known = database.execute(select(table.c.feature_id).where(*here)).scalar()
    row["feature_id"] = known
    if known is None:
        title = title_of(decision.quote) if decision.quote else f"#{ticket.id} ({connection})"
        feature = {"title": title, "created_at": at}
        row["feature_id"] = database.execute(
            insert(t.features).values(feature).returning(t.features.c.id)
        ).scalar_one()
    database.execute(
        insert(table)
        .values(row)
        .on_conflict_do_update(
            index_elements=["connection", "ticket_id"],
            set_={name: row[name] for name in ("confirmed", "withdrawn_at", "feature_id")},
        )
    )
