"""Deadlines: when time alone asks for a look at a ticket, and what people were told of it."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0050"
down_revision = "0010"


def instant(name: str, *, null: bool = True) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=null)


def text(name: str, *, key: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Text, nullable=False, primary_key=key)


def upgrade() -> None:
    op.create_table(
        "deadlines",
        text("connection", key=True),
        text("ticket_id", key=True),
        instant("look_at", null=False),
    )
    op.create_index("deadlines_look_at", "deadlines", ["look_at"])
    op.create_table(
        "notices",
        sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
        text("connection"),
        text("ticket_id"),
        instant("starts_at", null=False),
        text("level"),
        instant("due_at", null=False),
        instant("told_at", null=False),
        sa.Column("facts", JSONB, nullable=False),
        instant("webhook_at"),
        instant("note_at"),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.UniqueConstraint("connection", "ticket_id", "starts_at", "level", name="notices_once"),
    )
    waiting = sa.text("webhook_at is not null or note_at is not null")
    op.create_index("notices_waiting", "notices", ["id"], postgresql_where=waiting)
