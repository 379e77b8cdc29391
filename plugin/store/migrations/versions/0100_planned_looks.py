"""Looks at running clocks that a new policy asks for, at the instant from which it holds."""

import sqlalchemy as sa
from alembic import op

revision = "0100"
down_revision = "0090"


def upgrade() -> None:
    op.create_table(
        "planned_looks",
        sa.Column("connection", sa.Text, primary_key=True),
        sa.Column("ticket_id", sa.Text, primary_key=True),
        sa.Column("look_at", sa.DateTime(timezone=True), primary_key=True),
    )
    op.create_index("planned_looks_look_at", "planned_looks", ["look_at"])
