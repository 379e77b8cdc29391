"""Chooses whose opening hours count: the first rule of the policy that matches."""

from __future__ import annotations

from collections.abc import Mapping

from ..decision import Reason
from ..policy import Policy, ScheduleText, plain
from ..ticket import Ticket

RULE = "choose_schedule"


def choose_schedule(
    ticket: Ticket, tier: str, language: str | None, policy: Policy
) -> tuple[str, ScheduleText, Reason]:
    """Return the schedule's key, the schedule, and why. The last rule matches every ticket."""
    organization = ticket.organization
    facts = {
        "language": {plain(language), plain(language)[:2]} if language else set(),
        "tier": {tier},
        "organization": {plain(name) for name in (organization.id, organization.name) if name}
        if organization
        else set(),
        "brand": {plain(ticket.brand)} if ticket.brand else set(),
    }
    for rule in policy.schedule_rules:
        conditions = rule.conditions
        if all(facts[key] & set(map(plain, wanted)) for key, wanted in conditions.items()):
            break
    text = policy.schedules[rule.schedule]
    params = {"hours": text.hours, "zone": text.time_zone}
    if conditions:
        params["conditions"] = conditions_text(conditions)
    key = "by_rule" if conditions else "for_all"
    return rule.schedule, text, Reason(RULE, key, text.clause, params)


def conditions_text(conditions: Mapping[str, tuple[str, ...]]) -> str:
    """Return a rule's conditions as people read them: `language en/de, tier free`."""
    return ", ".join(f"{key} {'/'.join(values)}" for key, values in conditions.items())
