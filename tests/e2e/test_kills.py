"""From the 2xx on no event is lost: web, worker and database are killed at any point (kill -9)."""

import random
import shutil
import tempfile
import time
from collections import defaultdict
from datetime import datetime
from pathlib import Path

import pytest
import requests
from e2e.running import Running, wait_until
from e2e.sending import Sender
from e2e.test_main_job import send_mails, wrong_dates

from sla_rules.engine import decide
from sla_rules.patch import patch_for

VICTIMS = ("web", "worker", "worker.2", "database")


@pytest.fixture
def killable():
    """A service with two workers over a database of its own, so that it may be killed."""
    home = Path(tempfile.mkdtemp(prefix="sla-kill-"))
    home.chmod(0o755)
    running = Running(None, home, programs=("web", "worker", "worker.2"), log_level="CRITICAL")
    yield running
    running.stop()
    shutil.rmtree(home, ignore_errors=True)


def open_jobs(running):
    with running.services.store.database.transaction() as database:
        return database.exec_driver_sql(
            "select count(*) from procrastinate_jobs"
            " where task_name = 'look_at_ticket' and status in ('todo', 'doing', 'failed')"
        ).scalar_one()


def run_with_kills(running, events, tickets, kills, within):
    """Deliver events while everything is killed at random; returns tickets and their due dates."""
    silent = [{"kind": "drop", "count": 10**6}]  # the deliveries are ours
    requests.post(f"{running.sandbox}/sandbox/faults", json=silent, timeout=10)
    sent = send_mails(running, tickets)
    sender = Sender(running)
    sending = sender.start(sent, each=events // tickets, delay=0.2)
    for number in range(kills):
        time.sleep(random.uniform(0.2, 1.2))
        running.service.kill(VICTIMS[number % len(VICTIMS)])
        time.sleep(random.uniform(0, 0.6))
        running.service.restart_ended()

    def all_taken():
        running.service.restart_ended()
        return all(one.done() for one in sending)

    wait_until(all_taken, within=within, what="the last 2xx")
    for one in sending:
        one.result()
    sender.close()
    wait_until(lambda: open_jobs(running) == 0, within=within, what="the last look")
    assert sum(n for status, n in sender.answers.items() if 200 <= status < 300) == len(sending)
    assert set(sender.answers) <= {0, 200, 202, 503}, sender.answers
    return sent


def undecided(running, sent):
    """Tickets that a fresh evaluation would have otherwise or write to, or take for a person's.

    It remembers what we wrote: without that, Freshdesk's dates could be a person's.
    """
    services = running.services
    wrong = {}
    for vendor, ticket_id in sent:
        connection = services.store.connections.get(running.names[vendor])
        connector = services.connector(connection)
        ticket = connector.fetch(str(ticket_id))
        memory = services.store.tickets.memory(connection.key, str(ticket_id))
        now = services.clock()
        policy = services.policies_for(connection).for_ticket(ticket, memory, now)
        decision = decide(ticket, policy, now, memory, connector.traits)
        patch = patch_for(ticket, decision, memory, connector.traits, now)
        shown = running.due(vendor, ticket_id)
        holds = (datetime.fromisoformat(shown) if shown else None, ticket.priority)
        should = (decision.targets[0].due_at, decision.priority)
        missing = set(decision.to_json()["add_tags"]) - ticket.tags
        doubted = (memory.sent, memory.overrides)  # nobody typed anything
        if holds != should or missing or patch or any(doubted):
            wrong[vendor, ticket_id] = (holds, should, missing, patch.changes(), doubted)
    return wrong


def written_twice(running):
    """Tickets that were given two different due dates or priorities."""
    seen = defaultdict(set)
    for call in requests.get(f"{running.sandbox}/sandbox/calls", timeout=30).json():
        if call["method"] != "PUT" or not call["body"]:
            continue
        body = call["body"].get("ticket", call["body"])
        for name in ("due_at", "fr_due_by", "priority"):
            if body.get(name) is not None:
                seen[call["vendor"], call["path"], name].add(str(body[name]))
    return {where: values for where, values in seen.items() if len(values) > 1}


def assert_nothing_lost(running, sent):
    assert wrong_dates(running, sent) == {}
    assert undecided(running, sent) == {}
    assert written_twice(running) == {}
    assert running.services.store.dead_letters.counts() == {}
    assert running.services.store.circuits.every() == []


def test_no_event_is_lost_though_everything_is_killed_once(killable):
    sent = run_with_kills(killable, events=60, tickets=20, kills=4, within=90)
    assert_nothing_lost(killable, sent)


@pytest.mark.acceptance
@pytest.mark.timeout(1800)
def test_no_event_of_a_thousand_is_lost_in_forty_kills(killable):
    sent = run_with_kills(killable, events=1000, tickets=200, kills=44, within=900)
    assert_nothing_lost(killable, sent)
