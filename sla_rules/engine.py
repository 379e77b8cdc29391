"""Decides what should hold on a ticket: the contract's rules in the order in which they speak.

Pure: `now` is an argument, and nothing is written.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from .decision import Decision, Exclusion, Reason, State, Target
from .memory import Memory
from .policy import Policy
from .rules.assign_contact import assign_contact
from .rules.choose_schedule import choose_schedule
from .rules.exclude_ticket import exclude_ticket
from .rules.find_tier import find_tier
from .rules.hand_to_it import hand_to_it
from .rules.judge_message import judge_message
from .rules.judge_response import duration_text, judge_response, terms_of
from .rules.keep_due_date import keep_due_date
from .rules.respect_hand import FIELDS, contested_tags, respect_hand, who_set
from .rules.set_priority import set_priority
from .rules.start_clock import Start, start_anew, start_clock
from .rules.warn_before import warn_before
from .schedule import Schedule
from .ticket import Priority, Status, Ticket, Traits

NO_MEMORY = Memory()
PLAIN_VENDOR = Traits()


def decide(
    ticket: Ticket,
    policy: Policy,
    now: datetime,
    memory: Memory = NO_MEMORY,
    traits: Traits = PLAIN_VENDOR,
) -> Decision:
    """Return what the contract says about a ticket at `now` (aware).

    Same arguments, same decision. Raises `PolicyError` only where a date lies beyond the
    schedule's horizon.
    """
    reasons: list[Reason] = []

    tier, tier_known, why = find_tier(ticket, policy)
    reasons.append(why)
    judgement = judge_message(ticket, policy, memory)
    reasons.extend(judgement.reasons)
    start = start_clock(ticket, policy, memory)
    exclusion, why_out = exclude_ticket(ticket, judgement, start, policy, memory)
    schedule_key, hours, why_hours = choose_schedule(ticket, tier, judgement.language, policy)
    start, target, solved_at, whys = _run_clock(
        ticket, start, exclusion, tier, hours.schedule, policy, memory, now
    )
    reasons.append(start.reason)
    _note(reasons, why_out)
    reasons.extend((why_hours, *whys) if target else ())

    outlook = warn_before(target, start.at, hours.schedule, policy, now)
    _note(reasons, outlook.reason)
    priority: Priority | None = None
    if exclusion in {None, Exclusion.NO_EMAIL}:
        priority, why = set_priority(tier, judgement.impact, policy, outlook.priority)
        reasons.append(why)
    assignee: str | None = None
    if ticket.status not in _GONE:
        assignee, why_contact = assign_contact(ticket, tier, policy)
        _note(reasons, why_contact)
    answered = target is not None and target.response_at is not None
    to_it, group, why_it = hand_to_it(judgement, exclusion, answered=answered, policy=policy)
    _note(reasons, why_it)
    overrides, whys = respect_hand(ticket, policy, memory, traits)
    reasons.extend(whys)

    due_at = target.due_at if target and _runs(target) else None
    gives_up, not_kept, why_lost = keep_due_date(ticket, due_at, policy, memory, traits, now)
    _note(reasons, why_lost)

    tags = {policy.tiers[tier].tag}
    if priority:
        tags.add(policy.tag(f"priority_{priority}"))
    flags = {
        "feature_request": exclusion is Exclusion.FEATURE_REQUEST,
        "feature_request_candidate": judgement.candidate and exclusion is None,
        "it_escalation": to_it,
        "excluded": exclusion is Exclusion.TEST_SYSTEM,
        "no_email": exclusion is Exclusion.NO_EMAIL,
        "tier_unknown": not tier_known,
        "at_risk": outlook.at_risk,
        "met": target is not None and target.state is State.MET,
        "breached": target is not None and target.state is State.BREACHED,
        "due_not_kept": not_kept,
    }
    tags |= {policy.tag(name) for name, holds in flags.items() if holds}
    contested = contested_tags(overrides, tags, ticket, policy)
    reasons.extend(contested)
    if contested or any(hand.field in FIELDS for hand in overrides):
        tags.add(policy.tags.manual)
    zone = ZoneInfo(hours.time_zone)
    policy_name, policy_version = terms_of(start.at, tier, policy, memory)
    return Decision(
        id=ticket.id,
        at=now,
        kind=judgement.kind,
        environment=judgement.environment,
        impact=judgement.impact,
        tier=tier,
        tier_known=tier_known,
        exclusion=exclusion,
        candidate=judgement.candidate,
        starts_at=start.at,
        targets=(target,) if target else (),
        due_at=due_at,
        priority=priority,
        tags=frozenset(tags),
        remove_tags=(policy.our_tags & ticket.tags) - tags,
        assignee=assignee,
        group=group,
        due_text=str(due_at.astimezone(zone))[:16] if due_at else None,
        note_text=_note_text(target, exclusion, policy, tier, start.at, zone),
        reasons=tuple(reasons),
        overrides=overrides,
        restored=judgement.restored,
        cancelled_at=_cancelled_at(ticket, solved_at, target, now),
        restarted_after=start.restarted_after,
        quote=judgement.quote,
        language=judgement.language,
        schedule=schedule_key,
        policy_name=policy_name,
        policy_version=policy_version,
        closed_mark=policy.closed_mark,
        warnings=outlook.tell,
        next_look_at=outlook.next_look_at,
        next_day_ends_at=_next_day_end(due_at, hours.schedule, zone)
        if due_at and not traits.clears_due_at
        else None,
        due_not_kept=gives_up,
    )


def _run_clock(
    ticket: Ticket,
    start: Start,
    exclusion: Exclusion | None,
    tier: str,
    schedule: Schedule,
    policy: Policy,
    memory: Memory,
    now: datetime,
) -> tuple[Start, Target | None, datetime | None, tuple[Reason, ...]]:
    """Return the clock that counts, its target, when it was solved without a reply, and why."""
    ran = memory.due_at is not None and memory.starts_at is not None
    if start.at is None or (exclusion in _NO_CLOCK and not ran):
        return start, None, None, ()
    target, solved_at, whys = judge_response(ticket, start, tier, schedule, policy, memory, now)
    while solved_at and not memory.judged:
        anew = start_anew(ticket, policy, target, solved_at)
        if anew is None:
            break
        start, memory = anew, replace(memory, cancelled_at=None)
        target, solved_at, whys = judge_response(ticket, start, tier, schedule, policy, memory, now)
    if exclusion in _NO_CLOCK:
        target = replace(target, state=State.CANCELLED)
        by = _reclassified_by(ticket, exclusion, policy)
        whys = (Reason("judge_response", "cancelled_reclassified", params=by),)
    return start, target, solved_at, whys


_NO_CLOCK = {Exclusion.FEATURE_REQUEST, Exclusion.TEST_SYSTEM, Exclusion.NO_EMAIL}
_GONE = {Status.SPAM, Status.DELETED, Status.MERGED, Status.SOLVED, Status.CLOSED}
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_OUTSIDE = {
    Exclusion.FEATURE_REQUEST: "Feature request: outside the SLA",
    Exclusion.TEST_SYSTEM: "Test system: outside the SLA",
    Exclusion.NO_EMAIL: "No e-mail of the partner: no clock",
}


def _note(reasons: list[Reason], reason: Reason | None) -> None:
    if reason is not None:
        reasons.append(reason)


def _runs(target: Target) -> bool:
    """Whether the ticket still waits for its first response; a breached one stays overdue."""
    return target.response_at is None and target.state is not State.CANCELLED


def _next_day_end(at: datetime, schedule: Schedule, zone: ZoneInfo) -> datetime:
    """The closing instant of the next local date after `at` that has opening hours."""
    opens = schedule.next_open(_midnight_after(at, zone))
    return schedule.add(opens, schedule.elapsed(opens, _midnight_after(opens, zone)))


def _midnight_after(at: datetime, zone: ZoneInfo) -> datetime:
    return datetime.combine(at.astimezone(zone).date() + timedelta(days=1), time(), zone)


def _reclassified_by(ticket: Ticket, exclusion: Exclusion | None, policy: Policy) -> dict[str, str]:
    """Who said that the ticket is outside the SLA, and when, as far as the vendor tells."""
    is_test = exclusion is Exclusion.TEST_SYSTEM
    tag = policy.tags.excluded if is_test else policy.tags.feature_request
    names = ("environment",) if is_test else ("kind", "type")
    return next((by for name in (*names, f"tag:{tag}") if (by := who_set(ticket, name))), {})


def _cancelled_at(
    ticket: Ticket, solved_at: datetime | None, target: Target | None, now: datetime
) -> datetime | None:
    """When the clock ended without a reply; where the vendor does not tell, the last change."""
    if target is None or target.state is not State.CANCELLED:
        return None
    resting = ticket.status in {Status.SOLVED, Status.CLOSED}
    return solved_at or ((ticket.updated_at or now) if resting else None)


def _note_text(
    target: Target | None,
    exclusion: Exclusion | None,
    policy: Policy,
    tier: str,
    starts_at: datetime | None,
    zone: ZoneInfo,
) -> str | None:
    """What agents read beside the due date: `Enterprise 4 h · Fri 16:55 -> Mon 14:55`."""
    if exclusion is not None:
        return _OUTSIDE.get(exclusion)
    if target is None or starts_at is None or target.state is State.CANCELLED:
        return None
    start, due = _weekday_and_time(starts_at, zone), _weekday_and_time(target.due_at, zone)
    return f"{policy.tiers[tier].label} {duration_text(target.business)} · {start} -> {due}"


def _weekday_and_time(at: datetime, zone: ZoneInfo) -> str:
    local = at.astimezone(zone)
    return f"{_WEEKDAYS[local.weekday()]} {local.hour:02}:{local.minute:02}"
