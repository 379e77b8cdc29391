"""A sweep heals what no webhook told, once, below live work, and forgets nothing when it stops."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from click.testing import CliRunner
from werkzeug.serving import make_server

from connectors.base import Connection
from connectors.cache import ShortCache
from connectors.errors import VendorUnavailable
from connectors.freshdesk import account as freshdesk_account
from connectors.zendesk import account as zendesk_account
from plugin.bootstrap import build_services
from plugin.cli import cli
from plugin.commands.catchup import show_changes
from plugin.pipeline import look_at_ticket
from plugin.reconcile import AlreadySweeping, sweep, sweep_all
from plugin.sandbox.server import create_sandbox
from plugin.settings import Settings
from plugin.store.migrate import migrate

SECRET = "a secret of the tests"
CREDENTIALS = {
    "client_id": "sandbox-client",
    "client_secret": "sandbox-secret",
    "api_key": "sandbox-key",
}
TABLES = (
    "inbox, dedupe_keys, tickets, audit_entries, sweeps, budgets, connections, procrastinate_jobs"
)


class Account:
    """One vendor's sandbox account, connected, whose webhooks reach nobody."""

    def __init__(self, vendor, sandbox, port, services, query):
        self.vendor, self.services, self.query = vendor, services, query
        self.clock = sandbox.clock
        self.people = getattr(sandbox, vendor).account("acme")
        if vendor == "zendesk":
            self.people.configure(export_lag_seconds=0, incremental_limit=6000)
        self.connection = Connection(
            key=vendor,
            vendor=vendor,
            base_url=f"http://127.0.0.1:{port}/{vendor}/acme",
            credentials=CREDENTIALS,
            settings={
                "limits": {"account": 6000, "incremental-exports": 6000, "ticket-list": 6000}
            },
        )
        services.store.connections.save(self.connection)

    def mail(self, **given):
        values = {"subject": "Erreur", "body": "Le paiement ne fonctionne plus."}
        return str(self.people.receive_email(**{**values, **given})["id"])

    def sweep(self, **given):
        return sweep(self.services, self.connection, **given)

    def jobs(self):
        return self.query(
            "select args->>'ticket_id', priority, queueing_lock from procrastinate_jobs"
            " where status = 'todo' and args->>'connection' = %s order by id",
            self.vendor,
        )

    def work(self):
        """Do what a worker does with the jobs that wait."""
        for number, _, _ in self.jobs():
            look_at_ticket(self.services, self.vendor, number, bulk=True)
        self.query("delete from procrastinate_jobs returning 1")

    def hear_echoes(self):
        """Look again, some seconds later, as the webhook of our own write has us do."""
        for (number,) in self.query("select ticket_id from tickets"):
            look_at_ticket(self.services, self.vendor, number)
        self.query("update audit_entries set at = at + interval '10 seconds' returning 1")


