"""The door: what is verified is kept and answered with 2xx, everything else leaves no row."""

import contextlib
import json
import logging
import os
import random
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
import structlog

from connectors.base import Connection, WebhookSecret
from connectors.freshdesk.webhook_token import mint_token
from connectors.zendesk.signature import sign
from plugin.app import create_app
from plugin.bootstrap import build_services
from plugin.logs import configure_logs
from plugin.settings import Settings
from plugin.store.database import Patience
from plugin.store.migrate import migrate

SECRET = "a webhook secret of at least 32 bytes"
LONG = random.Random(1).randbytes(4500).hex()
EVENT = {
    "type": "zen:event-type:ticket.created",
    "id": "cbe4028c",
    "time": "2026-11-24T10:12:07.672717030Z",
    "detail": {"id": "5158", "tags": None, "priority": "LOW"},
}


@pytest.fixture
def rows(database_url):
    migrate(database_url)
    with psycopg.connect(database_url, autocommit=True) as database:
        for table in ("inbox", "dedupe_keys", "procrastinate_jobs", "connections"):
            database.execute(f"truncate {table} cascade")
        count = """
            select (select count(*) from inbox where outcome = 'accepted'),
                   (select count(*) from procrastinate_jobs)
        """
        yield lambda: database.execute(count).fetchone()


@pytest.fixture
def client(database_url, rows):
    settings = Settings(database_url=database_url, secret_key="a secret of the tests")
    services = build_services(settings)
    for vendor in ("zendesk", "freshdesk"):
        services.store.connections.save(an_account(vendor))
    yield create_app(settings, services).test_client()
    services.store.close()


def an_account(vendor):
    secrets = (WebhookSecret(kid="1", value=SECRET),)
    address = f"https://acme.{vendor}.com"
    return Connection(key=vendor, vendor=vendor, base_url=address, webhook_secrets=secrets)


def zendesk(client, body, *, at=None, secret=SECRET, to="zendesk", **headers):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    timestamp = (at or datetime.now(UTC)).isoformat()
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    headers["X-Zendesk-Webhook-Signature"] = sign(secret, timestamp, raw)
    headers["X-Zendesk-Webhook-Signature-Timestamp"] = timestamp
    return client.post(f"/webhooks/zendesk/{to}", data=raw, headers=headers)


def freshdesk(client, body, *, audience="freshdesk", to="freshdesk"):
    token = mint_token(SECRET, kid="1", audience=audience, issued_at=datetime.now(UTC))
    return client.post(
        f"/webhooks/freshdesk/{to}", json=body, headers={"Authorization": f"Bearer {token}"}
    )


def test_a_signed_event_is_kept_with_one_job_and_answered_with_202(client, rows):
    answer = zendesk(client, EVENT)
    assert (answer.status_code, answer.json) == (202, {"status": "accepted"})
    assert rows() == (1, 1)


@pytest.fixture(params=["a pipe that nobody reads", "a closed file"])
def no_log(request, monkeypatch):
    """Logs as a web process has them, which cannot be written."""
    reader, writer = os.pipe()
    os.close(reader)
    log = os.fdopen(writer, "w")
    monkeypatch.setattr("sys.stderr", log)
    before, handlers = structlog.get_config(), logging.getLogger().handlers[:]
    configure_logs("INFO")
    if request.param == "a closed file":
        log.close()
    yield
    structlog.configure(**before)
    logging.getLogger().handlers[:] = handlers
    with contextlib.suppress(BrokenPipeError):
        log.close()


def test_a_log_that_cannot_be_written_costs_no_delivery(client, rows, no_log):
    assert zendesk(client, EVENT).status_code == 202
    assert zendesk(client, EVENT, secret="another secret").status_code == 401
    assert zendesk(client, EVENT).status_code == 200
    assert rows() == (1, 1)


