"""What lets the reports count a period from an index alone."""

import sqlalchemy as sa
from alembic import op

revision = "0080"
down_revision = "0032"


def upgrade() -> None:
    op.create_index(
        "tickets_reported",
        "tickets",
        ["starts_at"],
        postgresql_include=[
            "tier",
            "organization_name",
            "state",
            "commitment",
            "response_at",
            "response_after",
        ],
        postgresql_where=sa.text("exclusion is null"),
    )
    op.create_index(
        "tickets_left_out",
        "tickets",
        [sa.text("coalesce(starts_at, updated_at)")],
        postgresql_where=sa.text("exclusion is not null"),
    )
