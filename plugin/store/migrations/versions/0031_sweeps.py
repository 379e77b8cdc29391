"""How far each account was swept, and which version of a ticket was looked at last."""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0020"


def upgrade() -> None:
    op.add_column("tickets", sa.Column("version_at", sa.DateTime(timezone=True)))
    op.create_table(
        "sweeps",
        sa.Column("connection", sa.Text, primary_key=True),
        sa.Column("cursor", sa.Text),
        sa.Column("swept_at", sa.DateTime(timezone=True)),
        sa.Column("busy_until", sa.DateTime(timezone=True)),
        sa.Column("changed", sa.Integer, nullable=False, server_default="0"),
        sa.Column("enqueued", sa.Integer, nullable=False, server_default="0"),
        sa.Column("error", sa.Text),
    )
