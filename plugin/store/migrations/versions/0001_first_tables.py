"""The first tables: the job engine's and ours."""

from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None


def instant(name: str, *, null: bool = True, default: Any = None) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=null, server_default=default)


def text(name: str, *, null: bool = True, key: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Text, nullable=null and not key, primary_key=key)


def upgrade() -> None:
    schema = Path(__file__).parent.with_name("procrastinate_3_10.sql").read_text("utf-8")
    driver: Any = op.get_bind().connection.driver_connection
    driver.execute(schema)  # the driver itself: the text has percent signs

    op.create_table(
        "connections",
        text("key", key=True),
        text("vendor", null=False),
        text("base_url", null=False),
        sa.Column("settings", JSONB, nullable=False),
        sa.Column("secrets", sa.LargeBinary, nullable=False),
        instant("created_at", null=False, default=sa.func.now()),
    )
    op.create_table(
        "inbox",
        sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
        text("connection", null=False),
        text("ticket_id", null=False),
        text("name", null=False),
        instant("received_at", null=False),
        instant("occurred_at"),
    )
    op.create_index("inbox_received_at", "inbox", ["received_at"])
    op.create_table(
        "dedupe_keys",
        text("connection", key=True),
        text("key", key=True),
        instant("received_at", null=False),
    )
    op.create_index("dedupe_keys_received_at", "dedupe_keys", ["received_at"])
    op.create_table(
        "tickets",
        text("connection", key=True),
        text("ticket_id", key=True),
        sa.Column("memory", JSONB, nullable=False),
        sa.Column("decision", JSONB, nullable=False),
        text("organization_id"),
        text("organization_name"),
        text("kind", null=False),
        text("tier", null=False),
        text("state"),
        instant("starts_at"),
        instant("due_at"),
        instant("updated_at", null=False),
        text("url"),
    )
    op.create_index("tickets_updated_at", "tickets", ["updated_at"])
    op.create_table(
        "audit_entries",
        sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
        text("connection", null=False),
        text("ticket_id", null=False),
        instant("at", null=False),
        text("outcome", null=False),
        sa.Column("decision", JSONB),
        sa.Column("patch", JSONB),
        sa.Column("calls", sa.Integer, nullable=False),
        text("error"),
    )
    op.create_index("audit_entries_ticket", "audit_entries", ["connection", "ticket_id", "id"])
    op.create_table(
        "feature_requests",
        text("connection", key=True),
        text("ticket_id", key=True),
        text("organization_id"),
        text("organization_name"),
        text("requester_id"),
        text("tier", null=False),
        text("quote"),
        text("language"),
        sa.Column("confirmed", sa.Boolean, nullable=False),
        instant("recorded_at", null=False),
        instant("withdrawn_at"),
    )
