"""The questions that SLA systems quarrel about, each answered by a test (docs/rules.md)."""

from dataclasses import replace
from datetime import timedelta

import pytest
from looks import ERROR, FRESHDESK, WISH, ZENDESK, Helpdesk, at, message, ticket

from sla_rules.decision import Exclusion, State
from sla_rules.policy_file import DEFAULT_POLICY, read_policy
from sla_rules.policy_history import PolicyHistory
from sla_rules.ticket import (
    Author,
    Channel,
    Environment,
    Hand,
    Impact,
    Kind,
    Organization,
    Priority,
    Status,
)

TEXT = DEFAULT_POLICY.read_text("utf-8")


def texts(decision, rule):
    return [reason.text for reason in decision.reasons if reason.rule == rule]


def version(name, **changes):
    text = TEXT.replace('version = "2026-11-01"', f'version = "{name}"', 1)
    for old, new in changes.pop("replaced", {}).items():
        text = text.replace(old, new, 1)
    if "effective_from" in changes:
        line = f"effective_from = {changes['effective_from'].isoformat()}\n"
        text = text.replace("applies_to_open", line + "applies_to_open", 1)
    if changes.get("applies_to_open"):
        text = text.replace("applies_to_open = false", "applies_to_open = true", 1)
    return read_policy(text, f"{name}.toml")


# --- start ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "due"),
    [
        ({"organization": Organization(id="1", tier="Enterprise")}, "Mon 15:00"),
        ({"organization": Organization(id="2", name="Other", tier="Advanced")}, "Mon 17:00"),
        ({"organization": None}, "Tue 11:00"),
        ({"kind": Kind.QUESTION}, "Tue 11:00"),
        ({"impact": Impact.BLOCKING}, "Tue 11:00"),
        ({"priority": Priority.URGENT}, "Tue 11:00"),
    ],
)
def test_a_change_of_tier_priority_organization_or_kind_recomputes_from_the_first_start(
    change, due
):
    desk = Helpdesk(ticket("Starter"))
    desk.look("Mon 09:00")
    desk.change(**change)
    decision = desk.look("Mon 11:00")
    assert decision.starts_at == at("Mon 09:00")
    assert decision.target.due_at == at(due)
    assert decision.target.state is State.OPEN


def test_a_change_of_policy_recomputes_open_tickets_only_if_it_applies_to_open():
    halved = {'"8h"': '"4h"'}
    for moves, due in ((False, "Tue 11:00"), (True, "Mon 15:00")):
        new = version("2", effective_from=at("Mon 10:00"), applies_to_open=moves, replaced=halved)
        desk = Helpdesk(policies=PolicyHistory([version("1"), new]))
        assert desk.look("Mon 09:00").target.due_at == at("Tue 11:00")
        decision = desk.look("Mon 10:00")
        assert decision.target.due_at == at(due)
        assert decision.starts_at == at("Mon 09:00")
        assert decision.policy_version == ("2" if moves else "1")
        later = Helpdesk(ticket(when="Mon 10:00"), policies=desk.policies)
        assert later.look("Mon 10:00").target.due_at == at("Mon 16:00")


def test_a_version_does_not_move_older_tickets_even_where_theirs_is_not_at_hand():
    desk = Helpdesk(policies=PolicyHistory([version("1")]))
    desk.look("Mon 09:00")
    new = version("2", effective_from=at("Mon 10:00"), replaced={'"8h"': '"4h"'})
    desk.policies = PolicyHistory([new])
    for now in ("Mon 11:00", "Mon 12:00", "Mon 15:30"):
        decision = desk.look(now)
        assert (decision.target.due_at, decision.target.state) == (at("Tue 11:00"), State.OPEN)
        assert (decision.policy_name, decision.policy_version) == ("regiondo", "1")
        assert "Policy 2 does not move tickets that started before it." in texts(
            decision, "judge_response"
        )
    desk.change(organization=Organization(tier="Advanced"))
    for now in ("Mon 16:00", "Mon 16:30"):
        decision = desk.look(now)
        assert decision.target.due_at == at("Mon 17:00")
        assert decision.policy_version == "2"


def test_what_a_version_did_not_move_is_judged_by_the_terms_it_had():
    desk = Helpdesk(policies=PolicyHistory([version("1")]))
    desk.look("Mon 09:00")
    new = version("2", effective_from=at("Mon 10:00"), replaced={'"8h"': '"4h"'})
    desk.policies = PolicyHistory([new])
    desk.look("Mon 11:00")
    desk.write(message("Mon 16:00", Author.AGENT))
    for now in ("Mon 16:00", "Tue 09:00"):
        decision = desk.look(now)
        assert (decision.target.state, decision.policy_version) == (State.MET, "1")


def test_a_ticket_that_had_no_deadline_by_its_own_version_gets_one_by_the_next():
    wish = ticket(messages=(message("Mon 09:00", text=WISH),))
    desk = Helpdesk(wish, policies=PolicyHistory([version("1")]))
    assert desk.look("Mon 09:00").target is None
    desk.policies = PolicyHistory([version("2", effective_from=at("Mon 10:00"))])
    desk.change(kind=Kind.ERROR_REPORT)
    decision = desk.look("Mon 11:00")
    assert (decision.target.due_at, decision.policy_version) == (at("Tue 11:00"), "2")


