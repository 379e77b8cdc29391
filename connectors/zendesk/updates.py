"""Our TicketPatch to Zendesk's update, and what an answer says of it. Pure.

The way in is `tickets.py`.
"""
# https://developer.zendesk.com/api-reference/ticketing/tickets/tickets/#update-ticket  (2026-11)

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from connectors.json_values import identifier, mapping, mappings, text, words
from connectors.sentences import say
from sla_rules.ticket import KEEP, Priority, TicketPatch

from .hands import OurType
from .tickets import Options, custom_values

_NEAREST = {Priority.LOW: Priority.NORMAL, Priority.URGENT: Priority.HIGH}
_LINKED = {"incident", "problem"}
CLOSED = say("note.closed")


@dataclass(slots=True)
class Update:
    """An update's body, the fields of the patch that it carries, and notes; empty: send nothing."""

    body: dict[str, Any] = field(default_factory=dict)
    taken: dict[str, object] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)

    def drop(self, key: str, why: str) -> None:
        """Leave out a part that the account does not take."""
        for name in _CARRIES.get(key, ()):
            if name in self.taken:
                del self.taken[name]
                self.refused.add(name)
        self.body.pop(key, None)
        if key == "due_at":
            self.body.pop("type", None)
        self.notes.append(why)


_CARRIES = {
    "priority": ("priority",),
    "assignee_id": ("assignee",),
    "group_id": ("group",),
    "tags": ("add_tags", "remove_tags"),
    "due_at": ("due_at",),
    "type": ("due_at",),
    "custom_fields": ("due_text", "note_text"),
}
# What an error's details call a part of the update.
_CALLED = {
    "assignee": "assignee_id",
    "group": "group_id",
    "ticket_type": "due_at",
    "type": "due_at",
    "base": "custom_fields",
}


def to_update(
    ticket_json: Mapping[str, Any], patch: TicketPatch, options: Options, our_type: OurType
) -> Update:
    """Return the update.

    A closed ticket takes none. A due date goes only onto a task: an empty type becomes one, and a
    type that we set (`our_type`) is put back when the date goes.
    """
    update = Update()
    if (text(ticket_json.get("status")) or "").lower() in {"closed", "deleted"}:
        update.notes.append(CLOSED)
        return update
    _priority(update, ticket_json, patch, options)
    for name in ("assignee", "group"):
        value = getattr(patch, name)
        if value is not KEEP and str(value).isdigit():
            update.body[f"{name}_id"] = int(value)
            update.taken[name] = value
    tags = words(ticket_json.get("tags"))
    wanted = (tags | patch.add_tags) - patch.remove_tags
    if wanted != tags:
        update.body["tags"] = sorted(wanted)
        update.taken |= {"add_tags": patch.add_tags, "remove_tags": patch.remove_tags}
    _due_date(update, ticket_json, patch, options, our_type)
    known = custom_values(ticket_json)
    custom = []
    for name, number in (("due_text", options.fields.due), ("note_text", options.fields.note)):
        value = getattr(patch, name)
        if value is not KEEP and number is not None and (number in known or not known):
            custom.append({"id": number, "value": value})
            update.taken[name] = value
    if custom:
        update.body["custom_fields"] = custom
    return update


def drop_refused(update: Update, named: Iterable[str]) -> bool:
    """Leave out the parts that an error names; False where it names none of ours."""
    found = {_CALLED.get(name, name) for name in named} & set(update.body) & set(_CARRIES)
    for key in sorted(found):
        update.drop(key, say("note.refused", vendor="Zendesk", field=key))
    return bool(found)


def drop_ignored(update: Update, ignored: tuple[str, ...]) -> None:
    """Note what Zendesk said it ignored; such a part was not taken."""
    for key in ignored:
        update.drop(key.removeprefix("ticket."), say("note.ignored", field=key))


def is_as_we_left_it(before: Mapping[str, Any], answer: Mapping[str, Any]) -> bool:
    """Say whether an update's own audit explains all that differs from the values we had read.

    The version that guards an update has a resolution of one second: somebody may have been there
    in the same one.
    """
    after = mapping(answer.get("ticket"))
    ours = {
        text(event.get("field_name")): event.get("previous_value")
        for event in mappings(mapping(answer.get("audit")).get("events"))
    }
    return bool(after) and all(
        _same(name, before.get(name), ours[name] if name in ours else after.get(name))
        for name in _COMPARED
    )


_COMPARED = (
    *("status", "type", "priority", "assignee_id", "group_id", "organization_id", "due_at"),
    "tags",
)


def _same(name: str, one: object, other: object) -> bool:
    if name == "tags":
        return words(one) == words(other)
    if name.endswith("_id"):
        return identifier(one) == identifier(other)
    return (text(one) or "") == (text(other) or "")


def _priority(
    update: Update, ticket_json: Mapping[str, Any], patch: TicketPatch, options: Options
) -> None:
    if patch.priority is KEEP:
        return
    priority = patch.priority
    if not options.fields.all_priorities:
        priority = _NEAREST.get(priority, priority)
    if priority.value == (text(ticket_json.get("priority")) or "").lower():
        return
    update.body["priority"] = priority.value
    update.taken["priority"] = priority
    if priority is not patch.priority:
        update.notes.append(
            say("note.nearest", wanted=patch.priority.value, nearest=priority.value)
        )


def _due_date(
    update: Update,
    ticket_json: Mapping[str, Any],
    patch: TicketPatch,
    options: Options,
    our_type: OurType,
) -> None:
    if patch.due_at is KEEP or options.due_date != "task":
        return
    type_ = (text(ticket_json.get("type")) or "").lower()
    if patch.due_at is None:
        update.body["due_at"] = None
        if our_type.ours and type_ == "task":
            update.body["type"] = our_type.before
    elif type_ in {"", "task"} or (type_ in options.types_to_task and not _linked(ticket_json)):
        update.body["due_at"] = _iso(patch.due_at)
        if type_ != "task":
            update.body["type"] = "task"
    else:
        return
    update.taken["due_at"] = patch.due_at


def _linked(ticket_json: Mapping[str, Any]) -> bool:
    """A problem with incidents, or an incident of a problem: another type would part them."""
    type_ = (text(ticket_json.get("type")) or "").lower()
    tied = ticket_json.get("problem_id") or ticket_json.get("has_incidents")
    return type_ in _LINKED and bool(tied)


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