@pytest.mark.parametrize(
    "odd",
    [
        {"id": "e\0"},
        {"id": "\ud83d"},
        {"id": LONG},
        {"id": 7},
        {"time": "9999-12-31T23:59:59-14:00"},
        {"time": "2025-01-08T10:12:07"},
        {"type": "zen:event-type:ticket.\0\ud83d"},
    ],
    ids=("nul", "half an emoji", "long", "number", "far", "no zone", "kind"),
)
def test_an_event_whose_id_time_or_kind_no_database_keeps_is_taken(client, rows, odd):
    """A 503 would be sent again and again; only knowing the event again is lost."""
    answer = zendesk(client, EVENT | odd)
    assert (answer.status_code, rows()) == (202, (1, 1))


def test_an_invocation_id_that_is_none_is_no_duplicate_of_another(client, rows):
    for ticket in ("1", "2"):
        taken = zendesk(client, {"ticket_id": ticket}, X_Zendesk_Webhook_Invocation_Id=LONG)
        assert taken.status_code == 202
    assert rows() == (2, 2)


def test_a_trigger_s_payload_is_taken_as_well(client, rows):
    assert zendesk(client, {"ticket_id": 35436}).status_code == 202
    assert rows() == (1, 1)


def test_a_freshdesk_rule_with_its_token_is_taken_whatever_form_its_body_has(client, rows):
    for body in (
        {"ticket_id": "7"},
        {"freshdesk_webhook": {"ticket_id": 8, "triggered_event": ""}},
    ):
        assert freshdesk(client, body).status_code == 202
    assert rows() == (2, 2)


def test_a_duplicate_is_answered_with_2xx_and_kept_once(client, rows):
    assert zendesk(client, EVENT, X_Zendesk_Webhook_Invocation_Id="01H").status_code == 202
    again = zendesk(client, EVENT, X_Zendesk_Webhook_Invocation_Id="01H")
    assert (again.status_code, again.json) == (200, {"status": "duplicate"})
    assert rows() == (1, 1)


def test_an_address_that_was_typed_with_a_slash_at_its_end_is_the_same(client, rows):
    assert zendesk(client, EVENT, to="zendesk/").status_code == 202
    assert rows() == (1, 1)


def test_an_event_that_concerns_no_ticket_is_answered_with_2xx_and_not_kept(client, rows):
    answer = zendesk(client, {"type": "zen:event-type:user.created", "detail": {"id": "1"}})
    assert (answer.status_code, answer.json) == (200, {"status": "ignored"})
    assert rows() == (0, 0)


@pytest.mark.parametrize(
    ("send", "status", "error"),
    [
        (lambda c: zendesk(c, EVENT, secret="another"), 401, "not_verified"),
        (lambda c: c.post("/webhooks/zendesk/zendesk", json=EVENT), 401, "not_verified"),
        (
            lambda c: zendesk(c, EVENT, at=datetime.now(UTC) - timedelta(minutes=6)),
            401,
            "not_verified",
        ),
        (
            lambda c: zendesk(c, EVENT, at=datetime.now(UTC) + timedelta(minutes=6)),
            401,
            "not_verified",
        ),
        (lambda c: zendesk(c, b"{not json"), 400, "unreadable"),
        (lambda c: zendesk(c, {"ticket_id": "1; drop"}), 400, "unreadable"),
        (lambda c: zendesk(c, {**EVENT, "detail": None}), 400, "unreadable"),
        (lambda c: zendesk(c, EVENT, to="nobody"), 404, "unknown_connection"),
        (lambda c: zendesk(c, EVENT, to="freshdesk"), 404, "unknown_connection"),
        (lambda c: zendesk(c, b" " * 300_000), 413, "request_entity_too_large"),
        (lambda c: freshdesk(c, {"ticket_id": 7}, audience="zendesk"), 401, "not_verified"),
        (lambda c: freshdesk(c, {"ticket_id": None}), 400, "unreadable"),
        (lambda c: c.get("/webhooks/zendesk/zendesk"), 405, "method_not_allowed"),
    ],
    ids=[
        "forged", "unsigned", "stale", "from the future", "not JSON", "no number", "no detail",
        "unknown account", "another vendor's account", "oversized", "another account's token",
        "no ticket", "not posted",
    ],
)  # fmt: skip
def test_a_bad_request_gets_4xx_with_a_clear_json_error_and_leaves_no_row(
    client, rows, send, status, error
):
    answer = send(client)
    assert (answer.status_code, answer.json["error"]) == (status, error)
    assert answer.json["message"]
    assert rows() == (0, 0)