def test_a_deadline_follows_a_date_that_its_own_version_closes_later():
    """A subscribed calendar changes; the policy that governs is the same, and older tickets too."""
    text = {"effective_from": at("Tue 10:00")}
    desk = Helpdesk(policies=PolicyHistory([version("1", **text)]))
    assert desk.look("Mon 09:00").target.due_at == at("Tue 11:00")
    closed = {"\nholidays = []": "\nholidays = [2026-11-24]"}
    desk.policies = PolicyHistory([version("1", **text, replaced=closed)])
    assert desk.look("Mon 10:00").target.due_at == at("Wed 11:00")


def test_a_version_governs_a_ticket_that_started_at_its_very_instant():
    desk = Helpdesk(policies=PolicyHistory([version("1")]))
    desk.look("Mon 09:00")
    new = version("2", effective_from=at("Mon 09:00"), replaced={'"8h"': '"4h"'})
    desk.policies = PolicyHistory([new])
    assert desk.look("Mon 11:00").target.due_at == at("Mon 15:00")


def test_a_ticket_opened_by_another_channel_starts_at_the_first_inbound_email():
    call = message("Mon 09:00", channel=Channel.PHONE)
    desk = Helpdesk(ticket(channel=Channel.PHONE, messages=(call,)))
    decision = desk.look("Mon 09:00")
    assert (decision.exclusion, decision.starts_at) == (Exclusion.NO_EMAIL, None)
    assert "sla_no_email" in desk.ticket.tags
    desk.write(message("Mon 11:00"))
    decision = desk.look("Mon 11:00")
    assert decision.starts_at == at("Mon 11:00")
    assert decision.covered
    assert "sla_no_email" not in desk.ticket.tags


@pytest.mark.parametrize("channel", [Channel.EMAIL, Channel.API, Channel.WEB])
def test_a_ticket_that_an_agent_opened_counts_from_the_partner_s_own_message(channel):
    opened = message("Mon 09:00", Author.AGENT, channel=channel)
    desk = Helpdesk(ticket(channel=channel, messages=(opened,)))
    assert desk.look("Mon 09:00").exclusion is Exclusion.NO_EMAIL
    desk.write(message("Mon 10:00"))
    decision = desk.look("Mon 10:00")
    assert decision.starts_at == at("Mon 10:00")
    assert decision.target.state is State.OPEN  # the agent's message came before it


def test_what_the_public_cannot_read_starts_no_clock():
    hidden = message("Mon 08:30", public=False)
    desk = Helpdesk(ticket(messages=(hidden, message("Mon 09:00"))))
    assert desk.look("Mon 09:00").starts_at == at("Mon 09:00")


def test_the_partner_s_later_messages_do_not_move_the_start():
    desk = Helpdesk()
    desk.look("Mon 09:00")
    desk.write(message("Mon 11:00"))
    assert desk.look("Mon 11:00").starts_at == at("Mon 09:00")


# --- first response -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        message("Mon 10:00", Author.AGENT, public=False),
        message("Mon 10:00", Author.SYSTEM),
        message("Mon 10:00", Author.PARTNER),
    ],
)
def test_private_notes_automatic_replies_and_triggers_are_no_response(answer):
    desk = Helpdesk()
    desk.write(answer)
    assert desk.look("Mon 10:00").target.state is State.OPEN
    assert desk.look("Tue 11:01").target.state is State.BREACHED


def test_a_response_is_judged_by_its_timestamp_never_by_when_we_looked():
    desk = Helpdesk(ticket("Enterprise"))
    assert desk.look("Mon 16:00").target.state is State.BREACHED
    desk.write(message("Mon 15:00", Author.AGENT))
    assert desk.look("Fri 10:00").target.state is State.MET
    late = Helpdesk(ticket("Enterprise"))
    late.write(replace(message("Mon 15:00", Author.AGENT), at=at("Mon 15:00") + timedelta(0, 1)))
    assert late.look("Mon 15:01").target.state is State.BREACHED


def test_an_answer_after_the_deadline_is_late_though_our_own_clock_is_behind():
    desk = Helpdesk(ticket("Enterprise"))
    desk.write(message("Mon 15:01", Author.AGENT))
    assert desk.look("Mon 14:59").target.state is State.BREACHED


def test_a_response_at_the_very_instant_of_the_start_counts_where_only_its_time_is_known():
    short = ticket(messages=None, first_response_at=at("Mon 09:00"))
    assert Helpdesk(short).look("Mon 09:00").target.state is State.MET
    before = replace(short, first_response_at=at("Mon 09:00") - timedelta(seconds=1))
    assert Helpdesk(before).look("Mon 09:00").target.state is State.OPEN


