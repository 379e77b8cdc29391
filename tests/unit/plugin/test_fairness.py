"""No account holds the slots that the others need: which job the engine hands out next."""

import asyncio

import psycopg
import pytest
from procrastinate import App, PsycopgConnector
from procrastinate.jobs import Status

from connectors.base import Connection
from plugin.fairness import FairJobs
from plugin.jobs import enqueue_look
from plugin.secrets import Vault
from plugin.store import Store
from plugin.store.migrate import migrate

LONGEST_KEY = "a" * 40  # see `connect/request.py`; it names a channel of the database's too


@pytest.fixture
def store(database_url):
    migrate(database_url)
    store = Store(database_url, Vault("a passphrase"))
    with psycopg.connect(database_url, autocommit=True) as database:
        database.execute("truncate procrastinate_jobs, procrastinate_workers, connections cascade")
    for key in ("busy", "quiet", "calm", LONGEST_KEY):
        store.connections.save(
            Connection(key=key, vendor="zendesk", base_url="https://acme.zendesk.com")
        )
    yield store
    store.close()


def queue(store, key, looks):
    with store.database.transaction() as database:
        for number in range(looks):
            enqueue_look(database, connection=key, ticket_id=str(number))


def taken(database_url, slots, *, then_finish=()):
    """The accounts of the looks handed out until there is no slot or no job; then, for each queue
    named, one of its looks ends and the next one is handed out."""

    async def take():
        app = App(connector=PsycopgConnector(conninfo=database_url))
        async with app.open_async():
            manager = FairJobs(app.connector, slots)
            worker = await manager.register_worker()
            got = []
            while len(got) < slots and (job := await manager.fetch_job(None, worker)):
                got.append(job)
            for queue in then_finish:
                ended = next(job for job in got if job.queue == queue)
                got.remove(ended)
                await manager.finish_job(ended, Status.SUCCEEDED, delete_job=True)
                if job := await manager.fetch_job(None, worker):
                    got.append(job)
            return [job.queue for job in got]

    return asyncio.run(take())


def test_an_account_alone_gets_half_of_the_slots(database_url, store):
    queue(store, "busy", 10)
    assert taken(database_url, 8) == ["busy"] * 4


def test_those_that_come_later_find_free_slots(database_url, store):
    queue(store, "busy", 10)
    queue(store, "quiet", 10)
    queue(store, "calm", 1)
    assert taken(database_url, 8) == ["busy"] * 4 + ["quiet"] * 2 + ["calm"]


def test_a_look_that_ends_gives_its_slot_back(database_url, store):
    queue(store, "busy", 10)
    found = taken(database_url, 8, then_finish=["busy", "busy"])
    assert found == ["busy"] * 4


def test_looks_of_an_account_that_is_gone_are_handed_out_too(database_url, store):
    queue(store, "busy", 2)
    queue(store, "gone", 1)
    assert taken(database_url, 8) == ["busy", "busy", "gone"]


def test_a_worker_with_one_slot_works(database_url, store):
    queue(store, "busy", 2)
    assert taken(database_url, 1, then_finish=["busy"]) == ["busy"]


def test_the_longest_key_names_a_queue(database_url, store):
    queue(store, LONGEST_KEY, 1)
    assert taken(database_url, 8) == [LONGEST_KEY]
