"""However the deliveries about a ticket arrive, its ticket ends as if one had come at the end.

The sandbox over HTTP, the door (`receive`) and the look are the real ones, in this process; the
jobs that the door queued are done by hand.
"""

import json
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from contract.accounts import Desk
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from werkzeug.serving import make_server

from connectors.base import WebhookSecret
from connectors.freshdesk.webhook_token import mint_token
from connectors.zendesk.signature import sign
from plugin.pipeline import Receipt, receive
from plugin.sandbox.server import create_sandbox
from plugin.store.migrate import migrate

SECRET = "a webhook secret of at least 32 bytes"
TUESDAY = datetime(2026, 12, 1, 15, tzinfo=UTC)  # 16:00 for the partner, within hours
SHIFT = TUESDAY - datetime.now(UTC)
PRIORITY = {"zendesk": {"priority": "normal"}, "freshdesk": {"priority": 2}}
PENDING = {"zendesk": {"status": "pending"}, "freshdesk": {"status": 3}}


def now():
    """The time of service and helpdesk: it runs, from the same instant whenever the test does."""
    return datetime.now(UTC) + SHIFT


def change(desk, number, what):
    """Let something happen to the ticket in the helpdesk."""
    number, people = int(number), desk.people
    if what == "partner":
        sender = "luc@alpentour.example"
        people.receive_email(subject="", body="Toujours rien ?", sender=sender, ticket=number)
    elif what == "answer":
        people.agent_replies(number, agent="Anna")
    elif what == "note":
        people.agent_notes(number, agent="Anna")
    elif what == "tag":
        tags = sorted({*people.ticket(number)["tags"], "vip"})
        people.agent_edits(number, {"tags": tags}, agent="Anna")
    else:
        wanted = {"priority": PRIORITY, "pend": PENDING}[what][desk.vendor]
        people.agent_edits(number, wanted, agent="Anna")


@st.composite
def courses(draw):
    """How many hours ago a partner wrote (due tomorrow, within the hour, and overdue), what happens
    then in the helpdesk, when each delivery about it comes (once to three times, any time after it
    happened), and after which steps a worker finds the time to look."""
    age = draw(st.sampled_from((1, 5.5, 6.5)))
    what = st.sampled_from(("partner", "answer", "note", "tag", "priority", "pend"))
    happens = ["mail", *draw(st.lists(what, min_size=1, max_size=4))]
    last = len(happens)
    comes = [
        (step, order, delivery)
        for delivery in range(last)
        for step, order in draw(
            st.lists(
                st.tuples(st.integers(delivery, last), st.integers(0, 99)), min_size=1, max_size=3
            )
        )
    ]
    works = draw(st.sets(st.integers(0, last)))
    return age, happens, sorted(comes), works


def deliver(desk, number, delivery):
    """Let one delivery arrive; the helpdesk gives it the same names each time."""
    body = json.dumps({"ticket_id": number}).encode()
    if desk.vendor == "zendesk":
        at = now().isoformat()
        headers = {
            "X-Zendesk-Webhook-Signature": sign(SECRET, at, body),
            "X-Zendesk-Webhook-Signature-Timestamp": at,
            "X-Zendesk-Webhook-Invocation-Id": f"{desk.connection.key}-{number}-{delivery}",
        }
    else:
        token = mint_token(SECRET, kid="1", audience=desk.connection.key, issued_at=now())
        headers = {"Authorization": f"Bearer {token}"}
    return receive(desk.services, desk.vendor, desk.connection.key, headers, body)


def work(desk):
    """Do the looks that wait, as a worker does; returns how many there were."""
    taken = text("""
        delete from procrastinate_jobs
        where task_name = 'look_at_ticket' and status = 'todo' and args ->> 'connection' = :key
        returning args ->> 'ticket_id'
    """)
    with desk.services.store.database.transaction() as database:
        tickets = database.execute(taken, {"key": desk.connection.key}).scalars().all()
    for number in tickets:
        desk.look(number)
    return len(tickets)


def settle(desk):
    """Work until nothing waits: a look may ask for another, but not for ever."""
    for _ in range(5):
        if not work(desk):
            return
    pytest.fail("looks ask for looks without end")


def ends_as(desk, number):
    """What agents see of our work on the ticket, and what the store holds of it."""
    ticket = desk.ticket(number)
    due = ticket.get("fr_due_by") if desk.vendor == "freshdesk" else ticket["due_at"]
    if desk.vendor == "freshdesk" and ("sla_met" in ticket["tags"] or ticket["status"] == 3):
        due = None  # what stood there at the answer, or when the timer stopped, stays: Freshdesk
        # takes no date away, and none while the status's timer is off
    rows = desk.services.store.tickets.recent(100_000)
    row = next(r for r in rows if (r.connection, r.ticket_id) == (desk.connection.key, number))
    held = [hand.field for hand in desk.memory(number).overrides]
    return {
        "seen": (sorted(ticket["tags"]), ticket["priority"], ticket["type"], ticket["status"], due),
        "stored": (row.state, row.kind, row.tier, row.starts_at, row.due_at, sorted(held)),
    }


@pytest.fixture(scope="module", params=["zendesk", "freshdesk"])
def desk(request, database_url):
    migrate(database_url)
    sandbox = create_sandbox(now)
    server = make_server("127.0.0.1", 0, sandbox.app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    desk = Desk(request.param, sandbox, server.port, database_url)
    desk.people.configure(rate_limit=10**6, ticket_update_limit=10**6)  # a minute's would be met
    secrets = (WebhookSecret(kid="1", value=SECRET),)
    desk.connection = replace(desk.connection, webhook_secrets=secrets)
    desk.services = replace(desk.services, clock=now)
    desk.services.store.connections.save(desk.connection)
    yield desk
    desk.services.store.close()
    server.shutdown()
    server.server_close()
    sandbox.close()


def ends_alike(desk, course):
    age, happens, comes, works = course
    at = (now() - timedelta(hours=age)).isoformat()
    number, twin = (desk.mail(at=at) for _ in range(2))
    seen = set()
    for step in range(len(happens) + 1):
        if 0 < step < len(happens):
            change(desk, number, happens[step])
            change(desk, twin, happens[step])
        for _, _, delivery in (one for one in comes if one[0] == step):
            receipt = deliver(desk, number, delivery)
            repeated = desk.vendor == "zendesk" and delivery in seen  # Freshdesk's have no name
            assert receipt is (Receipt.DUPLICATE if repeated else Receipt.ACCEPTED)
            seen.add(delivery)
        if step in works:
            work(desk)
    settle(desk)
    deliver(desk, twin, "the only one")
    settle(desk)
    assert ends_as(desk, number) == ends_as(desk, twin)


# Not shrunk: a course is short enough to read, and each try of one goes to the helpdesk.
usual = settings(
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)


@settings(usual, max_examples=13)
@given(courses())
def test_any_order_and_number_of_deliveries_ends_in_the_same_ticket(desk, course):
    ends_alike(desk, course)


@pytest.mark.acceptance
@settings(usual, max_examples=300)
@given(courses())
def test_three_hundred_courses_end_in_the_same_ticket(desk, course):
    ends_alike(desk, course)
