"""Chooses whose opening hours count: the first rule of the policy that matches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..decision import Reason
from ..policy import Policy, plain
from ..schedule_text import ScheduleRule, ScheduleText
from ..ticket import Organization, Ticket

RULE = "choose_schedule"


def choose_schedule(
    ticket: Ticket, tier: str, language: str | None, policy: Policy
) -> tuple[str, ScheduleText, Reason]:
    """Return the schedule's key, the schedule, and why. The last rule matches every ticket."""
    rule = next(r for r in policy.schedule_rules if _matches(r, ticket, tier, language))
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
    for number, rule in enumerate(policy.schedule_rules, start=1):
        if _matches(rule, ticket, tier, language):
            return
        facts = {key: _facts(key, ticket, tier, language) for key in rule.conditions}
        found = (f"{key} {'/'.join(sorted(values)) or '-'}" for key, values in facts.items())
        params = {
            "number": str(number),
            "conditions": conditions_text(rule.conditions),
            "found": ", ".join(found),
        }
        yield Reason(RULE, "not_matched", policy.schedules[rule.schedule].clause, params)


def _matches(rule: ScheduleRule, ticket: Ticket, tier: str, language: str | None) -> bool:
    return all(
        _facts(key, ticket, tier, language) & set(map(plain, wanted))
        for key, wanted in rule.conditions.items()
    )


def _facts(key: str, ticket: Ticket, tier: str, language: str | None) -> set[str]:
    """The names by which a ticket is known under one key of a rule, plain."""
    if key == "language":
        return {plain(language), plain(language)[:2]} if language else set()
    if key == "tier":
        return {plain(tier)}
    if key == "brand":
        return {plain(ticket.brand)} if ticket.brand else set()
    organization = ticket.organization or Organization()
    return {plain(name) for name in (organization.id, organization.name) if name}
