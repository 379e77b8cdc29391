"""What is remembered of a ticket between two looks, and what a person's change does to it."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from looks import FRESHDESK, ZENDESK, Helpdesk, at, message, ticket

from sla_rules.decision import State, Target
from sla_rules.engine import decide
from sla_rules.memory import (
    Memory,
    as_left,
    confirmed,
    corrections_today,
    is_correction,
    remember,
    sending,
)
from sla_rules.patch import patch_for
from sla_rules.policy_file import DEFAULT_POLICY, load_policy, read_policy
from sla_rules.policy_sections import Commitment
from sla_rules.ticket import (
    KEEP,
    Author,
    Hand,
    Kind,
    Organization,
    Priority,
    Status,
    TicketPatch,
    Written,
)

POLICY = load_policy()
TEXT = DEFAULT_POLICY.read_text("utf-8")
MONDAY = at("Mon 09:00")
FULL = Memory(
    starts_at=MONDAY,
    due_at=at("Mon 15:00"),
    tier="enterprise",
    judged=Target(
        metric="first_response",
        business=timedelta(hours=4),
        commitment=Commitment.GUARANTEED,
        due_at=at("Mon 15:00"),
        state=State.MET,
        response_at=at("Mon 10:00"),
    ),
    policy_name="regiondo",
    policy_version="2026-11-01",
    cancelled_at=at("Mon 11:00"),
    restarted_after=at("Mon 12:00"),
    wrote={"priority": "high", "due_at": None},
    tags=frozenset({"c", "a", "b", "e", "d"}),
    overrides=(Hand(field="priority", by="Anna", at=at("Mon 10:00")),),
    restored=frozenset({"sla_excluded", "feature_request", "p", "q", "r", "s"}),
    healed=frozenset({"z", "y", "x"}),
    corrections=(at("Mon 09:30"), at("Mon 09:40")),
    refused={"group": "9"},
    fingerprint="abc",
    next_look_at=at("Mon 14:00"),
)


def left_by(seen, memory=None, *, taken=None, refused=(), traits=FRESHDESK):
    """The memory after one look whose write took those fields of the patch (None: every one)."""
    memory = memory or Memory()
    decision = decide(seen, POLICY, MONDAY, memory, traits)
    patch = patch_for(seen, decision, memory, traits, MONDAY)
    changes = patch.changes()
    values = changes if taken is None else {name: changes[name] for name in taken}
    written = Written(values=values, refused=frozenset(refused), fingerprint="after")
    return remember(memory, seen, decision, patch, written if patch else None), patch


def test_what_is_remembered_outlasts_the_database():
    stored = json.dumps(FULL.to_json())
    assert Memory.from_json(json.loads(stored)) == FULL
    assert Memory.from_json({}) == Memory()


def test_what_is_stored_does_not_depend_on_the_order_of_a_set():
    stored = FULL.to_json()
    for name in ("tags", "restored", "healed"):
        assert stored[name] == sorted(stored[name])


def test_tags_that_the_vendor_did_not_take_are_not_remembered_as_ours():
    memory, patch = left_by(ticket(), taken=("priority",), refused=("add_tags",))
    assert patch.add_tags
    assert memory.tags == frozenset()
    assert "add_tags" not in memory.wrote
    lost = replace(memory, tags=patch.add_tags, refused={})
    memory, _ = left_by(ticket(), lost, taken=("note_text",))
    assert memory.healed == frozenset()  # not set once more: a race may have taken them


def test_a_tag_that_the_vendor_left_on_is_still_ours_to_take_off():
    ours = frozenset({"sla_starter", "sla_priority_low", "feature_request"})
    asked = ticket(tags=ours, messages=(message("Mon 09:00", text="Merci"),))
    memory, _ = left_by(asked, Memory(tags=ours), taken=("due_at",), refused=("remove_tags",))
    assert "feature_request" in memory.tags


def test_what_we_wrote_is_remembered_by_field_and_tags_by_name():
    memory, patch = left_by(ticket())
    assert memory.tags == patch.add_tags
    assert set(memory.wrote) == {"due_at", "priority", "due_text", "note_text"}


def test_a_due_date_that_we_cleared_is_remembered_as_none():
    desk = Helpdesk()
    desk.look("Mon 09:00")
    desk.change(kind=Kind.FEATURE_REQUEST)
    desk.look("Mon 10:00")
    assert desk.memory.wrote["due_at"] is None
    assert desk.memory.wrote["due_text"] is None


def test_each_tag_may_be_lost_to_a_race_once():
    desk = Helpdesk(traits=FRESHDESK)
    desk.look("Mon 09:00")
    for tag in ("sla_starter", "it_escalation"):
        desk.change(tags=desk.ticket.tags - {tag})
        desk.look("Mon 10:00")
        assert desk.patch.add_tags == {tag}


def test_a_tag_that_was_lost_once_and_set_may_be_lost_again_after_it_was_not_wanted():
    desk = Helpdesk(traits=FRESHDESK)
    desk.look("Mon 09:00")
    desk.change(tags=desk.ticket.tags - {"it_escalation"})
    desk.look("Mon 10:00")
    for kind in (Kind.QUESTION, None):
        desk.change(kind=kind)
        desk.look("Mon 11:00")
    desk.change(tags=desk.ticket.tags - {"it_escalation"})
    desk.look("Mon 12:00")
    assert desk.patch.add_tags == {"it_escalation"}


def test_without_audits_a_field_in_a_person_s_hand_stays_so_at_every_look():
    desk = Helpdesk(traits=FRESHDESK)
    desk.look("Mon 09:00")
    desk.change(priority=Priority.URGENT)
    for now in ("Mon 10:00", "Mon 11:00", "Mon 12:00"):
        desk.change(note_text=None)  # something to write
        held = [hand.field for hand in desk.look(now).overrides]
        assert (held, desk.ticket.priority) == (["priority"], Priority.URGENT)


def test_a_goal_that_waits_for_its_answer_moves_with_the_package():
    desk = Helpdesk(ticket("Free"))
    for now in ("Mon 09:00", "Wed 09:00"):
        assert desk.look(now).target.state is State.BEST_EFFORT
    desk.change(organization=Organization(tier="Starter"))
    decision = desk.look("Wed 10:00")
    assert (decision.target.due_at, decision.target.state) == (at("Tue 11:00"), State.BREACHED)


def test_a_label_that_we_took_off_ourselves_is_not_taken_for_a_person_s_word():
    ours = frozenset({"sla_starter", "sla_priority_low", "feature_request"})
    asked = ticket(tags=ours, messages=(message("Mon 09:00", text="Merci"),))
    memory, patch = left_by(asked, Memory(tags=ours))
    assert (patch.add_tags, patch.remove_tags) == (set(), {"feature_request"})
    assert memory.tags == {"sla_starter", "sla_priority_low"}
    after = replace(asked, tags=memory.tags)
    assert left_by(after, memory)[0].restored == frozenset()


def test_a_value_that_the_vendor_refused_is_tried_again_once_another_was_taken():
    starter = ticket()
    memory, _ = left_by(starter, refused=("priority",), taken=("due_at",))
    assert memory.refused == {"priority": "normal"}
    other = replace(starter, organization=Organization(tier="Enterprise"))
    memory, patch = left_by(other, memory)
    assert patch.priority is Priority.HIGH
    assert memory.refused == {}
    _, patch = left_by(replace(starter, priority=Priority.HIGH), memory)
    assert patch.priority is Priority.NORMAL


def test_a_target_that_was_judged_keeps_the_name_of_its_package():
    desk = Helpdesk(ticket("Starter"))
    desk.write(message("Mon 10:00", Author.AGENT))
    desk.look("Mon 10:00")
    desk.change(organization=Organization(tier="Enterprise"))
    for now in ("Mon 11:00", "Mon 12:00", "Mon 13:00"):
        said = [reason.text for reason in desk.look(now).reasons if reason.rule == "set_deadline"]
        assert said == [
            "Starter: first response within 8 h of business time, due 2026-11-24T10:00:00Z."
        ]


def test_a_policy_of_another_name_does_not_move_what_was_decided_by_one_of_the_same_version():
    desk = Helpdesk()
    desk.look("Mon 09:00")
    assert (desk.memory.policy_name, desk.memory.policy_version) == ("regiondo", "2026-11-01")


def test_a_field_given_back_before_we_ever_wrote_it_is_ours_from_then_on():
    first = ticket("Starter", priority=Priority.NORMAL)
    memory = Memory(overrides=(Hand(field="priority"),), tags=frozenset({"sla_manual"}))
    memory, patch = left_by(first, memory)
    assert patch.priority is KEEP
    assert memory.wrote["priority"] == "normal"
    assert memory.overrides == ()


# --- a look that need not be made -----------------------------------------------------------------


def after_a_look(mark="seen", **changes):
    memory = remember(
        Memory(),
        first := ticket(fingerprint=mark, **changes),
        decide(first, POLICY, MONDAY),
        patch_for(first, decide(first, POLICY, MONDAY), Memory(), ZENDESK, MONDAY),
        None,
    )
    return Memory.from_json(memory.to_json())


def test_a_ticket_that_is_as_we_left_it_need_not_be_read_again():
    assert as_left(after_a_look(), POLICY, MONDAY) == "seen"
    memory, patch = left_by(ticket(fingerprint="before"))
    assert patch
    assert as_left(memory, POLICY, MONDAY) == "after"


def test_a_ticket_is_read_whole_where_it_was_never_seen_or_the_vendor_gives_no_mark():
    assert as_left(Memory(), POLICY, MONDAY) is None
    assert as_left(after_a_look(mark=None), POLICY, MONDAY) is None
    assert as_left(after_a_look(mark=""), POLICY, MONDAY) is None


def test_a_ticket_is_read_whole_once_time_alone_changes_something():
    memory = after_a_look()
    due = memory.next_look_at
    assert as_left(memory, POLICY, due - timedelta(seconds=1)) == "seen"
    assert as_left(memory, POLICY, due) is None
    resting = replace(memory, next_look_at=None)
    assert as_left(resting, POLICY, due + timedelta(days=9)) == "seen"


def test_a_ticket_is_read_whole_after_another_policy_or_a_review_in_the_console():
    memory = after_a_look()
    for change in ({"version": "2"}, {"name": "other"}):
        assert as_left(memory, POLICY.model_copy(update=change), MONDAY) is None
    assert as_left(replace(memory, reviewed=Kind.QUESTION), POLICY, MONDAY) is None


def test_a_ticket_is_read_whole_where_other_dates_are_closed_than_before():
    memory = after_a_look()
    text = TEXT.replace("\nholidays = []", "\nholidays = [2026-12-24]")
    closed = read_policy(text, "x.toml")
    assert (closed.name, closed.version) == (POLICY.name, POLICY.version)
    assert as_left(memory, closed, MONDAY) is None
    assert as_left(memory, read_policy(TEXT, "x.toml"), MONDAY) == "seen"


# --- due dates that an account changes ------------------------------------------------------------


def test_a_correction_is_our_last_due_date_where_another_one_stands_now():
    ours, theirs = at("Mon 15:00"), at("Tue 15:00")
    memory = Memory(wrote={"due_at": "2026-11-23T14:00:00Z"})
    assert is_correction(memory, ticket(due_at=theirs), ours)
    assert is_correction(memory, ticket(due_at=None), ours)
    assert not is_correction(memory, ticket(due_at=ours), ours)
    assert not is_correction(memory, ticket(due_at=ours), theirs)
    nothing = Memory(wrote={"due_at": None})
    assert not is_correction(nothing, ticket(due_at=theirs), None)


def test_corrections_count_for_a_day_to_the_second():
    memory = Memory(corrections=(MONDAY,))
    day = timedelta(days=1)
    assert corrections_today(memory, MONDAY + day - timedelta(seconds=1)) == (MONDAY,)
    assert corrections_today(memory, MONDAY + day) == ()


PATCH = TicketPatch(
    due_at=at("Mon 15:00"),
    priority=Priority.HIGH,
    assignee="7",
    group="9",
    kind=Kind.FEATURE_REQUEST,
    stop_timer=True,
    add_tags=frozenset({"sla_enterprise"}),
    remove_tags=frozenset({"sla_starter"}),
)
UNHEARD = Memory(sent=sending(Memory(), PATCH))


def test_what_stands_there_as_we_sent_it_is_ours_though_no_answer_came():
    seen = ticket(
        due_at=at("Mon 15:00"),
        priority=Priority.HIGH,
        assignee="7",
        group="9",
        type="feature request",
        status=Status.PENDING,
        tags=frozenset({"sla_enterprise", "vip"}),
    )
    before = replace(UNHEARD, wrote={"note_text": "Enterprise 4 h"})
    memory = confirmed(before, seen, POLICY)
    assert memory.wrote == {
        "note_text": "Enterprise 4 h",
        "due_at": "2026-11-23T14:00:00Z",
        "priority": "high",
        "assignee": "7",
        "group": "9",
        "kind": "feature request",
        "stop_timer": "True",
    }
    assert memory.tags == {"sla_enterprise"}


@pytest.mark.parametrize("status", [Status.NEW, Status.OPEN])
def test_what_stands_there_otherwise_is_a_person_s(status):
    seen = ticket(
        due_at=at("Mon 15:01"),
        priority=Priority.LOW,
        assignee="8",
        group="8",
        type="Question",
        status=status,
        tags=frozenset({"vip"}),
    )
    memory = confirmed(UNHEARD, seen, POLICY)
    assert (memory.wrote, memory.tags) == ({}, frozenset())


def test_what_was_never_sent_is_a_person_s_though_we_might_have_sent_it():
    sent = sending(Memory(), TicketPatch(priority=Priority.HIGH))
    seen = ticket(
        priority=Priority.HIGH,
        group="9",
        type="Feature request",
        status=Status.PENDING,
        tags=frozenset({"sla_enterprise"}),
    )
    memory = confirmed(Memory(sent=sent), seen, POLICY)
    assert (memory.wrote, memory.tags) == ({"priority": "high"}, frozenset())
    assert confirmed(FULL, seen, POLICY) == FULL


def test_a_label_that_we_took_off_is_no_person_s_word_though_no_answer_came():
    ours = frozenset({"sla_starter", "sla_priority_low", "feature_request"})
    asked = ticket(tags=ours, messages=(message("Mon 09:00", text="Merci"),))
    memory = Memory(tags=ours)
    patch = patch_for(
        asked, decide(asked, POLICY, MONDAY, memory, FRESHDESK), memory, FRESHDESK, MONDAY
    )
    assert patch.remove_tags == {"feature_request"}
    memory = replace(memory, sent=sending(memory, patch))
    assert confirmed(memory, asked, POLICY).tags == ours  # not carried out, and still ours
    seen = replace(asked, tags=ours - patch.remove_tags)
    again = replace(memory, sent=sending(memory, TicketPatch(priority=Priority.LOW)))
    for known in (confirmed(memory, seen, POLICY), confirmed(again, seen, POLICY)):
        assert known.tags == seen.tags
        assert decide(seen, POLICY, MONDAY, known, FRESHDESK).restored == frozenset()


def test_a_change_that_takes_off_tags_alone_is_one_whose_answer_may_not_be_heard():
    assert sending(Memory(), TicketPatch(remove_tags=frozenset("cabed")))["remove_tags"] == [
        *"abcde"
    ]


def test_an_answer_that_is_not_heard_twice_leaves_both_changes_known():
    later = TicketPatch(priority=Priority.URGENT, add_tags=frozenset({"it_escalation"}))
    sent = sending(UNHEARD, later)
    assert sent == json.loads(json.dumps(sent))
    assert sent == {
        "due_at": "2026-11-23T14:00:00Z",
        "priority": "urgent",
        "assignee": "7",
        "group": "9",
        "kind": "feature_request",
        "stop_timer": "True",
        "add_tags": ["it_escalation", "sla_enterprise"],
        "remove_tags": ["sla_starter"],
    }
    seen = ticket(
        due_at=at("Mon 15:00"), tags=frozenset({"sla_enterprise", "it_escalation"}), priority=None
    )
    memory = confirmed(Memory(sent=sent), seen, POLICY)
    assert memory.wrote == {"due_at": "2026-11-23T14:00:00Z"}
    assert memory.tags == {"sla_enterprise", "it_escalation"}


def test_a_ticket_whose_answer_was_not_heard_is_read_whole():
    left, _ = left_by(ticket())
    assert as_left(left, POLICY, MONDAY) == "after"
    assert as_left(replace(left, sent=UNHEARD.sent), POLICY, MONDAY) is None
