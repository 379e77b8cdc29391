"""What the ticket pages need: a ticket's schedule, and the ways to find it."""

import sqlalchemy as sa
from alembic import op

revision = "0061"
down_revision = "0060"


def upgrade() -> None:
    op.add_column("tickets", sa.Column("schedule", sa.Text))
    op.create_index("tickets_state_due", "tickets", ["state", "due_at"])
    op.create_index("tickets_state_updated", "tickets", ["state", "updated_at"])
    op.create_index("tickets_connection_updated", "tickets", ["connection", "updated_at"])
    op.execute("create index tickets_tags on tickets using gin ((decision -> 'add_tags'))")
    op.execute(
        "create index tickets_organization on tickets (lower(organization_name) text_pattern_ops)"
    )
    op.execute("create index tickets_id on tickets (ticket_id text_pattern_ops)")
    op.create_index("inbox_ticket", "inbox", ["connection", "ticket_id", "id"])
    op.create_index("inbox_connection_received", "inbox", ["connection", "received_at"])
    op.execute(
        "create index audit_entries_failed on audit_entries (connection, at) "
        "where outcome = 'failed'"
    )
