"""What a new version of the policy would change, tried on stored clocks. Writes nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from plugin.store.policies import StoredClock
from sla_rules.decision import State
from sla_rules.engine import decide
from sla_rules.errors import PolicyError
from sla_rules.policy import Policy
from sla_rules.ticket import (
    Channel,
    Environment,
    Kind,
    Organization,
    Status,
    Ticket,
)


@dataclass(frozen=True, slots=True)
class Moved:
    """One clock under the new version; `due_at` None where it would have none."""

    clock: StoredClock
    due_at: datetime | None
    state: str | None

    @property
    def appears(self) -> bool:
        """Whether a breach would appear."""
        return self.state == State.BREACHED and self.clock.state != State.BREACHED

    @property
    def vanishes(self) -> bool:
        """Whether a breach would vanish."""
        return self.clock.state == State.BREACHED and self.state != State.BREACHED


@dataclass(frozen=True, slots=True)
class Trial:
    """The clocks tried and those that would change, the newest first."""

    tried: int
    moved: tuple[Moved, ...]

    @property
    def earlier(self) -> int:
        """How many deadlines would come earlier."""
        return sum(1 for one in self.moved if one.due_at and one.due_at < one.clock.due_at)

    @property
    def later(self) -> int:
        """How many deadlines would come later."""
        return sum(1 for one in self.moved if one.due_at and one.due_at > one.clock.due_at)

    @property
    def appear(self) -> int:
        """How many breaches would appear."""
        return sum(one.appears for one in self.moved)

    @property
    def vanish(self) -> int:
        """How many breaches would vanish."""
        return sum(one.vanishes for one in self.moved)


def try_policy(clocks: Iterable[StoredClock], policy: Policy, now: datetime) -> Trial:
    """Return what `policy` would say of stored clocks, as if it had held when each started.

    What a ticket is (kind, tier, channel) stays as it was judged: message texts are not kept.
    """
    tried, moved = 0, []
    for clock in clocks:
        tried += 1
        found = _again(clock, policy, now)
        if found.due_at != clock.due_at or found.appears or found.vanishes:
            moved.append(found)
    return Trial(tried, tuple(moved))


def _again(clock: StoredClock, policy: Policy, now: datetime) -> Moved:
    cancelled = clock.state == State.CANCELLED
    ticket = Ticket(
        id=clock.ticket_id,
        channel=_counted(policy),
        created_at=clock.starts_at,
        updated_at=clock.updated_at,
        status=Status.CLOSED if cancelled else Status.OPEN,
        language=clock.language,
        organization=Organization(
            id=clock.organization_id, name=clock.organization_name, tier=clock.tier
        ),
        first_response_at=clock.response_at,
        kind=Kind(clock.kind),
        environment=Environment.PRODUCTION,
    )
    try:
        target = decide(ticket, policy, now).target
    except PolicyError:  # a deadline beyond the schedule's horizon
        target = None
    return Moved(clock, target.due_at if target else None, target.state.value if target else None)


def _counted(policy: Policy) -> Channel:
    return min(policy.clock.counted_channels)
