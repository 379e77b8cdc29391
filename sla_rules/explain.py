"""Tells how a decision came about: the reasons, the rules that did not match, the hours counted.

Decides nothing; prints nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from .decision import Decision, Exclusion, Reason
from .policy import Policy
from .rules import assign_contact, choose_schedule, exclude_ticket, hand_to_it, respect_hand
from .rules.judge_response import duration_text
from .sentences import phrase, sentence, term
from .ticket import Kind, Ticket


def explain(decision: Decision, policy: Policy, ticket: Ticket, language: str = "en") -> list[str]:
    """Return the explanation in one of `sentences.LANGUAGES`, one line an element."""
    note = decision.note_text or phrase("no_clock", language)
    version = f"{decision.policy_name} {decision.policy_version}"
    lines = [
        phrase("title", language, id=decision.id, note=note),
        phrase("policy", language, policy=version),
    ]
    unmatched = list(not_matched(decision, policy, ticket))
    for title, reasons in (("because", decision.reasons), ("unmatched", unmatched)):
        if reasons:
            lines += ["", phrase(title, language)]
            lines += [f"  {_line(reason, language)}" for reason in reasons]
    counted = list(counted_days(decision, policy, language))
    if counted and decision.target:
        whole = policy.schedules[decision.schedule].schedule.elapsed(
            decision.starts_at or decision.target.due_at, decision.target.due_at
        )
        lines += ["", phrase("counted", language), *(f"  {line}" for line in counted)]
        lines.append(f"  {phrase('total', language, business=_length(whole))}")
    return lines


def counted_days(decision: Decision, policy: Policy, language: str = "en") -> Iterator[str]:
    """Yield a line for each local date from the start to the deadline, closed dates included."""
    target = decision.target
    if target is None or decision.starts_at is None:
        return
    text = policy.schedules[decision.schedule]
    zone = ZoneInfo(text.time_zone)
    by_date: dict[date, list[tuple[datetime, datetime]]] = {}
    for opens_at, closes_at in text.schedule.segments(decision.starts_at, target.due_at):
        by_date.setdefault(opens_at.astimezone(zone).date(), []).append((opens_at, closes_at))
    on = decision.starts_at.astimezone(zone).date()
    last = target.due_at.astimezone(zone).date()
    while on <= last:
        day = f"{term('weekday', str(on.weekday()), language)} {on}"
        spans = by_date.get(on, [])
        if spans:
            parts = (
                f"{a.astimezone(zone):%H:%M}-{b.astimezone(zone):%H:%M}: {_length(b - a)}"
                for a, b in spans
            )
            yield f"{day}  {'; '.join(parts)}"
        else:
            why = "holiday" if on in text.schedule.holidays else "closed"
            yield f"{day}  {phrase(why, language)}"
        on += timedelta(days=1)


def not_matched(decision: Decision, policy: Policy, ticket: Ticket) -> Iterator[Reason]:
    """Yield why the other rules did not speak, in their order."""
    found = decision.exclusion
    kind = {"kind": decision.kind}
    if found not in {Exclusion.SPAM, Exclusion.MERGED}:
        params = {"status": ticket.status}
        yield Reason(exclude_ticket.RULE, "not_spam", params=params)
    if found is None:
        environment = {"environment": decision.environment}
        clause = policy.environments.clause
        yield Reason(exclude_ticket.RULE, "not_test_system", clause, environment)
        if decision.kind is not Kind.FEATURE_REQUEST:
            clause = policy.feature_requests.clause
            yield Reason(exclude_ticket.RULE, "not_feature_request", clause, kind)
        yield Reason(exclude_ticket.RULE, "not_no_email", policy.clock.clause)
    yield from choose_schedule.passed_over(ticket, decision.tier, decision.language, policy)
    spoke = {reason.rule for reason in decision.reasons}
    if assign_contact.RULE not in spoke:
        terms = policy.tiers[decision.tier]
        yield Reason(assign_contact.RULE, "not_in_tier", terms.clause, {"tier": terms.label})
    if hand_to_it.RULE not in spoke:
        key = "not_covered" if decision.kind is Kind.ERROR_REPORT else "not_an_error"
        yield Reason(hand_to_it.RULE, key, policy.it.clause, kind)
    if respect_hand.RULE not in spoke:
        yield Reason(respect_hand.RULE, "nothing")


def _line(reason: Reason, language: str) -> str:
    text = sentence(reason.rule, reason.key, reason.params, language)
    clause = f" ({phrase('clause', language, clause=reason.clause)})" if reason.clause else ""
    return f"{reason.rule:<16} {text}{clause}"


def _length(span: timedelta) -> str:
    seconds = int(span.total_seconds()) % 60
    parts = (duration_text(span), f"{seconds} s" if seconds else "")
    return " ".join(filter(None, parts)) or "0 s"
