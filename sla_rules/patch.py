"""Turns a decision into the smallest change: what already holds is not written again.

Sends nothing; a connector does. A field in a person's hand is left out.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from .decision import Decision, Exclusion
from .memory import Memory, is_refused
from .ticket import KEEP, Kept, Kind, Status, Ticket, TicketPatch, Traits


def patch_for(
    ticket: Ticket, decision: Decision, memory: Memory, traits: Traits, now: datetime
) -> TicketPatch:
    """Return the change that makes the ticket hold the decision; empty (falsy) where it does."""
    held = {hand.field for hand in decision.overrides}
    kind: Kind | Kept = KEEP
    if traits.sets_kind and decision.exclusion is Exclusion.FEATURE_REQUEST and not ticket.type:
        kind = decision.kind
    patch = TicketPatch(
        due_at=_due_at(ticket, decision, memory, traits, now) if "due_at" not in held else KEEP,
        priority=decision.priority
        if decision.priority and decision.priority != ticket.priority and "priority" not in held
        else KEEP,
        assignee=decision.assignee if decision.assignee and "assignee" not in held else KEEP,
        group=decision.group
        if decision.group and decision.group != ticket.group and "group" not in memory.wrote
        else KEEP,
        kind=kind,
        stop_timer=_stop_timer(ticket, decision, memory) if traits.stops_timer else KEEP,
        next_day_ends_at=decision.next_day_ends_at,
        due_text=_text(ticket.due_text, decision.due_text),
        note_text=_text(ticket.note_text, decision.note_text),
        add_tags=_free(decision.tags - ticket.tags, held),
        remove_tags=_free(_removable(ticket, decision, memory), held),
    )
    refused = {
        name: KEEP for name, value in patch.changes().items() if is_refused(memory, name, value)
    }
    return replace(patch, **refused) if refused else patch  # type: ignore[arg-type]


def _due_at(
    ticket: Ticket, decision: Decision, memory: Memory, traits: Traits, now: datetime
) -> datetime | Kept | None:
    wanted = decision.due_at
    if decision.due_not_kept:
        return KEEP
    if wanted is None:
        target = decision.target
        answered = target is not None and target.response_at is not None
        ours = memory.wrote.get("due_at") is not None
        stays = not traits.clears_due_at or (answered and not traits.clears_due_when_done)
        return KEEP if ticket.due_at is None or not ours or stays else None
    if wanted == ticket.due_at or (wanted <= now and not traits.past_due_at):
        return KEEP
    return wanted


def _stop_timer(ticket: Ticket, decision: Decision, memory: Memory) -> bool | Kept:
    """Once for a ticket outside the SLA, and back once it is inside again: never against a hand."""
    outside = decision.exclusion in {Exclusion.FEATURE_REQUEST, Exclusion.TEST_SYSTEM}
    moved = memory.wrote.get("stop_timer")
    if outside and moved is None and ticket.status in {Status.NEW, Status.OPEN}:
        return True
    return False if moved == "True" and decision.exclusion is None else KEEP


def _text(current: str | None, wanted: str | None) -> str | Kept | None:
    return KEEP if (current or None) == wanted else wanted


def _removable(ticket: Ticket, decision: Decision, memory: Memory) -> frozenset[str]:
    """Without audits only tags that we put there can be told from a person's."""
    return decision.remove_tags if ticket.audited else decision.remove_tags & memory.tags


def _free(tags: frozenset[str], held: set[str]) -> frozenset[str]:
    return frozenset(tag for tag in tags if f"tag:{tag}" not in held)
