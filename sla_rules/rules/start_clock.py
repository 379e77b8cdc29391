"""Finds the instant from which the clock counts (clause 1): the partner's first counted message.

Opening hours are not its business; the schedule moves a start outside hours to the next opening.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ..decision import Reason
from ..memory import Memory
from ..policy import Policy
from ..ticket import Author, Status, Ticket

RULE = "start_clock"


@dataclass(frozen=True, slots=True)
class Start:
    """When the clock starts; `at` is None where nothing counted has arrived.

    `cancelled_at` is set while the ticket rests, solved without a reply.
    """

    at: datetime | None
    cancelled_at: datetime | None
    reason: Reason


def start_clock(ticket: Ticket, policy: Policy, memory: Memory) -> Start:
    """Return the start. It never moves, unless the ticket was solved without a reply and reopened.

    A ticket whose channel nobody knows counts: in doubt the clock runs.
    """
    clause = policy.clock.clause
    counted = ", ".join(sorted(policy.clock.counted_channels))
    reopened = memory.cancelled_at is not None and ticket.status not in _RESTING
    if memory.cancelled_at is not None:
        again = _first_counted(ticket, policy, after=memory.cancelled_at)
        if reopened and again:
            text = "Reopened after it was solved without a reply: a new clock from the new message."
            return Start(again, None, Reason(RULE, text, clause))
        text = "Solved without a reply: no clock until the partner writes again."
        return Start(memory.starts_at, memory.cancelled_at, Reason(RULE, text, clause))

    first = _first_counted(ticket, policy, after=None)
    known = [at for at in (memory.starts_at or first, ticket.merged_starts_at) if at]
    if not known:
        text = f"No message of the partner arrived by a counted channel ({counted})."
        return Start(None, None, Reason(RULE, text, clause))
    at = min(known)
    if ticket.merged_starts_at == at and at != (memory.starts_at or first):
        text = "A merged ticket came earlier: the clock keeps its start."
    elif not ticket.messages and ticket.channel is None:
        text = "The channel is not known: in doubt the clock runs from the ticket's creation."
    else:
        text = "The clock starts with the partner's first message by a counted channel"
        text += f" ({counted})."
    return Start(at, None, Reason(RULE, text, clause))


_RESTING = {Status.SOLVED, Status.CLOSED, Status.SPAM, Status.DELETED, Status.MERGED}


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
