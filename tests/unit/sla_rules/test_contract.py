"""The contract, clause by clause, in the words of the people who signed it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from sla_rules.decision import Exclusion, State
from sla_rules.engine import decide
from sla_rules.memory import Memory, remember
from sla_rules.patch import patch_for
from sla_rules.policy_file import load_policy
from sla_rules.sentences import LANGUAGES, render, term
from sla_rules.ticket import (
    Author,
    Channel,
    Environment,
    Hand,
    Impact,
    Kind,
    Message,
    Organization,
    Priority,
    Status,
    Ticket,
    Traits,
    Written,
)

POLICY = load_policy()
BERLIN = ZoneInfo("Europe/Berlin")
VENDOR = Traits()


def at(text):
    """`Fri 16:55` of the week of Monday 23 November 2026, Berlin time; `+Mon` is the week after."""
    day, clock = text.split()
    weeks = day.count("+")
    on = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"].index(day.strip("+"))
    hour, minute = map(int, clock.split(":"))
    first = datetime(2026, 11, 23, hour, minute, tzinfo=BERLIN)
    return (first + timedelta(days=on + 7 * weeks)).astimezone(UTC)


def a_ticket(tier="Starter", when="Mon 09:00", **changes):
    values = {
        "id": "7",
        "subject": "Erreur",
        "body": "Le paiement ne fonctionne plus, erreur 500.",
        "channel": Channel.EMAIL,
        "created_at": at(when),
        "organization": Organization(id="1", name="Alpentour", tier=tier),
    }
    return Ticket(**{**values, **changes})


def decided(ticket, now="Mon 09:00", memory=None, traits=VENDOR):
    return decide(ticket, POLICY, at(now), memory or Memory(), traits)


def looked_at(ticket, now, memory=None, traits=VENDOR):
    """One look as the pipeline does it, everything written: the ticket after it and the memory."""
    memory = memory or Memory()
    decision = decided(ticket, now, memory, traits)
    patch = patch_for(ticket, decision, memory, traits, at(now))
    changes = patch.changes()
    after = replace(
        ticket,
        tags=(ticket.tags | patch.add_tags) - patch.remove_tags,
        **{
            name: value
            for name, value in changes.items()
            if name in {"due_at", "priority", "assignee", "due_text", "note_text"}
        },
    )
    written = Written(values=changes) if patch else None
    return after, remember(memory, ticket, decision, patch, written), decision


@pytest.mark.parametrize(
    ("tier", "when", "due"),
    [
        ("Enterprise", "Mon 09:00", "Mon 15:00"),
        ("Advanced", "Mon 09:00", "Mon 17:00"),
        ("Starter", "Mon 09:00", "Tue 11:00"),
        ("Free", "Mon 09:00", "Tue 15:00"),
        ("Entreprise", "Fri 16:55", "+Mon 14:55"),
        ("Avancé", "Mon 11:30", "Tue 11:30"),
        ("Starter", "Mon 12:30", "Tue 16:00"),
        ("Gratuit", "Sat 10:00", "+Tue 15:00"),
    ],
)
def test_clause_1_the_first_response_is_due_within_the_package_s_business_hours(tier, when, due):
    assert decided(a_ticket(tier, when), when).target.due_at == at(due)


def test_clause_1_ten_hours_or_more_is_a_goal_that_is_never_breached():
    late = decided(a_ticket("Free"), "Fri 17:00")
    assert late.target.state is State.BEST_EFFORT
    assert "sla_breached" not in late.tags


def test_clause_1_a_ticket_without_an_email_has_no_clock():
    decision = decided(a_ticket(channel=Channel.PHONE))
    assert decision.exclusion is Exclusion.NO_EMAIL
    assert "sla_no_email" in decision.tags
    assert decision.targets == ()


def test_clause_1_the_clock_starts_at_the_partner_s_own_message_when_an_agent_opened_the_ticket():
    messages = (
        Message(at=at("Mon 09:00"), author=Author.AGENT, public=True, channel=Channel.EMAIL),
        Message(at=at("Mon 10:00"), author=Author.PARTNER, public=True, channel=Channel.EMAIL),
    )
    decision = decided(a_ticket(messages=messages))
    assert decision.starts_at == at("Mon 10:00")
    assert decision.target.state is State.OPEN


def test_clause_1_an_unknown_channel_keeps_the_clock_running():
    assert decided(a_ticket(channel=None)).covered


def test_clause_1_a_test_system_is_excluded_with_its_reason():
    decision = decided(a_ticket(environment=Environment.TEST))
    assert decision.exclusion is Exclusion.TEST_SYSTEM
    assert "sla_excluded" in decision.tags
    assert decision.due_at is None
    assert any(reason.clause == "1" and "test system" in reason.text for reason in decision.reasons)


@pytest.mark.parametrize(
    ("tier", "impact", "priority"),
    [
        ("Enterprise", Impact.BLOCKING, Priority.URGENT),
        ("Advanced", Impact.MINOR, Priority.NORMAL),
        ("Starter", Impact.BLOCKING, Priority.HIGH),
        ("Free", Impact.MINOR, Priority.LOW),
    ],
)
def test_clause_1_priority_follows_package_and_impact(tier, impact, priority):
    decision = decided(a_ticket(tier, impact=impact))
    assert decision.priority is priority
    assert f"sla_priority_{priority.value}" in decision.tags


def test_clause_1_only_enterprise_has_a_named_contact():
    organization = Organization(name="A", tier="Enterprise", named_contact="anna")
    assert decided(a_ticket(organization=organization)).assignee == "anna"
    starter = decided(a_ticket(organization=replace(organization, tier="Starter")))
    assert starter.assignee is None
    assert any("no named contact" in reason.text for reason in starter.reasons)


def test_clause_1_a_named_contact_is_told_by_name_and_assigned_by_id():
    organization = Organization(
        tier="Enterprise", named_contact="8447388090064", named_contact_name="Anna Berger"
    )
    decision = decided(a_ticket(organization=organization))
    assert decision.assignee == "8447388090064"
    (told,) = [reason for reason in decision.reasons if reason.rule == "assign_contact"]
    stored = told.to_stored()
    assert [render(stored, language) for language in ("en", "de")] == [
        "Assigned to the named contact Anna Berger.",
        "Dem festen Ansprechpartner Anna Berger zugewiesen.",
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_clause_1_why_a_named_contact_cannot_take_a_ticket_is_told_in_each_language(language):
    for refusal in ("unknown", "inactive", "not_in_group"):
        organization = Organization(
            tier="Enterprise",
            named_contact="8447388090064",
            named_contact_name="Anna Berger",
            named_contact_refusal=refusal,
        )
        reasons = decided(a_ticket(organization=organization)).reasons
        (told,) = [reason.to_stored() for reason in reasons if reason.key == "refused"]
        said = render(told, language)
        assert "Anna Berger" in said
        assert said.endswith(f": {term('refusal', refusal, language)}.")


def test_clause_1_a_named_contact_who_cannot_take_tickets_is_named_with_the_reason():
    organization = Organization(
        tier="Enterprise", named_contact="anna", named_contact_refusal="not an active agent"
    )
    decision = decided(a_ticket(organization=organization))
    assert decision.assignee is None
    assert any("not an active agent" in reason.text for reason in decision.reasons)


def test_clause_2_a_production_error_is_passed_on_to_it():
    decision = decided(a_ticket())
    assert decision.kind is Kind.ERROR_REPORT
    assert "it_escalation" in decision.tags
    assert decision.group is None


def test_clause_3_a_feature_request_falls_outside_the_sla():
    decision = decided(
        a_ticket(
            subject="Idea",
            body="It would be really useful if Regiondo could offer waiting lists.",
        )
    )
    assert decision.exclusion is Exclusion.FEATURE_REQUEST
    assert "feature_request" in decision.tags
    assert decision.due_at is None
    assert decision.quote


def test_clause_3_a_wish_with_an_error_in_it_keeps_its_clock():
    decision = decided(
        a_ticket(subject="Checkout", body="It would be nice if the checkout worked, error 500.")
    )
    assert decision.covered


def test_a_person_s_classification_wins_over_the_text():
    said = decided(a_ticket(kind=Kind.FEATURE_REQUEST))
    assert said.exclusion is Exclusion.FEATURE_REQUEST
    wish = "It would be really useful if Regiondo could offer waiting lists."
    assert decided(a_ticket(subject="", body=wish, kind=Kind.QUESTION)).covered


def test_no_organisation_means_the_default_tier_and_a_tag_for_the_admin():
    decision = decided(a_ticket(organization=None))
    assert decision.tier == POLICY.default_tier
    assert "sla_tier_unknown" in decision.tags


def test_a_response_exactly_at_the_deadline_is_in_time_and_a_second_later_is_not():
    due = at("Tue 11:00")
    assert decided(a_ticket(first_response_at=due), "Wed 09:00").target.state is State.MET
    late = decided(a_ticket(first_response_at=due + timedelta(seconds=1)), "Wed 09:00")
    assert late.target.state is State.BREACHED


def test_a_private_note_and_an_automatic_reply_are_no_first_response():
    messages = (
        Message(at=at("Mon 09:00"), author=Author.PARTNER, public=True, channel=Channel.EMAIL),
        Message(at=at("Mon 09:01"), author=Author.SYSTEM, public=True),
        Message(at=at("Mon 09:02"), author=Author.AGENT, public=False),
    )
    assert decided(a_ticket(messages=messages)).target.state is State.OPEN


def test_the_start_never_moves_and_a_change_of_tier_recomputes_from_it():
    ticket, memory, _ = looked_at(a_ticket("Starter"), "Mon 09:00")
    upgraded = replace(ticket, organization=Organization(tier="Enterprise"))
    assert decided(upgraded, "Mon 10:00", memory).target.due_at == at("Mon 15:00")


def test_what_is_breached_stays_so_after_a_change_of_tier():
    ticket, memory, decision = looked_at(a_ticket("Enterprise"), "Mon 16:00")
    assert decision.target.state is State.BREACHED
    downgraded = replace(ticket, organization=Organization(tier="Free"))
    assert decided(downgraded, "Mon 16:30", memory).target.state is State.BREACHED


def test_a_response_in_time_that_is_seen_late_is_judged_by_its_timestamp():
    ticket, memory, _ = looked_at(a_ticket("Enterprise"), "Mon 16:00")
    answered = replace(ticket, first_response_at=at("Mon 14:30"))
    assert decided(answered, "Mon 17:00", memory).target.state is State.MET


def test_pending_does_not_stop_a_first_response_clock():
    assert decided(a_ticket(status=Status.PENDING), "Tue 12:00").target.state is State.BREACHED


def test_solved_without_a_reply_is_cancelled_and_a_new_message_starts_a_new_clock():
    first = Message(at=at("Mon 09:00"), author=Author.PARTNER, public=True, channel=Channel.EMAIL)
    ticket = a_ticket(messages=(first,), status=Status.SOLVED, updated_at=at("Mon 10:00"))
    ticket, memory, decision = looked_at(ticket, "Mon 10:00")
    assert decision.target.state is State.CANCELLED
    again = replace(first, at=at("Wed 09:00"))
    reopened = replace(ticket, status=Status.OPEN, messages=(first, again))
    decision = decided(reopened, "Wed 09:01", memory)
    assert decision.starts_at == at("Wed 09:00")
    assert decision.target.due_at == at("Thu 11:00")


@pytest.mark.parametrize("status", [Status.SPAM, Status.MERGED, Status.DELETED])
def test_spam_merged_and_deleted_tickets_are_cancelled(status):
    assert decided(a_ticket(status=status)).target.state is State.CANCELLED


def test_a_merge_keeps_the_earlier_start():
    decision = decided(a_ticket(when="Tue 09:00", merged_starts_at=at("Mon 09:00")), "Tue 09:00")
    assert decision.starts_at == at("Mon 09:00")


def test_a_person_s_reclassification_cancels_a_running_clock():
    ticket, memory, _ = looked_at(a_ticket(), "Mon 09:00")
    decision = decided(replace(ticket, kind=Kind.FEATURE_REQUEST), "Mon 10:00", memory)
    assert decision.target.state is State.CANCELLED
    patch = patch_for(ticket, decision, memory, VENDOR, at("Mon 10:00"))
    assert patch.due_at is None


def test_a_second_look_changes_nothing():
    ticket, memory, _ = looked_at(a_ticket(), "Mon 09:00")
    decision = decided(ticket, "Mon 09:05", memory)
    assert not patch_for(ticket, decision, memory, VENDOR, at("Mon 09:05"))


def test_removing_the_label_restores_the_clock_for_good():
    wish = "It would be really useful if Regiondo could offer waiting lists."
    ticket, memory, decision = looked_at(a_ticket(subject="", body=wish), "Mon 09:00")
    assert decision.exclusion is Exclusion.FEATURE_REQUEST
    for _ in range(2):
        ticket = replace(ticket, tags=ticket.tags - {"feature_request"})
        ticket, memory, decision = looked_at(ticket, "Mon 09:30", memory)
        assert decision.covered
        assert decision.target.due_at == at("Tue 11:00")


def test_a_person_s_priority_and_due_date_are_left_alone():
    hands = (Hand(field="priority", by="Anna"), Hand(field="due_at", by="Anna"))
    ticket = a_ticket(priority=Priority.LOW, hands=hands, audited=True)
    decision = decided(ticket)
    patch = patch_for(ticket, decision, Memory(), VENDOR, at("Mon 09:00"))
    assert set(patch.changes()) == {"due_text", "note_text", "add_tags"}
    assert "sla_manual" in patch.add_tags


def test_without_audits_a_value_that_is_neither_ours_nor_the_default_is_a_person_s():
    traits = Traits(default_priority=Priority.LOW, native_due_at=True, clears_due_at=False)
    ticket, memory, _ = looked_at(a_ticket("Enterprise"), "Mon 09:00", traits=traits)
    by_hand = replace(ticket, priority=Priority.URGENT)
    by_hand, memory, decision = looked_at(by_hand, "Mon 09:10", memory, traits)
    assert {hand.field for hand in decision.overrides} == {"priority"}
    assert by_hand.priority is Priority.URGENT
    assert "sla_manual" in by_hand.tags
    given_back = replace(by_hand, tags=by_hand.tags - {"sla_manual"})
    after, memory, _ = looked_at(given_back, "Mon 09:20", memory, traits)
    assert after.priority is Priority.HIGH
    assert "sla_manual" not in looked_at(after, "Mon 09:30", memory, traits)[0].tags


def test_an_answered_ticket_loses_its_due_date_and_says_met():
    ticket, memory, _ = looked_at(a_ticket(), "Mon 09:00")
    answered = replace(ticket, first_response_at=at("Mon 10:00"))
    after, memory, _ = looked_at(answered, "Mon 10:01", memory)
    assert after.due_at is None
    assert "sla_met" in after.tags


def test_agents_read_the_deadline_in_local_time():
    decision = decided(a_ticket("Enterprise", "Fri 16:55"), "Fri 16:55")
    assert decision.due_text == "2026-11-30 14:55"
    assert decision.note_text == "Enterprise 4 h · Fri 16:55 -> Mon 14:55"
