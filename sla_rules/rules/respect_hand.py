"""Finds the fields that a person holds: there the human wins and we keep off."""

from __future__ import annotations

from collections.abc import Iterable, Set
from datetime import datetime

from ..decision import Reason, instant
from ..memory import Memory
from ..policy import Policy
from ..ticket import Hand, Ticket, Traits

RULE = "respect_hand"
FIELDS = ("due_at", "priority", "assignee")


def respect_hand(
    ticket: Ticket, policy: Policy, memory: Memory, traits: Traits
) -> tuple[tuple[Hand, ...], tuple[Reason, ...]]:
    """Return the fields in a person's hand.

    Where the vendor's audits tell, they decide. Elsewhere a value that is neither ours nor the
    account's default is a person's. Taking the tag `sla_manual` away gives every field back.
    """
    given_back = policy.tags.manual in memory.tags and policy.tags.manual not in ticket.tags
    if ticket.audited:
        hands = tuple(
            hand
            for hand in ticket.hands
            if (hand.field in FIELDS or hand.field.startswith("tag:"))
            and not _is_ours(hand, ticket, memory)
            and not _is_no_override(hand, ticket, memory)
        )
    elif given_back:
        hands = ()
    else:
        names = [name for name in FIELDS if _is_strange(name, ticket, memory, traits)]
        names += [f"tag:{tag}" for tag in sorted(_taken_tags(ticket, policy, memory))]
        hands = tuple(Hand(field=name) for name in names)
    reasons = tuple(
        Reason(RULE, "field", params={"field": hand.field} | _who(hand))
        for hand in hands
        if hand.field in FIELDS
    )
    return hands, reasons


def contested_tags(
    hands: Iterable[Hand], wanted: Set[str], ticket: Ticket, policy: Policy
) -> tuple[Reason, ...]:
    """Return a reason for each tag that a person holds against the rules.

    The labels that are a classification (feature request, test system) are no such tags.
    """
    labels = {policy.tags.feature_request, policy.tags.excluded, policy.tags.manual}
    reasons = []
    for hand in hands:
        tag = hand.field.removeprefix("tag:")
        ours = hand.field.startswith("tag:") and tag in policy.our_tags - labels
        if ours and (tag in wanted) != (tag in ticket.tags):
            key = "tag_set" if tag in ticket.tags else "tag_taken"
            reasons.append(Reason(RULE, key, params={"tag": tag} | _who(hand)))
    return tuple(reasons)


def who_set(ticket: Ticket, name: str) -> dict[str, str]:
    """Return who changed a field or tag, and when, as far as the vendor tells."""
    return next((_who(hand) for hand in reversed(ticket.hands) if hand.field == name), {})


def _is_no_override(hand: Hand, ticket: Ticket, memory: Memory) -> bool:
    """An agent who takes a ticket that we assigned to nobody goes against no rule."""
    return hand.field == "assignee" and bool(ticket.assignee) and "assignee" not in memory.wrote


def _is_ours(hand: Hand, ticket: Ticket, memory: Memory) -> bool:
    """Our account's change without our stamp, to the very value that we wrote last."""
    if not hand.by_our_account or hand.field not in memory.wrote:
        return False
    value = getattr(ticket, hand.field, None)
    return memory.wrote[hand.field] == (instant(value) if isinstance(value, datetime) else value)


def _taken_tags(ticket: Ticket, policy: Policy, memory: Memory) -> set[str]:
    """Our tags that a person took: those lost a second time (the first may have been a race)."""
    taken = {hand.field.removeprefix("tag:") for hand in memory.overrides} | (
        memory.healed & memory.tags
    )
    return (taken & policy.our_tags) - ticket.tags


def _is_strange(name: str, ticket: Ticket, memory: Memory, traits: Traits) -> bool:
    value = getattr(ticket, name)
    current = instant(value) if isinstance(value, datetime) else value
    if name == "due_at" and traits.recalculates_due_at:
        return False
    if name in memory.wrote:
        if name == "assignee":  # one that was taken off again is not put back
            return current != memory.wrote[name]
        default = traits.default_priority if name == "priority" else None
        return current not in {memory.wrote[name], default}
    if any(hand.field == name for hand in memory.overrides):
        return True
    if name == "priority":
        return current is not None and current != traits.default_priority
    return name == "due_at" and current is not None and not traits.native_due_at


def _who(hand: Hand) -> dict[str, str]:
    found = {"by": hand.by, "at": instant(hand.at)}
    return {name: value for name, value in found.items() if value}
