"""Chooses whose opening hours count: the first rule of the policy that matches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..decision import Reason
from ..policy import Policy, ScheduleRule, ScheduleText, plain
from ..ticket import Ticket

RULE = "choose_schedule"


def choose_schedule(
    ticket: Ticket, tier: str, language: str | None, policy: Policy
) -> tuple[str, ScheduleText, Reason]:
    """Return the schedule's key, the schedule, and why. The last rule matches every ticket."""
    facts = _facts(ticket, tier, language)
    rule = next(rule for rule in policy.schedule_rules if _matches(rule, facts))
    conditions = rule.conditions
    text = policy.schedules[rule.schedule]
    params = {"hours": text.hours, "zone": text.time_zone}
    if conditions:
        params["conditions"] = conditions_text(conditions)
    key = "by_rule" if conditions else "for_all"
    return rule.schedule, text, Reason(RULE, key, text.clause, params)


def conditions_text(conditions: Mapping[str, tuple[str, ...]]) -> str:
    """Return a rule's conditions as people read them: `language en/de, tier free`."""
    return ", ".join(f"{key} {'/'.join(values)}" for key, values in conditions.items())


def passed_over(
    ticket: Ticket, tier: str, language: str | None, policy: Policy
) -> Iterator[Reason]:
    """Yield a reason for each rule of the policy that stands before the one that matches."""
    facts = _facts(ticket, tier, language)
    for number, rule in enumerate(policy.schedule_rules, start=1):
        if _matches(rule, facts):
            return
        found = (f"{key} {'/'.join(sorted(facts[key])) or '-'}" for key in rule.conditions)
        params = {
            "number": str(number),
            "conditions": conditions_text(rule.conditions),
            "found": ", ".join(found),
        }
        yield Reason(RULE, "not_matched", policy.schedules[rule.schedule].clause, params)


def _matches(rule: ScheduleRule, facts: Mapping[str, set[str]]) -> bool:
    return all(facts[key] & set(map(plain, wanted)) for key, wanted in rule.conditions.items())


def _facts(ticket: Ticket, tier: str, language: str | None) -> dict[str, set[str]]:
    organization = ticket.organization
    return {
        "language": {plain(language), plain(language)[:2]} if language else set(),
        "tier": {plain(tier)},
        "organization": {plain(name) for name in (organization.id, organization.name) if name}
        if organization
        else set(),
        "brand": {plain(ticket.brand)} if ticket.brand else set(),
    }
