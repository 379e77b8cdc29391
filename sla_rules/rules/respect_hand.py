"""Finds the fields that a person holds: there the human wins and we keep off."""

from __future__ import annotations

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
        hands = tuple(hand for hand in ticket.hands if not _is_ours(hand, ticket, memory))
    elif given_back:
        hands = ()
    else:
        hands = tuple(
            Hand(field=name) for name in FIELDS if _is_strange(name, ticket, memory, traits)
        ) + tuple(Hand(field=f"tag:{tag}") for tag in sorted(_taken_tags(ticket, policy, memory)))
    reasons = tuple(
        Reason(RULE, f"A person set {_name(hand)}{_who(hand)}: it is left alone.")
        for hand in hands
        if hand.field in FIELDS
    )
    return hands, reasons


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
        default = traits.default_priority if name == "priority" else None
        return current not in {memory.wrote[name], default}
    if any(hand.field == name for hand in memory.overrides):
        return True
    if name == "priority":
        return current is not None and current != traits.default_priority
    return name == "due_at" and current is not None and not traits.native_due_at


def _name(hand: Hand) -> str:
    return {"due_at": "the due date", "priority": "the priority", "assignee": "the assignee"}[
        hand.field
    ]


def _who(hand: Hand) -> str:
    by = f" ({hand.by}" if hand.by else ""
    when = f"{', ' if by else ' ('}{instant(hand.at)}" if hand.at else ""
    return f"{by}{when})" if by or when else ""
