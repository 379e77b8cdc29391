"""Gives up on a due date that the account changes whenever we set it.

How long a correction is tried is ours to say, not the contract's.
"""

from __future__ import annotations

from datetime import datetime

from ..decision import Reason, instant
from ..memory import Memory, corrections_today, is_correction
from ..policy import Policy
from ..ticket import Ticket, Traits

RULE = "keep_due_date"
MOST_CORRECTIONS = 3  # in 24 hours


def keep_due_date(
    ticket: Ticket,
    due_at: datetime | None,
    policy: Policy,
    memory: Memory,
    traits: Traits,
    now: datetime,
) -> tuple[bool, bool, Reason | None]:
    """Return whether to stop setting the date, whether the ticket says so by its tag, and why.

    Only on accounts that recalculate their dates; elsewhere another date is a person's. Where the
    vendor takes no past date, the reason says why another one stands.
    """
    lost = traits.recalculates_due_at and is_correction(memory, ticket, due_at)
    if not lost or len(corrections_today(memory, now)) < MOST_CORRECTIONS:
        why = None
        if due_at and due_at <= now and due_at != ticket.due_at and not traits.past_due_at:
            why = Reason(RULE, "passed", params={"due_at": instant(due_at)})
        return False, lost and policy.tags.due_not_kept in ticket.tags, why
    return True, True, Reason(RULE, "given_up", params={"times": str(MOST_CORRECTIONS)})
