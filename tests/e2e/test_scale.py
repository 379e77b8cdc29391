"""Web and workers as several processes, as the Procfile starts them, over one PostgreSQL."""

import os
import signal
import socket
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import psycopg
import pytest
import requests
from e2e.running import Running, free_port, wait_until
from e2e.sending import Sender
from e2e.test_main_job import send_mails, wrong_dates

from plugin.store.circuits import State
from plugin.store.dead_letters import Wanted

ROOT = Path(__file__).parent.parent.parent


def two_free_ports():
    """The first of two neighbouring ports, as honcho hands them out."""
    while True:
        port = free_port()
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port


@pytest.fixture
def accounts(database_url, tmp_path):
    """A sandbox with two connected accounts; web and workers are the test's own."""
    running = Running(database_url, tmp_path, programs=(), port=two_free_ports())
    yield running
    running.stop()


class Honcho:
    """The Procfile's processes."""

    def __init__(self, running, formation):
        port = running.service.settings().port
        honcho = Path(sys.executable).with_name("honcho")
        self._process = subprocess.Popen(
            [honcho, "start", "-c", formation, "-p", str(port), "web", "worker"],
            cwd=ROOT,
            env={
                **running.service.environment,
                "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            },
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)


def test_the_procfile_s_processes_work_off_every_event_once(accounts):
    with Honcho(accounts, "web=2,worker=2"):
        port = accounts.service.settings().port
        for door in (port, port + 1):
            ready = f"http://127.0.0.1:{door}/readyz"
            wait_until(lambda ready=ready: requests.get(ready, timeout=2).ok, what=ready)
        sent = send_mails(accounts, 16)
        wait_until(lambda: not wrong_dates(accounts, sent), within=120, what="the last due date")
        workers = "select count(*) from procrastinate_workers"
        with psycopg.connect(accounts.service.settings().database_url) as database:
            assert database.execute(workers).fetchone()[0] >= 2


def test_a_rolling_restart_loses_nothing(database_url, tmp_path):
    running = Running(database_url, tmp_path, programs=("web", "worker", "worker.2"))
    try:
        silent = [{"kind": "drop", "count": 10**6}]  # the deliveries are ours
        requests.post(f"{running.sandbox}/sandbox/faults", json=silent, timeout=10)
        sent = send_mails(running, 16)
        sender = Sender(running)
        sending = sender.start(sent, each=4, delay=0.3)
        running.service.restart("worker")
        running.service.reload("web")
        running.service.restart("worker.2")
        for one in sending:
            one.result()
        sender.close()
        wait_until(lambda: not wrong_dates(running, sent), within=90, what="the last due date")
        assert set(sender.answers) <= {0, 200, 202}
    finally:
        running.stop()


def seconds_to_decide(running, sender, keys, tickets):
    """Seconds from each delivery to its look, by account."""
    began = {}
    for ticket in tickets:
        for key in keys:
            began[key, ticket] = datetime.now(UTC)
            assert sender.post("zendesk", ticket, key=key) == 202
    store = running.services.store
    found = {}

    def all_decided():
        for key, ticket in set(began) - set(found):
            looks = [e for e in store.tickets.audit_trail(key, str(ticket)) if e.decision]
            if looks and looks[-1].at > began[key, ticket]:
                found[key, ticket] = (looks[-1].at - began[key, ticket]).total_seconds()
        return len(found) == len(began)

    wait_until(all_decided, within=90, what="the last look", every=0.2)
    return list(found.values())


@pytest.fixture
def eight(running):
    """Eight accounts with tickets of the same numbers; the deliveries are ours."""
    requests.post(
        f"{running.sandbox}/sandbox/faults", json=[{"kind": "drop", "count": 10**6}], timeout=10
    )
    keys = [f"{running.account}-{number}" for number in range(8)]
    tickets = set()
    for key in keys:
        running.connect("zendesk", key, account=key)
        for number in range(6):
            mail = {"from": f"{number}@p.example", "subject": "Erreur", "body": "Erreur 500."}
            tickets.add(running.act("zendesk", "emails", account=key, **mail)["id"])
    assert len(tickets) == 6, "each account counts its own tickets"
    return keys, sorted(tickets)


def test_one_broken_account_of_eight_holds_up_nobody_and_is_worked_off_when_it_is_back(
    running, eight
):
    store = running.services.store
    keys, numbers = eight
    broken, others = keys[0], keys[1:]
    sender = Sender(running)
    alone = seconds_to_decide(running, sender, others, numbers[:3])
    good = store.connections.get(broken)
    store.connections.save(replace(good, credentials={**good.credentials, "client_secret": "no"}))
    for _ in range(3):
        for ticket in numbers:
            assert sender.post("zendesk", ticket, key=broken) == 202
    beside = seconds_to_decide(running, sender, others, numbers[3:])
    rests = lambda: next((c for c in store.circuits.every() if c.connection == broken), None)  # noqa: E731
    assert rests().reason == "credentials_refused"
    wait_until(lambda: rests().waiting == 6, what="the wait")
    assert median(beside) < 3 * median(alone) + 1
    assert store.dead_letters.find(Wanted(connection=broken)) == []

    store.connections.save(good)

    def decided(ticket):
        looks = store.tickets.audit_trail(broken, str(ticket))  # none where it only waited
        return looks and looks[-1].decision

    wait_until(lambda: all(decided(ticket) for ticket in numbers), within=60, what="the way back")
    assert rests() is None


def test_an_account_that_never_answers_holds_up_nobody(running, eight):
    keys, numbers = eight
    hangs, others = keys[0], keys[1:]
    never = {"kind": "timeout", "rate": 1, "path": f"/zendesk/{hangs}/", "seconds": 60}
    requests.post(f"{running.sandbox}/sandbox/faults", json=[never], timeout=10)
    sender = Sender(running)
    for ticket in range(1, 3 * running.service.settings().worker_concurrency):  # found or not
        assert sender.post("zendesk", ticket, key=hangs) == 202
    wait_until(lambda: jobs_in_hand(running, hangs) > 1, what="looks that hang", every=0.05)
    seconds_to_decide(running, sender, others, numbers[:2])
    ended = "the others waited until the first look that hung was given up"
    assert running.services.store.circuits.every() == [], ended
    rests = lambda: next(iter(running.services.store.circuits.every()), None)  # noqa: E731
    wait_until(lambda: rests() and rests().state is State.BROKEN, what="the account's rest")
    assert rests().reason == "unavailable"


def jobs_in_hand(running, key):
    """How many looks at an account's tickets run now."""
    with running.services.store.database.transaction() as database:
        return database.exec_driver_sql(
            "select count(*) from procrastinate_jobs where status = 'doing'"
            " and args ->> 'connection' = %s",
            (key,),
        ).scalar_one()
