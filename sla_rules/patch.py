"""Turns a decision into the smallest change: what already holds is not written again.

Sends nothing; a connector does. A field in a person's hand is left out.
"""

from __future__ import annotations

from datetime import datetime

from .decision import Decision, Exclusion
from .memory import Memory
from .ticket import KEEP, Kept, Kind, Ticket, TicketPatch, Traits


def patch_for(
    ticket: Ticket, decision: Decision, memory: Memory, traits: Traits, now: datetime
) -> TicketPatch:
    """Return the change that makes the ticket hold the decision; empty (falsy) where it does."""
    held = {hand.field for hand in decision.overrides}
    kind: Kind | Kept = KEEP
    if traits.sets_kind and decision.exclusion is Exclusion.FEATURE_REQUEST and not ticket.type:
        kind = decision.kind
    return TicketPatch(
        due_at=_due_at(ticket, decision, memory, traits, now) if "due_at" not in held else KEEP,
        priority=decision.priority
        if decision.priority and decision.priority != ticket.priority and "priority" not in held
        else KEEP,
        assignee=decision.assignee if decision.assignee and "assignee" not in held else KEEP,
        group=decision.group
        if decision.group and decision.group != ticket.group and "group" not in memory.wrote
        else KEEP,
        kind=kind,
        due_text=_text(ticket.due_text, decision.due_text),
        note_text=_text(ticket.note_text, decision.note_text),
        add_tags=_free(decision.tags - ticket.tags, held),
        remove_tags=_free(_removable(ticket, decision, memory), held),
    )


def _due_at(
    ticket: Ticket, decision: Decision, memory: Memory, traits: Traits, now: datetime
) -> datetime | Kept | None:
    wanted = decision.due_at
    if wanted is None:
        answered = decision.target is not None and decision.target.response_at is not None
        ours = memory.wrote.get("due_at") is not None
        stays = not traits.clears_due_at or (answered and not traits.clears_due_when_done)
        return KEEP if ticket.due_at is None or not ours or stays else None
    if wanted == ticket.due_at or (wanted <= now and not traits.past_due_at):
        return KEEP
    return wanted


def _text(current: str | None, wanted: str | None) -> str | Kept | None:
    return KEEP if (current or None) == wanted else wanted


def _removable(ticket: Ticket, decision: Decision, memory: Memory) -> frozenset[str]:
    """Without audits only tags that we put there can be told from a person's."""
    return decision.remove_tags if ticket.audited else decision.remove_tags & memory.tags


def _free(tags: frozenset[str], held: set[str]) -> frozenset[str]:
    return frozenset(tag for tag in tags if f"tag:{tag}" not in held)
