"""Tells how a decision came about: the reasons, and the business time that was counted, day by day.

Decides nothing; prints nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from .decision import Decision
from .policy import Policy
from .rules.judge_response import duration_text


def explain(decision: Decision, policy: Policy) -> list[str]:
    """Return the explanation, one line an element."""
    lines = [
        f"Ticket {decision.id}: {decision.note_text or 'no clock'}",
        f"Policy {policy.name} {policy.version}",
        "",
    ]
    for reason in decision.reasons:
        clause = f" (contract §{reason.clause})" if reason.clause else ""
        lines.append(f"  {reason.rule:<16} {reason.text}{clause}")
    counted = list(counted_days(decision, policy))
    if counted:
        lines += ["", "Business time counted:"]
        lines += [f"  {line}" for line in counted]
    return lines


def counted_days(decision: Decision, policy: Policy) -> Iterator[str]:
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
        spans = by_date.get(on, [])
        if spans:
            parts = (
                f"{a.astimezone(zone):%H:%M}-{b.astimezone(zone):%H:%M}: {_length(b - a)}"
                for a, b in spans
            )
            yield f"{on:%a %Y-%m-%d}  {', '.join(parts)}"
        else:
            why = "holiday" if on in text.schedule.holidays else "closed"
            yield f"{on:%a %Y-%m-%d}  {why}"
        on += timedelta(days=1)


def _length(span: timedelta) -> str:
    return duration_text(span) or f"{int(span.total_seconds())} s"