def test_a_best_effort_goal_answered_in_time_is_met_and_late_never_breached():
    desk = Helpdesk(ticket("Free"))
    assert desk.look("Fri 10:00").target.state is State.BEST_EFFORT
    desk.write(message("Fri 11:00", Author.AGENT))
    decision = desk.look("Fri 11:00")
    assert decision.target.state is State.BEST_EFFORT
    assert decision.due_at is None
    desk.change(organization=Organization(tier="Enterprise"))
    assert desk.look("Fri 11:01").target.state is State.BEST_EFFORT
    in_time = Helpdesk(ticket("Free"))
    in_time.write(message("Mon 10:00", Author.AGENT))
    assert in_time.look("Mon 10:00").target.state is State.MET
    assert "sla_met" in in_time.ticket.tags


@pytest.mark.parametrize("status", [Status.PENDING, Status.HOLD])
def test_pending_and_on_hold_do_not_stop_the_clock(status):
    desk = Helpdesk(ticket(status=status))
    assert desk.look("Tue 11:00").target.state is State.OPEN
    assert desk.look("Tue 11:01").target.state is State.BREACHED


# --- what is met or breached stays so -------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {"organization": Organization(tier="Free")},
        {"organization": Organization(tier="Enterprise")},
        {"impact": Impact.BLOCKING},
        {"messages": (message("Mon 09:00", text=WISH),)},
        {"merged_starts_at": at("Mon 09:00") - timedelta(days=7)},
        {"status": Status.SOLVED, "solved_at": at("Wed 10:00")},
    ],
)
@pytest.mark.parametrize("answered", [True, False])
def test_what_is_met_or_breached_stays_so_with_its_terms_and_policy_version(change, answered):
    desk = Helpdesk(ticket("Starter"), policies=PolicyHistory([version("1")]))
    if answered:
        desk.write(message("Mon 10:00", Author.AGENT))
    before = desk.look("Tue 12:00").target
    assert before.state is (State.MET if answered else State.BREACHED)
    desk.change(**change)
    moving = version("2", effective_from=at("Tue 13:00"), applies_to_open=True)
    for policies in (PolicyHistory([version("1"), moving]), PolicyHistory([moving])):
        desk.policies = policies
        decision = desk.look("Wed 12:00")
        after = decision.target
        assert (after.state, after.due_at) == (before.state, before.due_at)
        assert (after.business, after.commitment) == (before.business, before.commitment)
        assert decision.policy_version == "1"
        assert decision.starts_at == at("Mon 09:00")
        assert desk.memory.policy_version == "1"


def test_a_late_answer_leaves_a_breach_a_breach():
    desk = Helpdesk(ticket("Enterprise"))
    assert desk.look("Mon 16:00").target.state is State.BREACHED
    desk.write(message("Mon 16:30", Author.AGENT))
    for now in ("Mon 16:31", "Tue 09:00"):
        decision = desk.look(now)
        assert decision.target.state is State.BREACHED
        assert decision.due_at is None  # the date would read as overdue
    assert "sla_breached" in desk.ticket.tags


@pytest.mark.parametrize("answered", [True, False])
@pytest.mark.parametrize(
    ("field", "value", "exclusion"),
    [
        ("kind", Kind.FEATURE_REQUEST, Exclusion.FEATURE_REQUEST),
        ("environment", Environment.TEST, Exclusion.TEST_SYSTEM),
        ("type", "Feature Request", Exclusion.FEATURE_REQUEST),
    ],
)
def test_a_person_s_reclassification_cancels_what_was_judged_with_who_and_when(
    answered, field, value, exclusion
):
    desk = Helpdesk()
    if answered:
        desk.write(message("Mon 10:00", Author.AGENT))
    desk.look("Tue 12:00")
    desk.by_hand(when="Tue 13:00", **{field: value})
    decision = desk.look("Tue 13:00")
    assert decision.exclusion is exclusion
    assert decision.target.state is State.CANCELLED
    assert texts(decision, "judge_response") == [
        "The clock that ran is cancelled: the ticket was reclassified (Anna, 2026-11-24T12:00:00Z)."
    ]
    assert not {"sla_met", "sla_breached"} & desk.ticket.tags


@pytest.mark.parametrize(
    ("tag", "exclusion"),
    [
        ("feature_request", Exclusion.FEATURE_REQUEST),
        ("sla_excluded", Exclusion.TEST_SYSTEM),
    ],
)
def test_a_person_s_tag_is_a_reclassification_too(tag, exclusion):
    desk = Helpdesk()
    desk.look("Mon 09:00")
    desk.tags_by_hand(add={tag})
    decision = desk.look("Mon 10:00")
    assert decision.exclusion is exclusion
    assert "(Anna, 2026-11-23T09:00:00Z)" in texts(decision, "judge_response")[0]
    unaudited = Helpdesk(traits=FRESHDESK)
    unaudited.look("Mon 09:00")
    unaudited.change(tags=unaudited.ticket.tags | {tag})
    assert unaudited.look("Mon 10:00").exclusion is exclusion


