"""Whatever arrives, nothing ends in an unhandled error: every route, every parser, every check."""

import json
import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.routing import AnyConverter
from werkzeug.routing.converters import NumberConverter

from connectors.base import Connection, Delivery, WebhookSecret
from connectors.errors import PayloadError, VerificationError
from connectors.registry import VENDORS
from plugin.app import create_app
from plugin.bootstrap import build_services
from plugin.settings import Settings
from plugin.store.migrate import migrate
from plugin.store.people import Purpose, Role
from sla_rules.engine import decide
from sla_rules.errors import PolicyError
from sla_rules.policy_file import load_policy
from sla_rules.ticket_json import TicketError, ticket_from_json

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
KEYS = ("type", "id", "time", "detail", "ticket_id", "freshdesk_webhook", "nonce", "subject")
TICKET_KEYS = (
    "id", "subject", "body", "channel", "created_at", "status", "priority", "type", "tags",
    "language", "organization", "first_response_at", "due_at", "environment", "impact",
)  # fmt: skip
WORDS = st.sampled_from(
    ["zen:event-type:ticket.created", "zen:event-type:user.x", "7", "0", "-1", "email", "\0", "é",
     "2026-11-23T09:00:00Z", "9999-12-31T23:59:59+23:59", "0001-01-01T00:00:00Z", "high", "test"]
)  # fmt: skip
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | WORDS


def documents(keys):
    inner = st.recursive(
        LEAVES,
        lambda one: (
            st.lists(one, max_size=4)
            | st.dictionaries(st.sampled_from(keys) | st.text(max_size=9), one, max_size=6)
        ),
        max_leaves=20,
    )
    return st.dictionaries(st.sampled_from(keys), inner, max_size=8) | inner


def some_bytes():
    encoded = documents(KEYS).map(lambda one: json.dumps(one).encode())
    deep = st.integers(1, 5000).map(lambda n: b"[" * n + b"]" * n)
    return encoded | deep | st.binary(max_size=300)


@given(some_bytes(), st.sampled_from(sorted(VENDORS)))
@settings(max_examples=600, deadline=None)
def test_a_payload_is_read_or_refused(body, vendor):
    delivery = Delivery(connection="acme", vendor=vendor, body=body, received_at=NOW)
    try:
        event = VENDORS[vendor].parse(delivery)
    except PayloadError:
        return
    assert event is None or getattr(event, "ticket_id", "1").isdigit()


HEADERS = st.sampled_from(
    ["Authorization", "X-Zendesk-Webhook-Signature", "X-Zendesk-Webhook-Signature-Timestamp",
     "X-Zendesk-Webhook-Invocation-Id", "Content-Type"]
)  # fmt: skip
TOKENS = st.sampled_from(
    ["a.b.c", "e30.e30.e30", "eyJraWQiOltdfQ.e30.x", "eyJraWQiOnt9fQ..", ".."]
).map(lambda token: f"Bearer {token}")


@given(
    st.dictionaries(HEADERS, st.text(max_size=80) | TOKENS | WORDS),
    some_bytes(),
    st.sampled_from(sorted(VENDORS)),
)
@settings(max_examples=600, deadline=None)
def test_a_delivery_that_nobody_signed_is_refused(headers, body, vendor):
    secret = WebhookSecret(kid="1", value="a secret that nobody guesses" * 3)
    connection = Connection(key="acme", vendor=vendor, base_url="x", webhook_secrets=(secret,))
    with pytest.raises(VerificationError):
        VENDORS[vendor].verify(headers, body, connection, NOW)


@given(documents(TICKET_KEYS))
@settings(max_examples=600, deadline=None)
def test_a_ticket_in_json_is_decided_or_refused(raw):
    with suppress(TicketError, PolicyError):
        decide(ticket_from_json(raw), load_policy(), NOW).to_json()


@pytest.fixture(scope="module")
def service(database_url):
    migrate(database_url)
    settings_ = Settings(database_url=database_url, secret_key="a passphrase of the tests")
    services = build_services(settings_)
    with psycopg.connect(database_url, autocommit=True) as database:
        database.execute("truncate connections")
    app = create_app(settings_, services)
    app.config["PROPAGATE_EXCEPTIONS"] = False
    yield app, services.store.people
    services.store.close()


def admin(app, people):
    """A browser in which a new admin is signed in, and the token that its forms carry."""
    client, now = app.test_client(), datetime.now(UTC)
    person = people.add(f"{uuid4()}@example.com", "x", Role.ADMIN, now)
    link = people.make_link(Purpose.SIGN_IN, now, valid=timedelta(hours=1), person_id=person)
    client.get(f"/welcome/{link}")
    page = client.get("/", follow_redirects=True).text
    return client, re.search(r'name="csrf_token" value="([^"]+)"', page)[1]


PIECES = st.text(min_size=1, max_size=12) | WORDS | st.integers().map(str)


def pieces(converter):
    """What may stand in a path where this converter reads it."""
    if isinstance(converter, AnyConverter):
        return st.sampled_from(sorted(converter.items))
    return st.integers(0, 2**70) if isinstance(converter, NumberConverter) else PIECES


QUERIES = st.dictionaries(
    st.sampled_from(["page", "q", "state", "tier", "next", "token", "sort", "from", "to"]),
    st.text(max_size=20) | WORDS | st.integers().map(str),
    max_size=3,
)


KINDS = st.sampled_from(
    [
        "application/json",
        "application/x-www-form-urlencoded",
        "text/plain",
        "multipart/form-data",
        "",
    ]
)
FIELDS = st.sampled_from(
    ["email", "password", "role", "policy", "text", "key", "vendor", "base_url", "kind", "note",
     "from", "to", "at", "date", "hours", "time_zone", "id", "into", "reason", "new_password"]
)  # fmt: skip


@given(st.data())
@settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_route_ends_in_an_unhandled_error(service, data):
    app, people = service
    rule = data.draw(st.sampled_from(sorted(app.url_map.iter_rules(), key=str)))
    values = {name: data.draw(pieces(one)) for name, one in rule._converters.items()}
    method = data.draw(st.sampled_from(sorted((rule.methods or {"GET"}) | {"DELETE", "PUT"})))
    adapter = app.url_map.bind("localhost")
    path = adapter.build(rule.endpoint, values, method=next(iter(rule.methods or ())))
    given = {"query_string": data.draw(QUERIES), "method": method}
    client = app.test_client()
    if data.draw(st.booleans()):
        client, token = admin(app, people)
        form = data.draw(st.dictionaries(FIELDS, PIECES, max_size=5))
        given["data"] = {**form, "csrf_token": token}
    else:
        given["data"] = data.draw(some_bytes())
        given["content_type"] = data.draw(KINDS)
    answer = client.open(path, **given)
    assert answer.status_code < 500, f"{method} {path} {given}"


def test_a_number_larger_than_the_database_counts_is_not_found(service):
    app, people = service
    client, token = admin(app, people)
    answer = client.post(f"/features/{2**63}/unmerge", data={"csrf_token": token})
    assert answer.status_code == 404
