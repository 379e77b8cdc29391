"""What is written back over several looks: whose tag, whose date, and when to stop."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from sla_rules.engine import decide
from sla_rules.memory import Memory, remember
from sla_rules.patch import patch_for
from sla_rules.policy_file import load_policy
from sla_rules.ticket import (
    KEEP,
    Author,
    Channel,
    Hand,
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
FRESHDESK = Traits(
    clears_due_at=False,
    past_due_at=False,
    clears_due_when_done=False,
    default_priority=Priority.LOW,
    native_due_at=True,
    sets_kind=True,
)
RECALCULATING = replace(FRESHDESK, recalculates_due_at=True)
MONDAY = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)  # 10:00 in Berlin


def mail(**given):
    first = Message(
        at=MONDAY,
        author=Author.PARTNER,
        public=True,
        channel=Channel.EMAIL,
        text="Le paiement ne fonctionne plus.",
    )
    values = {
        "id": "7",
        "subject": "Erreur",
        "created_at": MONDAY,
        "channel": Channel.EMAIL,
        "messages": (first,),
        "organization": Organization(id="1", name="Alpentour", tier="enterprise"),
    }
    return Ticket(**{**values, **given})


class Account:
    """A helpdesk that takes every change but the refused ones, and what we remember of it."""

    def __init__(self, ticket, traits=FRESHDESK):
        self.ticket, self.traits, self.memory, self.patches = ticket, traits, Memory(), []

    def look(self, now=MONDAY, *, refused=(), policy=POLICY):
        decision = decide(self.ticket, policy, now, self.memory, self.traits)
        patch = patch_for(self.ticket, decision, self.memory, self.traits, now)
        written = None
        if patch:
            taken = {n: v for n, v in patch.changes().items() if n not in refused}
            written = Written(values=taken, refused=frozenset(refused) & set(patch.changes()))
            self.patches.append(patch)
        before = self.ticket
        if written:
            stored = {"due_at", "priority", "group", "due_text", "note_text"} & set(written.values)
            self.ticket = replace(
                before,
                tags=(before.tags | patch.add_tags) - patch.remove_tags,
                **{name: written.values[name] for name in stored},
            )
        self.memory = remember(self.memory, before, decision, patch, written)
        self.memory = Memory.from_json(self.memory.to_json())
        return patch, decision

    def change(self, **given):
        self.ticket = replace(self.ticket, **given)


@pytest.mark.parametrize(
    ("starts", "ends"),
    [
        ("2026-11-23T09:00:00+00:00", "2026-11-24T16:00:00+00:00"),
        ("2026-11-27T09:00:00+00:00", "2026-11-30T16:00:00+00:00"),
        ("2026-03-27T09:00:00+00:00", "2026-03-30T15:00:00+00:00"),
    ],
)
def test_the_next_business_day_ends_by_the_schedule_over_weekends_and_clock_changes(starts, ends):
    start = datetime.fromisoformat(starts)
    first = replace(mail().messages[0], at=start)
    ticket = mail(messages=(first,), created_at=start)
    decision = decide(ticket, POLICY, start, traits=FRESHDESK)
    assert decision.due_at == start + timedelta(hours=6)
    assert decision.next_day_ends_at == datetime.fromisoformat(ends)


def test_a_patch_that_only_knows_the_next_day_is_empty():
    account = Account(mail())
    account.look()
    patch, _ = account.look()
    assert patch.next_day_ends_at is not None
    assert not patch


def test_a_tag_lost_to_a_race_is_set_again_and_one_taken_twice_is_a_person_s_word():
    account = Account(mail())
    account.look()
    account.change(tags=account.ticket.tags - {"sla_enterprise"})
    patch, _ = account.look()
    assert patch.add_tags == {"sla_enterprise"}
    account.change(tags=account.ticket.tags - {"sla_enterprise"})
    for added in ({"sla_manual"}, set(), set()):
        patch, decision = account.look()
        assert patch.add_tags == added
        assert Hand(field="tag:sla_enterprise") in decision.overrides


def test_a_person_who_sets_the_tag_again_gives_it_back():
    account = Account(mail())
    account.look()
    for _ in range(2):
        account.change(tags=account.ticket.tags - {"sla_enterprise"})
        account.look()
    account.change(tags=account.ticket.tags | {"sla_enterprise"})
    _, decision = account.look()
    assert decision.overrides == ()


def test_a_due_date_that_the_account_changes_is_set_again_three_times_a_day_and_then_left():
    account = Account(mail(), RECALCULATING)
    native = MONDAY + timedelta(days=1)
    account.look()
    for hour in range(3):
        account.change(due_at=native)
        patch, _ = account.look(MONDAY + timedelta(minutes=hour))
        assert patch.due_at is not KEEP
    account.change(due_at=native)
    patch, decision = account.look(MONDAY + timedelta(minutes=4))
    assert patch.due_at is KEEP
    assert patch.add_tags == {"sla_due_not_kept"}
    assert "keep_due_date" in {reason.rule for reason in decision.reasons}
    patch, _ = account.look(MONDAY + timedelta(minutes=5))
    assert not patch


def test_a_new_due_date_is_tried_although_the_old_one_was_not_kept():
    account = Account(mail(), RECALCULATING)
    account.look()
    for minute in range(5):
        account.change(due_at=MONDAY + timedelta(days=1))
        account.look(MONDAY + timedelta(minutes=minute))
    account.change(organization=Organization(id="1", name="Alpentour", tier="starter"))
    patch, _ = account.look(MONDAY + timedelta(minutes=6))
    assert patch.due_at is not KEEP
    assert "sla_due_not_kept" in patch.remove_tags


def test_a_value_that_the_vendor_refuses_is_not_sent_again_until_it_is_another():
    account = Account(mail())
    account.look(refused={"priority"})
    patch, _ = account.look()
    assert not patch
    account.change(organization=Organization(id="1", name="Alpentour", tier="free"))
    patch, _ = account.look()
    assert patch.priority is not KEEP


def test_a_feature_request_is_moved_to_a_status_without_a_timer_once_and_never_against_a_hand():
    traits = replace(FRESHDESK, stops_timer=True)
    account = Account(mail(kind=Kind.FEATURE_REQUEST), traits)
    patch, _ = account.look()
    assert patch.stop_timer is True
    account.change(status=Status.OPEN)
    patch, _ = account.look()
    assert patch.stop_timer is KEEP
    account.change(kind=Kind.ERROR_REPORT)
    patch, _ = account.look()
    assert patch.stop_timer is False


def test_without_such_a_status_a_feature_request_stays_where_it_is():
    patch, _ = Account(mail(kind=Kind.FEATURE_REQUEST)).look()
    assert patch.stop_timer is KEEP


def test_a_change_of_our_own_account_to_our_value_is_no_hand_and_to_another_value_is_one():
    account = Account(mail(audited=True), Traits())
    account.look()
    account.change(hands=(Hand(field="priority", by="API", by_our_account=True),))
    _, decision = account.look()
    assert decision.overrides == ()
    account.change(priority=Priority.LOW)
    patch, decision = account.look()
    assert [hand.field for hand in decision.overrides] == ["priority"]
    assert patch.priority is KEEP


WISH = "It would be really useful if Regiondo could offer waiting lists."
ZENDESK = Traits()
WITH_IT = POLICY.model_copy(
    update={"it": POLICY.it.model_copy(update={"group": "IT"})},
)


def wish(**given):
    return mail(messages=(replace(mail().messages[0], text=WISH),), subject="Idée", **given)


def answer(when):
    return Message(at=when, author=Author.AGENT, public=True, channel=Channel.EMAIL)


@pytest.mark.parametrize(
    ("traits", "found", "kind"),
    [
        (FRESHDESK, None, Kind.FEATURE_REQUEST),
        (FRESHDESK, "Task", KEEP),
        (ZENDESK, None, KEEP),
    ],
)
def test_a_feature_request_gets_its_type_where_the_vendor_has_one_and_nobody_chose_another(
    traits, found, kind
):
    patch, _ = Account(wish(type=found), traits).look()
    assert patch.kind == kind


def test_an_error_gets_no_type():
    patch, _ = Account(mail()).look()
    assert patch.kind is KEEP


def test_a_feature_request_keeps_the_priority_that_it_has():
    patch, decision = Account(wish(priority=Priority.LOW)).look()
    assert (decision.priority, decision.overrides) == (None, ())
    assert patch.priority is KEEP


def test_it_gets_a_production_error_after_the_answer_once_and_never_against_a_person():
    account = Account(mail(group="Support"))
    patch, _ = account.look(policy=WITH_IT)
    assert patch.group is KEEP
    answered = MONDAY + timedelta(hours=1)
    account.change(messages=(*account.ticket.messages, answer(answered)))
    patch, _ = account.look(answered, policy=WITH_IT)
    assert patch.group == "IT"
    patch, _ = account.look(answered, policy=WITH_IT)
    assert patch.group is KEEP
    account.change(group="Support")  # a person takes it back
    patch, _ = account.look(answered, policy=WITH_IT)
    assert patch.group is KEEP


def test_a_ticket_that_is_with_it_already_is_not_moved_there():
    account = Account(mail(group="IT", messages=(*mail().messages, answer(MONDAY))))
    patch, decision = account.look(policy=WITH_IT)
    assert decision.group == "IT"
    assert patch.group is KEEP


def test_a_due_date_of_ours_goes_when_the_ticket_leaves_the_sla():
    account = Account(mail(), ZENDESK)
    account.look()
    account.change(kind=Kind.FEATURE_REQUEST)
    patch, _ = account.look()
    assert patch.due_at is None
    patch, _ = account.look()
    assert patch.due_at is KEEP


def test_a_due_date_of_ours_that_a_rule_took_away_need_not_be_cleared_again():
    account = Account(mail(audited=True), ZENDESK)
    account.look()
    account.change(kind=Kind.FEATURE_REQUEST, due_at=None)
    patch, decision = account.look()
    assert decision.overrides == ()
    assert patch.due_at is KEEP


def test_a_due_date_that_somebody_else_set_stays_when_the_ticket_is_outside_the_sla():
    theirs = MONDAY + timedelta(days=3)
    patch, _ = Account(wish(due_at=theirs), ZENDESK).look()
    assert patch.due_at is KEEP
    filled_in = replace(ZENDESK, native_due_at=True)
    patch, _ = Account(wish(due_at=theirs), filled_in).look()
    assert patch.due_at is KEEP


@pytest.mark.parametrize(
    ("traits", "answered", "left"),
    [
        (ZENDESK, True, None),
        (ZENDESK, False, None),
        (replace(ZENDESK, clears_due_when_done=False), True, KEEP),
        (replace(ZENDESK, clears_due_when_done=False), False, None),
        (FRESHDESK, True, KEEP),
        (FRESHDESK, False, KEEP),
    ],
)
def test_a_due_date_is_cleared_where_the_vendor_can_and_an_answered_one_would_read_as_overdue(
    traits, answered, left
):
    account = Account(mail(), traits)
    account.look()
    later = MONDAY + timedelta(hours=1)
    if answered:
        account.change(messages=(*account.ticket.messages, answer(later)))
    else:
        account.change(status=Status.SOLVED, solved_at=later)
    patch, decision = account.look(later)
    assert decision.due_at is None
    assert patch.due_at == left


@pytest.mark.parametrize(
    ("traits", "late", "sent"),
    [
        (ZENDESK, timedelta(hours=1), True),
        (FRESHDESK, timedelta(seconds=-1), True),
        (FRESHDESK, timedelta(0), False),
        (FRESHDESK, timedelta(hours=1), False),
    ],
)
def test_a_due_date_that_has_passed_is_sent_only_where_the_vendor_takes_it(traits, late, sent):
    due = MONDAY + timedelta(hours=6)  # 4 business hours after 10:00
    patch, decision = Account(mail(), traits).look(due + late)
    assert decision.due_at == due
    assert (patch.due_at == due) is sent


@pytest.mark.parametrize(
    ("status", "asked"),
    [(Status.NEW, True), (Status.OPEN, True), (Status.PENDING, KEEP), (Status.SOLVED, KEEP)],
)
def test_only_a_ticket_that_waits_for_us_is_moved_to_a_status_without_a_timer(status, asked):
    traits = replace(FRESHDESK, stops_timer=True)
    patch, _ = Account(wish(status=status), traits).look()
    assert patch.stop_timer == asked
    patch, _ = Account(mail(status=status), traits).look()
    assert patch.stop_timer is KEEP


def test_without_audits_a_tag_of_ours_that_we_did_not_put_there_is_left_alone():
    stray = frozenset({"sla_met"})
    patch, _ = Account(mail(tags=stray)).look()
    assert "sla_met" not in patch.remove_tags
    patch, _ = Account(mail(tags=stray, audited=True), ZENDESK).look()
    assert "sla_met" in patch.remove_tags


def test_without_audits_a_tag_that_we_put_there_goes_when_it_does_not_hold():
    account = Account(mail())
    account.look()
    account.change(organization=Organization(id="1", name="Alpentour", tier="free"))
    patch, _ = account.look()
    assert "sla_enterprise" in patch.remove_tags


@pytest.mark.parametrize("traits", [FRESHDESK, RECALCULATING])
def test_a_due_date_that_has_passed_is_not_sent_and_a_reason_says_so(traits):
    account = Account(mail(due_at=MONDAY + timedelta(days=9)), traits)
    patch, decision = account.look(MONDAY + timedelta(days=1))
    assert (patch.due_at, "sla_breached" in patch.add_tags) == (KEEP, True)
    (why,) = [reason for reason in decision.reasons if reason.rule == "keep_due_date"]
    assert why.text == (
        "The deadline 2026-11-23T15:00:00Z has passed: the helpdesk takes no past due date."
    )
    in_time = Account(mail(due_at=MONDAY + timedelta(days=9)), traits).look()[1]
    assert "keep_due_date" not in {reason.rule for reason in in_time.reasons}


def test_a_due_date_that_passed_where_it_stands_needs_no_reason():
    account = Account(mail())
    account.look()
    assert account.ticket.due_at == MONDAY + timedelta(hours=6)
    late = account.look(MONDAY + timedelta(days=1))[1]
    assert "keep_due_date" not in {reason.rule for reason in late.reasons}
