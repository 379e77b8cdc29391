"""What a receiver gets: signed so that it can tell it is ours, and nothing of the message."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime

import pytest

from plugin.bootstrap import build_services
from plugin.notify import Notifier, note, sign, signing_key
from plugin.settings import Settings, SettingsError
from plugin.store.deadlines import BREACH, Waiting

NOW = datetime(2026, 11, 23, 13, 0, tzinfo=UTC)
FACTS = {
    "organization": "Fox & <Sons>",
    "tier": "Enterprise",
    "url": "https://acme.zendesk.com/agent/tickets/7",
    "starts_at": "2026-11-23T08:00:00Z",
    "due_local": "Mon 2026-11-23 15:00 (Europe/Berlin)",
    "answered_at": None,
}


def a_notice(level="at_risk", **changes):
    values = {"id": 3, "connection": "acme", "ticket_id": "7", "level": level, "attempts": 1}
    values |= {"due_at": NOW.replace(hour=14), "told_at": NOW, "facts": FACTS, "state": "open"}
    return Waiting(**{**values, **changes})


def sent(form, notice, secret=b"key"):
    taken = []
    notifier = Notifier(
        url="https://x.example", secret=secret, form=form, post=lambda *given: taken.append(given)
    )
    notifier.send(notice, NOW)
    return taken[0]


def test_an_event_says_what_is_due_and_is_signed_over_id_time_and_body():
    url, body, headers = sent("events", a_notice())
    assert url == "https://x.example"
    given = json.loads(body)
    assert given["type"] == "deadline.warning"
    assert given["data"]["due_at"] == "2026-11-23T14:00:00Z"
    assert given["data"]["level"] == "at_risk"
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(b"key", signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert headers["webhook-timestamp"] == str(int(NOW.timestamp()))


def test_the_same_notice_keeps_its_id_and_a_new_due_date_has_another():
    ids = {sent("events", a_notice(attempts=n))[2]["webhook-id"] for n in (1, 2, 3)}
    assert len(ids) == 1
    assert sent("events", a_notice(due_at=NOW.replace(hour=16)))[2]["webhook-id"] not in ids


def test_a_breach_has_a_type_of_its_own():
    assert json.loads(sent("events", a_notice(BREACH))[1])["type"] == "deadline.breached"


def test_slack_gets_one_text_with_the_time_in_the_reader_s_zone():
    text = json.loads(sent("slack", a_notice())[1])["text"]
    assert text.startswith(":warning: Ticket <https://acme.zendesk.com/agent/tickets/7|acme #7>")
    assert "Fox &amp; &lt;Sons&gt; (Enterprise)" in text
    assert "<!date^1795442400^{date_short_pretty} {time}|Mon 2026-11-23 15:00" in text
    assert json.loads(sent("slack", a_notice(BREACH))[1])["text"].startswith(":red_circle:")


def test_the_signature_is_that_of_the_standard_s_own_example():
    """From the Standard Webhooks specification, section on symmetric signatures (typed from it)."""
    body = b'{"test": 2432232314}'
    at = datetime.fromtimestamp(1614265330, UTC)
    key = signing_key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    headers = sign(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", at, body)
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_note_says_when_and_nothing_else():
    due = "Mon 2026-11-23 15:00 (Europe/Berlin)"
    assert note(a_notice(BREACH)) == f"SLA breached: the first response was due {due}."


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"notify_url": "https://hooks.example.com/x"}, "SLA_NOTIFY_SECRET"),
        ({"notify_url": "http://hooks.example.com/x", "notify_secret": "s"}, "https://"),
        ({"notify_url": "https://10.0.0.1/x", "notify_secret": "s"}, "not a public address"),
        ({"notify_url": "https://h.example/x", "notify_secret": "whsec_?"}, "SLA_NOTIFY_SECRET"),
    ],
)
def test_a_receiver_that_cannot_be_right_is_refused_at_the_start(settings, says):
    address = "postgresql://nobody@127.0.0.1:1/none"
    with pytest.raises(SettingsError, match=says):
        build_services(Settings(database_url=address, secret_key="k", **settings))
