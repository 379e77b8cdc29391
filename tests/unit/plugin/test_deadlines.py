"""Warnings and breaches against sandbox helpdesks, a real PostgreSQL and a clock that is set."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from unittest.mock import Mock
from zoneinfo import ZoneInfo

import psycopg
import pytest
from werkzeug.serving import make_server

from connectors.base import Connection
from connectors.cache import ShortCache
from connectors.registry import VENDORS
from plugin.bootstrap import build_services
from plugin.deadlines import FIRST_WAIT, send_notices
from plugin.notify import Notifier
from plugin.outgoing import OutgoingError
from plugin.pipeline import look_at_ticket
from plugin.sandbox.clock import SetClock
from plugin.sandbox.server import create_sandbox
from plugin.settings import Settings
from plugin.store.migrate import migrate
from sla_rules.policy_file import load_policy
from sla_rules.policy_history import PolicyHistory

BERLIN = ZoneInfo("Europe/Berlin")
CREDENTIALS = {
    "zendesk": {"client_id": "sandbox-client", "client_secret": "sandbox-secret"},
    "freshdesk": {"api_key": "sandbox-key"},
}
POLICY = """
extends = "regiondo.toml"
[warnings.levels.at_risk]
left = "1h"
effects = ["tag", "webhook", "note"]
[warnings.levels.last_call]
left = "10m"
effects = ["webhook"]
raise_priority = "urgent"
"""


def at(text):
    """`Mon 14:00` of the week of Monday 23 November 2026, Berlin time; `+Mon` is the week after."""
    day, clock = text.split()
    days = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"].index(day.strip("+"))
    hour, minute = map(int, clock.split(":"))
    first = datetime(2026, 11, 23, hour, minute, tzinfo=BERLIN)
    return (first + timedelta(days=days + 7 * day.count("+"))).astimezone(UTC)


class Desk:
    """One sandbox helpdesk and the service beside it, in one process and at one set time."""

    def __init__(self, vendor, database, services, sandbox, port):
        self.vendor = vendor
        self.database = database
        self.services = services
        self.clock = sandbox.clock
        self.account = getattr(sandbox, vendor).account("acme")
        self.sent = []
        self.receiver_answers = True
        notifier = Notifier(url="https://x.example", secret=b"s", form="events", post=self._post)
        self.services = replace(services, notifier=notifier)
        services.store.connections.save(
            Connection(
                key="acme",
                vendor=vendor,
                base_url=f"http://127.0.0.1:{port}/{vendor}/acme",
                credentials=CREDENTIALS[vendor],
            )
        )
        make = getattr(self.account, "create_organization", None) or self.account.create_company
        make("Alpentour", tier="enterprise")

    def _post(self, url, body, headers):
        assert url == "https://x.example"
        if not self.receiver_answers:
            raise OutgoingError("x.example answered 503")
        self.sent.append({**json.loads(body), "id": headers["webhook-id"]})

    def told(self):
        return [one["data"]["level"] or "breach" for one in self.sent]

    def mail(self, **given):
        """An e-mail arrives and its webhook is handled."""
        values = {"subject": "Question", "body": "Comment changer le logo ?"}
        values |= {"sender": "luc@alpentour.example", "organization": "Alpentour"}
        ticket = self.account.receive_email(**{**values, **given})["id"]
        self.look(ticket)
        return ticket

    def look(self, ticket):
        return look_at_ticket(self.services, "acme", str(ticket))

    def until(self, text, *, ticks=True):
        """Let the time pass; with `ticks` the periodic jobs run meanwhile."""
        goal = at(text)
        if ticks:
            while goal - self.clock() > timedelta(minutes=10):
                self.clock.advance(600)
                self.tick()
        self.clock.advance((goal - self.clock()).total_seconds())
        if ticks:
            self.tick()

    def change_tier(self, tier):
        if self.vendor == "zendesk":
            found = next(iter(self.account.organizations.values()))
            found["organization_fields"]["sla_tier"] = tier
        else:
            found = next(iter(self.account.companies.values()))
            found["custom_fields"]["sla_tier"] = tier

    def tick(self):
        self.services.store.deadlines.enqueue_due(self.clock())
        for ticket in self.queued():
            self.look(ticket)
        send_notices(self.services)

    def queued(self):
        rows = self.database.execute(
            "delete from procrastinate_jobs where status = 'todo' and task_name = 'look_at_ticket' "
            "returning args->>'ticket_id'"
        )
        return [row[0] for row in rows.fetchall()]

    def tags(self, ticket):
        return set(self.account.ticket(ticket)["tags"])

    def priority(self, ticket):
        value = self.account.ticket(ticket)["priority"]
        return {1: "low", 2: "normal", 3: "high", 4: "urgent"}.get(value, value)

    def notes(self, ticket):
        """The messages on the ticket with whether they are public, but for the partner's own."""
        if self.vendor == "zendesk":
            rows = [(one["body"], one["public"]) for one in self.account.comments(ticket)[1:]]
        else:
            found = self.account.conversations[ticket]
            rows = [(one["body_text"], not one["private"]) for one in found]
        return rows

    def due_at(self, ticket):
        query = "select due_at from tickets where ticket_id = %s"
        return self.database.execute(query, (str(ticket),)).fetchone()[0]

    def state(self, ticket):
        query = "select state from tickets where ticket_id = %s"
        return self.database.execute(query, (str(ticket),)).fetchone()[0]


