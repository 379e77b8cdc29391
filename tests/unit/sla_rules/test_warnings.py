"""Warnings before a breach: reached in business time, told in working hours."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from sla_rules.decision import State
from sla_rules.engine import decide
from sla_rules.errors import PolicyError
from sla_rules.policy_file import load_policy
from sla_rules.ticket import Author, Channel, Message, Organization, Priority, Status, Ticket

BERLIN = ZoneInfo("Europe/Berlin")


def at(text):
    """`2026-11-20 16:55`, Berlin time."""
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN).astimezone(UTC)


@pytest.fixture
def policy(tmp_path):
    def made(levels, more=""):
        path = tmp_path / "policy.toml"
        own = "\n".join(f"[warnings.levels.{name}]\n{text}" for name, text in levels.items())
        switched_off = "[warnings.levels.at_risk]\nleft = '25%'\neffects = []\n"
        path.write_text(f'extends = "regiondo.toml"\n{more}\n{switched_off}\n{own}\n')
        return load_policy(path)

    return made


def a_ticket(tier, created_at, **changes):
    values = {
        "id": "7",
        "subject": "Question",
        "channel": Channel.EMAIL,
        "created_at": created_at,
        "organization": Organization(id="1", tier=tier),
    }
    return Ticket(**{**values, **changes})


def levels(decision):
    return [warned.level for warned in decision.warnings]


def test_the_shipped_policy_warns_when_a_quarter_of_the_time_is_left():
    ticket = a_ticket("Enterprise", at("2026-11-23 09:00"))  # due 15:00, an hour left at 14:00
    early = decide(ticket, load_policy(), at("2026-11-23 13:59"))
    assert "sla_at_risk" not in early.tags
    assert early.next_look_at == at("2026-11-23 14:00")
    near = decide(ticket, load_policy(), at("2026-11-23 14:00"))
    assert "sla_at_risk" in near.tags
    assert levels(near) == ["at_risk"]
    assert near.next_look_at == at("2026-11-23 15:00") + timedelta(seconds=5)


def test_a_level_that_falls_on_a_closing_instant_waits_for_the_next_opening(policy):
    hour = policy({"hour": 'left = "1h"'})
    ticket = a_ticket("Enterprise", at("2026-11-20 14:00"))  # Friday; due Monday 10:00
    friday = decide(ticket, hour, at("2026-11-20 17:00"))
    assert friday.targets[0].due_at == at("2026-11-23 10:00")
    assert "sla_at_risk" not in friday.tags
    assert friday.next_look_at == at("2026-11-23 09:00")
    assert levels(decide(ticket, hour, at("2026-11-23 09:00"))) == ["hour"]


def test_nobody_is_told_at_night_of_a_level_missed_while_down(policy):
    two = policy({"early": 'left = "3h"'})
    ticket = a_ticket("Enterprise", at("2026-11-20 15:00"))  # due Monday 11:00, level Friday 16:00
    night = decide(ticket, two, at("2026-11-21 03:00"))
    assert night.warnings == ()
    assert night.next_look_at == at("2026-11-23 09:00")
    assert levels(decide(ticket, two, at("2026-11-23 09:00"))) == ["early"]


def test_a_weekend_with_a_clock_change_moves_a_level_by_no_business_minute(policy):
    early = policy({"early": 'left = "30m"'})
    ticket = a_ticket("Enterprise", at("2026-10-23 16:00"))  # the clocks change on Sunday the 25th
    decision = decide(ticket, early, at("2026-10-23 16:00"))
    assert decision.targets[0].due_at == at("2026-10-26 12:00")
    assert decision.next_look_at == at("2026-10-26 11:30")


def test_after_the_deadline_there_is_only_the_breach(policy):
    two = policy({"early": 'left = "3h"', "late": 'left = "30m"'})
    ticket = a_ticket("Enterprise", at("2026-11-23 09:00"))
    decision = decide(ticket, two, at("2026-11-23 15:01"))
    assert decision.targets[0].state is State.BREACHED
    assert decision.warnings == ()
    assert "sla_at_risk" not in decision.tags
    assert "sla_breached" in decision.tags
    assert decision.next_look_at is None


def test_an_answer_takes_the_warning_away(policy):
    two = policy({"early": 'left = "3h"'})
    ticket = a_ticket(
        "Enterprise",
        at("2026-11-23 09:00"),
        tags=frozenset({"sla_at_risk"}),
        messages=(
            Message(
                at=at("2026-11-23 09:00"), author=Author.PARTNER, public=True, channel=Channel.EMAIL
            ),
            Message(at=at("2026-11-23 14:30"), author=Author.AGENT, public=True),
        ),
    )
    decision = decide(ticket, two, at("2026-11-23 14:40"))
    assert decision.targets[0].state is State.MET
    assert decision.warnings == ()
    assert "sla_at_risk" in decision.remove_tags


def test_a_private_note_of_an_agent_is_no_answer(policy):
    two = policy({"early": 'left = "3h"'})
    partner = Message(
        at=at("2026-11-23 09:00"), author=Author.PARTNER, public=True, channel=Channel.EMAIL
    )
    note = Message(at=at("2026-11-23 14:30"), author=Author.AGENT, public=False)
    ticket = a_ticket("Enterprise", at("2026-11-23 09:00"), messages=(partner, note))
    assert levels(decide(ticket, two, at("2026-11-23 14:40"))) == ["early"]


@pytest.mark.parametrize("status", [Status.SPAM, Status.MERGED, Status.SOLVED, Status.DELETED])
def test_a_ticket_that_left_the_queue_warns_nobody(policy, status):
    two = policy({"early": 'left = "3h"'})
    ticket = a_ticket("Enterprise", at("2026-11-23 09:00"), status=status)
    decision = decide(ticket, two, at("2026-11-23 14:40"))
    assert decision.warnings == ()
    assert decision.next_look_at is None


def test_a_best_effort_goal_warns_only_where_the_policy_says_so_and_never_breaches(policy):
    ticket = a_ticket("Free", at("2026-11-23 09:00"))  # 10 h: due Tuesday 15:00
    near, past = at("2026-11-24 14:30"), at("2026-11-24 15:30")
    silent = policy({"late": 'left = "1h"'})
    assert decide(ticket, silent, near).warnings == ()
    assert decide(ticket, silent, near).next_look_at is None
    told = policy({"late": 'left = "1h"'}, "[warnings]\nbest_effort = true")
    assert levels(decide(ticket, told, near)) == ["late"]
    assert decide(ticket, told, past).targets[0].state is State.BEST_EFFORT
    assert "sla_breached" not in decide(ticket, told, past).tags


def test_a_warning_may_raise_the_priority_and_never_lowers_it(policy):
    high = policy({"late": 'left = "1h"\nraise_priority = "high"'})
    starter = a_ticket("Starter", at("2026-11-23 09:00"))  # a question: low; due Tuesday 11:00
    assert decide(starter, high, at("2026-11-23 12:00")).priority is Priority.LOW
    assert decide(starter, high, at("2026-11-24 10:30")).priority is Priority.HIGH
    assert decide(starter, high, at("2026-11-24 11:30")).priority is Priority.HIGH  # breached
    urgent = a_ticket(
        "Enterprise", at("2026-11-23 09:00"), subject="Nothing works, nobody can book"
    )
    matrix = decide(urgent, high, at("2026-11-23 09:00")).priority
    assert matrix is Priority.URGENT
    assert decide(urgent, high, at("2026-11-23 14:30")).priority is Priority.URGENT


def test_a_later_due_date_takes_the_warning_back_until_the_level_is_reached_anew(policy):
    two = policy({"late": 'left = "1h"'})
    now = at("2026-11-23 14:30")
    assert "sla_at_risk" in decide(a_ticket("Enterprise", at("2026-11-23 09:00")), two, now).tags
    moved = decide(a_ticket("Starter", at("2026-11-23 09:00")), two, now)
    assert "sla_at_risk" not in moved.tags
    assert moved.next_look_at == at("2026-11-24 10:00")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('left = "soon"', "warnings.levels.late.left"),
        ('left = "0%"', '"1%" to "99%"'),
        ('left = "20h"', "no target is longer"),
        ('left = "1h"\neffects = ["mail"]', "warnings.levels.late.effects"),
    ],
)
def test_a_level_that_cannot_be_meant_is_refused_with_its_name(policy, text, says):
    with pytest.raises(PolicyError, match=says):
        policy({"late": text})
