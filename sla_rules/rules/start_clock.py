"""Finds the instant from which the clock counts (clause 1): the partner's first counted message.

Opening hours are not its business; the schedule moves a start outside hours to the next opening.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ..decision import Reason, State, Target
from ..memory import Memory
from ..policy import Policy
from ..ticket import Author, Status, Ticket
from .find_response import find_response

RULE = "start_clock"


@dataclass(frozen=True, slots=True)
class Start:
    """When the clock starts; `at` is None where nothing counted has arrived.

    `restarted_after` is when the ticket was solved without a reply, where a new clock runs since.
    """

    at: datetime | None
    reason: Reason
    restarted_after: datetime | None = None


def start_clock(ticket: Ticket, policy: Policy, memory: Memory) -> Start:
    """Return the start, which never moves, but for a merged ticket that came earlier.

    A ticket whose channel nobody knows counts: in doubt the clock runs. What was judged keeps its
    start, and a clock that began anew is not drawn back by what came before it.
    """
    clause = policy.clock.clause
    channels = {"channels": ", ".join(sorted(policy.clock.counted_channels))}
    own = memory.starts_at or _first_counted(ticket, policy, after=None)
    merged = None if memory.judged else ticket.merged_starts_at
    if merged and memory.restarted_after and merged <= memory.restarted_after:
        merged = None
    known = [at for at in (own, merged) if at]
    if not known:
        return Start(None, Reason(RULE, "none", clause, channels))
    at = min(known)
    if at != own:
        reason = Reason(RULE, "merged_earlier", clause)
    elif memory.restarted_after:
        reason = Reason(RULE, "reopened", clause)
    elif not ticket.messages and ticket.channel is None:
        reason = Reason(RULE, "unknown_channel", clause)
    else:
        reason = Reason(RULE, "first_message", clause, channels)
    return Start(at, reason, memory.restarted_after)


def start_anew(ticket: Ticket, policy: Policy, target: Target, solved_at: datetime) -> Start | None:
    """Return the new clock of a ticket that was solved without a reply, None while none starts.

    It starts at the partner's first counted message since, unless the answer came before that. A
    message that left the ticket solved and that nobody answered (a word of thanks) starts none; one
    after which it was solved once more did not leave it so.
    """
    again = _first_counted(ticket, policy, after=solved_at)
    if again is None or target.state not in {State.CANCELLED, State.MET}:
        return None
    answered_at = find_response(ticket, again)
    if target.state is State.MET and answered_at != target.response_at:
        return None
    stayed_solved = ticket.status in {Status.SOLVED, Status.CLOSED} and not any(
        at >= again for at in solvings(ticket)
    )
    if stayed_solved and answered_at is None:
        return None
    return Start(again, Reason(RULE, "reopened", policy.clock.clause), solved_at)


def solvings(ticket: Ticket) -> tuple[datetime, ...]:
    """Return each time at which the ticket was solved or closed, as far as the vendor tells."""
    return (*ticket.solved_before, ticket.solved_at) if ticket.solved_at else ticket.solved_before


def _first_counted(ticket: Ticket, policy: Policy, *, after: datetime | None) -> datetime | None:
    if ticket.messages is None:
        counts = ticket.channel is None or ticket.channel in policy.clock.counted_channels
        return ticket.created_at if counts and after is None else None
    return min(
        (
            message.at
            for message in ticket.messages
            if message.author is Author.PARTNER
            and message.public
            and message.channel in policy.clock.counted_channels
            and (after is None or message.at > after)
        ),
        default=None,
    )
