"""What the reports count: exclusions, commitments and response times of the tickets."""

import sqlalchemy as sa
from alembic import op

revision = "0070"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("tickets", sa.Column("exclusion", sa.Text))
    op.add_column("tickets", sa.Column("commitment", sa.Text))
    op.add_column("tickets", sa.Column("response_at", sa.DateTime(timezone=True)))
    op.add_column("tickets", sa.Column("response_after", sa.Interval))
    op.create_index("tickets_starts_at", "tickets", ["starts_at"])
