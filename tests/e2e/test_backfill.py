"""A backfill over a sandbox account of many tickets: complete, within the budget, none twice."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import replace

import psycopg
import pytest
from werkzeug.serving import make_server

from connectors.base import Connection
from plugin.backfill import AlreadyRunning, Backfill
from plugin.backfill_batch import Options
from plugin.bootstrap import build_services
from plugin.pacing import BULK_RESERVE
from plugin.sandbox.freshdesk.load import load_past as load_freshdesk_past
from plugin.sandbox.server import create_sandbox
from plugin.sandbox.zendesk.load import load_past
from plugin.settings import Settings
from plugin.store.migrate import migrate

SECRET = "a secret of the tests"
TABLES = (
    "tickets, audit_entries, budgets, connections, backfills, backfill_tickets, procrastinate_jobs"
)


class Account:
    """A sandbox account with a past, connected; nobody tells us of its tickets."""

    def __init__(self, vendor, database_url, tickets, budget):
        self.sandbox = create_sandbox()
        self.server = make_server("127.0.0.1", 0, self.sandbox.app, threaded=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.people = getattr(self.sandbox, vendor).account("acme")
        load = load_past if vendor == "zendesk" else load_freshdesk_past
        load(self.people, tickets=tickets, organizations=20)
        self.people.configure(rate_limit=budget)
        if vendor == "zendesk":
            self.people.configure(export_lag_seconds=0)
        self.services = build_services(
            Settings(database_url=database_url, secret_key=SECRET), pool_size=8
        )
        self.connection = Connection(
            key="acme",
            vendor=vendor,
            base_url=f"http://127.0.0.1:{self.server.port}/{vendor}/acme",
            credentials={
                "client_id": "sandbox-client",
                "client_secret": "sandbox-secret",
                "api_key": "sandbox-key",
            },
        )
        self.services.store.connections.save(self.connection)
        self.environment = {
            **os.environ,
            "DATABASE_URL": database_url,
            "SLA_SECRET_KEY": SECRET,
        }

    def close(self):
        self.services.store.close()
        self.server.shutdown()
        self.server.server_close()
        self.sandbox.close()

    def backfill(self, **options):
        work = Backfill(self.services, self.connection, Options(**options))
        work.run()
        return work

    def calls(self):
        return [c for c in self.sandbox.calls if not c["path"].startswith("/zendesk/acme/oauth")]

    def writes(self):
        """How often each ticket was written with success, by the vendor's own history."""
        if self.people.vendor == "zendesk":
            return Counter(
                {
                    number: sum("regiondo_sla" in a["metadata"]["custom"] for a in audits)
                    for number, audits in self.people.audits.items()
                }
            )
        return Counter(
            int(c["path"].rsplit("/", 1)[1])
            for c in self.sandbox.calls
            if c["method"] == "PUT" and c["status"] == 200
        )


@pytest.fixture
def fresh(database_url):
    migrate(database_url)
    with psycopg.connect(database_url, autocommit=True) as database:
        database.execute(f"truncate {TABLES} cascade")
    made = []

    def make(vendor="zendesk", tickets=500, budget=400):
        made.append(Account(vendor, database_url, tickets, budget))
        return made[-1]

    yield make
    for account in made:
        account.close()


def _is_open(ticket):
    return ticket["status"] in {"new", "open", "pending", "hold", 2, 3} and not ticket.get("spam")


def _lists(account):
    return [
        call
        for call in account.calls()
        if "/incremental/" in call["path"] or "updated_since=" in call["path"]
    ]


def _allowed(account):
    """The seconds that the account's limits allow for these calls: the tightest one binds.

    All but the export's leave a part to live work.
    """
    limits, calls = account.people.settings, account.calls()
    lists = _lists(account)
    is_freshdesk = account.people.vendor == "freshdesk"
    updates = [c for c in calls if c["method"] == "PUT" and is_freshdesk]
    cost = len(calls) + (6 * len(lists) if is_freshdesk else 0)  # three embeds, two credits each
    ours = 1 - BULK_RESERVE
    minutes = [cost / limits.rate_limit / ours, len(updates) / limits.ticket_update_limit / ours]
    if not is_freshdesk:
        minutes.append(len(lists) / limits.incremental_limit)
    return max(minutes) * 60


