"""What is set aside: broken and paused accounts, tickets that wait for them, dead letters."""

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0031"

# A later version of the function gets a new name: an older program may still run and call this one.
ADMIT = """
create function sla_admit_v1(_connection text, _ticket_id text, _probe_every double precision)
returns text language plpgsql as $$
declare
    _state text;
    _failures integer;
begin
    select state, failures into _state, _failures from circuits where connection = _connection;
    if _state is null or _state = 'working' then
        return case when _failures > 0 then 'doubted' else 'working' end;
    end if;
    update circuits set probe_at = now() + make_interval(secs => _probe_every)
    where connection = _connection and state = 'broken' and probe_at <= now();
    if found then
        return 'probe';
    end if;
    insert into waiting_tickets (connection, ticket_id, since)
    values (_connection, _ticket_id, now())
    on conflict do nothing;
    return 'waits';
end
$$
"""


def instant(name: str, *, null: bool = True) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=null)


def upgrade() -> None:
    op.create_table(
        "circuits",
        sa.Column("connection", sa.Text, primary_key=True),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("probes", sa.Integer, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("detail", sa.Text),
        instant("since"),
        instant("probe_at"),
    )
    op.create_table(
        "waiting_tickets",
        sa.Column("connection", sa.Text, primary_key=True),
        sa.Column("ticket_id", sa.Text, primary_key=True),
        instant("since", null=False),
    )
    op.create_index("waiting_tickets_since", "waiting_tickets", ["connection", "since"])
    op.create_table(
        "dead_letters",
        sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
        sa.Column("connection", sa.Text, nullable=False),
        sa.Column("ticket_id", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("error", sa.Text, nullable=False),
        sa.Column("times", sa.Integer, nullable=False),
        instant("first_at", null=False),
        instant("last_at", null=False),
        instant("replayed_at"),
        instant("resolved_at"),
    )
    op.create_index(
        "dead_letters_open",
        "dead_letters",
        ["connection", "ticket_id"],
        unique=True,
        postgresql_where=sa.text("resolved_at is null"),
    )
    op.create_index("dead_letters_resolved_at", "dead_letters", ["resolved_at"])
    op.create_index(
        "jobs_failed",
        "procrastinate_jobs",
        ["id"],
        postgresql_where=sa.text("status = 'failed'"),
    )
    op.get_bind().exec_driver_sql(ADMIT)
