"""The ways to a ticket's deliveries, and to the clocks that run."""

from alembic import op

revision = "0062"
down_revision = "0051"


def upgrade() -> None:
    op.create_index("inbox_ticket_received", "inbox", ["ticket_id", "received_at"])
    op.execute(
        "create index tickets_running on tickets (due_at) "
        "where state = 'open' or (state = 'best_effort' and response_at is null)"
    )
