"""What we must remember of a ticket between two looks at it.

Everything else is read from the ticket itself each time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from .decision import Decision, State, instant
from .ticket import KEEP, Hand, Ticket, TicketPatch, Written


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """The plugin's own past with one ticket.

    `starts_at`: the first start, which never moves. `due_at`: the deadline decided last.
    `judged`, `judged_due_at`, `policy_name`, `policy_version`: what is met or breached stays so,
    with the policy it was judged by. `cancelled_at`: solved without a reply. `wrote`: the values
    that we wrote last, by field. `tags`: our tags that we put there. `overrides`: fields that a
    person holds.
    `restored`: labels that a person took away, for good.
    """

    starts_at: datetime | None = None
    due_at: datetime | None = None
    judged: State | None = None
    judged_due_at: datetime | None = None
    policy_name: str | None = None
    policy_version: str | None = None
    cancelled_at: datetime | None = None
    wrote: Mapping[str, str | None] = field(default_factory=dict)
    tags: frozenset[str] = frozenset()
    overrides: tuple[Hand, ...] = ()
    restored: frozenset[str] = frozenset()

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return {
            "starts_at": instant(self.starts_at),
            "due_at": instant(self.due_at),
            "judged": self.judged.value if self.judged else None,
            "judged_due_at": instant(self.judged_due_at),
            "policy_name": self.policy_name,
            "policy_version": self.policy_version,
            "cancelled_at": instant(self.cancelled_at),
            "wrote": dict(self.wrote),
            "tags": sorted(self.tags),
            "overrides": [
                {"field": hand.field, "by": hand.by, "at": instant(hand.at)}
                for hand in self.overrides
            ],
            "restored": sorted(self.restored),
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Memory:
        """Read what `to_json` gave; missing keys are unknown."""
        return cls(
            starts_at=_instant(stored.get("starts_at")),
            due_at=_instant(stored.get("due_at")),
            judged=State(stored["judged"]) if stored.get("judged") else None,
            judged_due_at=_instant(stored.get("judged_due_at")),
            policy_name=stored.get("policy_name"),
            policy_version=stored.get("policy_version"),
            cancelled_at=_instant(stored.get("cancelled_at")),
            wrote=stored.get("wrote") or {},
            tags=frozenset(stored.get("tags") or ()),
            overrides=tuple(
                Hand(field=hand["field"], by=hand.get("by"), at=_instant(hand.get("at")))
                for hand in stored.get("overrides") or ()
            ),
            restored=frozenset(stored.get("restored") or ()),
        )


def remember(
    memory: Memory,
    ticket: Ticket,
    decision: Decision,
    patch: TicketPatch,
    written: Written | None,
) -> Memory:
    """Return the memory after a look; `written` is None where nothing was sent."""
    target = decision.target
    judged = target is not None and target.state in {State.MET, State.BREACHED}
    wrote = dict(memory.wrote)
    tags = memory.tags & ticket.tags
    if written is not None:
        wrote |= {name: _plain(value) for name, value in written.values.items() if name in _FIELDS}
        tags = (tags | patch.add_tags) - patch.remove_tags
    held = {hand.field for hand in decision.overrides}
    for name in {hand.field for hand in memory.overrides} - held:
        wrote[name] = _plain(getattr(ticket, name, None)) if written is None else wrote.get(name)
    return replace(
        memory,
        starts_at=decision.starts_at or memory.starts_at,
        due_at=target.due_at if target else memory.due_at,
        judged=target.state if judged and target else None,
        judged_due_at=target.due_at if judged and target else None,
        policy_name=decision.policy_name,
        policy_version=decision.policy_version,
        cancelled_at=decision.cancelled_at,
        wrote=wrote,
        tags=tags,
        overrides=decision.overrides,
        restored=decision.restored,
    )


_FIELDS = ("due_at", "priority", "assignee", "group", "kind", "due_text", "note_text")


def _plain(value: object) -> str | None:
    if value is None or value is KEEP:
        return None
    return instant(value) if isinstance(value, datetime) else str(value)


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
