"""Sets the first-response deadline and judges it by timestamps, never by when we looked."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from ..decision import Reason, State, Target, instant
from ..memory import Memory
from ..policy import Policy
from ..policy_sections import Commitment
from ..schedule import Schedule
from ..ticket import Status, Ticket
from .find_response import find_response
from .respect_hand import who_set
from .start_clock import Start, solvings

RULE = "judge_response"
METRIC = "first_response"


def judge_response(
    ticket: Ticket,
    start: Start,
    tier: str,
    schedule: Schedule,
    policy: Policy,
    memory: Memory,
    now: datetime,
) -> tuple[Target, datetime | None, tuple[Reason, ...]]:
    """Return the target with its state, when it was solved without a reply, and why. Needs a start.

    An answer exactly at the deadline is in time. What is met or breached stays so, with the terms
    and the policy it was judged by; a best-effort goal is never breached.
    """
    if start.at is None:
        raise ValueError("a ticket without a start has no target")
    terms = policy.tiers[tier]
    label, clause = terms.label, terms.clause
    business, commitment = terms.first_response, terms.commitment
    responded_at = find_response(ticket, start.at)
    reasons = []
    judged = memory.judged
    if judged:
        business, commitment, due_at = judged.business, judged.commitment, judged.due_at
        responded_at = responded_at or judged.response_at
        label = policy.tiers.get(memory.tier or tier, terms).label
        _, version = terms_of(start.at, tier, policy, memory)
        reasons.append(Reason(RULE, "judged_before", params={"version": version}))
    elif unmoved := _unmoved(start.at, tier, policy, memory):
        due_at = unmoved
        reasons.append(Reason(RULE, "not_moved", params={"version": policy.version}))
    else:
        due_at = schedule.add(start.at, business)
    solved_at = memory.cancelled_at or _solved_at(ticket, start.at, responded_at)
    target = Target(
        metric=METRIC,
        business=business,
        commitment=commitment,
        due_at=due_at,
        state=_state(ticket, due_at, commitment, responded_at, solved_at, memory, now),
        response_at=responded_at,
        response_after=schedule.elapsed(start.at, responded_at) if responded_at else None,
    )
    params = {
        "tier": label,
        "business": duration_text(business),
        "due_at": instant(due_at),
    }
    deadline = Reason("set_deadline", commitment, clause, params)
    return target, solved_at, (deadline, *reasons, _verdict(target, ticket, solved_at))


@lru_cache(maxsize=64)
def duration_text(business: timedelta) -> str:
    """Return a business duration as people say it: `4 h`, `1 h 30 min`."""
    hours, minutes = divmod(business // timedelta(minutes=1), 60)
    parts = (f"{hours} h" if hours else "", f"{minutes} min" if minutes else "")
    return " ".join(filter(None, parts))


def terms_of(
    starts_at: datetime | None, tier: str, policy: Policy, memory: Memory
) -> tuple[str, str]:
    """Return name and version of the policy by whose terms the deadline stands.

    An earlier one's where that is not at hand and what it decided was judged or does not move.
    """
    if memory.judged or _unmoved(starts_at, tier, policy, memory):
        return memory.policy_name or policy.name, memory.policy_version or policy.version
    return policy.name, policy.version


def _unmoved(
    starts_at: datetime | None, tier: str, policy: Policy, memory: Memory
) -> datetime | None:
    """The deadline decided last, where it stays as its own version of the policy is not at hand."""
    from_ = policy.effective_from
    stays = (
        starts_at is not None
        and from_ is not None
        and starts_at < from_
        and not policy.applies_to_open
        and (memory.policy_name, memory.policy_version) != (policy.name, policy.version)
        and (memory.starts_at, memory.tier) == (starts_at, tier)
    )
    return memory.due_at if stays else None


def _solved_at(
    ticket: Ticket, starts_at: datetime, responded_at: datetime | None
) -> datetime | None:
    """When the ticket was first solved without a reply, where the vendor tells."""
    solved_at = min((at for at in solvings(ticket) if at >= starts_at), default=None)
    if solved_at is None or (responded_at is not None and responded_at <= solved_at):
        return None
    return solved_at


def _state(
    ticket: Ticket,
    due_at: datetime,
    commitment: Commitment,
    responded_at: datetime | None,
    solved_at: datetime | None,
    memory: Memory,
    now: datetime,
) -> State:
    if ticket.status in GONE:
        return State.CANCELLED
    if responded_at is not None and responded_at <= due_at:
        return State.MET
    if memory.judged:
        return memory.judged.state
    guaranteed = commitment is Commitment.GUARANTEED
    resting = ticket.status in {Status.SOLVED, Status.CLOSED} and responded_at is None
    if solved_at is not None or resting:
        was_late = memory.cancelled_at is None and solved_at is not None and due_at < solved_at
        return State.BREACHED if guaranteed and was_late else State.CANCELLED
    late = State.BREACHED if responded_at is not None or now > due_at else State.OPEN
    return late if guaranteed else State.BEST_EFFORT


GONE = frozenset({Status.SPAM, Status.DELETED, Status.MERGED})


def cancel_gone(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return a stored decision as it is where the ticket was deleted: what runs is cancelled.

    What was met or breached stays so; see `GONE` for a deleted ticket that can be read.
    """
    targets = [dict(target) for target in stored["targets"]]
    running = [t for t in targets if t["state"] in {State.OPEN, State.BEST_EFFORT}]
    if not running:
        return dict(stored)
    for target in running:
        target["state"] = State.CANCELLED
    reason = Reason(RULE, "cancelled_gone", params={"status": Status.DELETED})
    reasons = [reason for reason in stored["reasons"] if reason["rule"] != RULE]
    return {**stored, "targets": targets, "reasons": [*reasons, reason.to_stored()]}


def _verdict(target: Target, ticket: Ticket, solved_at: datetime | None) -> Reason:
    key, params = str(target.state), {}
    if target.state is State.CANCELLED:
        if ticket.status in GONE:
            key, params = "cancelled_gone", who_set(ticket, "status")
            params["status"] = ticket.status
        elif solved_at is None:
            params["status"] = ticket.status
        else:
            key, params["solved_at"] = "cancelled_until", instant(solved_at)
    elif target.response_at:
        key += "" if target.state is State.MET else "_late"
        params["response_at"] = instant(target.response_at)
    return Reason(RULE, key, params=params)
