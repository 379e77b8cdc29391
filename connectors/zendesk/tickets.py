"""Zendesk's ticket JSON to our Ticket. Pure.

Whose word a value is (a person's, a rule's, ours) is read from the audits in `hands.py`; the way
back is in `updates.py`.
"""
# https://developer.zendesk.com/api-reference/ticketing/tickets/tickets/  (read 2026-11)

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from connectors.base import NamedContact
from connectors.json_values import identifier, instant, mapping, mappings, text, words
from sla_rules.ticket import (
    Environment,
    Impact,
    Kind,
    Organization,
    Priority,
    Requester,
    Status,
    Ticket,
)

from .hands import Merges, People, channel_of, hands, merges, messages, our_type, solvings

MERGED_TAG = "closed_by_merge"
_KINDS = {
    "sla_kind_error": Kind.ERROR_REPORT,
    "sla_kind_question": Kind.QUESTION,
    "sla_kind_feature_request": Kind.FEATURE_REQUEST,
}
_ENVIRONMENTS = {"sla_env_production": Environment.PRODUCTION, "sla_env_test": Environment.TEST}
_IMPACTS = {f"sla_impact_{impact}": impact for impact in Impact}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fields:
    """What we must know of the account's ticket fields.

    The numbers of our custom fields, None where the account has none. `all_priorities` is False
    where the account knows only Normal and High (its priority field's `sub_type_id` is 1).
    """

    due: int | None = None
    note: int | None = None
    kind: int | None = None
    environment: int | None = None
    impact: int | None = None
    all_priorities: bool = True

    @property
    def by_person(self) -> dict[str, str]:
        """Those that an agent sets, as the audits name them."""
        found = {"kind": self.kind, "environment": self.environment, "impact": self.impact}
        return {str(number): name for name, number in found.items() if number is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """A connection's settings.

    `due_date`: `task` writes the native due date, which Zendesk shows on tasks only; `field` writes
    just the field SLA due. `types_to_task`: set types that may be turned into tasks.
    """

    due_date: str = "task"
    types_to_task: frozenset[str] = frozenset()
    tier_field: str = "sla_tier"
    named_contact_field: str = "sla_named_contact"
    manual_tag: str = "sla_manual"
    fields: Fields = field(default_factory=Fields)


def to_ticket(
    ticket_json: Mapping[str, Any],
    *,
    organization: Mapping[str, Any] | None = None,
    audits: Iterable[Mapping[str, Any]] | None = None,
    people: People | None = None,
    requester: Mapping[str, Any] | None = None,
    named_contact: NamedContact | None = None,
    found_by: str | None = None,
    options: Options | None = None,
) -> Ticket:
    """Return the ticket. Unknown keys, nulls, missing keys and wrong types are accepted everywhere.

    `people` tells who is an agent. `found_by` says how the organisation was found where the ticket
    names none.
    Without audits, or where they hold no comment (a hidden or deleted one), the conversation is
    unknown.
    """
    options = options or Options()
    people = people or People(requester=identifier(ticket_json.get("requester_id")))
    known = mappings(audits) if audits is not None else None
    number = identifier(ticket_json.get("id")) or ""
    merged = merges(known or (), number)
    solved = solvings(known or ())
    values = custom_values(ticket_json)
    tags = words(ticket_json.get("tags"))
    person = mapping(requester)
    return Ticket(
        id=number,
        subject=text(ticket_json.get("subject")) or text(ticket_json.get("raw_subject")) or "",
        body=text(ticket_json.get("description")) or "",
        channel=channel_of(ticket_json.get("via")),
        created_at=instant(ticket_json.get("created_at")),
        updated_at=instant(ticket_json.get("updated_at")),
        status=_status(ticket_json, tags, merged),
        priority=_choice(Priority, ticket_json.get("priority")),
        type=_type(ticket_json, known),
        tags=tags,
        language=(text(person.get("locale")) or "")[:2].lower() or None,
        brand=identifier(ticket_json.get("brand_id")),
        organization=_organization(ticket_json, organization, named_contact, found_by, options),
        requester=Requester(
            id=identifier(ticket_json.get("requester_id")), email=text(person.get("email"))
        ),
        assignee=identifier(ticket_json.get("assignee_id")),
        group=identifier(ticket_json.get("group_id")),
        messages=(messages(known, people) or None) if known is not None else None,
        merged_into=merged.into,
        merged_from=merged.sources,
        due_at=instant(ticket_json.get("due_at")),
        kind=_KINDS.get(text(values.get(options.fields.kind)) or ""),
        environment=_ENVIRONMENTS.get(text(values.get(options.fields.environment)) or ""),
        impact=_IMPACTS.get(text(values.get(options.fields.impact)) or ""),
        due_text=text(values.get(options.fields.due)),
        note_text=text(values.get(options.fields.note)),
        hands=hands(known, people, options.manual_tag, options.fields.by_person)
        if known is not None
        else (),
        solved_at=solved[-1] if solved else None,
        solved_before=solved[:-1],
        audited=known is not None,
        stamp=text(ticket_json.get("updated_at")),
    )


def fingerprint(
    ticket_json: Mapping[str, Any], organization: Mapping[str, Any] | None, options: Options
) -> str | None:
    """Return what is the same as long as nothing changed that a decision reads.

    None where Zendesk does not count the comments: one that came in the second of our own write
    would go unseen.
    """
    count = ticket_json.get("comment_count")
    if not isinstance(count, int):
        return None
    fields = mapping(mapping(organization).get("organization_fields"))
    seen: dict[str, object] = {name: ticket_json.get(name) for name in _FINGERPRINT}
    seen["tags"] = sorted(words(ticket_json.get("tags")))
    seen["fields"] = sorted(
        (str(number), str(value))
        for number, value in custom_values(ticket_json).items()
        if value not in (None, "", [], False)
    )
    seen["organization"] = [
        mapping(organization).get("id"),
        mapping(organization).get("name"),
        fields.get(options.tier_field),
        fields.get(options.named_contact_field),
    ]
    plain = json.dumps(seen, sort_keys=True, default=str)
    return hashlib.sha256(plain.encode()).hexdigest()


_FINGERPRINT = (
    *("comment_count", "updated_at", "status", "custom_status_id", "type", "priority", "due_at"),
    *("assignee_id", "group_id", "organization_id", "requester_id", "brand_id", "subject"),
)


def custom_values(ticket_json: Mapping[str, Any]) -> dict[int | str | None, Any]:
    """Return the values of the custom fields by number."""
    listed = mappings(ticket_json.get("custom_fields")) or mappings(ticket_json.get("fields"))
    found: dict[int | str | None, Any] = {}
    for one in listed:
        number = one.get("id")
        if isinstance(number, int | str):
            found[number] = one.get("value")
    found.pop(None, None)
    return found


def _type(ticket_json: Mapping[str, Any], audits: list[Mapping[str, Any]] | None) -> str | None:
    """The type as people left it: a task that we made is none, or what it was before."""
    type_ = (text(ticket_json.get("type")) or "").lower() or None
    ours = our_type(audits or ())
    type_ = ours.before if ours.ours else type_
    return None if type_ == "task" else type_


def _status(ticket_json: Mapping[str, Any], tags: frozenset[str], merged: Merges) -> Status:
    """The status; with custom statuses it is the category. A merged ticket is a closed one."""
    raw = (text(ticket_json.get("status")) or "").lower()
    if MERGED_TAG in tags or (merged.into and raw == "closed"):
        return Status.MERGED
    known = {"deleted": Status.DELETED, "archived": Status.CLOSED, "scrubbed": Status.DELETED}
    found: Status = _choice(Status, raw) or known.get(raw, Status.OPEN)
    return found


def _organization(
    ticket_json: Mapping[str, Any],
    organization: Mapping[str, Any] | None,
    named_contact: NamedContact | None,
    found_by: str | None,
    options: Options,
) -> Organization | None:
    if organization is None:
        number = identifier(ticket_json.get("organization_id"))
        return Organization(id=number) if number else None
    fields = mapping(organization.get("organization_fields"))
    return Organization(
        id=identifier(organization.get("id")),
        name=text(organization.get("name")),
        tier=text(fields.get(options.tier_field)),
        named_contact=named_contact.id
        if named_contact
        else text(fields.get(options.named_contact_field)),
        named_contact_name=named_contact.name if named_contact else None,
        named_contact_refusal=named_contact.refusal if named_contact else None,
        found_by=found_by,
    )


def _choice(kind: Any, value: object) -> Any:
    try:
        return kind((text(value) or "").lower())
    except ValueError:
        return None
