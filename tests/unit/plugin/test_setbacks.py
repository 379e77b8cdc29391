"""A look that fails loses no event: it is queued again, set aside, or waits for its account."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from click.testing import CliRunner

from connectors.base import Connection
from connectors.errors import (
    Conflict,
    CredentialsRejected,
    RateLimited,
    Rejected,
    TicketNotFound,
    VendorUnavailable,
)
from plugin.bootstrap import build_services
from plugin.cli import cli
from plugin.pipeline import Outcome, look_at_ticket
from plugin.retention import KEPT, kept_for, prune
from plugin.settings import Settings, SettingsError
from plugin.store import StoreUnavailable
from plugin.store.circuits import State
from plugin.store.dead_letters import Wanted
from plugin.store.migrate import migrate
from sla_rules.ticket import Ticket, Traits, Written

TABLES = (
    "inbox",
    "dedupe_keys",
    "procrastinate_jobs",
    "connections",
    "circuits",
    "waiting_tickets",
    "dead_letters",
    "tickets",
    "audit_entries",
    "notices",
    "one_time_links",
    "console_sessions",
    "refused_sign_ins",
)


class Helpdesk:
    """An account that answers what the test says: `says` maps a ticket to what is raised."""

    traits = Traits()

    def __init__(self):
        self.says = {}
        self.always = None
        self.calls = 0

    def fetch_changed(self, ticket_id, _seen):
        self.calls += 1
        error = self.says.get(ticket_id, self.always)
        if error is not None:
            raise error
        return Ticket(id=ticket_id, created_at=datetime.now(UTC))

    def apply(self, _ticket, _patch):
        self.calls += 1
        return Written()

    def ticket_url(self, ticket_id):
        return f"https://acme.zendesk.com/agent/tickets/{ticket_id}"


@pytest.fixture
def query(database_url):
    migrate(database_url)
    with psycopg.connect(database_url, autocommit=True) as database:
        for table in TABLES:
            database.execute(f"truncate {table} cascade")
        yield lambda text, *given: database.execute(text, given).fetchall()


@pytest.fixture
def helpdesk():
    return Helpdesk()


@pytest.fixture
def services(database_url, query, helpdesk):
    settings = Settings(database_url=database_url, secret_key="a secret of the tests")
    services = replace(build_services(settings), connector=lambda _: helpdesk)
    for key in ("acme", "other"):
        address = f"https://{key}.zendesk.com"
        services.store.connections.save(Connection(key=key, vendor="zendesk", base_url=address))
    yield services
    services.store.close()


def letters(services):
    return [(one.ticket_id, one.reason) for one in services.store.dead_letters.find(Wanted())]


def queued(query):
    return query("select lock, queueing_lock from procrastinate_jobs order by id")


@pytest.mark.parametrize(
    ("error", "reason", "again", "outcome"),
    [
        (VendorUnavailable("503", status=503), None, True, Outcome.FAILED),
        (RateLimited("429", status=429, retry_after=30), None, True, Outcome.FAILED),
        (Conflict("409", status=409), None, True, Outcome.FAILED),
        (TicketNotFound("404", status=404), "gone", False, Outcome.SKIPPED),
        (Rejected("422", status=422), "rejected", False, Outcome.FAILED),
        (CredentialsRejected("403", status=403), "credentials_refused", True, Outcome.FAILED),
        (KeyError("a subject of a partner"), "bug", True, Outcome.FAILED),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_every_failure_has_its_way(services, helpdesk, query, error, reason, again, outcome):
    helpdesk.always = error
    assert look_at_ticket(services, "acme", "7") is outcome
    assert letters(services) == ([("7", reason)] if reason else [])
    assert queued(query) == ([("acme/7", "acme/7/retry")] if again else [])
    (entry,) = services.store.tickets.audit_trail("acme", "7")
    assert entry.error
    assert entry.calls >= 1


def test_an_unexpected_error_names_its_kind_and_place_and_quotes_nothing(services, helpdesk):
    helpdesk.always = KeyError("a subject of a partner")
    look_at_ticket(services, "acme", "7")
    (letter,) = services.store.dead_letters.find(Wanted())
    assert letter.error.startswith("KeyError at test_setbacks.py:")
    assert "partner" not in letter.error
    (entry,) = services.store.tickets.audit_trail("acme", "7")
    assert "partner" not in entry.error


def test_a_bug_is_looked_at_three_times_and_then_stays_set_aside(services, helpdesk, query):
    helpdesk.always = ZeroDivisionError()
    for attempt in range(3):
        query("delete from procrastinate_jobs returning id")
        look_at_ticket(services, "acme", "7", attempt)
    assert queued(query) == []
    (letter,) = services.store.dead_letters.find(Wanted())
    assert (letter.reason, letter.times) == ("bug", 3)


def test_a_look_that_succeeds_closes_the_ticket_s_letter(services, helpdesk):
    helpdesk.always = ZeroDivisionError()
    look_at_ticket(services, "acme", "7")
    helpdesk.always = None
    look_at_ticket(services, "acme", "7")
    assert letters(services) == []
    (closed,) = services.store.dead_letters.find(Wanted(resolved=True))
    assert closed.ticket_id == "7"


def test_refused_credentials_let_the_account_rest_and_its_events_wait(services, helpdesk, query):
    helpdesk.always = CredentialsRejected("401", status=401)
    look_at_ticket(services, "acme", "1")
    for ticket in range(2, 30):
        assert look_at_ticket(services, "acme", str(ticket)) is Outcome.SKIPPED
    assert helpdesk.calls == 1, "a broken account is not hammered"
    (circuit,) = services.store.circuits.every()
    assert (circuit.state, circuit.reason, circuit.waiting) == (
        State.BROKEN,
        "credentials_refused",
        29,
    )
    assert letters(services) == []
    helpdesk.always = None
    assert look_at_ticket(services, "other", "1") is not Outcome.SKIPPED, "others go on"


def test_a_probe_finds_the_account_back_and_all_that_waits_is_queued(services, helpdesk, query):
    helpdesk.always = CredentialsRejected("401", status=401)
    for ticket in ("1", "2", "3"):
        look_at_ticket(services, "acme", ticket)
    assert services.store.circuits.release() == 0, "no probe before its time"
    query("update circuits set probe_at = now() returning 1")
    assert services.store.circuits.release() == 1
    assert queued(query) == [("acme/1", "acme/1/retry")]
    helpdesk.always = None
    look_at_ticket(services, "acme", "1", 1)
    assert services.store.circuits.every() == []
    assert services.store.circuits.release() == 2
    assert {lock for lock, _ in queued(query)} == {"acme/1", "acme/2", "acme/3"}


def test_a_probe_that_fails_waits_longer_for_the_next_and_the_ticket_keeps_waiting(
    services, helpdesk, query
):
    helpdesk.always = CredentialsRejected("401", status=401)
    look_at_ticket(services, "acme", "1")
    waits = []
    for _ in range(9):
        query("update circuits set probe_at = now() returning 1")
        assert services.store.circuits.release() == 1
        look_at_ticket(services, "acme", "1", 1)
        ((wait,),) = query("select extract(epoch from probe_at - now())::float8 from circuits")
        waits.append(round(wait))
    assert waits[:3] == [10, 20, 40]
    assert waits[-1] == 300
    assert query("select ticket_id from waiting_tickets") == [("1",)]


def test_an_outage_lets_the_account_rest_after_some_failures_in_a_row(services, helpdesk, query):
    helpdesk.always = VendorUnavailable("503", status=503)
    for ticket in range(7):
        look_at_ticket(services, "acme", str(ticket))
    helpdesk.always = None
    look_at_ticket(services, "acme", "7")
    assert services.store.circuits.every() == [], "an answer ends the row of failures"
    helpdesk.always = VendorUnavailable("503", status=503)
    for ticket in range(20):
        look_at_ticket(services, "acme", str(ticket))
    assert helpdesk.calls == 7 + 2 + 8
    assert query("select count(*) from waiting_tickets") == [(13,)]


def test_one_forbidden_ticket_does_not_stop_its_account(services, helpdesk):
    helpdesk.says["7"] = CredentialsRejected("403", status=403)
    for attempt in range(3):
        look_at_ticket(services, "acme", "7", attempt)
        look_at_ticket(services, "acme", "8")
    assert letters(services) == [("7", "credentials_refused")]
    assert services.store.circuits.every() == []


def test_an_account_that_an_admin_paused_is_not_probed_and_goes_on_after_resume(
    services, helpdesk, query
):
    services.store.circuits.pause("acme", "migration")
    assert look_at_ticket(services, "acme", "7") is Outcome.SKIPPED
    assert services.store.circuits.release() == 0
    assert helpdesk.calls == 0
    assert services.store.circuits.resume("acme")
    assert services.store.circuits.release() == 1
    assert queued(query) == [("acme/7", "acme/7/retry")]
    assert not services.store.circuits.resume("acme")


def test_new_credentials_are_tried_at_once(services, helpdesk, query):
    helpdesk.always = CredentialsRejected("401", status=401)
    look_at_ticket(services, "acme", "1")
    services.store.connections.save(services.store.connections.get("acme"))
    assert services.store.circuits.release() == 1


def test_letters_are_replayed_by_filter_and_twice_is_once(services, helpdesk, query):
    helpdesk.says = {"1": Rejected("422"), "2": Rejected("422"), "3": TicketNotFound("404")}
    for ticket in "123":
        look_at_ticket(services, "acme", ticket)
    assert services.store.dead_letters.counts() == {"rejected": 2, "gone": 1}
    for _ in range(2):
        replayed = services.store.dead_letters.replay(Wanted(reason="rejected"))
        assert sorted(replayed) == [("acme", "1"), ("acme", "2")]
    assert sorted(queued(query)) == [("acme/1", "acme/1"), ("acme/2", "acme/2")]
    later = datetime.now(UTC) + timedelta(minutes=1)
    assert services.store.dead_letters.find(Wanted(since=later)) == []
    assert len(services.store.dead_letters.find(Wanted(until=later, connection="acme"))) == 3


@pytest.fixture
def command(database_url, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("SLA_SECRET_KEY", "a secret of the tests")
    return lambda *words: CliRunner().invoke(cli, list(words))


def test_the_command_shows_and_replays(services, helpdesk, query, command):
    helpdesk.always = Rejected("Zendesk answered 422 RecordInvalid", status=422)
    look_at_ticket(services, "acme", "7")
    shown = command("replay", "--all", "--dry-run")
    assert "acme 7  rejected (1x): Zendesk answered 422" in shown.output
    assert queued(query) == []
    assert "Tickets looked at again: 1" in command("replay", "--connection", "acme").output
    assert queued(query) == [("acme/7", "acme/7")]
    assert command("replay").exit_code == 2, "nothing named is not everything"
    for wrong, says in (
        (("--since", "yesterday"), "'yesterday' is no instant"),
        (("--since", "2026-11-24T10:00"), "names no zone"),
        (("--since", "2026-11-24", "--until", "2026-11-23"), "--until is not later than --since"),
        (("--connection", "nobody"), "there is no connection 'nobody' (there are: acme, other)"),
        (("17", "18"), "nothing is set aside under 17, 18"),
        ((str(2**63),), "is not in the range"),
    ):
        answer = command("replay", *wrong)
        assert answer.exit_code != 0
        assert says in answer.output
    assert command("pause", "nobody").exit_code == 1
    assert command("pause", "acme", "--because", "moving").exit_code == 0
    assert services.store.circuits.every()[0].reason == "moving"
    assert command("resume", "acme").output == "acme works.\n"


def test_the_command_replays_the_deliveries_of_a_time_below_live_work(services, query, command):
    for account, ticket, day, outcome in (
        ("acme", "1", 24, "accepted"),
        ("acme", "1", 24, "accepted"),
        ("acme", "2", 25, "accepted"),
        ("acme", "3", 23, "accepted"),
        ("acme", None, 24, "ignored"),
        ("other", "4", 24, "accepted"),
    ):
        query(
            "insert into inbox (connection, ticket_id, name, received_at, outcome) "
            "values (%s, %s, 'created', %s, %s) returning id",
            *(account, ticket, datetime(2026, 11, day, 12, tzinfo=UTC), outcome),
        )
    typed = ("replay", "--deliveries", "--connection", "acme", "--since", "2026-11-24")
    asked = command(*typed, "--until", "2026-11-25", "--dry-run")
    assert asked.output == "Tickets that would be looked at again: 1\n"
    assert queued(query) == []
    assert command(*typed).output == "Tickets looked at again: 2\n"
    found = query("select queueing_lock, priority from procrastinate_jobs order by 1")
    assert found == [("acme/1/backfill", -2), ("acme/2/backfill", -2)]
    assert command("replay", "--deliveries").exit_code == 2


def test_a_failed_job_is_taken_up_by_a_fresh_one(services, query):
    services.store.inbox.look_again("acme", "7", attempt=2, wait=0)
    query("update procrastinate_jobs set status = 'failed' returning id")
    assert services.store.inbox.requeue_failed() == 1
    ((status, arguments),) = query("select status, args from procrastinate_jobs")
    assert (status, arguments["attempt"]) == ("todo", 3)


def test_a_database_that_fails_in_a_look_is_not_taken_for_the_helpdesk_s_fault(services, helpdesk):
    helpdesk.always = StoreUnavailable("OperationalError")
    with pytest.raises(StoreUnavailable):
        look_at_ticket(services, "acme", "7")
    assert letters(services) == []


def test_old_rows_go_and_young_ones_stay(services, query):
    now = datetime(2026, 11, 24, tzinfo=UTC)
    for age in (1, 29, 31, 399, 401):
        at = now - timedelta(days=age)
        query(
            "insert into inbox (connection, ticket_id, name, received_at)"
            " values ('a', '1', 'n', %s) returning id", at
        )  # fmt: skip
        query("insert into dedupe_keys values ('a', %s, %s) returning key", str(age), at)
    for age in (401, 399, 1):
        query(
            "insert into audit_entries (connection, ticket_id, at, outcome, calls)"
            " values ('a', '1', %s, 'applied', 1) returning id", now - timedelta(days=age)
        )  # fmt: skip
    gone = prune(services.store, now)
    assert (gone["inbox"], gone["dedupe_keys"], gone["audit_entries"]) == (3, 4, 1)
    assert prune(services.store, now, kept_for({"inbox": 10}))["inbox"] == 1
    assert query("select count(*) from inbox") == [(1,)]


def test_what_was_told_goes_by_age_but_not_while_the_clock_runs(services, query):
    now = datetime(2026, 11, 24, tzinfo=UTC)
    start = now - timedelta(days=402)
    for ticket, state, told in (("1", "open", 401), ("2", "met", 401), ("3", "met", 399)):
        query(
            "insert into tickets (connection, ticket_id, memory, decision, kind, tier, state,"
            " starts_at, updated_at)"
            " values ('a', %s, '{}', '{}', 'question', 'free', %s, %s, %s) returning ticket_id",
            ticket, state, start, now,
        )  # fmt: skip
        query(
            "insert into notices (connection, ticket_id, starts_at, level, due_at, told_at, facts)"
            " values ('a', %s, %s, 'breach', %s, %s, '{}') returning id",
            ticket, start, start, now - timedelta(days=told),
        )  # fmt: skip
    assert prune(services.store, now)["notices"] == 1
    assert query("select ticket_id from notices order by 1") == [("1",), ("3",)]


def test_links_sessions_and_refusals_of_the_console_go_when_they_are_of_no_use(services, query):
    now = datetime(2026, 11, 24, tzinfo=UTC)
    for days in (0, 2, 31):
        at = now - timedelta(days=days)
        name = str(days)
        query(
            "insert into one_time_links (token, purpose, created_at, expires_at)"
            " values (%s::text::bytea, 'sign_in', %s, %s) returning token", name, at, at
        )  # fmt: skip
        query(
            "insert into console_sessions (token, person_id, began_at, seen_at)"
            " values (%s::text::bytea, 1, %s, %s) returning token", name, at, at
        )  # fmt: skip
        query("insert into refused_sign_ins values (%s, 1, %s) returning subject", name, at)
    gone = prune(services.store, now)
    found = {k: gone[k] for k in ("one_time_links", "console_sessions", "refused_sign_ins")}
    assert found == {"one_time_links": 1, "console_sessions": 2, "refused_sign_ins": 2}


def test_a_subject_that_is_not_kept_at_all_is_refused_by_name():
    assert kept_for({}) == KEPT
    with pytest.raises(SettingsError, match="letters for 3 days; known are"):
        kept_for({"letters": 3})