def test_a_tag_that_a_follow_up_inherits_is_nobody_s_word():
    inherited = frozenset({"feature_request", "sla_excluded", "sla_met", "sla_manual"})
    desk = Helpdesk(ticket(tags=inherited, audited=True))
    decision = desk.look("Mon 09:00")
    assert decision.covered
    assert not inherited & desk.ticket.tags


# --- merge, spam, solved, reopened ----------------------------------------------------------------


def test_a_merged_ticket_is_cancelled_with_who_and_when():
    desk = Helpdesk()
    desk.look("Mon 09:00")
    desk.by_hand(status=Status.MERGED, when="Mon 10:00")
    desk.change(merged_into="8")
    decision = desk.look("Mon 10:00")
    assert (decision.exclusion, decision.target.state) == (Exclusion.MERGED, State.CANCELLED)
    assert texts(decision, "exclude_ticket") == [
        "The ticket was merged into 8; that one keeps the start."
    ]
    assert texts(decision, "judge_response") == [
        "Cancelled: the ticket is merged (Anna, 2026-11-23T09:00:00Z)."
    ]


def test_the_ticket_that_survives_a_merge_keeps_the_earlier_start():
    desk = Helpdesk(ticket(when="Tue 09:00"))
    desk.look("Tue 09:00")
    desk.change(merged_starts_at=at("Mon 16:00"))
    decision = desk.look("Tue 10:00")
    assert decision.starts_at == at("Mon 16:00")
    assert decision.target.due_at == at("Tue 17:00") + timedelta(days=1) - timedelta(hours=7)
    assert desk.look("Tue 11:00").starts_at == at("Mon 16:00")


@pytest.mark.parametrize("status", [Status.SPAM, Status.DELETED, Status.MERGED])
@pytest.mark.parametrize("now", ["Mon 09:30", "Wed 09:00"])
def test_spam_deleted_and_merged_cancel_an_open_clock_and_a_judged_one(status, now):
    desk = Helpdesk()
    desk.look(now)
    desk.change(status=status)
    decision = desk.look(now)
    assert decision.target.state is State.CANCELLED
    assert decision.due_at is None


@pytest.mark.parametrize(
    ("change", "exclusion", "said"),
    [
        ({"status": Status.SPAM}, Exclusion.SPAM, "The ticket is spam."),
        (
            {"status": Status.MERGED},
            Exclusion.MERGED,
            "The ticket was merged: the other one keeps the start.",
        ),
        (
            {"status": Status.MERGED, "merged_into": "8"},
            Exclusion.MERGED,
            "The ticket was merged into 8; that one keeps the start.",
        ),
    ],
)
def test_a_ticket_that_is_gone_says_why_no_clock_runs(change, exclusion, said):
    decision = Helpdesk(ticket(**change)).look("Mon 10:00")
    assert (decision.exclusion, texts(decision, "exclude_ticket")) == (exclusion, [said])


def test_what_was_spam_by_mistake_is_judged_again_by_timestamps():
    desk = Helpdesk(ticket(status=Status.SPAM))
    desk.look("Mon 09:00")
    desk.change(status=Status.OPEN)
    decision = desk.look("Mon 09:30")
    assert (decision.starts_at, decision.target.state) == (at("Mon 09:00"), State.OPEN)


@pytest.mark.parametrize("status", [Status.SOLVED, Status.CLOSED])
@pytest.mark.parametrize("told", [True, False])
def test_solved_without_a_reply_is_cancelled_not_met(status, told):
    desk = Helpdesk()
    desk.look("Mon 09:00")
    desk.change(status=status, updated_at=at("Mon 11:00"))
    if told:
        desk.change(solved_at=at("Mon 11:00"))
    for now in ("Mon 11:00", "Fri 10:00"):
        decision = desk.look(now)
        assert decision.target.state is State.CANCELLED
        assert decision.due_at is None
    assert not {"sla_met", "sla_breached"} & desk.ticket.tags


def test_what_was_breached_stays_so_where_the_ticket_is_solved_and_nobody_tells_when():
    desk = Helpdesk()
    assert desk.look("Tue 12:00").target.state is State.BREACHED
    desk.change(status=Status.SOLVED, updated_at=at("Tue 14:00"))
    assert desk.look("Tue 14:00").target.state is State.BREACHED


def test_what_was_cancelled_in_time_is_no_breach_where_a_later_package_was_due_earlier():
    desk = Helpdesk()
    desk.solve("Mon 16:00")
    assert desk.look("Mon 16:00").target.state is State.CANCELLED
    desk.change(organization=Organization(tier="Enterprise"))
    decision = desk.look("Mon 16:30")
    assert (decision.target.due_at, decision.target.state) == (at("Mon 15:00"), State.CANCELLED)


def test_a_goal_that_was_solved_late_without_a_reply_is_cancelled_never_breached():
    desk = Helpdesk(ticket("Free"))
    desk.solve("Fri 16:00")
    assert desk.look("Fri 16:30").target.state is State.CANCELLED


