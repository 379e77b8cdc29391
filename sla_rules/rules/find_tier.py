"""Finds the partner's tier (clause 1). Says nothing of what a tier is worth."""

from __future__ import annotations

from ..decision import Reason
from ..policy import Policy, plain
from ..ticket import Ticket

RULE = "find_tier"


def find_tier(ticket: Ticket, policy: Policy) -> tuple[str, bool, Reason]:
    """Return the tier's key, whether the helpdesk named it, and why."""
    organization = ticket.organization
    raw = organization.tier if organization else None
    key = policy.tier_by_name.get(plain(raw)) if raw else None
    if key:
        whose = (
            f"{organization.name} has" if organization and organization.name else "The partner has"
        )
        tier = policy.tiers[key]
        found_by = organization.found_by if organization else None
        how = f" (found by {found_by})" if found_by else ""
        text = f"{whose} the package {tier.label}{how}."
        return key, True, Reason(RULE, text, tier.clause)
    fallback = policy.tiers[policy.default_tier]
    if organization is None:
        why = "The requester belongs to no organisation"
    elif raw:
        why = f"The package {raw!r} is not one of the contract's"
    else:
        why = "The organisation has no package"
    text = f"{why}: the default package {fallback.label} applies."
    return policy.default_tier, False, Reason(RULE, text, fallback.clause)