@pytest.fixture
def sandbox():
    sandbox = create_sandbox()
    server = make_server("127.0.0.1", 0, sandbox.app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield sandbox, server.port
    server.shutdown()
    server.server_close()
    sandbox.close()


@pytest.fixture
def query(database_url):
    migrate(database_url)
    with psycopg.connect(database_url, autocommit=True) as database:
        database.execute(f"truncate {TABLES} cascade")
        yield lambda text, *given: database.execute(text, given).fetchall()


@pytest.fixture(params=["zendesk", "freshdesk"])
def account(request, sandbox, database_url, query):
    services = build_services(Settings(database_url=database_url, secret_key=SECRET))
    yield Account(request.param, *sandbox, services, query)
    services.store.close()


def test_a_ticket_that_no_webhook_told_is_healed_by_the_sweep(account):
    number = account.mail()
    assert account.sweep().queued == 1
    assert account.jobs() == [(number, -2, f"{account.vendor}/{number}/backfill")]
    account.work()
    ticket = account.services.connector(account.connection).fetch(number)
    assert ticket.due_at is not None
    assert any(tag.startswith("sla_priority_") for tag in ticket.tags)


def test_what_was_looked_at_in_its_newest_version_is_not_looked_at_again(account):
    account.mail()
    account.sweep()
    account.work()
    account.hear_echoes()
    again = account.sweep()
    assert (again.queued, account.jobs()) == (0, [])
    assert account.sweep(since=datetime.now(UTC) - timedelta(hours=1)).queued == 0


def test_a_change_after_the_look_is_seen_and_only_that(account):
    first, second = account.mail(), account.mail()
    account.sweep()
    account.work()
    account.hear_echoes()
    account.query(
        "update tickets set version_at = version_at - interval '1 hour'"
        " where ticket_id = %s returning 1",
        second,
    )
    account.sweep(since=datetime.now(UTC) - timedelta(minutes=1))
    assert [number for number, _, _ in account.jobs()] == [second]
    assert first != second


def test_an_answer_in_the_second_of_our_own_write_is_seen_though_its_webhook_was_lost(account):
    number = account.mail()
    account.sweep()
    account.work()
    ticket = account.people.ticket(int(number))
    stamps = {
        name: ticket[name] for name in ("updated_at", "generated_timestamp") if name in ticket
    }
    account.people.agent_replies(int(number))
    ticket.update(stamps)
    account.sweep(since=datetime.now(UTC) - timedelta(minutes=1))
    account.work()
    entry = account.services.store.tickets.audit_trail(account.vendor, number)[-1]
    assert entry.decision["targets"][0]["state"] == "met"


def test_a_ticket_with_a_live_job_waiting_is_left_to_it(account):
    number = account.mail()
    account.services.store.inbox.look_again(account.vendor, number, attempt=0, wait=0)
    assert account.sweep().queued == 0
    assert account.jobs() == [(number, 0, f"{account.vendor}/{number}")]


def test_the_first_sweep_begins_when_the_account_was_connected_not_with_history(account):
    account.mail()
    account.query("update connections set created_at = now() + interval '1 hour' returning 1")
    assert account.sweep().changed == 0


def test_the_cursor_moves_only_with_the_jobs_it_stands_for(account, monkeypatch):
    number = account.mail()
    store = account.services.store

    def fail(*given, **named):
        raise RuntimeError("killed")

    with monkeypatch.context() as broken:
        broken.setattr("plugin.store.sweeps.enqueue_looks", fail)
        with pytest.raises(RuntimeError):
            account.sweep()
    assert store.sweeps.get(account.vendor).changed == 0
    assert account.sweep().queued == 1
    assert [one for one, _, _ in account.jobs()] == [number]


def test_one_account_is_swept_by_one_process_at_a_time(account):
    assert account.services.store.sweeps.begin(account.vendor)
    with pytest.raises(AlreadySweeping):
        account.sweep()
    account.query("update sweeps set busy_until = now() - interval '1 second' returning 1")
    assert account.sweep().error is None, "a dead sweeper's hold runs out"


def test_a_sweep_is_due_after_its_interval_and_a_broken_account_stops_no_other(account):
    account.mail()
    other = replace(account.connection, key="aaa", base_url="http://127.0.0.1:9/zendesk/x")
    account.services.store.connections.save(other)
    sweep_all(account.services)
    assert len(account.jobs()) == 1
    assert VendorUnavailable.__name__ in account.services.store.sweeps.get("aaa").error
    account.query("delete from procrastinate_jobs returning 1")
    sweep_all(account.services)
    assert account.jobs() == [], "not before five minutes have passed"
    account.query("update sweeps set swept_at = now() - interval '6 minutes' returning 1")
    account.clock.advance(2)
    account.mail()
    sweep_all(account.services)
    assert account.jobs()


def test_a_cursor_that_the_vendor_takes_no_more_starts_again_a_day_back(account):
    if account.vendor == "freshdesk":
        pytest.skip("its cursor is ours")
    number = account.mail()
    account.sweep()
    account.query("update sweeps set cursor = 'cursor=nonsense' returning 1")
    account.query("delete from procrastinate_jobs returning 1")
    assert account.sweep().error is None
    assert [one for one, _, _ in account.jobs()] == [number]


def test_spam_and_the_bin_concern_only_tickets_that_we_know(account):
    known, unknown = account.mail(), account.mail()
    account.sweep()
    look_at_ticket(account.services, account.vendor, known)
    account.query("delete from procrastinate_jobs returning 1")
    account.query("update tickets set version_at = version_at - interval '1 minute' returning 1")
    account.clock.advance(2)
    for number in (known, unknown):
        account.people.spam(int(number))
    account.sweep()
    assert [one for one, _, _ in account.jobs()] == [known]


def test_a_changed_package_that_no_event_told_has_the_partner_s_open_tickets_looked_at_once(
    account, monkeypatch
):
    people, vendor = account.people, account.vendor
    if vendor == "zendesk":
        add, change = people.create_organization, people.update_organization
        cache, domains = (zendesk_account, "_organizations"), "domain_names"
    else:
        add, change = people.create_company, people.update_company
        cache, domains = (freshdesk_account, "_companies"), "domains"
    add("Alpentour", tier="advanced", domains=["alpentour.example"])
    named = account.mail(organization="Alpentour", sender="luc@alpentour.example")
    by_domain = account.mail(organization=None, sender="eva@rhodania.example")
    other = account.mail(organization=None, sender="eva@elsewhere.example")
    change("Alpentour", **{domains: ["alpentour.example", "rhodania.example"]})
    account.sweep()
    account.work()
    tiers = lambda: {  # noqa: E731
        number: account.services.store.tickets.audit_trail(vendor, number)[-1].decision["tier"]
        for number in (named, by_domain, other)
    }
    account.hear_echoes()
    assert tiers() == {named: "advanced", by_domain: "advanced", other: "starter"}
    account.clock.advance(5)
    change("Alpentour", tier="enterprise")
    account.query("delete from procrastinate_jobs returning 1")
    since = datetime.now(UTC) - timedelta(minutes=5)
    account.sweep(since=since)
    waiting = account.query(
        "select args->>'ticket_id', scheduled_at - now() > interval '50 seconds'"
        " from procrastinate_jobs where status = 'todo'"
    )
    assert sorted(waiting) == [(named, True), (by_domain, True)], "after what is cached has died"
    monkeypatch.setattr(*cache, ShortCache(0))
    account.work()
    assert tiers() == {named: "enterprise", by_domain: "enterprise", other: "starter"}
    account.hear_echoes()
    account.sweep(since=since)
    assert account.jobs() == [], "one change is told once"


def test_a_ticket_that_is_dated_ahead_hides_nothing_from_the_next_sweeps(account):
    if account.vendor == "zendesk":
        pytest.skip("its export goes by a cursor of its own")
    ahead = account.mail()
    account.people.ticket(int(ahead))["updated_at"] = "2099-01-01T00:00:00Z"
    account.sweep()
    account.work()
    account.clock.advance(2)
    number = account.mail()
    account.sweep()
    assert number in [one for one, _, _ in account.jobs()]


def test_the_command_sweeps_one_account_and_names_an_unknown_one(
    account, database_url, monkeypatch
):
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("SLA_SECRET_KEY", SECRET)
    account.mail()
    done = CliRunner().invoke(cli, ["reconcile", account.vendor])
    assert (done.exit_code, "looks queued 1" in done.output) == (0, True), done.output
    wrong = CliRunner().invoke(cli, ["reconcile", "nobody"])
    assert wrong.exit_code == 1
    assert "there is no connection 'nobody'" in wrong.output
    assert CliRunner().invoke(cli, ["reconcile", "--since", "yesterday"]).exit_code == 2


def test_what_a_backfill_would_change_fits_a_terminal(capsys):
    tags = " ".join(f"sla_tag_{number}" for number in range(12))
    row = ["12", "Alpen Tours", "enterprise", "question", "2026-11-27T15:55:00Z"]
    show_changes([[*row, "2026-11-30T13:55:00Z", f"priority: high, add_tags: {tags}"]], None)
    head, *changes = capsys.readouterr().out.splitlines()
    assert head == (
        "#12  Alpen Tours  enterprise  question  2026-11-27T15:55:00Z -> 2026-11-30T13:55:00Z"
    )
    assert " ".join(" ".join(changes).split()) == f"priority: high, add_tags: {tags}"
    assert max(map(len, changes)) <= 80
