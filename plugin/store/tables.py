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
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData()
RUNNING_CLOCK = "state = 'open' or (state = 'best_effort' and response_at is null)"


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
    Column("knock", Text),
    _instant("knocked_at"),
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
    Index("inbox_ticket", "connection", "ticket_id", "id"),
    Index("inbox_ticket_received", "ticket_id", "received_at"),
    Index("inbox_connection_received", "connection", "received_at"),
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

circuits = Table(
    "circuits",
    metadata,
    Column("connection", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("probes", Integer, nullable=False),
    Column("reason", Text),
    Column("detail", Text),
    _instant("since"),
    _instant("probe_at"),
)

waiting_tickets = Table(
    "waiting_tickets",
    metadata,
    Column("connection", Text, primary_key=True),
    Column("ticket_id", Text, primary_key=True),
    _instant("since", null=False),
    Index("waiting_tickets_since", "connection", "since"),
)

dead_letters = Table(
    "dead_letters",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("connection", Text, nullable=False),
    Column("ticket_id", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("error", Text, nullable=False),
    Column("times", Integer, nullable=False),
    _instant("first_at", null=False),
    _instant("last_at", null=False),
    _instant("replayed_at"),
    _instant("resolved_at"),
    Index("dead_letters_resolved_at", "resolved_at"),
)
Index(
    "dead_letters_open",
    dead_letters.c.connection,
    dead_letters.c.ticket_id,
    unique=True,
    postgresql_where=dead_letters.c.resolved_at.is_(None),
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
    Column("requester_id", Text),
    Column("kind", Text, nullable=False),
    Column("tier", Text, nullable=False),
    Column("state", Text),
    _instant("starts_at"),
    _instant("due_at"),
    _instant("updated_at", null=False),
    Column("url", Text),
    _instant("version_at"),
    Column("exclusion", Text),
    Column("commitment", Text),
    _instant("response_at"),
    Column("response_after", Interval),
    Column("reviewed_kind", Text),
    Column("reviewed_by", Text),
    _instant("reviewed_at"),
    Column("schedule", Text),
    Column("language", Text),
    Index("tickets_starts_at", "starts_at"),
    Index("tickets_updated_at", "updated_at"),
    Index("tickets_organization_id", "connection", "organization_id"),
    Index("tickets_state_due", "state", "due_at"),
    Index("tickets_running", "due_at", postgresql_where=text(RUNNING_CLOCK)),
    Index("tickets_state_updated", "state", "updated_at"),
    Index("tickets_connection_updated", "connection", "updated_at"),
    Index("tickets_tags", text("(decision -> 'add_tags')"), postgresql_using="gin"),
    Index("tickets_organization", text("lower(organization_name) text_pattern_ops")),
    Index("tickets_id", text("ticket_id text_pattern_ops")),
    Index(
        "tickets_reported",
        "starts_at",
        postgresql_include=[
            "tier",
            "organization_name",
            "state",
            "commitment",
            "response_at",
            "response_after",
        ],
        postgresql_where=text("exclusion is null"),
    ),
    Index(
        "tickets_left_out",
        text("coalesce(starts_at, updated_at)"),
        postgresql_where=text("exclusion is not null"),
    ),
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
    Index("audit_entries_failed", "connection", "at", postgresql_where=text("outcome = 'failed'")),
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

people = Table(
    "people",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("email", Text, nullable=False, unique=True),
    Column("password", Text, nullable=False),
    Column("role", Text, nullable=False),
    _instant("created_at", null=False),
    _instant("disabled_at"),
)

one_time_links = Table(
    "one_time_links",
    metadata,
    Column("token", LargeBinary, primary_key=True),
    Column("purpose", Text, nullable=False),
    Column("role", Text),
    Column("person_id", BigInteger),
    _instant("created_at", null=False),
    _instant("expires_at", null=False),
    _instant("used_at"),
)

console_sessions = Table(
    "console_sessions",
    metadata,
    Column("token", LargeBinary, primary_key=True),
    Column("person_id", BigInteger, nullable=False, index=True),
    _instant("began_at", null=False),
    _instant("seen_at", null=False),
)

refused_sign_ins = Table(
    "refused_sign_ins",
    metadata,
    Column("subject", Text, primary_key=True),
    Column("count", Integer, nullable=False),
    _instant("last_at", null=False),
)

admin_actions = Table(
    "admin_actions",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    _instant("at", null=False),
    Column("email", Text),
    Column("action", Text, nullable=False),
    Column("subject", Text),
    Column("detail", JSONB, nullable=False),
    Column("status", Integer),
    Column("address", Text),
)

deadlines = Table(
    "deadlines",
    metadata,
    Column("connection", Text, primary_key=True),
    Column("ticket_id", Text, primary_key=True),
    _instant("look_at", null=False),
    Index("deadlines_look_at", "look_at"),
)

planned_looks = Table(
    "planned_looks",
    metadata,
    Column("connection", Text, primary_key=True),
    Column("ticket_id", Text, primary_key=True),
    Column("look_at", DateTime(timezone=True), primary_key=True),
    Index("planned_looks_look_at", "look_at"),
)

notices = Table(
    "notices",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("connection", Text, nullable=False),
    Column("ticket_id", Text, nullable=False),
    _instant("starts_at", null=False),
    Column("level", Text, nullable=False),
    _instant("due_at", null=False),
    _instant("told_at", null=False),
    Column("facts", JSONB, nullable=False),
    _instant("webhook_at"),
    _instant("note_at"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    UniqueConstraint("connection", "ticket_id", "starts_at", "level", name="notices_once"),
    Index("notices_told_at", "told_at"),
    Index(
        "notices_waiting",
        "id",
        postgresql_where=text("webhook_at is not null or note_at is not null"),
    ),
)

api_tokens = Table(
    "api_tokens",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("token", LargeBinary, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("made_by", Text, nullable=False),
    _instant("made_at", null=False),
    _instant("used_at"),
    _instant("revoked_at"),
)

sweeps = Table(
    "sweeps",
    metadata,
    Column("connection", Text, primary_key=True),
    Column("cursor", Text),
    _instant("swept_at"),
    _instant("busy_until"),
    Column("changed", Integer, nullable=False, server_default="0"),
    Column("enqueued", Integer, nullable=False, server_default="0"),
    Column("error", Text),
)

policies = Table(
    "policies",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("text", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("version", Text, nullable=False),
    _instant("effective_from", null=False),
    Column("published_by", Text, nullable=False),
    _instant("published_at", null=False),
    Column("withdrawn_by", Text),
    _instant("withdrawn_at"),
)

errands = Table(
    "errands",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("vendor", Text, nullable=False),
    Column("connection", Text),
    Column("asked_by", Text, nullable=False),
    _instant("asked_at", null=False),
    _instant("moved_at", null=False),
    Column("state", Text, nullable=False),
    Column("request", LargeBinary),
    Column("lines", JSONB, nullable=False),
    Column("result", JSONB(none_as_null=True)),
    Index("errands_moved_at", "moved_at"),
)

sent_changes = Table(
    "sent_changes",
    metadata,
    Column("connection", Text, primary_key=True),
    Column("ticket_id", Text, primary_key=True),
    Column("sent", JSONB, nullable=False),
    _instant("sent_at", now=True),
    Index("sent_changes_sent_at", "sent_at"),
)

backfills = Table(
    "backfills",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("connection", Text, nullable=False),
    Column("options", JSONB, nullable=False),
    Column("cursor", Text),
    Column("counts", JSONB, nullable=False),
    _instant("started_at", now=True),
    _instant("finished_at"),
    Index("backfills_connection", "connection", "id"),
)

backfill_tickets = Table(
    "backfill_tickets",
    metadata,
    Column("backfill", BigInteger, primary_key=True),
    Column("ticket_id", Text, primary_key=True),
)
