"""Says whether the contract leaves a ticket out: spam, merged, feature request, test, no e-mail.

Only clear cases: what is in doubt stays covered.
"""

from __future__ import annotations

from ..decision import Exclusion, Reason
from ..policy import Policy
from ..ticket import Environment, Kind, Status, Ticket
from .judge_message import Judgement
from .start_clock import Start

RULE = "exclude_ticket"


def exclude_ticket(
    ticket: Ticket, judgement: Judgement, start: Start, policy: Policy
) -> tuple[Exclusion | None, Reason | None]:
    """Return why no clock runs, None where the SLA covers the ticket."""
    if ticket.status is Status.SPAM:
        return Exclusion.SPAM, Reason(RULE, "The ticket is spam.")
    if ticket.status is Status.MERGED:
        into = f" into {ticket.merged_into}" if ticket.merged_into else ""
        return Exclusion.MERGED, Reason(
            RULE, f"The ticket was merged{into}; that one keeps the start."
        )
    if judgement.environment is Environment.TEST:
        text = "The ticket is about a test system: only production is covered."
        return Exclusion.TEST_SYSTEM, Reason(RULE, text, policy.environments.clause)
    if judgement.kind is Kind.FEATURE_REQUEST:
        text = "Feature requests fall outside the SLA times; this one is recorded."
        return Exclusion.FEATURE_REQUEST, Reason(RULE, text, policy.feature_requests.clause)
    if start.at is None:
        text = "No clock runs until the partner writes by a counted channel."
        return Exclusion.NO_EMAIL, Reason(RULE, text, policy.clock.clause)
    return None, None
