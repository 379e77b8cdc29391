"""Whose a ticket is, by the helpdesk's own id, so that one person's data can be erased."""

import sqlalchemy as sa
from alembic import op

revision = "0051"
down_revision = "0073"


def upgrade() -> None:
    op.add_column("tickets", sa.Column("requester_id", sa.Text))
