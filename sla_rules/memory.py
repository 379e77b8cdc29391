"""What we must remember of a ticket between two looks at it.

Everything else is read from the ticket itself each time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from .decision import Decision, State, Target, instant
from .policy import Policy, plain
from .policy_sections import Commitment
from .ticket import KEEP, Hand, Kind, Status, Ticket, TicketPatch, Written


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """The plugin's own past with one ticket.

    `starts_at`: the first start, which never moves. `due_at`: the deadline decided last, by the
    terms of `tier`. `judged`, `policy_name`, `policy_version`: what is met or breached stays so,
    with the policy it was judged by. `cancelled_at`: solved without a reply; `restarted_after`: the
    same, where a new clock runs since the partner wrote again. `wrote`: the values
    that we wrote last, by field. `tags`: our tags that we put there. `overrides`: fields that a
    person holds. `restored`: labels that a person took away, for good. `healed`: tags of ours that
    were lost and set once more; one that is lost again was taken by a person. `corrections`: when
    we set a due date again that the vendor had changed. `refused`: values that the vendor does not
    take, by field. `fingerprint`: the ticket as we left it, see `as_left`, and `next_look_at` until
    when time alone changes nothing.

    Two are kept beside the rest. `reviewed`: what a person said in the console that the ticket is;
    never written by a look. `sent`: the changes whose answer nobody has heard, by field, see
    `confirmed`.
    """

    starts_at: datetime | None = None
    due_at: datetime | None = None
    tier: str | None = None
    judged: Target | None = None
    policy_name: str | None = None
    policy_version: str | None = None
    cancelled_at: datetime | None = None
    restarted_after: datetime | None = None
    wrote: Mapping[str, str | None] = field(default_factory=dict)
    tags: frozenset[str] = frozenset()
    overrides: tuple[Hand, ...] = ()
    restored: frozenset[str] = frozenset()
    healed: frozenset[str] = frozenset()
    corrections: tuple[datetime, ...] = ()
    refused: Mapping[str, str | None] = field(default_factory=dict)
    fingerprint: str | None = None
    next_look_at: datetime | None = None
    reviewed: Kind | None = None
    sent: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return {
            "starts_at": instant(self.starts_at),
            "due_at": instant(self.due_at),
            "tier": self.tier,
            "judged": _target_json(self.judged) if self.judged else None,
            "policy_name": self.policy_name,
            "policy_version": self.policy_version,
            "cancelled_at": instant(self.cancelled_at),
            "restarted_after": instant(self.restarted_after),
            "wrote": dict(self.wrote),
            "tags": sorted(self.tags),
            "overrides": [
                {"field": hand.field, "by": hand.by, "at": instant(hand.at)}
                for hand in self.overrides
            ],
            "restored": sorted(self.restored),
            "healed": sorted(self.healed),
            "corrections": [instant(at) for at in self.corrections],
            "refused": dict(self.refused),
            "fingerprint": self.fingerprint,
            "next_look_at": instant(self.next_look_at),
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Memory:
        """Read what `to_json` gave; missing keys are unknown."""
        return cls(
            starts_at=_instant(stored.get("starts_at")),
            due_at=_instant(stored.get("due_at")),
            tier=stored.get("tier"),
            judged=_target(stored["judged"]) if stored.get("judged") else None,
            policy_name=stored.get("policy_name"),
            policy_version=stored.get("policy_version"),
            cancelled_at=_instant(stored.get("cancelled_at")),
            restarted_after=_instant(stored.get("restarted_after")),
            wrote=stored.get("wrote") or {},
            tags=frozenset(stored.get("tags") or ()),
            overrides=tuple(
                Hand(field=hand["field"], by=hand.get("by"), at=_instant(hand.get("at")))
                for hand in stored.get("overrides") or ()
            ),
            restored=frozenset(stored.get("restored") or ()),
            healed=frozenset(stored.get("healed") or ()),
            corrections=tuple(map(datetime.fromisoformat, stored.get("corrections") or ())),
            refused=stored.get("refused") or {},
            fingerprint=stored.get("fingerprint"),
            next_look_at=_instant(stored.get("next_look_at")),
        )


def sending(memory: Memory, patch: TicketPatch) -> dict[str, Any]:
    """Return, as plain JSON, a patch that goes out now on top of what nobody heard of."""
    changes = patch.changes()
    fields = {name: _plain(value) for name, value in changes.items() if name in _FIELDS}
    tags = {
        name: sorted({*getattr(patch, name), *memory.sent.get(name, ())})
        for name in ("add_tags", "remove_tags")
    }
    return {**memory.sent, **fields, **tags}


def confirmed(memory: Memory, ticket: Ticket, policy: Policy) -> Memory:
    """Take for ours what the ticket holds of a change whose answer was not heard.

    The request may have been carried out (a time-out, a kill): what stands there as we sent it is
    ours, a tag that we took off and that is gone too, anything else a person's.
    """
    sent = memory.sent
    ours = {
        name: sent[name]
        for name in ("due_at", "priority", "assignee", "group")
        if name in sent and _plain(getattr(ticket, name)) == sent[name]
    }
    words = getattr(policy.types, sent["kind"]) if "kind" in sent else ()
    if ticket.type and plain(ticket.type) in map(plain, words):
        ours["kind"] = ticket.type
    if sent.get("stop_timer") == "True" and ticket.status not in {Status.NEW, Status.OPEN}:
        ours["stop_timer"] = "True"
    added, removed = (frozenset(sent.get(name, ())) for name in ("add_tags", "remove_tags"))
    tags = (memory.tags | added & ticket.tags) - (removed - ticket.tags)
    return replace(memory, wrote={**memory.wrote, **ours}, tags=tags)


def remember(
    memory: Memory,
    ticket: Ticket,
    decision: Decision,
    patch: TicketPatch,
    written: Written | None,
) -> Memory:
    """Return the memory after a look; `written` is None where nothing was sent."""
    target = decision.target
    judged = _settled(target)
    wrote = dict(memory.wrote)
    tags = memory.tags & ticket.tags
    healed, corrections, refused = memory.healed, memory.corrections, dict(memory.refused)
    if written is not None:
        if "add_tags" in written.values:
            healed |= memory.tags & patch.add_tags
            tags |= patch.add_tags
        if "remove_tags" in written.values:
            tags -= patch.remove_tags
        if is_correction(memory, ticket, written.values.get("due_at")):
            corrections = (*corrections_today(memory, decision.at), decision.at)
        refused = {n: v for n, v in refused.items() if n not in written.values}
        refused |= {name: _plain(getattr(patch, name)) for name in written.refused}
        wrote |= {name: _plain(value) for name, value in written.values.items() if name in _FIELDS}
    held = {hand.field for hand in decision.overrides}
    given_back = {hand.field for hand in memory.overrides} - held
    for name in given_back.intersection(_FIELDS):
        if written is None or name not in written.values:  # given back, and right as it stands
            wrote[name] = _plain(getattr(ticket, name, None))
    return replace(
        memory,
        starts_at=decision.starts_at or memory.starts_at,
        due_at=target.due_at if target else memory.due_at,
        tier=memory.tier if judged and memory.judged else decision.tier,
        judged=judged,
        policy_name=decision.policy_name,
        policy_version=decision.policy_version,
        cancelled_at=decision.cancelled_at,
        restarted_after=decision.restarted_after,
        wrote=wrote,
        tags=tags,
        overrides=decision.overrides,
        restored=decision.restored,
        healed=healed & decision.tags,
        corrections=corrections,
        refused=refused,
        fingerprint=_marked(
            written.fingerprint if written else ticket.fingerprint,
            memory,
            (decision.policy_name, decision.policy_version, decision.closed_mark),
        ),
        next_look_at=decision.next_look_at,
    )


def _settled(target: Target | None) -> Target | None:
    """The target where it is judged for good: met, breached, or a goal that was answered late."""
    if target is None or target.state in {State.OPEN, State.CANCELLED}:
        return None
    late_goal = target.state is State.BEST_EFFORT and target.response_at is None
    return None if late_goal else target


def _target_json(target: Target) -> dict[str, Any]:
    return target.to_json() | {"response_at": instant(target.response_at)}


def _target(stored: Mapping[str, Any]) -> Target:
    return Target(
        metric=stored["metric"],
        business=timedelta(minutes=stored["business_minutes"]),
        commitment=Commitment(stored["commitment"]),
        due_at=datetime.fromisoformat(stored["due_at"]),
        state=State(stored["state"]),
        response_at=_instant(stored.get("response_at")),
    )


def as_left(memory: Memory, policy: Policy, now: datetime) -> str | None:
    """Return the fingerprint that a ticket has if a new look would find what the last one left.

    None where it must be read whole: never seen, its time has come, another policy governs it or
    other dates are closed, a person reviewed it since, or an answer of its was not heard.
    """
    if memory.sent or (memory.next_look_at is not None and memory.next_look_at <= now):
        return None
    label = _marked("", memory, (policy.name, policy.version, policy.closed_mark)) or ""
    found = memory.fingerprint or ""
    return found.removeprefix(label) or None if found.startswith(label) else None


def _marked(fingerprint: str | None, memory: Memory, judged_by: tuple[str, str, str]) -> str | None:
    if fingerprint is None:
        return None
    return f"{' '.join(judged_by)} {memory.reviewed or ''}|{fingerprint}"


def is_correction(memory: Memory, ticket: Ticket, due_at: object) -> bool:
    """Say whether this due date was written before and something else stands there now."""
    return (
        isinstance(due_at, datetime)
        and ticket.due_at != due_at
        and memory.wrote.get("due_at") == instant(due_at)
    )


def corrections_today(memory: Memory, now: datetime) -> tuple[datetime, ...]:
    """Return the corrections of the last 24 hours."""
    return tuple(at for at in memory.corrections if now - at < timedelta(days=1))


def is_refused(memory: Memory, name: str, value: object) -> bool:
    """Say whether the vendor refused this very value of a field."""
    return name in memory.refused and memory.refused[name] == _plain(value)


_FIELDS = (
    *("due_at", "priority", "assignee", "group", "kind", "due_text", "note_text"),
    "stop_timer",
)


def _plain(value: object) -> str | None:
    if value is None or value is KEEP:
        return None
    return instant(value) if isinstance(value, datetime) else str(value)


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
