"""Who wrote a message or changed a field, as each vendor's JSON tells it."""

import pytest

from connectors.freshdesk.tickets import to_ticket as freshdesk_ticket
from connectors.zendesk.hands import STAMP, People, merges, our_type
from connectors.zendesk.tickets import to_ticket as zendesk_ticket
from sla_rules.ticket import Author, Status

PEOPLE = People(requester="1", agents={"7": "Anna", "9": "API"}, acting="9")


def comment(author, at, public=True, **given):
    event = {"type": "Comment", "author_id": author, "body": "x", "public": public}
    audit = {"author_id": author, "created_at": f"2026-11-23T{at}:00Z", "events": [event]}
    return {**audit, "via": {"channel": "email"}, **given}


def change(author, name, value, previous=None, **given):
    event = {"type": "Change", "field_name": name, "value": value, "previous_value": previous}
    audit = {"author_id": author, "created_at": "2026-11-23T10:00:00Z", "events": [event]}
    return {**audit, "via": {"channel": "web"}, **given}


def zendesk(*audits, **ticket_json):
    return zendesk_ticket({"id": 5, **ticket_json}, audits=audits, people=PEOPLE)


@pytest.mark.parametrize(
    ("author", "via", "expected"),
    [
        (1, "email", Author.PARTNER),
        (8, "email", Author.PARTNER),  # a colleague in copy
        (7, "web", Author.AGENT),
        (9, "api", Author.AGENT),  # the account we act as may be a person's
        (7, "rule", Author.SYSTEM),
        (-1, "system", Author.SYSTEM),
    ],
)
def test_a_zendesk_comment_is_its_author_s_and_a_rule_s_is_nobody_s(author, via, expected):
    ticket = zendesk(comment(author, "09:00", via={"channel": via}))
    assert [message.author for message in ticket.messages] == [expected]


def test_a_ticket_that_an_agent_opened_has_the_partner_s_own_message_second():
    ticket = zendesk(comment(7, "09:00"), comment(1, "11:00"))
    assert [message.author for message in ticket.messages] == [Author.AGENT, Author.PARTNER]


def test_a_voice_comment_is_a_message_too():
    call = comment(7, "09:00", via={"channel": "voice"})
    call["events"][0]["type"] = "VoiceComment"
    assert zendesk(call).messages[0].author is Author.AGENT


def test_a_trigger_s_change_inside_an_agent_s_audit_is_no_hand():
    audit = change(7, "priority", "high")
    audit["events"][0]["via"] = {"channel": "rule", "source": {"rel": "trigger"}}
    assert zendesk(audit).hands == ()


def test_our_own_account_without_our_stamp_is_told_from_a_person():
    (hand,) = zendesk(change(9, "priority", "high")).hands
    assert hand.by_our_account
    (hand,) = zendesk(change(7, "priority", "high")).hands
    assert not hand.by_our_account


def test_a_stamped_change_is_no_hand():
    stamped = change(9, "priority", "high", metadata={"custom": {STAMP: "acme"}})
    assert zendesk(stamped).hands == ()


def test_a_type_that_we_changed_remembers_what_it_was():
    ours = change(9, "type", "task", "question", metadata={"custom": {STAMP: "acme"}})
    assert our_type([ours]).before == "question"
    assert zendesk(ours, type="task").type == "question"
    assert not our_type([ours, change(7, "type", "task", "incident")]).ours


def test_zendesk_s_merges_are_read_on_both_sides():
    gone = {"channel": "web", "source": {"rel": "merge", "from": {"ticket_id": 8}, "to": {}}}
    kept = {"channel": "web", "source": {"rel": "merge", "from": {"ticket_ids": [3, 4]}}}
    assert merges([comment(7, "09:00", via=gone)], "5").into == "8"
    assert merges([comment(7, "09:00", via=kept)], "5").sources == ("3", "4")
    ticket = zendesk(comment(7, "09:00", via=gone), status="closed")
    assert (ticket.status, ticket.merged_into) == (Status.MERGED, "8")
    assert zendesk(comment(7, "09:00", via=gone), status="open").status is Status.OPEN


def freshdesk(*conversations, **ticket_json):
    base = {"id": 5, "created_at": "2026-11-23T09:00:00Z", "source": 1, "requester_id": 1}
    said = [
        {"created_at": f"2026-11-23T1{hour}:00:00Z", "user_id": 7, "source": 0, **one}
        for hour, one in enumerate(conversations)
    ]
    return freshdesk_ticket({**base, **ticket_json}, conversations=said)


@pytest.mark.parametrize(
    ("said", "author", "public"),
    [
        ({"incoming": False, "private": False}, Author.AGENT, True),
        ({"incoming": False, "private": True, "source": 2}, Author.AGENT, False),
        ({"incoming": True, "user_id": 8}, Author.PARTNER, True),
        ({"incoming": False, "user_id": 1}, Author.PARTNER, True),
        ({"incoming": False, "auto_response": True}, Author.SYSTEM, True),
        ({"incoming": False, "automation_id": 12}, Author.SYSTEM, True),
        ({"incoming": False, "source": 6}, Author.SYSTEM, True),
        ({"incoming": False, "source": 8}, Author.AGENT, False),  # forwarded to a third party
    ],
)
def test_a_freshdesk_message_is_its_author_s(said, author, public):
    message = freshdesk(said).messages[-1]
    assert (message.author, message.public) == (author, public)


def test_a_freshdesk_ticket_that_an_agent_sent_out_starts_with_no_partner():
    assert freshdesk(source=10).messages[0].author is Author.AGENT


def test_freshdesk_s_merges_are_read_from_the_notes_of_both_tickets():
    gone = {"private": True, "body_text": "This ticket is closed and merged into ticket 8"}
    kept = {"private": True, "body_text": "Ticket with ID 3 was merged into this one"}
    assert freshdesk(gone, status=5).merged_into == "8"
    assert freshdesk(gone, status=2).status is Status.OPEN
    assert freshdesk(kept).merged_from == ("3",)
    assert freshdesk({**gone, "private": False, "incoming": True}, status=5).merged_into is None
