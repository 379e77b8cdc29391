"""Sets the priority by tier and impact (clause 1)."""

from __future__ import annotations

from ..decision import Reason
from ..policy import Policy
from ..ticket import Impact, Priority

RULE = "set_priority"
_RANKS = list(Priority)


def set_priority(
    tier: str, impact: Impact, policy: Policy, at_least: Priority | None = None
) -> tuple[Priority, Reason]:
    """Return the matrix's cell and why; `at_least` is what a warning raises it to."""
    priority = policy.priority.matrix[tier][impact]
    label = policy.tiers[tier].label
    key = "by_impact"
    params = {"tier": label, "impact": impact, "priority": priority}
    if at_least is not None and _RANKS.index(at_least) > _RANKS.index(priority):
        key, priority = "raised", at_least
        params |= {"usual": params["priority"], "priority": priority}
    return priority, Reason(RULE, key, policy.priority.clause, params)