def _check_figures(account, work, seconds):
    """Within the budget, no 429, few calls, and every open ticket done once."""
    calls = account.calls()
    tickets = account.people.tickets.values()
    assert Counter(c["status"] for c in calls)[429] == 0
    looked = work.counts.looked + work.counts.skipped
    assert looked == sum(not ticket.get("spam") for ticket in tickets)  # Freshdesk's lists omit it
    singly = work.counts.read_singly
    assert work.counts.failed == 0
    print(
        f"\n{looked} tickets in {seconds:.1f} s: {len(calls)} calls, {singly} read singly, "
        f"{(len(calls) - singly) / looked:.4f} calls a ticket without those; "
        f"the limits allow them in {_allowed(account):.1f} s"
    )
    if account.people.vendor == "zendesk":
        assert len(calls) - singly <= max(0.05 * looked, 25)
        assert len(_lists(account)) <= looked / 1000 + 1
    for ticket in tickets:
        tagged = any(tag.startswith("sla_") for tag in ticket["tags"])
        assert tagged == _is_open(ticket), ticket["id"]
    assert set(account.writes().values()) <= {0, 1}


def _timed(account):
    """Run a backfill, check its figures and return how many seconds it took."""
    started_at = time.monotonic()
    work = account.backfill()
    seconds = time.monotonic() - started_at
    _check_figures(account, work, seconds)
    return seconds


def test_five_hundred_tickets_are_done_in_few_calls_within_the_budget(fresh):
    account = fresh()
    _timed(account)
    calls = len(account.calls())
    again = account.backfill()
    assert again.counts.written == 0
    assert len(account.calls()) - calls < 60, "what holds already is not written again"


def test_a_dry_run_says_what_would_change_and_writes_nothing(fresh):
    account = fresh(tickets=60)
    rows = []
    work = Backfill(account.services, account.connection, Options(dry_run=True), would=rows.append)
    work.run()
    assert {c["method"] for c in account.calls()} == {"GET"}
    assert account.services.store.tickets.recent(10) == []
    assert len(rows) == work.counts.looked
    assert sum(bool(view.patch) for view in rows) == work.counts.written > 0


def test_a_person_s_priority_is_kept_unless_told_to_overwrite(fresh):
    account = fresh(tickets=1, budget=700)
    number = account.people.receive_email("Error", "Checkout is broken", sender="a@b.example")["id"]
    ticket = account.people.ticket(number)
    account.people.agent_edits(number, {"priority": "low"})
    account.backfill()
    assert (ticket["priority"], "sla_manual" in ticket["tags"]) == ("low", True)

    other = account.people.receive_email("Error", "Checkout is broken", sender="a@b.example")["id"]
    ticket = account.people.ticket(other)
    account.people.agent_edits(other, {"priority": "low"})
    account.backfill(overwrite=True)
    assert ticket["priority"] != "low"
    audited = account.services.connector(account.connection).fetch(str(other))
    assert not audited.hands, "what we took over is not that person's any more"


def test_a_ticket_that_changes_under_the_batch_is_looked_at_again_singly(fresh, monkeypatch):
    account = fresh(tickets=20)
    bulk = type(account.services.bulk(account.connection))
    apply = bulk.apply
    changed = []

    def change_then_apply(self, writes):
        ticket, _ = writes[0]
        account.people.agent_edits(int(ticket.id), {"subject": "changed meanwhile"})
        changed.append(int(ticket.id))
        return apply(self, writes)

    monkeypatch.setattr(bulk, "apply", change_then_apply)
    work = account.backfill()
    assert work.counts.failed == 0
    for number in changed:
        ticket = account.people.ticket(number)
        assert any(tag.startswith("sla_") for tag in ticket["tags"])
    assert set(account.writes().values()) <= {0, 1}


@pytest.mark.parametrize("vendor", ["zendesk", "freshdesk"])
def test_a_ticket_that_goes_meanwhile_is_cancelled_and_stops_no_other(fresh, vendor, monkeypatch):
    account = fresh(vendor, tickets=30, budget=2000)
    bulk = account.services.bulk(account.connection)
    lost = next(t["id"] for t in account.people.tickets.values() if t["status"] in {"open", 2})
    page = type(bulk).page

    def read_then_lose(self, cursor):
        read = page(self, cursor)
        account.people.tickets.pop(lost, None)
        found = tuple(replace(one, settled=False) for one in read.found)
        return replace(read, found=found)

    monkeypatch.setattr(type(bulk), "page", read_then_lose)
    work = account.backfill()
    assert work.counts.failed == 0
    assert work.counts.looked + work.counts.skipped == 30
    trail = account.services.store.tickets.audit_trail("acme", str(lost))
    assert trail[-1].outcome == "skipped"
    others = [n for n, times in account.writes().items() if times]
    assert len(others) > 10


