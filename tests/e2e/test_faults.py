"""Whatever goes wrong between us and the helpdesks, every ticket ends as the contract says.

Web, worker and sandbox are processes and speak HTTP; a seventh of the requests fails.
"""

import time
from datetime import datetime

import pytest
import requests
from e2e.running import TIERS, Running, wait_until
from e2e.test_kills import open_jobs, undecided, written_twice
from e2e.test_main_job import BERLIN, HOURS, due_by_walking

from plugin.reconcile import sweep

API_FAULTS = ("429", "503", "timeout", "reset", "slow")
WEBHOOK_FAULTS = ("duplicate", "reorder", "drop")
RATES = {"timeout": 0.03, "slow": 0.1, "drop": 0.3, "duplicate": 0.5, "reorder": 0.5}
SECONDS = {"timeout": 11, "slow": 1, "reorder": 3}  # we wait ten for an answer
SHARED = 40  # requests for what all tickets share: agents, partners, fields, sweeps
PER_EVENT = {"zendesk": 5, "freshdesk": 4}  # ticket, audits, write, an echo, a sweep's look


@pytest.fixture
def swept(database_url, tmp_path, monkeypatch):
    """A service that sweeps every minute; what it may use is what large plans allow."""
    monkeypatch.setenv("SLA_SWEEP_MINUTES", "0.5")
    running = Running(database_url, tmp_path)
    large = {"zendesk": {"high_volume": True, "export_lag_seconds": 2}}
    large["freshdesk"] = {"plan": "purchased_2000"}
    for vendor, settings in large.items():
        running.act(vendor, "settings", **settings)
        running.act(vendor, "agents", name="Anna", email="anna@support.example")
        for tier in TIERS:
            mail(running, vendor, tier)
    for key in running.names.values():  # the partners are new; a sweep would look at their tickets
        sweep(running.services, running.services.store.connections.get(key))
    requests.delete(f"{running.sandbox}/sandbox/calls", timeout=10)
    yield running
    running.stop()


def faults_of(kind):
    """Faults of a kind on both vendors; API requests fail before or after they were carried out."""
    one = {"kind": kind, "rate": RATES.get(kind, 0.14)}
    if kind in SECONDS:
        one["seconds"] = SECONDS[kind]
    if kind in {"503", "timeout", "reset"}:
        half = one["rate"] / 2
        return [{**one, "rate": half}, {**one, "rate": half, "after": True}]
    return [one]


def mail(running, vendor, tier):
    """A partner's e-mail of now; returns its ticket and when the contract has it due."""
    sent = running.act(
        vendor,
        "emails",
        **{"from": f"luc@{tier}.example"},
        name="Luc",
        organization=tier,
        subject="Erreur",
        body="Le paiement ne fonctionne plus, erreur 500.",
    )
    at = datetime.fromisoformat(sent["created_at"])
    local = at.astimezone(BERLIN)
    is_open = local.weekday() < 5 and local.hour in {9, 10, 11, 14, 15, 16}
    starts_at = at if is_open else at.replace(second=0)
    return (vendor, sent["id"]), due_by_walking(starts_at, HOURS[tier])


def send_events(running, events):
    """Mails on both vendors, and an agent's answer to every third; returns what is due when."""
    due, answered = {}, []
    for number in range(events * 3 // 4):
        vendor, tier = ("zendesk", "freshdesk")[number % 2], TIERS[number // 2 % 4]
        ticket, due_at = mail(running, vendor, tier)
        due[ticket] = due_at
        if number % 3 == 0:
            answered.append(ticket)
    for vendor, ticket in answered:
        running.act(vendor, "replies", ticket=ticket, agent="Anna")
    return due, answered


def not_right(running, due, answered):
    """Tickets that do not stand as the contract says: due when, or answered in time."""
    wrong = {}
    for (vendor, number), expected in due.items():
        ticket = running.ticket(vendor, number)
        shown = ticket["fr_due_by" if vendor == "freshdesk" else "due_at"]
        if (vendor, number) in answered:
            is_right = "sla_met" in ticket["tags"] and (vendor == "freshdesk" or shown is None)
        else:
            is_right = shown is not None and datetime.fromisoformat(shown) == expected
        if not is_right:
            wrong[vendor, number] = (shown, expected, ticket["tags"])
    return wrong


def check_calls(running, kinds, sent):
    """No more requests than events and faults need, none over the budget, few writes."""
    journal = requests.get(f"{running.sandbox}/sandbox/calls", timeout=60).json()
    over = [c for c in journal if c["status"] == 429 and c["fault"] is None]
    assert [(c["vendor"], c["method"], c["path"], c["at"]) for c in over] == []
    assert {c["fault"] for c in journal} - {None} == set(kinds) & set(API_FAULTS)
    for vendor in running.names:
        calls = [call for call in journal if call["vendor"] == vendor]
        hit = sum(call["fault"] is not None for call in calls)
        events = sum(1 for v, _ in sent if v == vendor)
        writes = sum(c["method"] == "PUT" and c["status"] == 200 for c in calls)
        print(f"\n{vendor}: {events} events, {len(calls)} calls, {hit} hit, {writes} writes")
        assert len(calls) <= PER_EVENT[vendor] * events + 4 * hit + SHARED
        assert writes <= events + hit


def run(running, kind, events, within):
    """Let everything happen under one kind of fault; returns the ticket of each event."""
    requests.post(f"{running.sandbox}/sandbox/faults", json=faults_of(kind), timeout=10)
    due, answered = send_events(running, events)
    give_up_at = time.monotonic() + within
    while (wrong := not_right(running, due, answered)) and time.monotonic() < give_up_at:
        time.sleep(2)
    assert wrong == {}, f"under {kind}, for {within} s"
    wait_until(lambda: open_jobs(running) == 0, within=within, what="the last look")
    requests.delete(f"{running.sandbox}/sandbox/faults", timeout=10)
    return [*due, *answered]


def check(running, kinds, sent):
    """What holds once everything has come to rest; `sent` are the tickets of the events."""
    check_calls(running, kinds, sent)
    once = [ticket for ticket in set(sent) if sent.count(ticket) == 1]  # nobody answered
    assert undecided(running, once) == {}
    assert written_twice(running) == {}
    assert running.services.store.dead_letters.counts() == {}
    deliveries = requests.get(f"{running.sandbox}/sandbox/deliveries", timeout=60).json()
    dropped = sum(one["status"] == "dropped" for one in deliveries)
    assert bool(dropped) is ("drop" in kinds)


@pytest.mark.timeout(600)
def test_under_every_fault_all_tickets_end_right_in_few_calls(swept):
    kinds = (*API_FAULTS, *WEBHOOK_FAULTS)
    sent = [event for kind in kinds for event in run(swept, kind, events=24, within=180)]
    check(swept, kinds, sent)


@pytest.mark.acceptance
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("kind", [*API_FAULTS, *WEBHOOK_FAULTS])
def test_five_hundred_events_under_a_fault_end_right_in_few_calls(swept, kind):
    sent = run(swept, kind, events=500, within=1200)
    check(swept, [kind], sent)
