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
    if organization and key:
        tier = policy.tiers[key]
        params = {"tier": tier.label}
        sentence_key = "known" if organization.name else "known_unnamed"
        if organization.name:
            params["organization"] = organization.name
        if organization.found_by:
            params["found_by"] = organization.found_by
            sentence_key += "_by"
        return key, True, Reason(RULE, sentence_key, tier.clause, params)
    fallback = policy.tiers[policy.default_tier]
    params = {"tier": fallback.label}
    if organization is None:
        sentence_key = "no_organization"
    elif raw:
        sentence_key, params["package"] = "unknown_package", repr(raw)
    else:
        sentence_key = "no_package"
    return policy.default_tier, False, Reason(RULE, sentence_key, fallback.clause, params)
