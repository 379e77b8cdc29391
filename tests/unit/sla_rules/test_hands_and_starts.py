"""Who holds a field, why a clock starts, and which answer is the first: case by case."""

from dataclasses import replace

import pytest
from looks import ERROR, FRESHDESK, ZENDESK, Helpdesk, at, message, ticket

from sla_rules.decision import State
from sla_rules.policy_file import load_policy
from sla_rules.policy_history import PolicyHistory
from sla_rules.ticket import Author, Hand, Impact, Kind, Priority, Status

RECALCULATING = replace(FRESHDESK, recalculates_due_at=True)


def why(decision, rule):
    return [reason.key for reason in decision.reasons if reason.rule == rule]


def test_of_several_answers_the_first_is_the_response():
    desk = Helpdesk()
    desk.write(message("Mon 10:00", Author.AGENT), message("Mon 11:00", Author.AGENT))
    assert desk.look("Mon 12:00").target.response_at == at("Mon 10:00")


def test_the_reason_of_the_start_says_what_made_it():
    assert why(Helpdesk().look("Mon 09:00"), "start_clock") == ["first_message"]
    merged = Helpdesk(ticket(merged_starts_at=at("Mon 08:00")))
    assert why(merged.look("Mon 09:00"), "start_clock") == ["merged_earlier"]
    later = Helpdesk(ticket(merged_starts_at=at("Mon 09:30")))
    assert why(later.look("Mon 09:30"), "start_clock") == ["first_message"]
    unknown = Helpdesk(ticket(channel=None, messages=None))
    assert why(unknown.look("Mon 09:00"), "start_clock") == ["unknown_channel"]
    short = Helpdesk(ticket(messages=None))
    assert why(short.look("Mon 09:00"), "start_clock") == ["first_message"]
    conversation = Helpdesk(ticket(channel=None))
    assert why(conversation.look("Mon 09:00"), "start_clock") == ["first_message"]
    again = Helpdesk(ticket(status=Status.SOLVED, solved_at=at("Mon 09:30")))
    again.write(message("Mon 10:00"), status=Status.OPEN)
    for _ in range(2):
        assert why(again.look("Mon 10:00"), "start_clock") == ["reopened"]


def test_the_reason_of_the_start_names_every_channel_that_counts():
    policy = load_policy().adapted(counted_channels=("web", "portal", "email", "chat"))
    decision = Helpdesk(policies=PolicyHistory([policy])).look("Mon 09:00")
    [said] = [reason.text for reason in decision.reasons if reason.rule == "start_clock"]
    assert said.endswith("first message by a counted channel (chat, email, portal, web).")


def test_a_person_who_sets_the_very_value_that_we_wrote_holds_it():
    desk = Helpdesk(ticket("Enterprise"))
    desk.look("Mon 09:00")
    desk.by_hand(priority=desk.ticket.priority)
    decision = desk.look("Mon 10:00")
    assert [hand.field for hand in decision.overrides] == ["priority"]
    assert "sla_manual" in desk.ticket.tags


@pytest.mark.parametrize(("same", "held"), [(True, []), (False, ["priority"])])
def test_our_account_holds_a_field_only_with_a_value_that_we_did_not_write(same, held):
    desk = Helpdesk(ticket("Enterprise"))
    desk.look("Mon 09:00")
    value = desk.ticket.priority if same else Priority.LOW
    ours = Hand(field="priority", at=at("Mon 09:30"), by_our_account=True)
    desk.change(priority=value, hands=(ours,), audited=True)
    assert [hand.field for hand in desk.look("Mon 10:00").overrides] == held


def test_our_account_holds_a_field_that_we_never_wrote():
    first = Hand(field="priority", at=at("Mon 09:00"), by_our_account=True)
    desk = Helpdesk(ticket("Enterprise", priority=Priority.LOW, hands=(first,), audited=True))
    assert [hand.field for hand in desk.look("Mon 10:00").overrides] == ["priority"]


def test_an_account_that_recalculates_due_dates_leaves_other_fields_to_the_person():
    desk = Helpdesk(ticket("Enterprise"), RECALCULATING)
    desk.look("Mon 09:00")
    desk.change(due_at=at("Mon 17:00"), priority=Priority.NORMAL)
    decision = desk.look("Mon 09:10")
    assert [hand.field for hand in decision.overrides] == ["priority"]
    assert decision.target.state is State.OPEN


@pytest.mark.parametrize(
    ("traits", "found", "held"),
    [
        (ZENDESK, {"due_at": at("Mon 17:00")}, ["due_at"]),
        (ZENDESK, {"priority": Priority.LOW}, ["priority"]),
        (ZENDESK, {"assignee": "42"}, []),
        (ZENDESK, {}, []),
        (FRESHDESK, {"due_at": at("Mon 17:00"), "priority": Priority.LOW, "assignee": "42"}, []),
        (FRESHDESK, {"priority": Priority.URGENT}, ["priority"]),
        (RECALCULATING, {"due_at": at("Mon 17:00"), "priority": Priority.LOW}, []),
    ],
)
def test_what_stands_there_before_our_first_write_is_a_person_s_unless_the_account_fills_it_in(
    traits, found, held
):
    desk = Helpdesk(ticket("Enterprise", **found), traits)
    assert [hand.field for hand in desk.look("Mon 09:00").overrides] == held


def test_an_impact_that_a_person_named_outlasts_a_kind_that_a_person_named():
    said = {"kind": Kind.QUESTION, "impact": Impact.BLOCKING}
    assert Helpdesk(ticket(**said)).look("Mon 09:00").impact is Impact.BLOCKING
    said = {"kind": Kind.ERROR_REPORT, "impact": Impact.NONE}
    assert Helpdesk(ticket(**said)).look("Mon 09:00").impact is Impact.NONE


def test_a_kind_that_a_person_named_sets_the_impact_where_the_text_does_not_fit():
    question = ticket(kind=Kind.QUESTION, messages=(message("Mon 09:00", text=ERROR),))
    assert Helpdesk(question).look("Mon 09:00").impact is Impact.NONE
    error = ticket(kind=Kind.ERROR_REPORT, messages=(message("Mon 09:00", text="Merci"),))
    assert Helpdesk(error).look("Mon 09:00").impact is Impact.DEGRADED
