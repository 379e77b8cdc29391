"""Finding the oldest notices without reading them all."""

from alembic import op

revision = "0042"
down_revision = "0080"


def upgrade() -> None:
    op.create_index("notices_told_at", "notices", ["told_at"])
