"""Sets the first-response deadline and judges it by timestamps, never by when we looked."""

from __future__ import annotations

from datetime import datetime, timedelta

from ..decision import Reason, State, Target, instant
from ..memory import Memory
from ..policy import Commitment, Policy
from ..schedule import Schedule
from ..ticket import Author, Status, Ticket
from .start_clock import Start

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
) -> tuple[Target, tuple[Reason, ...]]:
    """Return the target with its state. Needs a start.

    An answer exactly at the deadline is in time. What is met or breached stays so, with the policy
    it was judged by; a best-effort goal is never breached.
    """
    if start.at is None:
        raise ValueError("a ticket without a start has no target")
    terms = policy.tiers[tier]
    reasons = []
    due_at = schedule.add(start.at, terms.first_response)
    responded_at = _first_response(ticket, start.at)
    same_clock = memory.starts_at == start.at
    if same_clock and memory.judged and memory.judged_due_at:
        due_at = memory.judged_due_at
        text = f"Judged before, by policy {memory.policy_version}: it stays so."
        reasons.append(Reason(RULE, text))
    elif same_clock and memory.due_at and _is_older(start.at, policy):
        due_at = memory.due_at
        text = f"Policy {policy.version} does not move tickets that started before it."
        reasons.append(Reason(RULE, text))
    state = _state(ticket, start, terms.commitment, due_at, responded_at, memory, now)
    target = Target(
        metric=METRIC,
        business=terms.first_response,
        commitment=terms.commitment,
        due_at=due_at,
        state=state,
        response_at=responded_at,
        response_after=schedule.elapsed(start.at, responded_at) if responded_at else None,
    )
    promise = "first response within" if terms.commitment is Commitment.GUARANTEED else "a goal of"
    hours = duration_text(terms.first_response)
    text = f"{terms.label}: {promise} {hours} of business time, due {instant(due_at)}."
    return target, (Reason("set_deadline", text, terms.clause), *reasons, _verdict(target, ticket))


def duration_text(business: timedelta) -> str:
    """Return a business duration as people say it: `4 h`, `1 h 30 min`."""
    hours, minutes = divmod(business // timedelta(minutes=1), 60)
    parts = (f"{hours} h" if hours else "", f"{minutes} min" if minutes else "")
    return " ".join(filter(None, parts))


def _is_older(starts_at: datetime, policy: Policy) -> bool:
    from_ = policy.effective_from
    return from_ is not None and starts_at < from_ and not policy.applies_to_open


def _first_response(ticket: Ticket, starts_at: datetime) -> datetime | None:
    """The first public message by a person of the support team after the start."""
    if ticket.messages is not None:
        answers = (m.at for m in ticket.messages if m.author is Author.AGENT and m.public)
        return min((at for at in answers if at > starts_at), default=None)
    at = ticket.first_response_at
    return at if at is not None and at >= starts_at else None


def _state(
    ticket: Ticket,
    start: Start,
    commitment: Commitment,
    due_at: datetime,
    responded_at: datetime | None,
    memory: Memory,
    now: datetime,
) -> State:
    if ticket.status in {Status.SPAM, Status.DELETED, Status.MERGED}:
        return State.CANCELLED
    if responded_at is not None and responded_at <= due_at:
        return State.MET
    if memory.judged is State.BREACHED and memory.starts_at == start.at:
        return State.BREACHED
    if responded_at is None and (
        start.cancelled_at is not None or ticket.status in {Status.SOLVED, Status.CLOSED}
    ):
        return State.CANCELLED
    if commitment is Commitment.BEST_EFFORT:
        return State.BEST_EFFORT
    late = responded_at is not None or now > due_at
    return State.BREACHED if late else State.OPEN


def _verdict(target: Target, ticket: Ticket) -> Reason:
    answered = (
        f"answered at {instant(target.response_at)}" if target.response_at else "no answer yet"
    )
    texts = {
        State.OPEN: f"The clock runs: {answered}.",
        State.MET: f"Met: {answered}.",
        State.BREACHED: f"Breached: {answered}.",
        State.CANCELLED: f"Cancelled: the ticket is {ticket.status.value} without a reply.",
        State.BEST_EFFORT: f"Best effort, never a breach: {answered}.",
    }
    return Reason(RULE, texts[target.state])
