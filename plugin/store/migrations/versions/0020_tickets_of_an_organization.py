"""Find an organisation's tickets without reading them all."""

from alembic import op

revision = "0020"
down_revision = "0072"


def upgrade() -> None:
    op.create_index("tickets_organization_id", "tickets", ["connection", "organization_id"])


def downgrade() -> None:
    op.drop_index("tickets_organization_id")
