"""What became of each delivery, counts of refused requests, and the door in one statement."""

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0071"

# A later version of the function gets a new name: an older program may still run and call this one.
ACCEPT = """
create function sla_accept_v1(
    _connection text, _received_at timestamptz, _names text[], _delivery_id text,
    _ticket_id text, _name text, _occurred_at timestamptz,
    _queue text, _task text, _lock text, _queueing_lock text, _priority integer, _args jsonb
) returns boolean language plpgsql as $$
declare
    _fresh integer;
begin
    if cardinality(_names) > 0 then
        insert into dedupe_keys (connection, key, received_at)
        select _connection, n, _received_at from unnest(_names) as n order by n
        on conflict do nothing;
        get diagnostics _fresh = row_count;
    end if;
    if _fresh < cardinality(_names) then
        insert into inbox
            (connection, ticket_id, name, received_at, occurred_at, delivery_id, outcome)
        values
            (_connection, _ticket_id, _name, _received_at, _occurred_at, _delivery_id, 'duplicate');
        return false;
    end if;
    insert into inbox (connection, ticket_id, name, received_at, occurred_at, delivery_id)
    values (_connection, _ticket_id, _name, _received_at, _occurred_at, _delivery_id);
    if exists (  -- usual in a burst, and far cheaper than being refused
        select from procrastinate_jobs where queueing_lock = _queueing_lock and status = 'todo'
    ) then
        return true;  -- that job begins after this instant, so it sees what the event is about
    end if;
    begin  -- a savepoint: a refused job must not undo the event
        perform procrastinate_defer_jobs_v1(array[
            row(_queue, _task, _priority, _lock, _queueing_lock, _args, null)
        ]::procrastinate_job_to_defer_v1[]);
    exception when unique_violation then null;  -- a job of this ticket waits already
    end;
    return true;
end
$$
"""


def upgrade() -> None:
    op.add_column("inbox", sa.Column("delivery_id", sa.Text))
    op.add_column("inbox", sa.Column("outcome", sa.Text, nullable=False, server_default="accepted"))
    op.alter_column("inbox", "ticket_id", nullable=True)
    op.create_table(
        "refusals",
        sa.Column("day", sa.Date, primary_key=True),
        sa.Column("connection", sa.Text, primary_key=True),
        sa.Column("reason", sa.Text, primary_key=True),
        sa.Column("requests", sa.BigInteger, nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.execute(sa.text(ACCEPT.replace(":", r"\:")))
