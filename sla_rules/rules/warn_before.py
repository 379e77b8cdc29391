"""Warns before a deadline: which levels are reached, and when time alone changes the ticket next.

Nothing is sent or remembered here: a level is reached or not by the instant alone, so that a
restart repeats nothing and forgets nothing. docs/deadlines.md tells the conventions.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from ..decision import Reason, State, Target, Warned, instant
from ..policy import Policy
from ..policy_sections import Effect, WarningLevel
from ..schedule import Schedule
from ..ticket import Priority

RULE = "warn_before"
GRACE = timedelta(seconds=5)  # a reply sent in the last second is then readable at the vendor


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """How near the deadline is. `tell` holds the levels that people may be told of now."""

    at_risk: bool = False
    tell: tuple[Warned, ...] = ()
    priority: Priority | None = None
    next_look_at: datetime | None = None
    reason: Reason | None = None


NOTHING = Outlook()


def warn_before(
    target: Target | None,
    starts_at: datetime | None,
    schedule: Schedule,
    policy: Policy,
    now: datetime,
) -> Outlook:
    """Return the outlook of a ticket that waits for its first response.

    A level is reached when its business time is left; one that would fall on a closing instant
    waits for the next opening, as does one that is found reached outside hours. A goal that is only
    best effort warns where the policy says so. After a breach nothing is told, but a raised
    priority stays until the answer.
    """
    if target is None or starts_at is None or target.response_at is not None:
        return NOTHING
    waits = target.state is State.OPEN or (
        target.state is State.BEST_EFFORT and policy.warnings.best_effort
    )
    if not waits and target.state is not State.BREACHED:
        return NOTHING
    raises = any(level.raise_priority for level in policy.warnings.levels.values())
    if not waits and not raises:
        return NOTHING
    whole = schedule.elapsed(starts_at, target.due_at)
    levels = [
        (schedule.add(starts_at, whole - level.left_of(whole)), key, level)
        for key, level in policy.warnings.levels.items()
        if level.does_something and level.left_of(whole) < whole
    ]
    levels = sorted((schedule.next_open(at), key, level) for at, key, level in levels)
    reached = [(at, key, level) for at, key, level in levels if at <= now]
    priority = max(
        (level.raise_priority for _, _, level in reached if level.raise_priority),
        key=list(Priority).index,
        default=None,
    )
    if not waits:
        return Outlook(priority=priority)
    may_tell = schedule.is_open(now)
    ahead = [at for at, _, _ in levels if at > now]
    if target.state is State.OPEN:
        ahead.append(target.due_at + GRACE)
    if reached and not may_tell:
        ahead.append(schedule.next_open(now))
    return Outlook(
        at_risk=any(Effect.TAG in level.effects for _, _, level in reached),
        tell=tuple(_warned(*one) for one in reached) if may_tell else (),
        priority=priority,
        next_look_at=min(ahead, default=None),
        reason=_reason(reached, target),
    )


def _warned(at: datetime, key: str, level: WarningLevel) -> Warned:
    return Warned(level=key, at=at, effects=level.effects)


def _reason(reached: list[tuple[datetime, str, WarningLevel]], target: Target) -> Reason | None:
    if not reached:
        return None
    at, key, _ = reached[-1]
    params = {"level": key, "reached_at": instant(at), "due_at": instant(target.due_at)}
    return Reason(RULE, "reached", params=params)
