"""Secrets are sealed at rest, changed without a stop, and in no log line."""

import io
import json
import logging

import pytest
import structlog
from security.accounts import CREDENTIALS, SECRETS

from connectors.errors import VendorError
from plugin.app import create_app
from plugin.logs import HIDDEN, configure_logs, hide
from plugin.pipeline import look_at_ticket
from plugin.secrets import SecretsError, Vault
from plugin.settings import Settings

DOCUMENT = {"credentials": {"client_id": "an-id", "client_secret": "hush-hush"}, "webhook": []}


def test_a_new_passphrase_seals_and_the_old_one_still_opens():
    sealed = Vault("old").seal(DOCUMENT)
    both = Vault("new, old")
    assert both.open(sealed) == DOCUMENT
    resealed = both.reseal(sealed)
    assert Vault("new").open(resealed) == DOCUMENT
    with pytest.raises(SecretsError):
        Vault("old").open(resealed)


def test_secrets_are_in_no_table_in_plain(service):
    planted = [*SECRETS.values(), *(v for one in CREDENTIALS.values() for v in one.values())]
    rows = service.database.execute("select * from connections").fetchall()
    text = repr(rows)
    assert not [secret for secret in planted if secret in text and secret != "a-client"]


@pytest.fixture
def lines(monkeypatch):
    """Everything that is logged at DEBUG, ours and the libraries'."""
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    before = structlog.get_config()
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    configure_logs("DEBUG")
    root.setLevel(logging.DEBUG)
    yield stream
    structlog.configure(**before)
    root.handlers[:] = handlers
    root.setLevel(level)


def test_a_log_line_hides_secrets_by_name_and_by_value(lines):
    hide("s3cr3t-value")
    log = structlog.get_logger()
    log.info("a line", token="abcdef", nested={"api_key": "abcdef", "ticket": 7}, ticket="7")
    log.warning(
        "failed with s3cr3t-value", error=ValueError("s3cr3t-value"), headers=["s3cr3t-value"]
    )
    logging.getLogger("library").error("it said %s", "s3cr3t-value")
    try:
        int("s3cr3t-value")
    except ValueError:
        log.exception("with a trace")
    text = lines.getvalue()
    assert "s3cr3t-value" not in text
    assert "abcdef" not in text
    assert [json.loads(line)["level"] for line in text.splitlines()] == [
        "info", "warning", "error", "error",
    ]  # fmt: skip
    assert json.loads(text.splitlines()[0])["nested"] == {"api_key": HIDDEN, "ticket": 7}


def test_the_logs_of_an_exercise_hold_no_secret_and_no_text(service, lines):
    """Accepted, refused and failing deliveries, and looks that fail at the vendor, at DEBUG."""
    client = service.app.test_client()
    body = {"ticket_id": "7", "subject": "planted-subject", "note": "planted-text"}
    for vendor in ("zendesk", "freshdesk"):
        for headers in ({}, {"Authorization": "Bearer planted-forged-token"}):
            client.post(f"/webhooks/{vendor}/{vendor}", json=body, headers=headers)
        try:
            look_at_ticket(service.services, vendor, "7")
        except VendorError as error:
            structlog.get_logger().error("look", error=error)
    client.get("/metrics", headers={"Authorization": "Bearer planted-forged-token"})
    text = lines.getvalue()
    assert "refused" in text
    planted = ["planted-", *SECRETS.values(), "the-client-secret-in-plain", "the-api-key-in-plain"]
    assert not [secret for secret in planted if secret in text]


def test_settings_name_every_secret_that_no_line_may_hold():
    settings = Settings(
        database_url="postgresql://sla:db-password@db/sla",
        secret_key="new-phrase,old-phrase",
        console_token="console-token",
        notify_url="https://hooks.slack.com/services/T/B/xyz",
        notify_secret="notify-secret",
    )
    assert set(settings.secrets()) == {
        "db-password", "new-phrase", "old-phrase", "console-token", "notify-secret",
        "https://hooks.slack.com/services/T/B/xyz",
    }  # fmt: skip
    shown = repr(settings)
    assert not [one for one in settings.secrets() if one in shown]


def test_the_client_s_address_is_the_one_that_the_trusted_proxies_saw(service):
    seen = {}

    def note(environ, start_response):
        seen.update(address=environ["REMOTE_ADDR"], scheme=environ["wsgi.url_scheme"])
        start_response("204 No Content", [])
        return [b""]

    forged = "203.0.113.66, 198.51.100.7"  # the first is what the client claims
    for proxies, expected in ((0, "10.0.0.1"), (1, "198.51.100.7")):
        settings = Settings(
            database_url="postgresql://x@127.0.0.1:1/x", secret_key="k", proxies=proxies
        )
        app = create_app(settings, service.services)
        wrapped = app.wsgi_app
        (wrapped if proxies else app).__dict__["app" if proxies else "wsgi_app"] = note
        environ = {"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": forged}
        app.test_client().get("/healthz", environ_base=environ)
        assert seen["address"] == expected


def test_answers_carry_the_headers_that_browsers_heed(service):
    client = service.app.test_client()
    answer = client.get("/healthz", headers={"X-Request-Id": "abc-1"})
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "default-src" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Request-Id"] == "abc-1"
    strange = client.get("/healthz", headers={"X-Request-Id": "a b<script>"})
    assert strange.headers["X-Request-Id"] != "a b<script>"
    secure = client.get("/healthz", base_url="https://sla.example.com")
    assert "max-age" in secure.headers["Strict-Transport-Security"]
