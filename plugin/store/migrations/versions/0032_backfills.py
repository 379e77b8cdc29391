"""How far each backfill came, and which tickets it has touched."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0032"
down_revision = "0062"


def upgrade() -> None:
    op.create_table(
        "backfills",
        sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
        sa.Column("connection", sa.Text, nullable=False),
        sa.Column("options", JSONB, nullable=False),
        sa.Column("cursor", sa.Text),
        sa.Column("counts", JSONB, nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), server_default=sa.func.now()),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
    )
    op.create_index("backfills_connection", "backfills", ["connection", "id"])
    op.create_table(
        "backfill_tickets",
        sa.Column("backfill", sa.BigInteger, primary_key=True),
        sa.Column("ticket_id", sa.Text, primary_key=True),
        sa.Column("sent", JSONB),
    )
