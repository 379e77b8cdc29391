"""Changes that were sent to a helpdesk, until their answer is known: by looks and by backfills.

`backfill_tickets.sent`, which knew those of backfills alone, is not used from here on. It stays for
an older version that still runs; a row with it was not done.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0120"
down_revision = "0110"


def upgrade() -> None:
    op.create_table(
        "sent_changes",
        sa.Column("connection", sa.Text, primary_key=True),
        sa.Column("ticket_id", sa.Text, primary_key=True),
        sa.Column("sent", JSONB, nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), server_default=sa.func.now()),
    )
    op.create_index("sent_changes_sent_at", "sent_changes", ["sent_at"])
    op.execute("delete from backfill_tickets where sent is not null")
