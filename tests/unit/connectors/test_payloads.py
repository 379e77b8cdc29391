"""Which ticket a delivery names, in the bodies that admins and vendors write."""

import json
from datetime import UTC, datetime

import pytest

from connectors.base import Delivery
from connectors.errors import PayloadError
from connectors.freshdesk.events import parse as freshdesk
from connectors.zendesk.events import parse as zendesk


def of(parse, body):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    now = datetime.now(UTC)
    return parse(Delivery(connection="a", vendor="any", body=body, received_at=now)).ticket_id


BODIES = [
    {"ticket_id": 12},
    {"ticket_id": "12"},
    {"ticket_id": " 12 "},
    {"ticket_id": "INC-12"},
    {"ticket_id": "#12"},
    {"ticket": {"id": "12", "subject": None}},
    {"ticket_id": 12, "unknown": {"ticket_id": 13}, "requester": None},
    b'{"ticket_id": "12", "subject": "The "best" offer"}',
    b'{\n  "subject": "The "best" offer",\n  "ticket_id": 12\n}',
    b'{"subject": "first line\nsecond line", "ticket_id": "INC-12"}',
    b'{"ticket_id": 12, "subject": "caf\xe9", "body": "}"',
    b'{"ticket_id":12,"tags":}',
    b'{"ticket_id": 12, "ticket_id": 12}',
    {"ticket_id": "INC-12", "ticket": {"id": 12}},
    b'{"ticket_id": "#12", "subject": "The "best", "again": {"ticket_id": 12}}',
]


@pytest.mark.parametrize("parse", [zendesk, freshdesk])
@pytest.mark.parametrize("body", BODIES, ids=repr)
def test_a_body_with_a_ticket_s_number_names_the_ticket(parse, body):
    assert of(parse, body) == "12"


def test_what_freshdesk_sends_where_no_body_is_written_names_the_ticket():
    sent = {"ticket_id": 12, "ticket_subject": "x", "triggered_event": "{ticket_action:created}"}
    assert of(freshdesk, {"freshdesk_webhook": sent}) == "12"


# What a partner may write as a subject where an admin's body puts it in unescaped.
AMBIGUOUS = [
    b'{"ticket_id": 12, "subject": "x", "ticket_id": 13, "y": ""}',
    b'{"ticket_id": 12, "subject": "x" "ticket_id": 13, "y": ""}',
    b'{"subject": "x", "ticket_id": 13, "y": "", "ticket_id": 12}',
    b'{"subject": "x "ticket_id": 13, "", "ticket_id": 12}',
    b'{"ticket": {"id": 12, "subject": "x", "id": 13, "y": ""}}',
    b'{"ticket": {"id": 12, "subject": "x"}, "ticket_id": 13, "y": {"z": ""}}',
    b'{"ticket": {"id": 12, "subject": "x" "ticket_id": 13, ""}}',
    b'{"ticket": {"id": 12, "subject": "x"}, "ticket": {"id": 13}, "y": {"z": ""}}',
    b'{"ticket_id": "twelve", "subject": "x" "ticket_id": 13, ""}',
]


@pytest.mark.parametrize("parse", [zendesk, freshdesk])
@pytest.mark.parametrize("body", AMBIGUOUS, ids=repr)
def test_a_body_whose_text_names_another_ticket_is_unreadable(parse, body):
    with pytest.raises(PayloadError, match=r"twice|two tickets|several tickets"):
        of(parse, body)


@pytest.mark.parametrize(
    "words",
    [
        {"type": "zen:event-type:ticket.created", "detail": {"id": "13"}},
        {"type": "zen:event-type:user.created"},
        {"regiondo_sla_test": "x"},
        {"freshdesk_webhook": {"ticket_id": 13}},
    ],
)
@pytest.mark.parametrize("parse", [zendesk, freshdesk])
def test_the_ticket_of_an_admin_s_body_counts_whatever_a_partner_s_words_add(parse, words):
    assert of(parse, {"ticket_id": 12, "subject": "x", **words}) == "12"


NAMELESS = [
    {},
    [],
    None,
    {"ticket_id": None},
    {"ticket_id": True},
    {"ticket_id": 12.5},
    {"ticket_id": -12},
    {"ticket_id": "{{ticket.id}}"},
    {"ticket_id": "12 or 13"},
    {"ticket": "12"},
    b"",
    b"\xff",
    b'{"ticket_id": 12',
    b'{"ticket_id": "12, "subject": "x"}',
    b"ticket_id=12",
    b"[" * 100_000,
]


@pytest.mark.parametrize("parse", [zendesk, freshdesk])
@pytest.mark.parametrize("body", NAMELESS, ids=lambda body: repr(body)[:40])
def test_a_body_that_names_no_ticket_or_only_half_a_number_is_unreadable(parse, body):
    with pytest.raises(PayloadError):
        of(parse, body)
