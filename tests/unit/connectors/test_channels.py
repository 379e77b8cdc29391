"""How a ticket came in, by what each vendor writes there (typed from their documentation)."""

from datetime import UTC, datetime

import pytest

from connectors.freshdesk.tickets import to_ticket as freshdesk_ticket
from connectors.zendesk.tickets import to_ticket as zendesk_ticket
from sla_rules.decision import Exclusion
from sla_rules.engine import decide
from sla_rules.policy_file import load_policy
from sla_rules.ticket import Channel

NOW = datetime(2026, 11, 20, 16, tzinfo=UTC)
CREATED = {"id": 1, "created_at": "2026-11-20T15:55:00Z"}
SOURCE = {"from": {"address": "eva@alpen.test", "name": "Eva"}, "to": {}, "rel": None}


def exclusion(ticket):
    return decide(ticket, load_policy(), NOW).exclusion


@pytest.mark.parametrize(
    ("via", "channel"),
    [
        ({"channel": "email", "source": SOURCE}, Channel.EMAIL),
        ({"channel": "email", "source": None}, Channel.EMAIL),
        ({"channel": "EMAIL"}, Channel.EMAIL),
        ({"channel": "closed_ticket", "source": {"rel": "follow_up"}}, Channel.EMAIL),
        ({"channel": "web", "source": {"from": {}, "to": {}, "rel": "web_widget"}}, Channel.WEB),
        ({"channel": "web_widget", "source": {"from": {}, "to": {}, "rel": None}}, Channel.WEB),
        ({"channel": "web_service"}, Channel.API),
        ({"channel": "voice", "source": {"rel": "voicemail", "from": {}}}, Channel.PHONE),
        ({"channel": "native_messaging"}, Channel.CHAT),
        ({"channel": "mobile_sdk", "source": {"rel": "mobile_sdk"}}, Channel.OTHER),
        ({"channel": "any_channel", "source": {"from": {"service_info": {}}}}, Channel.OTHER),
        ({"channel": "sample_ticket"}, Channel.OTHER),
        ({"channel": None}, None),
        ("Mail", None),
        (None, None),
    ],
    ids=repr,
)
def test_only_zendesk_s_e_mail_and_what_is_not_told_start_a_clock(via, channel):
    ticket = zendesk_ticket({**CREATED, "via": via})
    assert ticket.channel is channel
    counts = channel in {Channel.EMAIL, None}
    assert exclusion(ticket) is (None if counts else Exclusion.NO_EMAIL)


@pytest.mark.parametrize(
    ("source", "channel"),
    [
        *((1, Channel.EMAIL), ("1", Channel.EMAIL), (2, Channel.PORTAL), (3, Channel.PHONE)),
        *((5, Channel.OTHER), (7, Channel.CHAT), (9, Channel.WEB), (13, Channel.OTHER)),
        *((100, Channel.OTHER), (None, None), ("Email", None), ({}, None)),
    ],
    ids=repr,
)
def test_only_freshdesk_s_e_mail_and_what_is_not_told_start_a_clock(source, channel):
    ticket = freshdesk_ticket({**CREATED, "source": source})
    assert ticket.channel is channel
    counts = channel in {Channel.EMAIL, None}
    assert exclusion(ticket) is (None if counts else Exclusion.NO_EMAIL)