@pytest.fixture(params=["zendesk", "freshdesk"])
def vendor(request):
    return request.param


@pytest.fixture
def desk(database_url, tmp_path, vendor, monkeypatch):
    monkeypatch.setattr(ShortCache, "held", Mock(return_value=None))  # by the machine's time
    migrate(database_url)
    path = tmp_path / "policy.toml"
    path.write_text(POLICY)
    sandbox = create_sandbox(SetClock(at("Mon 09:00")))
    server = make_server("127.0.0.1", 0, sandbox.app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    services = build_services(Settings(database_url=database_url, secret_key="of the tests"))
    history = PolicyHistory([load_policy(path)])
    unpaced = cache(lambda key: VENDORS[vendor].connect(services.store.connections.get(key)))
    services = replace(
        services,
        clock=sandbox.clock,
        policies=lambda: history,
        connector=lambda connection: unpaced(connection.key),
    )
    with psycopg.connect(database_url, autocommit=True) as database:
        tables = "tickets, audit_entries, deadlines, notices, procrastinate_jobs, connections"
        database.execute(f"truncate {tables} cascade")
        yield Desk(vendor, database, services, sandbox, server.port)
    services.store.close()
    sandbox.close()
    server.shutdown()
    server.server_close()


def test_each_level_comes_once_at_its_minute_and_then_the_breach(desk):
    ticket = desk.mail()  # Enterprise, Monday 09:00: due at 15:00
    desk.until("Mon 12:00")
    assert (desk.told(), desk.notes(ticket)) == ([], [])
    desk.until("Mon 14:00")
    assert desk.told() == ["at_risk"]
    assert "sla_at_risk" in desk.tags(ticket)
    desk.until("Mon 14:51")
    assert desk.told() == ["at_risk", "last_call"]
    assert desk.priority(ticket) == "urgent"
    desk.until("Mon 15:00")
    assert "sla_breached" not in desk.tags(ticket)
    desk.until("Mon 15:01")
    assert desk.told() == ["at_risk", "last_call", "breach"]
    assert "sla_breached" in desk.tags(ticket)
    assert "sla_at_risk" not in desk.tags(ticket)
    desk.until("Mon 16:00")
    desk.look(ticket)
    desk.tick()
    assert desk.told() == ["at_risk", "last_call", "breach"]


def test_a_ticket_that_came_after_a_version_was_published_moves_when_it_begins(desk, tmp_path):
    file = tmp_path / "policy.toml"
    later = tmp_path / "later.toml"
    begins = f"effective_from = {at('Mon 11:00').isoformat()}\napplies_to_open = true\n"
    hours = '[tiers.enterprise]\nfirst_response = "3h"\n'
    later.write_text(f'extends = "regiondo.toml"\nversion = "later"\n{begins}{hours}')
    history = PolicyHistory([load_policy(file), load_policy(later)])
    desk.services = replace(desk.services, policies=lambda: history)
    ticket = desk.mail()
    assert desk.due_at(ticket) == at("Mon 15:00")
    desk.until("Mon 11:10")
    assert desk.due_at(ticket) == at("Mon 12:00")


def test_the_private_note_is_private_and_comes_once(desk):
    ticket = desk.mail()
    desk.until("Mon 14:10")
    ((text, public),) = desk.notes(ticket)
    assert public is False
    due = "Mon 2026-11-23 15:00 (Europe/Berlin)"
    assert text == f"SLA warning (at_risk): the first response is due {due}."
    assert desk.state(ticket) == "open"  # our own note is no answer


def test_the_note_waits_while_the_account_rests(desk):
    ticket = desk.mail()
    desk.until("Mon 13:50")
    desk.until("Mon 14:00", ticks=False)
    desk.look(ticket)
    desk.services.store.circuits.pause("acme", "migration")
    send_notices(desk.services)
    assert (desk.told(), desk.notes(ticket)) == (["at_risk"], [])
    desk.services.store.circuits.resume("acme")
    desk.clock.advance(FIRST_WAIT.total_seconds())
    send_notices(desk.services)
    send_notices(desk.services)
    assert len(desk.notes(ticket)) == 1


def test_an_answer_ends_the_warnings_and_gives_the_priority_back(desk):
    ticket = desk.mail()
    desk.until("Mon 14:52")
    assert {"sla_at_risk"} <= desk.tags(ticket)
    assert desk.priority(ticket) == "urgent"
    desk.account.agent_replies(ticket)
    desk.until("Mon 15:30")  # no event of the answer arrives: the deadline's own look finds it
    assert desk.state(ticket) == "met"
    assert "sla_met" in desk.tags(ticket)
    assert not {"sla_at_risk", "sla_breached"} & desk.tags(ticket)
    assert desk.priority(ticket) == "normal"
    assert desk.told() == ["at_risk", "last_call"]


def test_an_answer_just_before_the_deadline_is_no_breach_however_late_we_look(desk):
    ticket = desk.mail()
    desk.until("Mon 14:59", ticks=False)
    desk.account.agent_replies(ticket)
    desk.until("Mon 15:20", ticks=False)
    desk.account.receive_email(
        "Re", "merci", sender="luc@alpentour.example", organization="Alpentour", ticket=ticket
    )
    desk.until("Tue 10:00", ticks=False)
    desk.account.agent_replies(ticket)
    desk.tick()
    assert desk.state(ticket) == "met"
    assert desk.told() == []


def test_a_late_answer_found_with_the_breach_is_told_as_a_breach(desk):
    ticket = desk.mail()
    desk.until("Mon 15:10", ticks=False)
    desk.account.agent_replies(ticket)
    desk.until("Mon 16:00", ticks=False)
    desk.tick()
    assert desk.state(ticket) == "breached"
    assert desk.told() == ["breach"]
    assert desk.sent[0]["data"]["answered_at"] is not None


def test_a_level_missed_while_down_comes_once_before_the_breach(desk):
    ticket = desk.mail()
    desk.until("Mon 14:30", ticks=False)
    desk.tick()
    desk.tick()
    assert desk.told() == ["at_risk"]
    assert "sla_at_risk" in desk.tags(ticket)


def test_after_a_downtime_past_the_deadline_there_is_only_the_breach(desk):
    ticket = desk.mail()
    desk.until("Mon 18:00", ticks=False)
    desk.tick()
    desk.tick()
    assert desk.told() == ["breach"]
    assert desk.notes(ticket) == []


def test_a_downtime_that_ends_at_night_warns_in_the_morning(desk):
    desk.until("Fri 15:00", ticks=False)
    desk.mail()  # due on Monday at 11:00, at risk from 10:00, last call at 10:50
    desk.until("+Mon 03:00", ticks=False)
    desk.tick()
    assert desk.told() == []
    desk.until("+Mon 10:01")
    assert desk.told() == ["at_risk"]


def test_a_tier_that_moves_the_deadline_later_repeats_a_level_only_past_the_old_date(desk):
    ticket = desk.mail()
    desk.until("Mon 14:01")
    assert desk.told() == ["at_risk"]
    desk.change_tier("starter")  # 8 h: due on Tuesday at 11:00
    desk.look(ticket)
    assert "sla_at_risk" not in desk.tags(ticket)
    desk.until("Mon 17:00")
    assert desk.told() == ["at_risk"]
    desk.until("Tue 10:01")
    assert desk.told() == ["at_risk", "at_risk"]
    assert desk.sent[0]["id"] != desk.sent[1]["id"]


def test_a_breach_of_the_past_is_tagged_and_not_told_when_an_account_is_connected(desk):
    desk.until("Thu 10:00", ticks=False)
    old = desk.mail(at=at("Mon 09:00"))
    recent = desk.mail(at=at("Wed 14:30"))  # due on Thursday at 11:30
    assert desk.state(old) == "breached"
    desk.until("Thu 11:31")
    assert "sla_breached" in desk.tags(old)
    assert [(one["data"]["ticket_id"], one["type"]) for one in desk.sent][-1] == (
        str(recent),
        "deadline.breached",
    )
    assert str(old) not in {one["data"]["ticket_id"] for one in desk.sent}


def test_a_person_s_priority_is_not_raised(desk):
    ticket = desk.mail()
    low = "low" if desk.vendor == "zendesk" else 2
    if desk.vendor == "freshdesk":
        desk.account.agent_edits(ticket, {"priority": 3})
    else:
        desk.account.agent_edits(ticket, {"priority": low})
    before = desk.priority(ticket)
    desk.until("Mon 14:55")
    assert desk.priority(ticket) == before
    assert "last_call" in desk.told()


def test_a_ticket_that_is_gone_is_asked_for_no_more(desk):
    ticket = desk.mail()
    desk.account.delete(ticket)
    desk.until("Mon 16:00")
    desk.until("Tue 12:00")
    left = desk.database.execute("select count(*) from deadlines").fetchone()
    assert left == (0,)
    assert desk.told() == []


def test_a_receiver_that_is_down_is_tried_again_with_the_same_id(desk):
    desk.mail()
    desk.receiver_answers = False
    desk.until("Mon 15:01")
    assert desk.told() == []
    desk.receiver_answers = True
    desk.clock.advance(FIRST_WAIT.total_seconds() * 3)
    send_notices(desk.services)
    assert desk.told() == ["breach"]  # the warnings are moot by now


def test_a_notice_that_cannot_be_sent_for_a_day_is_given_up(desk):
    desk.mail()
    desk.receiver_answers = False
    desk.until("Mon 15:01")
    for _ in range(30):
        desk.clock.advance(3600)
        send_notices(desk.services)
    desk.receiver_answers = True
    assert send_notices(desk.services) == 0
    waiting = "select count(*) from notices where webhook_at is not null"
    assert desk.database.execute(waiting).fetchone() == (0,)


@pytest.mark.parametrize("vendor", ["freshdesk"], indirect=True)
def test_several_workers_queue_each_ticket_once_and_send_each_notice_once(desk):
    now = desk.clock()
    with desk.database.cursor() as cursor:
        cursor.executemany(
            "insert into deadlines (connection, ticket_id, look_at) values ('other', %s, %s)",
            [(str(number), now) for number in range(1, 501)],
        )
        cursor.executemany(
            "insert into notices (connection, ticket_id, starts_at, level, due_at, told_at, facts,"
            " webhook_at) values ('other', %s, %s, 'breach', %s, %s, '{}', %s)",
            [(str(number), now, now, now, now) for number in range(1, 101)],
        )
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: desk.services.store.deadlines.enqueue_due(now), range(4)))
        sent = list(pool.map(lambda _: send_notices(desk.services), range(4)))
    assert sum(found) == 500
    assert len(set(desk.queued())) == 500
    assert desk.services.store.deadlines.enqueue_due(now) == 0
    assert sum(sent) == 100
    assert len({one["id"] for one in desk.sent}) == len(desk.sent) == 100


@pytest.mark.parametrize("vendor", ["freshdesk"], indirect=True)
def test_the_index_answers_what_is_due(desk):
    desk.database.execute(
        "insert into deadlines select 'other', n::text, now() + n * interval '1 minute' "
        "from generate_series(1, 20000) n"
    )
    desk.database.execute("analyze deadlines")
    plan = desk.database.execute(
        "explain select * from deadlines where look_at <= now() order by look_at limit 200"
    ).fetchall()
    assert any("deadlines_look_at" in line for (line,) in plan)
