"""The tables. Their history is in `migrations/`; the queries are in `store.py`."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Interval,
    LargeBinary,
    MetaData,
    Table,
    Text,
    func,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData()


def _instant(name: str, *, null: bool = True, now: bool = False) -> Column[object]:
    default = func.now() if now else None
    return Column(name, DateTime(timezone=True), nullable=null, server_default=default)


connections = Table(
    "connections",
    metadata,
    Column("key", Text, primary_key=True),
    Column("vendor", Text, nullable=False),
    Column("base_url", Text, nullable=False),
    Column("settings", JSONB, nullable=False),
    Column("secrets", LargeBinary, nullable=False),
    _instant("created_at", null=False, now=True),
)

inbox = Table(
    "inbox",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("connection", Text, nullable=False),
    Column("ticket_id", Text),
    Column("name", Text, nullable=False),
    _instant("received_at", null=False),
    _instant("occurred_at"),
    Column("delivery_id", Text),
    Column("outcome", Text, nullable=False, server_default="accepted"),
    Index("inbox_received_at", "received_at"),
)

refusals = Table(
    "refusals",
    metadata,
    Column("day", Date, primary_key=True),
    Column("connection", Text, primary_key=True),
    Column("reason", Text, primary_key=True),
    Column("requests", BigInteger, nullable=False),
    _instant("last_at", null=False),
)

dedupe_keys = Table(
    "dedupe_keys",
    metadata,
    Column("connection", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    _instant("received_at", null=False),
    Index("dedupe_keys_received_at", "received_at"),
)

tickets = Table(
    "tickets",
    metadata,
    Column("connection", Text, primary_key=True),
    Column("ticket_id", Text, primary_key=True),
    Column("memory", JSONB, nullable=False),
    Column("decision", JSONB, nullable=False),
    Column("organization_id", Text),
    Column("organization_name", Text),
    Column("kind", Text, nullable=False),
    Column("tier", Text, nullable=False),
    Column("state", Text),
    _instant("starts_at"),
    _instant("due_at"),
    _instant("updated_at", null=False),
    Column("url", Text),
    Column("exclusion", Text),
    Column("commitment", Text),
    _instant("response_at"),
    Column("response_after", Interval),
    Column("reviewed_kind", Text),
    Column("reviewed_by", Text),
    _instant("reviewed_at"),
    Index("tickets_updated_at", "updated_at"),
    Index("tickets_starts_at", "starts_at"),
)

audit_entries = Table(
    "audit_entries",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("connection", Text, nullable=False),
    Column("ticket_id", Text, nullable=False),
    _instant("at", null=False),
    Column("outcome", Text, nullable=False),
    Column("decision", JSONB),
    Column("patch", JSONB),
    Column("calls", Integer, nullable=False),
    Column("error", Text),
    Index("audit_entries_ticket", "connection", "ticket_id", "id"),
)

features = Table(
    "features",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("title", Text, nullable=False),
    Column("status", Text, nullable=False, server_default="new"),
    Column("merged_into", BigInteger, ForeignKey("features.id")),
    _instant("created_at", null=False),
    Index("features_merged_into", "merged_into"),
)

feature_events = Table(
    "feature_events",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("feature_id", BigInteger, ForeignKey("features.id", ondelete="CASCADE"), nullable=False),
    _instant("at", null=False),
    Column("by", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("detail", JSONB, nullable=False),
    Index("feature_events_feature", "feature_id", "id"),
)

feature_requests = Table(
    "feature_requests",
    metadata,
    Column("connection", Text, primary_key=True),
    Column("ticket_id", Text, primary_key=True),
    Column("organization_id", Text),
    Column("organization_name", Text),
    Column("requester_id", Text),
    Column("tier", Text, nullable=False),
    Column("quote", Text),
    Column("language", Text),
    Column("confirmed", Boolean, nullable=False),
    _instant("recorded_at", null=False),
    _instant("withdrawn_at"),
    Column("feature_id", BigInteger),
    Index("feature_requests_feature", "feature_id"),
)

budgets = Table(
    "budgets",
    metadata,
    Column("connection", Text, primary_key=True),
    Column("bucket", Text, primary_key=True),
    Column("allowed", Integer, nullable=False),
    Column("learned", Boolean, nullable=False, server_default="false"),
    Column("spacing", Double, nullable=False),
    Column("slack", Double, nullable=False),
    _instant("free_at", null=False, now=True),
    _instant("bulk_free_at", null=False, now=True),
)
