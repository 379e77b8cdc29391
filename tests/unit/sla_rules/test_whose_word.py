"""Whose word counts for what a message is: the partner's text, a person's, or our own label."""

from dataclasses import replace

import pytest
from looks import ERROR, FRESHDESK, WISH, ZENDESK, Helpdesk, at, message, ticket

from sla_rules.decision import Exclusion
from sla_rules.policy_file import DEFAULT_POLICY, load_policy
from sla_rules.policy_history import PolicyHistory
from sla_rules.ticket import Author, Environment, Hand, Impact, Kind

PERHAPS = "Would it be possible to add waiting lists?"
EDITIONS = PolicyHistory([load_policy(DEFAULT_POLICY.with_name("regiondo-editions.toml"))])


def desk_with(*texts, traits=ZENDESK, **changes):
    """A helpdesk with one ticket; each text is the partner's or (author, text)."""
    said = [text if isinstance(text, tuple) else (Author.PARTNER, text) for text in texts]
    messages = tuple(message("Mon 09:00", author, text=text) for author, text in said)
    return Helpdesk(ticket(messages=messages, **changes), traits)


def why(decision):
    return [reason.text for reason in decision.reasons if reason.rule == "judge_message"]


# --- whose text -----------------------------------------------------------------------------------


def test_only_the_partner_s_text_is_judged_never_an_agent_s():
    opened_by_us = desk_with((Author.AGENT, WISH), ERROR)
    assert opened_by_us.look("Mon 09:00").kind is Kind.ERROR_REPORT
    asked_back = desk_with("Merci", (Author.AGENT, ERROR), (Author.SYSTEM, WISH))
    decision = asked_back.look("Mon 09:00")
    assert (decision.kind, decision.candidate) == (Kind.QUESTION, False)


def test_the_partner_s_first_message_is_judged_and_not_the_later_ones():
    assert desk_with(ERROR, WISH).look("Mon 09:00").kind is Kind.ERROR_REPORT
    assert desk_with("Merci", ERROR).look("Mon 09:00").kind is Kind.QUESTION


def test_where_a_message_came_without_its_text_the_next_one_or_the_ticket_s_own_is_judged():
    assert desk_with(None, ERROR).look("Mon 09:00").kind is Kind.ERROR_REPORT
    assert desk_with(None, body=ERROR).look("Mon 09:00").kind is Kind.ERROR_REPORT
    assert desk_with("", body=ERROR).look("Mon 09:00").kind is Kind.ERROR_REPORT


def test_the_subject_is_judged_with_the_text():
    assert desk_with("Bonjour", subject=ERROR).look("Mon 09:00").kind is Kind.ERROR_REPORT


def test_a_text_in_doubt_says_so_and_quotes_what_spoke():
    sure, unsure = desk_with(ERROR).look("Mon 09:00"), desk_with(PERHAPS).look("Mon 09:00")
    assert why(sure)[0].startswith("Error report (error signs: '")
    assert why(unsure)[0].startswith("Question, perhaps with a feature request: in doubt the clock")
    assert "'Would it be possible to add'" in why(unsure)[0]


@pytest.mark.parametrize(("language", "schedule"), [("fr", "support"), ("en", "international")])
def test_the_ticket_s_own_language_counts_before_the_one_its_text_seems_to_be_in(
    language, schedule
):
    text = "Hello, the calendar does not open any more and we cannot see the bookings of the day."
    desk = desk_with(text, language=language)
    desk.policies = EDITIONS
    decision = desk.look("Mon 09:00")
    assert decision.language == language
    assert decision.schedule == schedule


# --- a person's word ------------------------------------------------------------------------------


def test_a_kind_that_a_person_named_leaves_no_doubt_to_review():
    desk = desk_with(PERHAPS)
    assert "feature_request_candidate" in desk.look("Mon 09:00").tags
    desk.by_hand(kind=Kind.QUESTION)
    decision = desk.look("Mon 10:00")
    assert "feature_request_candidate" not in desk.ticket.tags
    assert why(decision) == [
        "Question: a person said so in the field SLA kind (Anna, 2026-11-23T09:00:00Z)."
    ]