def test_solved_without_a_reply_after_the_deadline_was_breached_whether_we_looked_or_not():
    for looks in ((), ("Tue 12:00",)):
        desk = Helpdesk()
        for now in looks:
            desk.look(now)
        desk.change(status=Status.SOLVED, solved_at=at("Tue 14:00"))
        assert desk.look("Tue 15:00").target.state is State.BREACHED
    just_in_time = Helpdesk(ticket(status=Status.SOLVED, solved_at=at("Tue 11:00")))
    assert just_in_time.look("Tue 15:00").target.state is State.CANCELLED


@pytest.mark.parametrize("seen_solved", [True, False])
def test_reopened_after_it_was_solved_without_a_reply_a_new_clock_starts_at_the_next_message(
    seen_solved,
):
    desk = Helpdesk()
    desk.look("Mon 09:00")
    desk.change(status=Status.SOLVED, solved_at=at("Mon 11:00"), updated_at=at("Mon 11:00"))
    if seen_solved:
        desk.look("Mon 11:00")
    desk.write(message("Wed 09:00"), status=Status.OPEN)
    for now in ("Wed 09:00", "Wed 10:00", "Thu 11:00"):
        decision = desk.look(now)
        assert decision.starts_at == at("Wed 09:00")
        assert decision.target.due_at == at("Thu 11:00")
        assert decision.target.state is State.OPEN
    desk.change(merged_starts_at=at("Mon 10:00"))  # merged while the first clock ran
    assert desk.look("Thu 11:00").starts_at == at("Wed 09:00")
    desk.write(message("Thu 11:00", Author.AGENT))
    assert desk.look("Fri 09:00").target.state is State.MET


@pytest.mark.parametrize(
    ("merged", "start"),
    [("Mon 10:00", "Wed 09:00"), ("Mon 11:00", "Wed 09:00"), ("Tue 10:00", "Tue 10:00")],
)
def test_a_clock_that_began_anew_is_drawn_back_only_by_a_merged_ticket_that_came_after_the_solving(
    merged, start
):
    """Also where the vendor forgets, upon reopening, when the ticket was solved."""
    desk = Helpdesk(ticket(status=Status.SOLVED, updated_at=at("Mon 11:00")))
    desk.look("Mon 11:00")
    desk.write(message("Wed 09:00"), status=Status.OPEN)
    desk.look("Wed 09:00")
    desk.change(merged_starts_at=at(merged))
    for now in ("Wed 10:00", "Wed 11:00"):
        assert desk.look(now).starts_at == at(start)


@pytest.mark.parametrize("looks", [(), ("Mon 08:00",), ("Mon 08:00", "Mon 08:45"), ("Mon 08:45",)])
@pytest.mark.parametrize("last", [Status.OPEN, Status.PENDING, Status.SOLVED])
def test_solved_without_a_reply_reopened_and_answered_the_clock_ran_from_the_reopening(looks, last):
    """The answer would have been in time for the first clock too; it is judged by the second."""
    desk = Helpdesk(ticket("Enterprise", when="Mon 08:00"))
    desk.change(status=Status.SOLVED, solved_at=at("Mon 08:00"))
    for now in looks[:1]:
        desk.look(now)
    desk.write(message("Mon 08:45"), status=Status.OPEN)
    for now in looks[1:]:
        desk.look(now)
    desk.write(message("Mon 09:30", Author.AGENT), status=last)
    decision = desk.look("Tue 09:00")
    assert decision.starts_at == at("Mon 08:45")
    assert decision.restarted_after == at("Mon 08:00")
    assert (decision.target.state, decision.target.response_at) == (State.MET, at("Mon 09:30"))


def test_a_new_clock_starts_though_an_agent_wrote_after_the_first_deadline():
    desk = Helpdesk(ticket("Enterprise"))
    desk.solve("Mon 10:00")
    desk.write(message("Mon 16:00", Author.AGENT))
    desk.write(message("Tue 09:00"), message("Tue 10:00", Author.AGENT), status=Status.OPEN)
    decision = desk.look("Tue 11:00")
    assert decision.starts_at == at("Tue 09:00")
    assert (decision.target.state, decision.target.response_at) == (State.MET, at("Tue 10:00"))


@pytest.mark.parametrize("seen_breached", [True, False])
def test_solved_too_late_without_a_reply_no_later_message_takes_the_breach_away(seen_breached):
    desk = Helpdesk()
    desk.solve("Tue 14:00")
    if seen_breached:
        desk.look("Tue 14:00")
    desk.write(message("Wed 09:00"), status=Status.OPEN)
    decision = desk.look("Wed 09:00")
    assert (decision.starts_at, decision.target.state) == (at("Mon 09:00"), State.BREACHED)


@pytest.mark.parametrize("seen_answered", [True, False])
def test_answered_in_time_after_it_was_solved_no_later_message_starts_a_new_clock(seen_answered):
    desk = Helpdesk(ticket(status=Status.SOLVED, solved_at=at("Mon 09:30")))
    desk.write(message("Mon 10:00", Author.AGENT))
    if seen_answered:
        assert desk.look("Mon 10:00").target.state is State.MET
    desk.write(message("Mon 11:00"), status=Status.OPEN)
    decision = desk.look("Mon 11:00")
    assert (decision.starts_at, decision.target.state) == (at("Mon 09:00"), State.MET)


