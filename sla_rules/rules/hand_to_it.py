"""Passes production errors on to IT (clause 2). The first response stays with support."""

from __future__ import annotations

from ..decision import Exclusion, Reason
from ..policy import Policy
from ..ticket import Kind
from .judge_message import Judgement

RULE = "hand_to_it"


def hand_to_it(
    judgement: Judgement, exclusion: Exclusion | None, *, answered: bool, policy: Policy
) -> tuple[bool, str | None, Reason | None]:
    """Return whether IT has to look, the group that gets the ticket (after the answer), and why."""
    if judgement.kind is not Kind.ERROR_REPORT or exclusion not in {None, Exclusion.NO_EMAIL}:
        return False, None, None
    group = policy.it.group
    if not group:
        return True, None, Reason(RULE, "no_group", policy.it.clause)
    key = "group_now" if answered else "group_later"
    reason = Reason(RULE, key, policy.it.clause, {"group": group})
    return True, group if answered else None, reason
