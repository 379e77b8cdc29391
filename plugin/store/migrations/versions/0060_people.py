"""Who may use the console, their links and sessions, refused sign-ins, and what admins did."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0060"
down_revision = "0040"


def instant(name: str, *, null: bool = True) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=null)


def number(name: str, *, key: bool = False) -> sa.Column[Any]:
    identity = (sa.Identity(),) if key else ()
    return sa.Column(name, sa.BigInteger, *identity, primary_key=key)


def text(name: str, *, null: bool = True, key: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Text, nullable=null and not key, primary_key=key)


def upgrade() -> None:
    op.create_table(
        "people",
        number("id", key=True),
        sa.Column("email", sa.Text, nullable=False, unique=True),
        text("password", null=False),
        text("role", null=False),
        instant("created_at", null=False),
        instant("disabled_at"),
    )
    op.create_table(
        "one_time_links",
        sa.Column("token", sa.LargeBinary, primary_key=True),
        text("purpose", null=False),
        text("role"),
        number("person_id"),
        instant("created_at", null=False),
        instant("expires_at", null=False),
        instant("used_at"),
    )
    op.create_table(
        "console_sessions",
        sa.Column("token", sa.LargeBinary, primary_key=True),
        sa.Column("person_id", sa.BigInteger, nullable=False, index=True),
        instant("began_at", null=False),
        instant("seen_at", null=False),
    )
    op.create_table(
        "refused_sign_ins",
        text("subject", key=True),
        sa.Column("count", sa.Integer, nullable=False),
        instant("last_at", null=False),
    )
    op.create_table(
        "admin_actions",
        number("id", key=True),
        instant("at", null=False),
        text("email"),
        text("action", null=False),
        text("subject"),
        sa.Column("detail", JSONB, nullable=False),
        sa.Column("status", sa.Integer),
        text("address"),
    )
