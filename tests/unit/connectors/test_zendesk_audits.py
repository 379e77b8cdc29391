"""What Zendesk's audits tell of people: who classified a ticket, and when it was solved."""

from datetime import UTC, datetime

import pytest

from connectors.zendesk.hands import People
from connectors.zendesk.tickets import Fields, Options, to_ticket
from sla_rules.decision import Exclusion
from sla_rules.engine import decide
from sla_rules.policy_file import load_policy
from sla_rules.ticket import Hand, Kind

ANNA = 7
PEOPLE = People(requester="1", agents={str(ANNA): "Anna"})
OPTIONS = Options(fields=Fields(kind=101, environment=102))


def audit(hour, author, *changes, via="web"):
    events = [
        {"type": "Change", "field_name": name, "previous_value": None, "value": value}
        for name, value in changes
    ]
    return {
        "created_at": f"2026-11-23T{hour:02}:00:00Z",
        "author_id": author,
        "via": {"channel": via},
        "events": events,
    }


def read(*audits, **ticket_json):
    return to_ticket({"id": 5, **ticket_json}, audits=audits, people=PEOPLE, options=OPTIONS)


def at(hour):
    return datetime(2026, 11, 23, hour, tzinfo=UTC)


def test_an_agent_s_choice_in_the_field_sla_kind_is_known_with_who_and_when():
    values = [{"id": 101, "value": "sla_kind_feature_request"}]
    ticket = read(
        audit(9, ANNA, ("101", "sla_kind_feature_request"), ("status", "pending")),
        custom_fields=values,
    )
    assert ticket.kind is Kind.FEATURE_REQUEST
    assert Hand(field="kind", by="Anna", at=at(9)) in ticket.hands


@pytest.mark.parametrize("audits", [(), (audit(9, 1, ("status", "new"), via="email"),)])
def test_an_e_mail_whose_comment_no_audit_shows_keeps_its_clock(audits):
    """In doubt the clock runs, from when the ticket came."""
    created = {"created_at": "2026-11-23T09:00:00Z", "via": {"channel": "email"}}
    decision = decide(read(*audits, **created), load_policy(), at(10))
    assert (decision.exclusion, decision.starts_at) == (None, at(9))
    called = read(*audits, **created | {"via": {"channel": "voice"}})
    assert decide(called, load_policy(), at(10)).exclusion is Exclusion.NO_EMAIL


def test_a_ticket_was_solved_when_it_was_solved_not_when_it_was_closed():
    closed = read(audit(9, ANNA, ("status", "solved")), audit(15, -1, ("status", "closed")))
    assert closed.solved_at == at(9)
    again = read(
        audit(9, ANNA, ("status", "solved")),
        audit(10, 1, ("status", "open")),
        audit(11, ANNA, ("status", "solved")),
    )
    assert (again.solved_before, again.solved_at) == ((at(9),), at(11))
    assert read(audit(9, ANNA, ("priority", "high"))).solved_at is None