@pytest.mark.parametrize(("order", "state"), [((0, 1), State.MET), ((1, 0), State.OPEN)])
def test_an_answer_in_the_second_of_the_message_counts_where_it_follows_it(order, state):
    said = (message("Mon 09:00"), message("Mon 09:00", Author.AGENT))
    desk = Helpdesk(ticket(messages=tuple(said[one] for one in order)))
    decision = desk.look("Mon 10:00")
    assert (decision.starts_at, decision.target.state) == (at("Mon 09:00"), state)


def test_without_the_conversation_a_first_response_in_the_second_of_the_start_counts():
    desk = Helpdesk(ticket(messages=None, first_response_at=at("Mon 09:00")))
    assert desk.look("Mon 10:00").target.state is State.MET
    before = at("Mon 09:00") - timedelta(seconds=1)
    desk = Helpdesk(ticket(messages=None, first_response_at=before))
    assert desk.look("Mon 10:00").target.state is State.OPEN


def test_a_private_note_in_the_second_of_the_message_is_neither_message_nor_answer():
    hidden = message("Mon 09:00", public=False)
    answer = message("Mon 09:00", Author.AGENT)
    note = message("Mon 09:00", Author.AGENT, public=False)
    desk = Helpdesk(ticket(messages=(hidden, answer, message("Mon 09:00"), note)))
    assert desk.look("Mon 10:00").target.state is State.OPEN


@pytest.mark.parametrize(("order", "start"), [((0, 1), "Mon 10:00"), ((1, 0), "Mon 09:00")])
def test_a_reopening_answered_in_its_very_second_is_judged_by_the_conversation(order, start):
    said = (message("Mon 10:00"), message("Mon 10:00", Author.AGENT))
    desk = Helpdesk(ticket(status=Status.SOLVED, solved_at=at("Mon 09:30")))
    desk.write(*(said[one] for one in order), status=Status.OPEN)
    decision = desk.look("Mon 11:00")
    assert (decision.starts_at, decision.target.state) == (at(start), State.MET)


@pytest.mark.parametrize("status", [Status.SOLVED, Status.CLOSED])
def test_a_word_of_thanks_that_leaves_the_ticket_solved_starts_no_clock(status):
    desk = Helpdesk(ticket(status=status, solved_at=at("Mon 09:30")))
    desk.write(message("Mon 10:00", text="Merci !"))
    decision = desk.look("Wed 10:00")
    assert (decision.starts_at, decision.target.state) == (at("Mon 09:00"), State.CANCELLED)


@pytest.mark.parametrize("looks", [(), ("Mon 10:00",), ("Mon 10:00", "Mon 15:00")])
def test_solved_reopened_answered_and_solved_again_the_answer_is_judged_by_the_second_clock(looks):
    desk = Helpdesk(ticket("Enterprise"))
    desk.solve("Mon 10:00")
    for now in looks[:1]:
        desk.look(now)
    desk.write(message("Mon 15:00"), status=Status.OPEN)
    for now in looks[1:]:
        desk.look(now)
    desk.write(message("Mon 16:00", Author.AGENT))
    desk.solve("Mon 16:30")
    decision = desk.look("Tue 09:00")
    assert decision.starts_at == at("Mon 15:00")
    assert (decision.target.state, decision.target.response_at) == (State.MET, at("Mon 16:00"))


@pytest.mark.parametrize("seen_solved", [True, False])
@pytest.mark.parametrize("seen_open", [True, False])
@pytest.mark.parametrize(
    ("again", "state"), [("Tue 11:00", "cancelled"), ("Wed 11:00", "breached")]
)
def test_solved_reopened_and_solved_again_without_a_reply_each_clock_has_its_own_solving(
    seen_solved, seen_open, again, state
):
    desk = Helpdesk(ticket("Enterprise"))
    desk.solve("Mon 10:00")
    if seen_solved:
        desk.look("Mon 10:00")
    desk.write(message("Tue 09:00"), status=Status.OPEN)
    if seen_open:
        desk.look("Tue 10:00")
    desk.solve(again)  # the second deadline is Tuesday 15:00, the first was Monday 15:00
    for now in (again, "Fri 09:00"):
        decision = desk.look(now)
        assert decision.starts_at == at("Tue 09:00")
        assert decision.target.state is State(state)


def test_a_word_of_thanks_between_two_solvings_starts_no_clock_unless_the_ticket_was_open_again():
    desk = Helpdesk()
    desk.solve("Mon 10:00")
    desk.write(message("Mon 11:00", text="Merci !"))
    assert desk.look("Mon 12:00").starts_at == at("Mon 09:00")
    desk.change(status=Status.OPEN)  # an agent thinks that it needs an answer after all
    desk.solve("Mon 15:00")
    decision = desk.look("Mon 16:00")
    assert (decision.starts_at, decision.target.state) == (at("Mon 11:00"), State.CANCELLED)


