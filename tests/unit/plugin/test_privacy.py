"""Erasing one requester leaves nothing of them in any table, and everything of the others."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache

import psycopg
import pytest
from click.testing import CliRunner
from psycopg.sql import SQL, Identifier
from werkzeug.serving import make_server

from connectors.base import Connection
from connectors.registry import VENDORS
from plugin.bootstrap import build_services
from plugin.cli import cli
from plugin.pipeline import Outcome, look_at_ticket
from plugin.sandbox.server import create_sandbox
from plugin.secrets import SecretsError, Vault
from plugin.settings import Settings
from plugin.store import Store
from plugin.store.migrate import migrate

PASSPHRASE = "a passphrase of the tests"
CREDENTIALS = {
    "zendesk": {"client_id": "sandbox-client", "client_secret": "sandbox-secret"},
    "freshdesk": {"api_key": "sandbox-key"},
}
WISH = 'Hello, it would be really useful if Regiondo could print "zebra-marked" tickets.'


class Desk:
    """Both sandbox helpdesks, connected, with one person's tickets and another's."""

    def __init__(self, services, database, port, sandbox):
        self.services, self.database = services, database
        self.theirs, self.others = {}, {}
        for vendor, credentials in CREDENTIALS.items():
            account = getattr(sandbox, vendor).account("acme")
            services.store.connections.save(
                Connection(
                    key=vendor,
                    vendor=vendor,
                    base_url=f"http://127.0.0.1:{port}/{vendor}/acme",
                    credentials=credentials,
                )
            )
            for kept, sender in ((self.theirs, "zebra@partner.test"), (self.others, "eva@b.test")):
                ticket = account.receive_email(f"Wish of {sender}", WISH, sender=sender)
                kept[vendor] = (str(ticket["id"]), str(ticket["requester_id"]))
                outcome = look_at_ticket(services, vendor, str(ticket["id"]))
                assert outcome is Outcome.APPLIED
                services.store.inbox.look_again(vendor, str(ticket["id"]), attempt=1, wait=600)

    def tables(self):
        rows = self.database.execute(
            "select tablename from pg_tables where schemaname = 'public'"
        ).fetchall()
        return [name for (name,) in rows]

    def traces(self, *markers):
        """Every table with a row that holds one of the markers, in any column."""
        found = set()
        for table in self.tables():
            query = SQL("select x::text from {} x").format(Identifier(table))
            for (row,) in self.database.execute(query):
                if any(marker in row for marker in markers):
                    found.add(table)
        return found


@pytest.fixture
def desk(database_url, monkeypatch):
    migrate(database_url)
    sandbox = create_sandbox()
    server = make_server("127.0.0.1", 0, sandbox.app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("SLA_SECRET_KEY", PASSPHRASE)
    services = build_services(Settings())
    unpaced = cache(lambda key: VENDORS[key].connect(services.store.connections.get(key)))
    services = replace(services, connector=lambda connection: unpaced(connection.key))
    with psycopg.connect(database_url, autocommit=True) as database:
        database.execute(
            "truncate tickets, audit_entries, feature_requests, features, feature_events, inbox, "
            "deadlines, notices, procrastinate_jobs, connections cascade"
        )
        yield Desk(services, database, server.port, sandbox)
    services.store.close()
    sandbox.close()
    server.shutdown()
    server.server_close()


def run(*arguments):
    return CliRunner().invoke(cli, list(arguments))


@pytest.mark.parametrize("vendor", ["zendesk", "freshdesk"])
@pytest.mark.parametrize("by", ["id", "address"])
def test_erasing_a_requester_leaves_nothing_of_them_and_all_of_the_others(desk, vendor, by):
    ticket, person = desk.theirs[vendor]
    _, other = desk.others[vendor]
    assert {"tickets", "feature_requests"} <= desk.traces(person)
    answer = run(
        "erase", person if by == "id" else "zebra@partner.test", "--connection", vendor, "--yes"
    )
    assert answer.exit_code == 0, answer.output
    assert "Rows erased: " in answer.output
    assert desk.traces(person) == set()
    for table in desk.tables():
        columns = desk.database.execute(SQL("select * from {} limit 0").format(Identifier(table)))
        names = {column.name for column in columns.description}
        if {"connection", "ticket_id"} <= names:
            left = SQL("select count(*) from {} where connection = %s and ticket_id = %s")
            found = desk.database.execute(left.format(Identifier(table)), (vendor, ticket))
            assert found.fetchone() == (0,), table
    jobs = desk.database.execute(
        "select count(*) from procrastinate_jobs "
        "where args->>'connection' = %s and args->>'ticket_id' = %s",
        (vendor, ticket),
    )
    assert jobs.fetchone() == (0,)
    assert {"tickets", "feature_requests"} <= desk.traces(other)


def test_the_sentence_goes_from_titles_and_histories_when_the_last_one_goes(desk):
    register = desk.services.store.feature_requests
    renamed, *_ = register.features()
    register.rename(renamed.id, "Marks on tickets", by="Ana", at=desk.services.clock())
    assert {"features", "feature_events"} <= desk.traces("zebra-marked")
    for vendor in CREDENTIALS:
        for kept in (desk.theirs, desk.others):
            assert run("erase", kept[vendor][1], "--connection", vendor, "--yes").exit_code == 0
    assert desk.traces("zebra") == set()


def test_a_dry_run_says_what_is_held_and_erases_nothing(desk):
    _, person = desk.theirs["zendesk"]
    answer = run("erase", person, "--connection", "zendesk", "--dry-run")
    assert "tickets" in answer.output
    assert desk.traces(person)
    again = run("erase", "999", "--connection", "zendesk")
    assert again.output == "Nothing is stored of this requester.\n"


def test_an_account_that_is_not_there_is_said_in_one_sentence(desk):
    answer = run("erase", "7", "--connection", "nowhere")
    assert (answer.exit_code, answer.output) == (1, "Error: there is no connection 'nowhere'\n")


def test_evidence_is_kept_for_its_time_and_the_count_for_good(desk):
    store = desk.services.store
    now = datetime.now(UTC)
    assert store.privacy.forget_quotes(now - timedelta(days=1)) == 0
    assert store.privacy.forget_quotes(now + timedelta(seconds=1)) == 4
    assert desk.traces("zebra-marked") == set()
    rows = desk.database.execute("select count(*), count(quote) from feature_requests")
    assert rows.fetchone() == (4, 0)


def test_secrets_are_sealed_anew_with_the_first_passphrase(desk, database_url, monkeypatch):
    monkeypatch.setenv("SLA_SECRET_KEY", f"a newer one, {PASSPHRASE}")
    answer = run("reseal")
    assert answer.output == "Accounts sealed anew: 2\n"
    store = Store(database_url, Vault("a newer one"), pool_size=1)
    assert store.connections.get("freshdesk").credentials == CREDENTIALS["freshdesk"]
    store.close()
    with pytest.raises(SecretsError):
        desk.services.store.connections.get("freshdesk")
