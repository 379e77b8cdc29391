"""An event and its job are kept together or not at all; a ticket's jobs follow one another."""

import asyncio
from datetime import UTC, datetime

import psycopg
import pytest
from procrastinate.jobs import Status
from sqlalchemy import event

from connectors.base import Connection, Delivery, TicketEvent, WebhookSecret
from plugin.jobs import enqueue_look, enqueue_looks
from plugin.secrets import SecretsError, Vault
from plugin.store import Store
from plugin.store.database import make_engine
from plugin.store.migrate import migrate
from plugin.upkeep import take_up_stalled
from plugin.worker import build_app

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


@pytest.fixture
def store(database_url):
    migrate(database_url)
    store = Store(database_url, Vault("a passphrase"))
    yield store
    store.close()


@pytest.fixture
def query(database_url, store):
    with psycopg.connect(database_url, autocommit=True) as database:
        for table in ("inbox", "dedupe_keys", "procrastinate_jobs", "connections"):
            database.execute(f"truncate {table} cascade")
        database.execute("truncate procrastinate_workers cascade")
        yield lambda text, *given: database.execute(text, given).fetchall()


def a_delivery(**changes):
    values = {"connection": "acme", "vendor": "zendesk", "body": b"{}", "received_at": NOW}
    return Delivery(**{**values, **changes})


def an_event(ticket="7", *keys):
    return TicketEvent(ticket_id=ticket, name="created", dedupe_keys=keys)


def test_an_event_and_its_job_are_kept_together(store, query):
    assert store.inbox.accept(a_delivery(), an_event())
    assert query("select ticket_id from inbox") == [("7",)]
    assert query("select lock, queueing_lock from procrastinate_jobs") == [("acme/7", "acme/7")]


def test_waiting_events_of_a_ticket_become_one_job_and_none_of_them_is_lost(store, query):
    for _ in range(5):
        assert store.inbox.accept(a_delivery(), an_event())
    assert query("select count(*) from inbox") == [(5,)]
    assert query("select count(*) from procrastinate_jobs") == [(1,)]


def test_a_delivery_that_comes_twice_is_kept_once(store, query):
    assert store.inbox.accept(a_delivery(dedupe_keys=("invocation:1",)), an_event("7", "event:1"))
    assert not store.inbox.accept(
        a_delivery(dedupe_keys=("invocation:2",)), an_event("7", "event:1")
    )
    assert not store.inbox.accept(
        a_delivery(dedupe_keys=("invocation:1",)), an_event("7", "event:2")
    )
    found = query("select outcome, delivery_id from inbox order by id")
    assert found == [
        ("accepted", "invocation:1"),
        ("duplicate", "invocation:2"),
        ("duplicate", "invocation:1"),
    ]
    assert query("select count(*) from procrastinate_jobs") == [(1,)]


def test_an_event_while_the_job_runs_queues_exactly_one_more(store, query):
    store.inbox.accept(a_delivery(), an_event())
    query("update procrastinate_jobs set status = 'doing' returning id")
    for _ in range(3):
        store.inbox.accept(a_delivery(), an_event())
    found = query("select status, count(*) from procrastinate_jobs group by 1 order by 1")
    assert dict(found) == {"todo": 1, "doing": 1}


def test_another_look_waits_in_a_lane_of_its_own_below_live_events(store, query):
    store.inbox.look_again("acme", "7", attempt=1, wait=60)
    store.inbox.accept(a_delivery(), an_event())
    rows = query("select queueing_lock, lock, priority from procrastinate_jobs order by priority")
    assert rows == [("acme/7/retry", "acme/7", -1), ("acme/7", "acme/7", 0)]


def test_many_looks_are_queued_by_one_statement_and_none_twice(database_url, query):
    engine, statements = make_engine(database_url), []
    with engine.begin() as database:
        assert enqueue_look(database, connection="acme", ticket_id="7", bulk=True)
        event.listen(database, "before_cursor_execute", lambda *given: statements.append(given[2]))
        tickets = [("acme", str(number)) for number in range(300)]
        assert enqueue_looks(database, tickets, bulk=True) == 299
        assert enqueue_looks(database, tickets, bulk=True) == 0
        assert enqueue_looks(database, [("other", "1"), ("other", "1")], wait=60) == 1
    engine.dispose()
    assert len(statements) == 3
    assert query("select count(*), count(distinct lock) from procrastinate_jobs") == [(301, 301)]
    found = query(
        "select queue_name, task_name, queueing_lock, priority, args, scheduled_at > now() "
        "from procrastinate_jobs where lock in ('acme/8', 'other/1') order by queue_name"
    )
    assert found == [
        (
            "acme", "look_at_ticket", "acme/8/backfill", -2,
            {"connection": "acme", "ticket_id": "8", "attempt": 0, "bulk": True}, None,
        ),
        (
            "other", "look_at_ticket", "other/1", 0,
            {"connection": "other", "ticket_id": "1", "attempt": 0}, True,
        ),
    ]  # fmt: skip


def test_without_a_transaction_nothing_is_enqueued(database_url, store):
    with (
        make_engine(database_url).connect() as database,
        pytest.raises(RuntimeError, match="transaction"),
    ):
        enqueue_look(database, connection="acme", ticket_id="7")


def test_a_dead_worker_s_job_gives_way_to_a_newer_event_of_its_ticket(database_url, store, query):
    store.inbox.accept(a_delivery(), an_event("7"))
    store.inbox.accept(a_delivery(), an_event("8"))
    worker = query(
        "insert into procrastinate_workers (last_heartbeat) "
        "values (now() - interval '1 hour') returning id"
    )[0][0]
    query("update procrastinate_jobs set status = 'doing', worker_id = %s returning id", worker)
    store.inbox.accept(a_delivery(), an_event("7"))

    async def take_up():
        app = build_app(database_url, None, slots=1)
        async with app.open_async():
            return await take_up_stalled(app)

    assert asyncio.run(take_up()) == 2
    rows = query("select lock, status from procrastinate_jobs order by lock, status")
    assert rows == [
        ("acme/7", "todo"),
        ("acme/7", Status.ABORTED.value),
        ("acme/8", "todo"),
    ]


def test_secrets_are_sealed_at_rest_and_open_only_with_their_passphrase(database_url, store, query):
    connection = Connection(
        key="acme",
        vendor="zendesk",
        base_url="https://acme.zendesk.com",
        credentials={"client_secret": "very secret"},
        webhook_secrets=(WebhookSecret(kid="1", value="also secret"),),
        settings={"due_date": "field"},
    )
    store.connections.save(connection)
    assert store.connections.get("acme") == connection
    ((sealed,),) = query("select secrets from connections")
    assert b"secret" not in bytes(sealed)
    with pytest.raises(SecretsError, match="SLA_SECRET_KEY"):
        Store(database_url, Vault("another")).connections.get("acme")