def test_a_message_in_the_second_in_which_the_ticket_was_solved_again_started_a_clock():
    desk = Helpdesk()
    desk.solve("Mon 10:00")
    desk.write(message("Mon 11:00"), status=Status.OPEN)
    desk.solve("Mon 11:00")
    decision = desk.look("Mon 16:00")
    assert (decision.starts_at, decision.target.state) == (at("Mon 11:00"), State.CANCELLED)


def test_where_only_the_last_solving_is_known_the_first_clock_holds():
    """The earlier start, and so the earlier deadline, is the safe side for the partner."""
    desk = Helpdesk(ticket("Enterprise"))  # solved without a reply at 10:00, but nobody tells
    desk.write(message("Mon 15:00"), message("Mon 16:00", Author.AGENT))
    desk.change(status=Status.SOLVED, solved_at=at("Mon 16:30"))
    decision = desk.look("Tue 09:00")
    assert (decision.starts_at, decision.target.state) == (at("Mon 09:00"), State.BREACHED)


def test_reopened_where_the_conversation_was_not_read_no_clock_is_made_up():
    desk = Helpdesk(ticket(messages=None))
    desk.solve("Mon 10:00")
    for status in (Status.SOLVED, Status.OPEN):
        desk.change(status=status)
        decision = desk.look("Mon 11:00")
        assert (decision.starts_at, decision.target.state) == (at("Mon 09:00"), State.CANCELLED)


def test_reopened_by_an_agent_alone_no_clock_runs_until_the_partner_writes():
    desk = Helpdesk(ticket(status=Status.SOLVED, updated_at=at("Mon 11:00")))
    desk.look("Mon 11:00")
    desk.change(status=Status.OPEN)
    assert desk.look("Wed 09:00").target.state is State.CANCELLED
    desk.write(message("Thu 09:00", channel=Channel.PORTAL))
    assert desk.look("Thu 09:00").target.state is State.CANCELLED
    desk.write(message("Thu 10:00"))
    assert desk.look("Thu 10:00").starts_at == at("Thu 10:00")


def test_solved_twice_without_a_reply_is_cancelled_twice():
    desk = Helpdesk(ticket(status=Status.SOLVED, solved_at=at("Mon 11:00")))
    desk.look("Mon 11:00")
    desk.write(message("Wed 09:00"), status=Status.OPEN)
    assert desk.look("Wed 09:00").target.state is State.OPEN
    desk.change(status=Status.SOLVED, solved_at=at("Wed 11:00"))
    assert desk.look("Wed 11:00").target.state is State.CANCELLED
    desk.write(message("Fri 09:00"), status=Status.OPEN)
    assert desk.look("Fri 09:00").starts_at == at("Fri 09:00")


@pytest.mark.parametrize(("answered", "state"), [("10:00", State.MET), ("16:00", State.BREACHED)])
def test_reopened_after_a_response_the_target_stays_as_it_was_judged(answered, state):
    desk = Helpdesk(ticket("Enterprise"))
    desk.write(message(f"Mon {answered}", Author.AGENT))
    before = desk.look("Mon 17:00").target
    desk.change(status=Status.SOLVED, solved_at=at("Mon 17:00"))
    desk.look("Mon 17:00")
    desk.write(message("Wed 09:00"), status=Status.OPEN)
    after = desk.look("Wed 09:00").target
    assert after.state is state
    assert (after.due_at, after.response_at) == (before.due_at, before.response_at)


# --- a person's hand ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value"),
    [("due_at", at("Fri 12:00")), ("due_at", None), ("priority", Priority.LOW)],
)
def test_a_person_s_field_is_left_alone_noted_and_tagged_until_the_tag_is_taken(field, value):
    desk = Helpdesk()
    desk.look("Mon 09:00")
    ours = getattr(desk.ticket, field)
    desk.by_hand(**{field: value})
    decision = desk.look("Mon 10:00")
    assert getattr(desk.ticket, field) == value
    assert "sla_manual" in desk.ticket.tags
    assert "(Anna, 2026-11-23T09:00:00Z): it is left alone." in texts(decision, "respect_hand")[0]
    desk.look("Mon 10:01")
    assert not desk.patch
    # taken away: the connector forgets what came before it
    desk.change(tags=desk.ticket.tags - {"sla_manual"}, hands=())
    desk.look("Mon 11:00")
    assert getattr(desk.ticket, field) == ours
    assert "sla_manual" not in desk.ticket.tags
    desk.look("Mon 11:01")
    assert not desk.patch


def test_only_the_field_in_a_person_s_hand_is_left_alone():
    desk = Helpdesk()
    desk.look("Mon 09:00")
    desk.by_hand(priority=Priority.LOW)
    desk.change(organization=Organization(tier="Enterprise"))
    desk.look("Mon 10:00")
    assert desk.ticket.priority is Priority.LOW
    assert desk.ticket.due_at == at("Mon 15:00")


