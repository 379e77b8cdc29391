"""The last test delivery that arrived for an account."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0061"


def upgrade() -> None:
    op.add_column("connections", sa.Column("knock", sa.Text))
    op.add_column("connections", sa.Column("knocked_at", sa.DateTime(timezone=True)))
