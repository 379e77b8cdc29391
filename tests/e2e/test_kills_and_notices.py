"""Every warning and breach is told, however often workers and database are killed (kill -9).

A message may come twice, then with the same id; a private note never does.
"""

import json
import random
import shutil
import tempfile
import threading
import time
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from select import select

import pytest
import requests
from e2e.running import Running, wait_until
from e2e.sending import Sender

POLICY = """
extends = "regiondo.toml"
[schedules.support]
hours = "Mo-Su 00:00-24:00"
[warnings.levels.at_risk]
left = "1h"
effects = ["tag", "note", "webhook"]
[warnings.breach]
effects = ["note", "webhook"]
"""
TARGET, WARNED_BEFORE = timedelta(hours=4), timedelta(hours=1)
VICTIMS = ("worker", "worker.2", "database")
SLOW, SLOW_NOTE = 0.4, 1.5  # seconds: a kill shall find some of both on their way


class Receiver(ThreadingHTTPServer):
    """Where notices are sent: `ids` of all that came by ticket and level, `told` what was taken.

    A message whose sender is gone before the answer counts as lost on its way.
    """

    def __init__(self):
        self.ids = defaultdict(set)
        self.told = set()
        super().__init__(("127.0.0.1", 0), _Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/"


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        data = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["data"]
        what = (data["connection"], data["ticket_id"], data["level"] or "breach")
        self.server.ids[what].add(self.headers["webhook-id"])
        time.sleep(SLOW)
        if select([self.connection], [], [], 0)[0]:
            return
        self.server.told.add(what)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def told(monkeypatch):
    """A receiver, and a service with two workers that tells it of warnings and breaches."""
    home = Path(tempfile.mkdtemp(prefix="sla-told-"))
    home.chmod(0o755)
    (home / "policy.toml").write_text(POLICY)
    receiver = Receiver()
    monkeypatch.setenv("SLA_POLICY", str(home / "policy.toml"))
    monkeypatch.setenv("SLA_NOTIFY_URL", receiver.url)
    monkeypatch.setenv("SLA_NOTIFY_SECRET", "a secret of the tests")
    programs = ("web", "worker", "worker.2")
    running = Running(None, home, programs=programs, log_level="CRITICAL")
    yield running, receiver
    running.stop()
    receiver.shutdown()
    receiver.server_close()
    shutil.rmtree(home, ignore_errors=True)


def mail(running, vendor, at):
    """An e-mail of an Enterprise partner's; returns its ticket."""
    given = {"from": "a@enterprise.example", "subject": "Erreur", "body": "Erreur 500."}
    organization = {"name": "A", "organization": "enterprise", "at": at.isoformat()}
    return running.act(vendor, "emails", **given, **organization)["id"]


def notes(running):
    """How often each private note was written on a ticket."""
    found = Counter()
    for call in requests.get(f"{running.sandbox}/sandbox/calls", timeout=30).json():
        body = call["body"] or {}
        comment = body.get("ticket", {}).get("comment") or body
        text = comment.get("body") or comment.get("html_body") or ""
        if "SLA " in text and call["status"] < 300:
            found[call["vendor"], call["path"].split("?")[0], text] += 1
    return found


def tell_while_killing(running, receiver, *, tickets, kills, over):
    """Let levels and deadlines come within `over` seconds while workers and database are killed."""
    silent = {"kind": "drop", "count": 10**6}  # the deliveries are ours
    slow = {"kind": "slow", "rate": 1, "path": "/notes", "seconds": SLOW_NOTE}
    requests.post(f"{running.sandbox}/sandbox/faults", json=[silent, slow], timeout=10)
    first = datetime.now(UTC) + timedelta(seconds=10 + tickets / 4)
    expected, sender = set(), Sender(running)
    for number in range(tickets):
        vendor = ("zendesk", "freshdesk")[number % 2]
        comes_at = first + timedelta(seconds=over * number / tickets)
        breaks = number % 4 < 2
        lasts = TARGET if breaks else TARGET - WARNED_BEFORE
        ticket = mail(running, vendor, comes_at - lasts)
        sender.post_until_taken(vendor, ticket)
        level = "breach" if breaks else "at_risk"
        expected.add((running.names[vendor], str(ticket), level))
    sender.close()
    time.sleep(max(0.0, (first - datetime.now(UTC)).total_seconds()))
    for number in range(kills):
        time.sleep(random.uniform(1, 6))  # a killed sender is missed for up to half a minute
        running.service.kill(VICTIMS[number % len(VICTIMS)])
        time.sleep(random.uniform(0, 0.6))
        running.service.restart_ended()

    def all_told():
        running.service.restart_ended()
        return expected <= receiver.told

    wait_until(all_told, within=240, what="the last notice")
    wait_until(lambda: waiting(running) == 0, within=120, what="the last note")
    early = {what for what in receiver.told - expected if what[2] == "at_risk"}
    assert receiver.told == expected | early, "something was told that did not happen"
    assert {what for what, ids in receiver.ids.items() if len(ids) > 1} == set(), "other ids"
    written = notes(running)
    assert [note for note, times in written.items() if times > 1] == []
    assert len(written) >= len(expected) - kills, "a kill may cost the note it cut off, no more"
    for vendor, ticket_id in {(key, ticket) for key, ticket, _ in expected}:
        name = next(name for name, key in running.names.items() if key == vendor)
        tags = running.ticket(name, int(ticket_id))["tags"]
        assert len(tags) == len(set(tags))
        assert {"sla_at_risk", "sla_breached"} & set(tags)


def waiting(running):
    with running.services.store.database.transaction() as database:
        return database.exec_driver_sql(
            "select count(*) from notices where webhook_at is not null or note_at is not null"
        ).scalar_one()


def test_every_notice_is_told_and_none_twice_though_workers_are_killed(told):
    tell_while_killing(*told, tickets=8, kills=8, over=16)


@pytest.mark.acceptance
@pytest.mark.timeout(1800)
def test_every_notice_of_eighty_tickets_is_told_in_twenty_kills(told):
    tell_while_killing(*told, tickets=80, kills=21, over=90)