def test_an_error_that_a_person_named_keeps_the_impact_of_the_text():
    stopped = "Plus rien ne fonctionne, tout est bloqué, impossible de vendre un seul billet."
    told = desk_with(stopped).look("Mon 09:00").impact
    assert told is Impact.BLOCKING
    assert desk_with(stopped, kind=Kind.ERROR_REPORT).look("Mon 09:00").impact is told


@pytest.mark.parametrize("traits", [ZENDESK, FRESHDESK])
def test_a_wish_whose_label_a_person_took_away_is_a_question_that_nobody_reviews_again(traits):
    desk = desk_with(WISH, traits=traits)
    desk.look("Mon 09:00")
    if traits is ZENDESK:
        desk.tags_by_hand(take={"feature_request"})
    else:
        desk.change(tags=desk.ticket.tags - {"feature_request"})
    for now in ("Mon 10:00", "Mon 10:01"):
        decision = desk.look(now)
        assert (decision.kind, decision.candidate) == (Kind.QUESTION, False)
        assert decision.restored == {"feature_request"}
    by = " (Anna, 2026-11-23T09:00:00Z)" if traits is ZENDESK else ""
    assert why(decision) == [f"A person took the tag feature_request away{by}: the clock runs."]


def test_an_error_whose_label_a_person_took_away_is_still_an_error():
    desk = desk_with(ERROR)
    desk.look("Mon 09:00")
    desk.tags_by_hand(add={"feature_request"})
    desk.look("Mon 10:00")
    desk.tags_by_hand(take={"feature_request"}, when="Mon 11:00")
    assert desk.look("Mon 11:00").kind is Kind.ERROR_REPORT


def test_a_label_that_a_person_took_away_before_our_first_look_is_gone_for_good():
    desk = desk_with(WISH, tags=frozenset({"feature_request"}))
    desk.tags_by_hand(take={"feature_request"}, when="Mon 09:00")
    assert desk.look("Mon 09:00").covered


def test_a_person_s_tag_says_who_and_when():
    desk = desk_with(ERROR)
    desk.tags_by_hand(add={"feature_request", "sla_excluded"})
    assert why(desk.look("Mon 10:00")) == [
        "Feature request: a person set the tag feature_request (Anna, 2026-11-23T09:00:00Z).",
        "A person set the tag sla_excluded (Anna, 2026-11-23T09:00:00Z).",
    ]


def test_a_person_s_type_and_system_say_who_and_when():
    desk = desk_with(WISH)
    desk.by_hand(type="Incident", environment=Environment.PRODUCTION)
    assert why(desk.look("Mon 10:00")) == [
        "Error report: the ticket's type is Incident (Anna, 2026-11-23T09:00:00Z).",
        "A person set the system to production (Anna, 2026-11-23T09:00:00Z).",
    ]


def test_an_impact_that_a_person_named_says_who_and_when():
    desk = desk_with("Merci")
    desk.by_hand(impact=Impact.BLOCKING)
    decision = desk.look("Mon 10:00")
    assert decision.impact is Impact.BLOCKING
    assert why(decision)[-1].endswith("(Anna, 2026-11-23T09:00:00Z).")
    assert len(why(decision)) == 2
    assert len(why(desk_with("Merci").look("Mon 10:00"))) == 1


def test_a_type_that_says_nothing_of_the_kind_leaves_it_to_the_text():
    assert desk_with(ERROR, type="Task").look("Mon 09:00").kind is Kind.ERROR_REPORT
    assert desk_with(WISH, type="Task").look("Mon 09:00").kind is Kind.FEATURE_REQUEST


