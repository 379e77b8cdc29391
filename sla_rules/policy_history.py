"""The versions of the company's policy, and which of them governs a ticket.

Reads no files; `policy_file.py` does.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

from .errors import PolicyError
from .memory import Memory
from .policy import Policy
from .rules.start_clock import start_clock
from .ticket import Ticket

_ALWAYS = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, init=False)
class PolicyHistory:
    """One or more versions, oldest first. One without `effective_from` held from the beginning."""

    versions: tuple[Policy, ...]

    def __init__(self, versions: Iterable[Policy]) -> None:
        """Raise `PolicyError` for none, or where two have the same name and version or start."""
        ordered = tuple(sorted(versions, key=_from))
        if not ordered:
            raise PolicyError("a policy history needs at least one version")
        names: set[tuple[str, str]] = set()
        for policy in ordered:
            if (policy.name, policy.version) in names:
                raise PolicyError(f"two policies are named {policy.name} {policy.version}")
            names.add((policy.name, policy.version))
        for before, after in pairwise(ordered):
            if _from(before) == _from(after):
                when = after.effective_from.isoformat() if after.effective_from else "always"
                raise PolicyError(
                    f"policies {_label(before)} and {_label(after)} have the same "
                    f"effective_from ({when}): one of them must start later"
                )
        object.__setattr__(self, "versions", ordered)

    def joined_by(self, policy: Policy) -> PolicyHistory:
        """Return the versions with another; raises `PolicyError` where it cannot stand by them."""
        return PolicyHistory([*self.versions, policy])

    def adapted(
        self, *, time_zone: str | None = None, counted_channels: Iterable[str] | None = None
    ) -> PolicyHistory:
        """Return the versions as one helpdesk account has them, see `Policy.adapted`."""
        if time_zone is None and counted_channels is None:
            return self
        channels = None if counted_channels is None else tuple(counted_channels)
        return PolicyHistory(
            policy.adapted(time_zone=time_zone, counted_channels=channels)
            for policy in self.versions
        )

    def current(self, now: datetime) -> Policy:
        """Return the version that a ticket starting at `now` has; the first one before its time."""
        return next((p for p in reversed(self.versions) if _from(p) <= now), self.versions[0])

    def governing(self, starts_at: datetime | None, now: datetime) -> Policy:
        """Return the version of a ticket that started at `starts_at` (None: no clock runs).

        A version governs the tickets that start at or after its `effective_from`; open older ones
        move only to a version that `applies_to_open`, once it is in force at `now`. A ticket older
        than every version has the first.
        """
        if starts_at is None:
            return self.current(now)
        for policy in reversed(self.versions):
            started = _from(policy) <= starts_at
            moves = policy.applies_to_open and _from(policy) <= now
            if started or moves:
                return policy
        return self.versions[0]

    def next_move(self, now: datetime) -> datetime | None:
        """Return when open tickets move to a version that is to come, None where to none."""
        return next((_from(p) for p in self.versions if p.applies_to_open and _from(p) > now), None)

    def named(self, name: str | None, version: str | None) -> Policy | None:
        """Return that version, None where it is not at hand; `name` None means any name."""
        found = [p for p in self.versions if p.version == version and name in {None, p.name}]
        return found[-1] if found else None

    def for_ticket(self, ticket: Ticket, memory: Memory, now: datetime) -> Policy:
        """Return the version that governs a ticket, from its first start.

        What is met or breached keeps the version it was judged by, where that is at hand.
        """
        if memory.judged:
            judged_by = self.named(memory.policy_name, memory.policy_version)
            if judged_by:
                return judged_by
        for policy in reversed(self.versions):  # which channels count is each version's own
            if self.governing(start_clock(ticket, policy, memory).at, now) is policy:
                return policy
        return self.current(now)


def _from(policy: Policy) -> datetime:
    return policy.effective_from or _ALWAYS


def _label(policy: Policy) -> str:
    return f"{policy.name} {policy.version}"
