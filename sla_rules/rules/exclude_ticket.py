"""Says whether the contract leaves a ticket out: spam, merged, feature request, test, no e-mail.

Only clear cases: what is in doubt stays covered.
"""

from __future__ import annotations

from ..decision import Exclusion, Reason
from ..memory import Memory
from ..policy import Policy
from ..ticket import Environment, Kind, Status, Ticket
from .judge_message import Judgement
from .start_clock import Start

RULE = "exclude_ticket"


def exclude_ticket(
    ticket: Ticket, judgement: Judgement, start: Start, policy: Policy, memory: Memory
) -> tuple[Exclusion | None, Reason | None]:
    """Return why no clock runs, None where the SLA covers the ticket.

    What was judged met or breached is undone by a person's word only, never by the text.
    """
    if ticket.status is Status.SPAM:
        return Exclusion.SPAM, Reason(RULE, "spam")
    if ticket.status is Status.MERGED:
        into = ticket.merged_into
        key, params = ("merged_into", {"ticket": into}) if into else ("merged", {})
        return Exclusion.MERGED, Reason(RULE, key, params=params)
    if judgement.environment is Environment.TEST:
        found, said = Exclusion.TEST_SYSTEM, judgement.environment_by_person
        why = Reason(RULE, "test_system", policy.environments.clause)
    elif judgement.kind is Kind.FEATURE_REQUEST:
        found, said = Exclusion.FEATURE_REQUEST, judgement.kind_by_person
        why = Reason(RULE, "feature_request", policy.feature_requests.clause)
    elif start.at is None:
        return Exclusion.NO_EMAIL, Reason(RULE, "no_email", policy.clock.clause)
    else:
        return None, None
    if memory.judged and not said:
        return None, Reason(RULE, "judged_before")
    return found, why
