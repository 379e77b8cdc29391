"""Which accounts may be worked on: a row for each that failed or was paused, and who waits for it.

A broken account is tried now and then with one ticket, never hammered; its other tickets wait and
are worked off when it is back. When an account counts as broken is said by `plugin/setbacks.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import func, select, text

from plugin.jobs import enqueue_looks
from plugin.store import tables as t
from plugin.store.database import Database

FIRST_PROBE = 5.0  # seconds after an account broke
LONGEST_PROBE = 300.0  # seconds; the time between two probes doubles up to this
BATCH = 200


class State(StrEnum):
    """Whether looks at an account's tickets are allowed."""

    WORKING = "working"
    BROKEN = "broken"
    PAUSED = "paused"


class Admission(StrEnum):
    """What a look that wants to begin is told.

    `doubted`: the last look failed. `probe`: the account is broken and this one finds out whether
    it is back. `waits`: no; the ticket was put down as waiting.
    """

    WORKING = "working"
    DOUBTED = "doubted"
    PROBE = "probe"
    WAITS = "waits"


@dataclass(frozen=True, slots=True, kw_only=True)
class Circuit:
    """An account that failed or was paused. `failures` are in a row, `waiting` counts tickets."""

    connection: str
    state: State
    failures: int
    reason: str | None
    detail: str | None
    since: datetime | None
    probe_at: datetime | None
    waiting: int


class Circuits:
    """The tables `circuits` and `waiting_tickets`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def admit(self, connection: str, ticket_id: str) -> Admission:
        """Say whether a look may begin; where not, keep that the ticket waits."""
        admit = "select sla_admit_v1(%s, %s, %s)"
        return Admission(self._database.call(admit, (connection, ticket_id, FIRST_PROBE * 3)))

    def fail(
        self,
        connection: str,
        ticket_id: str,
        *,
        reason: str,
        detail: str,
        break_after: int,
        is_probe: bool = False,
    ) -> bool:
        """Count a failure; True where the account may not be worked on and the ticket waits.

        It breaks after `break_after` failures in a row. A failed probe doubles the time until the
        next.
        """
        given = {
            "connection": connection,
            "ticket_id": ticket_id,
            "reason": reason,
            "detail": detail,
            "break_after": break_after,
            "is_probe": is_probe,
            "first": FIRST_PROBE,
            "longest": LONGEST_PROBE,
        }
        with self._database.transaction() as database:
            state = database.execute(_FAIL, given).scalar_one()
            if state == State.WORKING:
                return False
            database.execute(_WAIT, given)
            return True

    def note_answer(self, connection: str) -> bool:
        """Keep that the account answered; True where it was broken until now."""
        return bool(self._database.call(_ANSWERED, (connection, connection)))

    def pause(self, connection: str, reason: str) -> None:
        """Let the account's tickets wait until `resume`. Events are still taken in."""
        with self._database.transaction() as database:
            database.execute(_PAUSE, {"connection": connection, "reason": reason})

    def resume(self, connection: str) -> bool:
        """Let the account's tickets be worked off; False where it was neither broken nor paused."""
        forget = t.circuits.delete().where(t.circuits.c.connection == connection)
        with self._database.transaction() as database:
            return database.execute(forget.returning(t.circuits.c.state)).scalar() not in {
                None,
                State.WORKING,
            }

    def every(self) -> list[Circuit]:
        """Return the accounts that are broken, paused or failed last, by key."""
        waiting = (
            select(func.count())
            .where(t.waiting_tickets.c.connection == t.circuits.c.connection)
            .scalar_subquery()
        )
        columns = [t.circuits.c[name] for name in Circuit.__dataclass_fields__ if name != "waiting"]
        query = select(*columns, waiting.label("waiting")).order_by(t.circuits.c.connection)
        with self._database.transaction() as database:
            return [
                Circuit(**{**row, "state": State(row["state"])})
                for row in database.execute(query).mappings()
            ]

    def of(self, connection: str) -> Circuit | None:
        """Return the account's row, None where it works and did not fail last."""
        return next((one for one in self.every() if one.connection == connection), None)

    def release(self) -> int:
        """Queue looks at the tickets that need wait no longer; returns how many.

        All of an account that works, a batch at a time; one of a broken account whose probe is due.
        """
        released = 0
        while True:
            with self._database.transaction() as database:
                rows = database.execute(_RELEASE, {"batch": BATCH}).all()
                tickets = [(connection, ticket_id) for connection, ticket_id in rows]
                enqueue_looks(database, tickets, attempt=1)
            released += len(rows)
            if len(rows) < BATCH:
                return released


_FAIL = text("""
    insert into circuits as c (connection, state, failures, probes, reason, detail, since, probe_at)
    values (
        :connection, case when :break_after <= 1 then 'broken' else 'working' end, 1, 0,
        :reason, :detail, now(), now() + make_interval(secs => :first)
    )
    on conflict (connection) do update set
        failures = c.failures + 1,
        state = case when c.state = 'working' and c.failures + 1 >= :break_after
                     then 'broken' else c.state end,
        since = case when c.state = 'working' then now() else c.since end,
        probes = c.probes + cast(:is_probe as integer),
        probe_at = case
            when c.state = 'broken' and not :is_probe then c.probe_at
            else now() + make_interval(
                secs => least(
                    :longest, :first * 2 ^ least(20, c.probes + cast(:is_probe as integer))
                )
            ) end,
        reason = case when c.state = 'paused' then c.reason else :reason end,
        detail = case when c.state = 'paused' then c.detail else :detail end
    returning state
""")
_WAIT = text("""
    insert into waiting_tickets (connection, ticket_id, since)
    values (:connection, :ticket_id, now())
    on conflict (connection, ticket_id) do update set since = now()
""")
_ANSWERED = """
    with was as (select state from circuits where connection = %s and state <> 'paused' for update),
    gone as (delete from circuits where connection = %s and state <> 'paused')
    select state = 'broken' from was
"""
_PAUSE = text("""
    insert into circuits (connection, state, failures, probes, reason, since)
    values (:connection, 'paused', 0, 0, :reason, now())
    on conflict (connection) do update
    set state = 'paused', reason = :reason, detail = null, since = now(), probe_at = null
""")
_RELEASE = text("""
    with free as (
        select w.connection, w.ticket_id
        from waiting_tickets w left join circuits c using (connection)
        where coalesce(c.state, 'working') = 'working'
        order by w.since limit :batch
    ), probes as (
        select c.connection, (
            select w.ticket_id from waiting_tickets w
            where w.connection = c.connection order by w.since limit 1
        ) as ticket_id
        from circuits c where c.state = 'broken' and c.probe_at <= now()
    )
    delete from waiting_tickets w
    using (select * from free union all select * from probes) as r
    where (w.connection, w.ticket_id) = (r.connection, r.ticket_id)
    returning w.connection, w.ticket_id
""")
