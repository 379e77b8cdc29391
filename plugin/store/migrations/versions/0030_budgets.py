"""What is left of each account's limits."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0070"


def full(name: str) -> sa.Column[object]:
    now = sa.func.now()
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False, server_default=now)


def upgrade() -> None:
    op.create_table(
        "budgets",
        sa.Column("connection", sa.Text, primary_key=True),
        sa.Column("bucket", sa.Text, primary_key=True),
        sa.Column("allowed", sa.Integer, nullable=False),
        sa.Column("learned", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("spacing", sa.Double, nullable=False),
        sa.Column("slack", sa.Double, nullable=False),
        full("free_at"),
        full("bulk_free_at"),
    )
