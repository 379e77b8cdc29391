"""Our TicketPatch to Freshdesk's update, and what is left out of it when it is refused. Pure.

The way in is `tickets.py`.
"""
# https://developers.freshdesk.com/api/#update_ticket  (read 2026-11)

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.json_values import instant, mapping, number
from connectors.sentences import say
from sla_rules.ticket import KEEP, TicketPatch

from .tickets import PRIORITIES, Options, words_of

GONE = say("note.gone")
TIMER_OFF = say("note.timer_off")
NO_RESOLUTION = say("note.no_resolution")
_OPEN = 2
_DATES = {"fr_due_by", "due_by"}


@dataclass(slots=True)
class Update:
    """An update's body, the fields of the patch that it carries, and notes; empty: send nothing."""

    body: dict[str, Any] = field(default_factory=dict)
    taken: dict[str, object] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)

    def without_dates(self, note: str) -> None:
        """Leave the due dates out; another look may send them again."""
        for key in _DATES:
            self.body.pop(key, None)
        self.taken.pop("due_at", None)
        self.notes = [one for one in self.notes if one != NO_RESOLUTION] + [note]

    def drop(self, name: str) -> None:
        """Leave out a part that the account does not take."""
        custom = self.body.get("custom_fields")
        if custom and name in custom:
            del custom[name]
            if not custom:
                del self.body["custom_fields"]
        self.body.pop(name, None)
        for taken in _CARRIES.get(name, ()):
            if taken in self.taken:
                del self.taken[taken]
                self.refused.add(taken)
        self.notes.append(say("note.refused", vendor="Freshdesk", field=name))


_CARRIES: dict[str, tuple[str, ...]] = {
    "priority": ("priority",),
    "responder_id": ("assignee",),
    "group_id": ("group",),
    "type": ("kind",),
    "status": ("stop_timer",),
    "tags": ("add_tags", "remove_tags"),
    "fr_due_by": ("due_at",),
    "due_by": ("due_at",),
}


def to_update(
    ticket_json: Mapping[str, Any],
    patch: TicketPatch,
    options: Options,
    *,
    timer_off: Iterable[int] = (),
    types: Iterable[str] | None = None,
) -> Update:
    """Return the update.

    Tags go as the whole merged list, the only way Freshdesk takes them. Due dates go as a pair and
    only while the status's timer runs; `timer_off` are statuses learned besides the settings'.
    `types` are the account's, None where they are not known. Fields that the ticket does not have
    are left out.
    """
    update = Update()
    if ticket_json.get("spam") is True or ticket_json.get("deleted") is True:
        update.notes.append(GONE)
        return update
    body, taken = update.body, update.taken
    if patch.priority is not KEEP:
        body["priority"] = next(n for n, one in PRIORITIES.items() if one is patch.priority)
        taken["priority"] = patch.priority
    for name, key in (("assignee", "responder_id"), ("group", "group_id")):
        value = getattr(patch, name)
        if value is not KEEP and str(value).isdigit():
            body[key] = int(value)
            taken[name] = value
    _kind(update, ticket_json, patch, options, types)
    _timer(update, ticket_json, patch, options)
    tags = words_of(ticket_json)
    wanted = (tags | patch.add_tags) - patch.remove_tags
    if wanted != tags:
        body["tags"] = sorted(wanted)
        taken |= {"add_tags": patch.add_tags, "remove_tags": patch.remove_tags}
    _due_dates(update, ticket_json, patch, options.timer_off | frozenset(timer_off))
    known = mapping(ticket_json.get("custom_fields"))
    custom = {}
    for name, key in (("due_text", options.due_field), ("note_text", options.note_field)):
        value = getattr(patch, name)
        if value is not KEEP and key in known:
            custom[key] = value
            taken[name] = value
    if custom:
        body["custom_fields"] = custom
    return update


def drop_refused(update: Update, named: Iterable[str], options: Options) -> bool:
    """Leave out the parts that an error names; False where it names none of ours."""
    custom = set(mapping(update.body.get("custom_fields")))
    found = [name for name in named if name in (set(update.body) & set(_CARRIES)) | custom]
    for name in found:
        if name in custom:
            update.taken.pop("due_text" if name == options.due_field else "note_text", None)
            update.refused.add("due_text" if name == options.due_field else "note_text")
        update.drop(name)
    if _DATES & set(found):
        for key in _DATES:
            update.body.pop(key, None)
    return bool(found)


def speaks_of_the_timer(named: Mapping[str, str]) -> bool:
    """Say whether a refusal is of due dates while the status's timer is off."""
    return any("timer" in named.get(name, "").lower() for name in _DATES)


def is_as_we_left_it(
    before: Mapping[str, Any], answer: Mapping[str, Any], body: Mapping[str, Any]
) -> bool:
    """Say whether an update changed only what it said, from the values that we had read."""
    return bool(answer) and all(
        before.get(name) == answer.get(name) for name in _OTHERS if name not in body
    )


_OTHERS = ("status", "priority", "type", "responder_id", "group_id", "company_id", "requester_id")


def _kind(
    update: Update,
    ticket_json: Mapping[str, Any],
    patch: TicketPatch,
    options: Options,
    types: Iterable[str] | None,
) -> None:
    label = options.feature_request_type
    if patch.kind is KEEP or not label or ticket_json.get("type"):
        return
    if types is not None and label not in types:
        return
    update.body["type"] = label
    update.taken["kind"] = label


def _timer(
    update: Update, ticket_json: Mapping[str, Any], patch: TicketPatch, options: Options
) -> None:
    rests = options.status_without_timer
    if patch.stop_timer is KEEP or rests is None:
        return
    status = number(ticket_json.get("status"))
    if patch.stop_timer and status != rests:
        update.body["status"] = rests
    elif not patch.stop_timer and status == rests:
        update.body["status"] = _OPEN
    update.taken["stop_timer"] = patch.stop_timer


def _due_dates(
    update: Update, ticket_json: Mapping[str, Any], patch: TicketPatch, timer_off: frozenset[int]
) -> None:
    if not isinstance(patch.due_at, datetime):
        return
    status = number(update.body.get("status", ticket_json.get("status")))
    if status in timer_off:
        update.notes.append(TIMER_OFF)
        return
    own = instant(ticket_json.get("due_by"))
    if own is None or own <= patch.due_at:
        own = patch.next_day_ends_at or patch.due_at + timedelta(days=1)
        update.notes.append(NO_RESOLUTION)
    update.body["fr_due_by"], update.body["due_by"] = iso(patch.due_at), iso(own)
    update.taken["due_at"] = patch.due_at


def iso(at: datetime) -> str:
    """Return an instant as Freshdesk takes it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
