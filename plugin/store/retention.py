"""Takes old rows away, a batch at a time, so that nobody waits for it.

How old is said by `plugin/retention.py`. Each statement finds the oldest rows by an index; it
costs the same however many rows there are.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import text

from plugin.store import tables as t
from plugin.store.database import Database

BATCH = 2000

_BY_TIME = """
    delete from {table} where ctid = any(array(
        select ctid from {table} where {column} < :before order by {column} limit :batch
    ))
"""
_BY_NUMBER = """
    delete from {table} where id <= (
        select max(id) from (select id, {column} from {table} order by id limit :batch) as oldest
        where {column} < :before
    )
"""
# What was told of a clock that still runs stays, or it would be told once more.
_TOLD = """
    delete from notices where ctid = any(array(
        select ctid from notices n where told_at < :before and not exists (
            select from tickets t
            where (t.connection, t.ticket_id, t.starts_at)
                = (n.connection, n.ticket_id, n.starts_at)
            and ({running})
        )
        order by told_at limit :batch
    ))
"""
_STATEMENTS = {
    "dedupe_keys": text(_BY_TIME.format(table="dedupe_keys", column="received_at")),
    "errands": text(_BY_TIME.format(table="errands", column="moved_at")),
    "inbox": text(_BY_TIME.format(table="inbox", column="received_at")),
    "sent_changes": text(_BY_TIME.format(table="sent_changes", column="sent_at")),
    "refusals": text(_BY_TIME.format(table="refusals", column="last_at")),
    "dead_letters": text(_BY_TIME.format(table="dead_letters", column="resolved_at")),
    "audit_entries": text(_BY_NUMBER.format(table="audit_entries", column="at")),
    "one_time_links": text(_BY_TIME.format(table="one_time_links", column="expires_at")),
    "console_sessions": text(_BY_TIME.format(table="console_sessions", column="seen_at")),
    "refused_sign_ins": text(_BY_TIME.format(table="refused_sign_ins", column="last_at")),
    "notices": text(_TOLD.format(running=t.RUNNING_CLOCK)),
    "jobs": text("""
        delete from procrastinate_jobs where id in (
            select id from procrastinate_jobs j
            where status in ('succeeded', 'failed', 'cancelled', 'aborted') and (
                select max(at) from procrastinate_events e where e.job_id = j.id
            ) < :before
            order by id limit :batch
        )
    """),
}


class Retention:
    """Deletes, knows no reasons."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def delete_batch(self, subject: str, before: datetime) -> int:
        """Delete some rows of a subject older than `before`; 0 where none is left."""
        with self._database.transaction() as database:
            return database.execute(
                _STATEMENTS[subject], {"before": before, "batch": BATCH}
            ).rowcount
