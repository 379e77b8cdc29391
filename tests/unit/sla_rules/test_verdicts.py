"""How a verdict is told, and what becomes of it when the ticket is gone."""

from datetime import timedelta

import pytest
from looks import Helpdesk, at, message, ticket

from sla_rules.decision import State
from sla_rules.rules.judge_response import cancel_gone, duration_text
from sla_rules.ticket import Author, Status


def verdicts(decision):
    return [reason.text for reason in decision.reasons if reason.rule == "judge_response"]


@pytest.mark.parametrize(
    ("tier", "answer", "now", "said"),
    [
        ("Enterprise", None, "Mon 10:00", "The clock runs: no answer yet."),
        ("Enterprise", None, "Mon 16:00", "Breached: no answer yet."),
        ("Enterprise", "Mon 10:00", "Mon 11:00", "Met: answered at 2026-11-23T09:00:00Z."),
        ("Enterprise", "Mon 16:00", "Mon 17:00", "Breached: answered at 2026-11-23T15:00:00Z."),
        ("Free", None, "Mon 10:00", "Best effort, never a breach: no answer yet."),
        (
            *("Free", "Wed 10:00", "Wed 11:00"),
            "Best effort, never a breach: answered at 2026-11-25T09:00:00Z.",
        ),
    ],
)
def test_a_verdict_says_whether_and_when_it_was_answered(tier, answer, now, said):
    desk = Helpdesk(ticket(tier))
    if answer:
        desk.write(message(answer, Author.AGENT))
    assert verdicts(desk.look(now)) == [said]


def test_a_verdict_that_was_given_says_by_which_policy():
    desk = Helpdesk()
    desk.write(message("Mon 10:00", Author.AGENT))
    desk.look("Mon 11:00")
    assert verdicts(desk.look("Mon 12:00")) == [
        "Judged before, by policy 2026-11-01: it stays so.",
        "Met: answered at 2026-11-23T09:00:00Z.",
    ]


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (None, "Cancelled: the ticket is solved without a reply."),
        (
            "Mon 10:00",
            "Cancelled: solved without a reply at 2026-11-23T09:00:00Z; no clock until the partner"
            " writes again.",
        ),
    ],
)
def test_a_solving_without_a_reply_is_told_with_its_time_where_it_is_known(told, said):
    desk = Helpdesk(ticket(status=Status.SOLVED, solved_at=told and at(told)))
    assert verdicts(desk.look("Mon 11:00")) == [said]


def test_the_response_time_is_business_time_from_the_start():
    desk = Helpdesk(ticket(when="Fri 16:55"))
    desk.write(message("+Mon 09:10", Author.AGENT))
    assert desk.look("+Mon 10:00").target.response_after == timedelta(minutes=15)
    assert Helpdesk().look("Mon 09:00").target.response_after is None


def test_an_answer_in_the_second_of_the_solving_is_an_answer():
    desk = Helpdesk(ticket("Free"))
    desk.write(message("Wed 10:00", Author.AGENT))
    desk.solve("Wed 10:00")
    assert desk.look("Wed 11:00").target.state is State.BEST_EFFORT


@pytest.mark.parametrize(
    ("minutes", "text"), [(240, "4 h"), (90, "1 h 30 min"), (45, "45 min"), (0, "")]
)
def test_a_duration_is_told_as_people_say_it(minutes, text):
    assert duration_text(timedelta(minutes=minutes)) == text


@pytest.mark.parametrize("tier", ["Starter", "Free"])
def test_what_runs_is_cancelled_when_the_ticket_was_deleted(tier):
    stored = Helpdesk(ticket(tier)).look("Mon 10:00").to_stored()
    gone = cancel_gone(stored)
    assert [target["state"] for target in gone["targets"]] == ["cancelled"]
    said = [reason["text"] for reason in gone["reasons"] if reason["rule"] == "judge_response"]
    assert said == ["Cancelled: the ticket is deleted."]
    assert len(gone["reasons"]) == len(stored["reasons"])
    rest = {"targets": None, "reasons": None}
    assert gone | rest == stored | rest
    assert [target["state"] for target in stored["targets"]] != ["cancelled"]


def test_what_was_met_stays_so_when_the_ticket_was_deleted():
    desk = Helpdesk()
    desk.write(message("Mon 10:00", Author.AGENT))
    stored = desk.look("Mon 11:00").to_stored()
    assert cancel_gone(stored) == stored
