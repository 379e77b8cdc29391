"""Features that several tickets ask for, their history, and what a person said in the console."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0071"
down_revision = "0030"


def upgrade() -> None:
    op.create_table(
        "features",
        sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False, server_default="new"),
        sa.Column("merged_into", sa.BigInteger, sa.ForeignKey("features.id")),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("features_merged_into", "features", ["merged_into"])
    op.create_table(
        "feature_events",
        sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
        sa.Column(
            "feature_id",
            sa.BigInteger,
            sa.ForeignKey("features.id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("detail", JSONB, nullable=False),
    )
    op.create_index("feature_events_feature", "feature_events", ["feature_id", "id"])
    op.add_column("feature_requests", sa.Column("feature_id", sa.BigInteger))
    op.create_index("feature_requests_feature", "feature_requests", ["feature_id"])
    op.add_column("tickets", sa.Column("reviewed_kind", sa.Text))
    op.add_column("tickets", sa.Column("reviewed_by", sa.Text))
    op.add_column("tickets", sa.Column("reviewed_at", sa.DateTime(timezone=True)))
