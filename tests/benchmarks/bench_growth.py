"""What an event costs as history grows: taking it in, remembering, recording and pruning.

Prints a table of docs/performance.md; the rows are made up in the database.
"""

import json
import os
import sys
import tempfile
import time
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

import psycopg

sys.path.insert(0, str(Path(__file__).parent.parent.parent))

from connectors.base import Delivery, TicketEvent
from plugin.embedded import EmbeddedPostgres
from plugin.secrets import Vault
from plugin.store import AuditEntry, Store
from plugin.store.migrate import migrate

SIZES = [int(size) for size in os.environ.get("BENCH_SIZES", "1000,100000,1000000").split(",")]
TIMES = 300
NOW = datetime.now(UTC)
FILL = """
    insert into inbox (connection, ticket_id, name, received_at)
    select 'acme', n::text, 'created', now() - (%(to)s::int - n) * interval '1 second'
    from generate_series(%(from)s::int, %(to)s::int) n;
    insert into dedupe_keys (connection, key, received_at)
    select 'acme', 'invocation:' || n, now() - (%(to)s::int - n) * interval '1 second'
    from generate_series(%(from)s::int, %(to)s::int) n;
    insert into audit_entries (connection, ticket_id, at, outcome, calls, decision)
    select 'acme', n::text, now() - (%(to)s::int - n) * interval '1 second', 'applied', 3,
           %(decision)s::jsonb
    from generate_series(%(from)s::int, %(to)s::int) n;
    insert into tickets (connection, ticket_id, memory, decision, kind, tier, updated_at, state)
    select 'acme', n::text, '{}', %(decision)s::jsonb, 'question', 'starter', now(), 'open'
    from generate_series(%(from)s::int, %(to)s::int) n;
"""


def milliseconds(do):
    """The median of some calls."""
    taken = []
    for number in range(TIMES):
        began = time.perf_counter()
        do(number)
        taken.append(1000 * (time.perf_counter() - began))
    return median(taken)


def main():
    """Fill and measure, size after size."""
    home = Path(tempfile.mkdtemp(prefix="sla-bench-"))
    home.chmod(0o755)
    database = EmbeddedPostgres(home)
    url = database.start()
    migrate(url)
    store = Store(url, Vault("a passphrase"), pool_size=2)
    decision = json.dumps({"reasons": [{"rule": "r", "text": "t" * 60, "clause": "1"}] * 8})

    def accept(number):
        delivery = Delivery(
            connection="acme",
            vendor="zendesk",
            body=b"{}",
            received_at=NOW,
            dedupe_keys=(uuid.uuid4().hex,),
        )
        store.inbox.accept(delivery, TicketEvent(ticket_id=str(number + 1), name="updated"))

    def remember(number):
        store.tickets.memory("acme", str(number + 1))

    def record(number):
        entry = AuditEntry(connection="acme", ticket_id=str(number + 1), at=NOW, outcome="failed")
        store.tickets.record_failure(entry)

    def prune(_):
        store.retention.delete_batch("audit_entries", NOW - timedelta(days=4000))

    print("| tickets | take in ms | remember ms | record ms | prune, nothing old ms |")
    print("|---|---|---|---|---|")
    filled = 0
    try:
        for size in SIZES:
            with psycopg.connect(url, autocommit=True) as connection:
                for statement in FILL.strip().rstrip(";").split(";"):
                    given = {"from": filled + 1, "to": size, "decision": decision}
                    connection.execute(statement, given)
                connection.execute("analyze")
            filled = size
            cells = [milliseconds(do) for do in (accept, remember, record, prune)]
            print(f"| {size:,} | " + " | ".join(f"{cell:.2f}" for cell in cells) + " |", flush=True)
    finally:
        store.close()
        database.stop()


if __name__ == "__main__":
    main()