def test_what_it_writes_itself_is_not_read_again(fresh):
    account = fresh("freshdesk", tickets=400, budget=20_000)
    account.people.configure(ticket_update_limit=8_000, ticket_list_limit=2_000)
    account.backfill()
    assert len(_lists(account)) <= 5, "a hundred a list"


def test_one_backfill_an_account_runs_at_a_time(fresh):
    account = fresh(tickets=5)
    with account.services.store.database.alone("backfill/acme") as alone:
        assert alone
        with pytest.raises(AlreadyRunning):
            account.backfill()
    assert account.backfill().counts.failed == 0


def _kill_in_the_middle(account, until):
    """Run the command in a process of its own and kill it (kill -9) once `until` holds."""
    process = subprocess.Popen(
        [sys.executable, "-m", "plugin.cli", "backfill", "acme"],
        env=account.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 240
    while not until() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    assert process.poll() is None, "it ended before it was killed"
    process.send_signal(signal.SIGKILL)
    process.wait()
    while not _is_free(account):  # PostgreSQL hears of the end a moment later
        time.sleep(0.05)


def _is_free(account):
    with account.services.store.database.alone(f"backfill/{account.connection.key}") as alone:
        return alone


@pytest.mark.parametrize("vendor", ["zendesk", "freshdesk"])
def test_killed_and_resumed_no_ticket_is_written_twice(fresh, vendor):
    many, budget = (900, 400) if vendor == "zendesk" else (200, 2000)
    account = fresh(vendor, tickets=many, budget=budget)
    _kill_in_the_middle(account, lambda: sum(account.writes().values()) >= 30)
    before = sum(account.writes().values())
    work = account.backfill()
    assert work.resumed
    assert sum(account.writes().values()) > before
    assert set(account.writes().values()) <= {0, 1}
    assert work.counts.failed == 0


@pytest.mark.acceptance
@pytest.mark.timeout(1800)
def test_ten_thousand_tickets_at_400_a_minute_within_five_percent_of_what_the_budget_allows(fresh):
    account = fresh(tickets=10_000)
    seconds = _timed(account)
    assert seconds <= _allowed(account) * 1.05


@pytest.mark.acceptance
@pytest.mark.timeout(1800)
def test_a_thousand_freshdesk_tickets_within_five_percent_of_what_the_limits_allow(fresh):
    account = fresh("freshdesk", tickets=1_000)
    account.people.configure(plan="purchased_2000")
    seconds = _timed(account)
    assert seconds <= _allowed(account) * 1.05


@pytest.mark.acceptance
@pytest.mark.timeout(1800)
def test_tickets_that_no_list_settles_take_one_read_more_within_the_budget(fresh):
    account = fresh(tickets=1_000)
    for ticket in account.people.tickets.values():
        ticket["via"] = {"channel": "web", "source": {}}  # the audits tell who wrote when
    started_at = time.monotonic()
    work = account.backfill()
    seconds = time.monotonic() - started_at
    calls = len(account.calls())
    print(f"\n{calls} calls, {work.counts.read_singly} read singly, {seconds:.1f} s")
    assert Counter(c["status"] for c in account.calls())[429] == 0
    assert 0 < work.counts.read_singly <= work.counts.looked
    assert calls - work.counts.read_singly <= 0.05 * len(account.people.tickets)
    assert seconds <= _allowed(account) * 1.05


@pytest.mark.acceptance
@pytest.mark.timeout(1800)
def test_ten_thousand_tickets_killed_in_the_middle_and_resumed(fresh):
    account = fresh(tickets=10_000)
    _kill_in_the_middle(account, lambda: sum(account.writes().values()) >= 2000)
    work = account.backfill()
    assert work.resumed
    assert set(account.writes().values()) <= {0, 1}
    tickets = account.people.tickets.values()
    assert all(any(t.startswith("sla_") for t in one["tags"]) for one in tickets if _is_open(one))
