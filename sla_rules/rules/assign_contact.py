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
    if not terms.named_contact:
        if not contact:
            return None, None
        text = f"{terms.label} has no named contact: the contact {contact} is not used."
        return None, Reason(RULE, text, terms.clause)
    if not organization or not contact:
        text = f"{terms.label} has a named contact, but the organisation names none."
        return None, Reason(RULE, text, terms.clause)
    if ticket.assignee:
        text = "The ticket has an assignee already: the named contact is not set."
        return None, Reason(RULE, text, terms.clause)
    if organization.named_contact_refusal:
        text = f"The named contact {contact} is not set: {organization.named_contact_refusal}."
        return None, Reason(RULE, text, terms.clause)
    return contact, Reason(RULE, f"Assigned to the named contact {contact}.", terms.clause)