def test_a_database_that_does_not_answer_asks_the_helpdesk_to_send_again(database_url, rows):
    settings = Settings(database_url="postgresql://x@127.0.0.1:1/none", secret_key="a secret")
    answer = zendesk(create_app(settings, build_services(settings)).test_client(), EVENT)
    assert_sent_again(answer)


def assert_sent_again(answer):
    assert (answer.status_code, answer.json["error"]) == (503, "unavailable")
    assert int(answer.headers["Retry-After"]) < 60


@pytest.mark.parametrize(
    ("fault", "sqlstate"),
    [("disk full", "53100"), ("read only", "25006"), ("out of memory", "53200")],
)
def test_a_database_that_cannot_write_asks_the_helpdesk_to_send_again(
    client, database_url, rows, fault, sqlstate
):
    zendesk(client, {"ticket_id": 1})
    with psycopg.connect(database_url, autocommit=True) as database:
        database.execute(f"""
            create or replace function broken() returns trigger language plpgsql as
            $$ begin raise exception '{fault}' using errcode = '{sqlstate}'; end $$;
            create trigger broken before insert on procrastinate_jobs
            for each row execute function broken()
        """)
        try:
            assert_sent_again(zendesk(client, {"ticket_id": 2}))
        finally:
            database.execute("drop trigger broken on procrastinate_jobs; drop function broken()")
    assert rows() == (1, 1), "the event without its job is not kept"
    assert zendesk(client, {"ticket_id": 2}).status_code == 202
    assert rows() == (2, 2)


def test_a_database_that_is_too_slow_asks_the_helpdesk_to_send_again(database_url, rows):
    settings = Settings(database_url=database_url, secret_key="a secret of the tests")
    services = build_services(settings, patience=Patience(statement=0.3, lock=0.2))
    services.store.connections.save(an_account("zendesk"))
    client = create_app(settings, services).test_client()
    assert zendesk(client, {"ticket_id": 1}).status_code == 202
    with psycopg.connect(database_url) as database:
        database.execute("lock table procrastinate_jobs in access exclusive mode")
        assert_sent_again(zendesk(client, {"ticket_id": 2}))
    assert zendesk(client, {"ticket_id": 2}).status_code == 202
    assert rows() == (2, 2)
    services.store.close()


def test_an_event_is_kept_though_the_database_was_restarted_since_the_last_one(client, rows):
    with psycopg.connect(client.application.extensions["settings"].database_url) as database:
        for ticket in (1, 2, 3):
            assert zendesk(client, {"ticket_id": ticket}).status_code == 202
            database.execute("""
                select pg_terminate_backend(pid, 5000) from pg_stat_activity
                where pid <> pg_backend_pid() and application_name = 'regiondo-sla'
            """)
    assert rows() == (3, 3)


def test_refused_requests_are_counted_by_reason_and_nothing_else_is_kept(client, database_url):
    refusals = client.application.extensions["services"].store.refusals
    with psycopg.connect(database_url, autocommit=True) as database:
        database.execute("truncate refusals")
        zendesk(client, EVENT, secret="another")
        refusals._written = 0.0
        zendesk(client, EVENT, to="invented-by-a-stranger")
        query = "select connection, reason, requests from refusals order by reason"
        found = database.execute(query).fetchall()
    assert found == [("", "unknown", 1), ("zendesk", "unverified", 1)]


def test_one_event_that_comes_from_many_sides_at_once_is_kept_once(client, rows):
    application = client.application

    def send(_):
        return zendesk(application.test_client(), EVENT, X_Zendesk_Webhook_Invocation_Id="01H")

    with ThreadPoolExecutor(8) as senders:
        statuses = [answer.status_code for answer in senders.map(send, range(24))]
    assert sorted(statuses) == [200] * 23 + [202]
    assert rows() == (1, 1)
