"""Sets the priority by tier and impact (clause 1)."""

from __future__ import annotations

from ..decision import Reason
from ..policy import Policy
from ..ticket import Impact, Priority

RULE = "set_priority"


def set_priority(tier: str, impact: Impact, policy: Policy) -> tuple[Priority, Reason]:
    """Return the matrix's cell and why."""
    priority = policy.priority.matrix[tier][impact]
    label = policy.tiers[tier].label
    text = f"{label} with impact {impact.value} has priority {priority.value}."
    return priority, Reason(RULE, text, policy.priority.clause)
