"""The door: what is verified is kept and answered with 2xx, everything else leaves no row."""

import json
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from connectors.base import Connection, WebhookSecret
from connectors.freshdesk.webhook_token import mint_token
from connectors.zendesk.signature import sign
from plugin.app import create_app
from plugin.bootstrap import build_services
from plugin.settings import Settings
from plugin.store.migrate import migrate

SECRET = "a webhook secret of at least 32 bytes"
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
        count = "select (select count(*) from inbox), (select count(*) from procrastinate_jobs)"
        yield lambda: database.execute(count).fetchone()


@pytest.fixture
def client(database_url, rows):
    settings = Settings(database_url=database_url, secret_key="a secret of the tests")
    services = build_services(settings)
    for vendor in ("zendesk", "freshdesk"):
        secrets = (WebhookSecret(kid="1", value=SECRET),)
        address = f"https://acme.{vendor}.com"
        services.store.connections.save(
            Connection(key=vendor, vendor=vendor, base_url=address, webhook_secrets=secrets)
        )
    yield create_app(settings, services).test_client()
    services.store.close()


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
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) < 60