def test_what_a_person_said_in_the_console_counts_before_tag_and_type_and_after_the_field():
    desk = desk_with(WISH, type="Incident")
    desk.memory = replace(desk.memory, reviewed=Kind.QUESTION)
    decision = desk.look("Mon 09:00")
    assert decision.kind is Kind.QUESTION
    assert why(decision) == ["Question: a person said so in the console."]
    field = desk_with(WISH, kind=Kind.ERROR_REPORT)
    field.memory = replace(field.memory, reviewed=Kind.QUESTION)
    assert field.look("Mon 09:00").kind is Kind.ERROR_REPORT


def test_without_audits_a_person_s_label_holds_at_every_look():
    desk = desk_with(ERROR, traits=FRESHDESK)
    desk.look("Mon 09:00")
    desk.change(tags=desk.ticket.tags | {"feature_request"})
    for now in ("Mon 10:00", "Mon 11:00", "Mon 12:00"):
        desk.change(impact=None if desk.ticket.impact else Impact.BLOCKING)  # something to write
        assert desk.look(now).exclusion is Exclusion.FEATURE_REQUEST


def test_without_audits_a_label_that_was_ours_is_a_person_s_once_they_took_and_set_it():
    desk = desk_with(ERROR, traits=FRESHDESK, kind=Kind.FEATURE_REQUEST)
    desk.look("Mon 09:00")
    labelled = desk.ticket.tags
    desk.change(kind=None, tags=labelled - {"feature_request"})
    assert desk.look("Mon 10:00").covered
    desk.change(tags=desk.ticket.tags | {"feature_request"})
    assert not desk.look("Mon 11:00").covered


# --- our own label --------------------------------------------------------------------------------


@pytest.mark.parametrize("traits", [ZENDESK, FRESHDESK])
def test_the_label_that_followed_a_person_s_field_is_no_word_of_its_own(traits):
    """A feature request by mistake: the field is cleared again, and the clock runs."""
    desk = desk_with(ERROR, traits=traits, kind=Kind.FEATURE_REQUEST, audited=traits is ZENDESK)
    assert desk.look("Mon 09:00").exclusion is Exclusion.FEATURE_REQUEST
    assert "feature_request" in desk.ticket.tags
    desk.change(kind=None)
    decision = desk.look("Mon 10:00")
    assert decision.kind is Kind.ERROR_REPORT
    assert decision.covered
    assert "feature_request" not in desk.ticket.tags


def test_our_account_s_label_is_ours_where_we_set_it_and_a_person_s_where_we_did_not():
    ours = Hand(field="tag:feature_request", at=at("Mon 09:30"), by_our_account=True)
    desk = desk_with(ERROR, kind=Kind.FEATURE_REQUEST, audited=True)
    desk.look("Mon 09:00")
    desk.change(kind=None, hands=(ours,))
    assert desk.look("Mon 10:00").covered
    tagged = desk_with(ERROR, tags=frozenset({"feature_request"}), audited=True, hands=(ours,))
    assert not tagged.look("Mon 10:00").covered


def test_a_label_that_a_person_set_once_more_is_theirs_although_we_set_it_too():
    desk = desk_with(ERROR, kind=Kind.FEATURE_REQUEST, audited=True)
    desk.look("Mon 09:00")
    desk.tags_by_hand(add={"feature_request"})
    desk.change(kind=None)
    assert not desk.look("Mon 10:00").covered


def test_a_person_s_hand_on_another_tag_is_no_word_on_the_label():
    desk = desk_with(ERROR, tags=frozenset({"feature_request"}))
    desk.tags_by_hand(add={"vip"})
    assert desk.look("Mon 10:00").covered


def test_a_label_that_our_own_account_took_off_is_not_taken_for_a_person_s_word():
    ours = Hand(field="tag:feature_request", at=at("Mon 09:30"), by_our_account=True)
    desk = desk_with(WISH, audited=True, hands=(ours,))
    assert desk.look("Mon 10:00").exclusion is Exclusion.FEATURE_REQUEST
