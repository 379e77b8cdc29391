"""Assigns an unassigned ticket to the named contact, where the tier has one (clause 1)."""

from __future__ import annotations

from ..decision import Reason
from ..policy import Policy
from ..ticket import Ticket

RULE = "assign_contact"


def assign_contact(ticket: Ticket, tier: str, policy: Policy) -> tuple[str | None, Reason | None]:
    """Return who should have the ticket, None where nobody new should."""
    terms = policy.tiers[tier]
    organization = ticket.organization
    contact = organization.named_contact if organization else None
    called = (organization.named_contact_name if organization else None) or contact or ""
    if not terms.named_contact:
        if not contact:
            return None, None
        params = {"tier": terms.label, "contact": called}
        return None, Reason(RULE, "not_used", terms.clause, params)
    if not organization or not contact:
        return None, Reason(RULE, "none_named", terms.clause, {"tier": terms.label})
    if ticket.assignee:
        return None, Reason(RULE, "has_assignee", terms.clause)
    if organization.named_contact_refusal:
        params = {"contact": called, "refusal": organization.named_contact_refusal}
        return None, Reason(RULE, "refused", terms.clause, params)
    return contact, Reason(RULE, "assigned", terms.clause, {"contact": called})