@pytest.mark.parametrize("taken", [True, False])
def test_a_person_s_tag_is_left_alone_noted_and_tagged_until_the_tag_is_taken(taken):
    desk = Helpdesk()
    desk.look("Mon 09:00")
    tag = "it_escalation" if taken else "sla_free"
    desk.tags_by_hand(**({"take": {tag}} if taken else {"add": {tag}}))
    decision = desk.look("Mon 10:00")
    assert (tag in desk.ticket.tags) is not taken
    assert "sla_manual" in desk.ticket.tags
    verb = f"took the tag {tag} away" if taken else f"set the tag {tag}"
    assert texts(decision, "respect_hand") == [
        f"A person {verb} (Anna, 2026-11-23T09:00:00Z): it is left alone."
    ]
    desk.look("Mon 10:01")
    assert not desk.patch
    desk.change(tags=desk.ticket.tags - {"sla_manual"}, hands=())
    desk.look("Mon 11:00")
    assert (tag in desk.ticket.tags) is taken
    assert "sla_manual" not in desk.ticket.tags


def test_a_tag_of_somebody_else_s_is_never_touched():
    desk = Helpdesk(ticket(tags=frozenset({"vip"})))
    desk.tags_by_hand(add={"spring_fair"})
    decision = desk.look("Mon 09:00")
    assert {"vip", "spring_fair"} <= desk.ticket.tags
    assert not decision.remove_tags & {"vip", "spring_fair"}
    assert "sla_manual" not in desk.ticket.tags


def test_an_agent_who_takes_a_ticket_goes_against_no_rule():
    desk = Helpdesk()
    desk.look("Mon 09:00")
    desk.by_hand(assignee="42")
    desk.look("Mon 10:00")
    assert "sla_manual" not in desk.ticket.tags
    assert desk.ticket.assignee == "42"


@pytest.mark.parametrize("traits", [ZENDESK, FRESHDESK])
@pytest.mark.parametrize("assignee", ["42", None])
def test_a_named_contact_who_was_replaced_or_taken_off_is_not_put_back(traits, assignee):
    organization = Organization(id="1", tier="Enterprise", named_contact="9")
    desk = Helpdesk(ticket(organization=organization), traits)
    desk.look("Mon 09:00")
    assert desk.ticket.assignee == "9"
    if traits is ZENDESK:
        desk.by_hand(assignee=assignee)
    else:
        desk.change(assignee=assignee)
    for now in ("Mon 10:00", "Mon 11:00"):
        desk.look(now)
        assert desk.ticket.assignee == assignee
        assert "sla_manual" in desk.ticket.tags


def test_without_audits_a_field_given_back_with_the_value_we_want_is_not_taken_for_a_hand_again():
    desk = Helpdesk(ticket("Starter"), FRESHDESK)
    desk.change(priority=Priority.NORMAL)
    desk.look("Mon 09:00")
    assert "sla_manual" in desk.ticket.tags
    desk.change(tags=desk.ticket.tags - {"sla_manual"}, note_text="changed")
    for now in ("Mon 10:00", "Mon 10:01"):
        desk.look(now)
        assert "sla_manual" not in desk.ticket.tags
    assert not desk.patch


@pytest.mark.parametrize("traits", [ZENDESK, FRESHDESK])
@pytest.mark.parametrize(
    ("label", "first"),
    [
        ("feature_request", message("Mon 09:00", text=WISH)),
        ("sla_excluded", message("Mon 09:00", text="Sur notre système de test : " + ERROR)),
    ],
)
def test_removing_a_label_restores_the_clock_for_good(traits, label, first):
    desk = Helpdesk(ticket(messages=(first,)), traits)
    assert not desk.look("Mon 09:00").covered
    assert label in desk.ticket.tags
    if traits is ZENDESK:
        desk.tags_by_hand(take={label})
    else:
        desk.change(tags=desk.ticket.tags - {label})
    for now in ("Mon 10:00", "Mon 10:01", "Tue 10:00"):
        decision = desk.look(now)
        assert decision.covered
        assert decision.target.due_at == at("Tue 11:00")
        assert label not in desk.ticket.tags
    assert any("the clock runs" in text for text in texts(decision, "judge_message"))
    if traits is ZENDESK:
        desk.change(hands=())
        desk.tags_by_hand(add={label}, when="Tue 10:30")
    else:
        desk.change(tags=desk.ticket.tags | {label})
    assert not desk.look("Tue 10:30").covered  # set again, it counts again


def test_a_type_that_we_set_ourselves_is_never_evidence():
    desk = Helpdesk(ticket(messages=(message("Mon 09:00", text=WISH),)), FRESHDESK)
    desk.look("Mon 09:00")
    assert desk.patch.kind is Kind.FEATURE_REQUEST
    # the connector stores the account's own label for it
    desk.memory = replace(desk.memory, wrote={**desk.memory.wrote, "kind": "Feature Request"})
    desk.change(type="Feature Request", tags=desk.ticket.tags - {"feature_request"})
    assert desk.look("Mon 10:00").covered


def test_a_hand_that_is_not_known_by_name_is_still_a_hand():
    desk = Helpdesk(ticket(priority=Priority.LOW, hands=(Hand(field="priority"),), audited=True))
    decision = desk.look("Mon 09:00")
    assert texts(decision, "respect_hand") == ["A person set the priority: it is left alone."]
