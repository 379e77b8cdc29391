"""Zendesk's ticket JSON to our Ticket, and our TicketPatch to Zendesk's update. Pure.

Whose word a value is (a person's, a rule's, ours) is read from the audits in `hands.py`.
"""
# https://developer.zendesk.com/api-reference/ticketing/tickets/tickets/  (read 2026-11)

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC
from typing import Any

from sla_rules.ticket import (
    KEEP,
    Environment,
    Kind,
    Organization,
    Priority,
    Requester,
    Status,
    Ticket,
    TicketPatch,
)

from .hands import People, channel_of, hands, instant, messages, type_is_ours

MERGED_TAG = "closed_by_merge"
_KINDS = {
    "sla_kind_error": Kind.ERROR_REPORT,
    "sla_kind_question": Kind.QUESTION,
    "sla_kind_feature_request": Kind.FEATURE_REQUEST,
}
_ENVIRONMENTS = {"sla_env_production": Environment.PRODUCTION, "sla_env_test": Environment.TEST}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fields:
    """The numbers of our custom ticket fields, None where the account has none."""

    due: int | None = None
    note: int | None = None
    kind: int | None = None
    environment: int | None = None


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
    named_contact: tuple[str | None, str | None] = (None, None),
    options: Options | None = None,
) -> Ticket:
    """Return the ticket. Unknown keys, nulls and missing keys are accepted everywhere.

    `people` tells who is an agent; `named_contact` is the agent's id and, where they cannot take
    tickets, why. Without audits the conversation is unknown.
    """
    options = options or Options()
    people = people or People(requester=_id(ticket_json.get("requester_id")))
    known = list(audits) if audits is not None else None
    values = _custom_values(ticket_json)
    tags = frozenset(str(tag) for tag in ticket_json.get("tags") or ())
    type_ = str(ticket_json.get("type") or "").lower() or None
    if known is not None and type_is_ours(known):
        type_ = None
    return Ticket(
        id=str(ticket_json.get("id") or ""),
        subject=str(ticket_json.get("subject") or ticket_json.get("raw_subject") or ""),
        body=str(ticket_json.get("description") or ""),
        channel=channel_of(ticket_json.get("via")),
        created_at=instant(ticket_json.get("created_at")),
        updated_at=instant(ticket_json.get("updated_at")),
        status=_status(ticket_json, tags),
        priority=_choice(Priority, ticket_json.get("priority")),
        type=None if type_ == "task" else type_,
        tags=tags,
        language=str((requester or {}).get("locale") or "")[:2].lower() or None,
        brand=_id(ticket_json.get("brand_id")),
        organization=_organization(ticket_json, organization, named_contact, options),
        requester=Requester(
            id=_id(ticket_json.get("requester_id")), email=(requester or {}).get("email")
        ),
        assignee=_id(ticket_json.get("assignee_id")),
        group=_id(ticket_json.get("group_id")),
        messages=messages(known, people) if known is not None else None,
        due_at=instant(ticket_json.get("due_at")),
        kind=_KINDS.get(str(values.get(options.fields.kind))),
        environment=_ENVIRONMENTS.get(str(values.get(options.fields.environment))),
        due_text=_text(values.get(options.fields.due)),
        note_text=_text(values.get(options.fields.note)),
        hands=hands(known, people, options.manual_tag) if known is not None else (),
        audited=known is not None,
        stamp=_text(ticket_json.get("updated_at")),
    )


def to_update(
    ticket_json: Mapping[str, Any], patch: TicketPatch, options: Options, *, ours: bool
) -> tuple[dict[str, Any], dict[str, object]]:
    """Return the update's body and the fields of the patch that it carries; empty: send nothing.

    A closed ticket takes no update. A due date goes only onto a task: an empty type becomes one,
    and a type that we set (`ours`) is put back when the date goes.
    """
    if str(ticket_json.get("status") or "").lower() == "closed":
        return {}, {}
    body: dict[str, Any] = {}
    taken: dict[str, object] = {}
    if patch.priority is not KEEP:
        body["priority"] = patch.priority.value
        taken["priority"] = patch.priority
    for name in ("assignee", "group"):
        value = getattr(patch, name)
        if value is not KEEP and str(value).isdigit():
            body[f"{name}_id"] = int(value)
            taken[name] = value
    tags = {str(tag) for tag in ticket_json.get("tags") or ()}
    wanted = (tags | patch.add_tags) - patch.remove_tags
    if wanted != tags:
        body["tags"] = sorted(wanted)
        taken["add_tags"], taken["remove_tags"] = patch.add_tags, patch.remove_tags
    _due_date(body, taken, ticket_json, patch, options, ours=ours)
    custom = []
    for name, number in (("due_text", options.fields.due), ("note_text", options.fields.note)):
        value = getattr(patch, name)
        if value is not KEEP and number is not None:
            custom.append({"id": number, "value": value})
            taken[name] = value
    if custom:
        body["custom_fields"] = custom
    return body, taken


def _due_date(
    body: dict[str, Any],
    taken: dict[str, object],
    ticket_json: Mapping[str, Any],
    patch: TicketPatch,
    options: Options,
    *,
    ours: bool,
) -> None:
    if patch.due_at is KEEP or options.due_date != "task":
        return
    type_ = str(ticket_json.get("type") or "").lower()
    if patch.due_at is None:
        body["due_at"] = None
        if ours and type_ == "task":
            body["type"] = None
    elif type_ in {"", "task", *options.types_to_task}:
        body["due_at"] = patch.due_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        if type_ != "task":
            body["type"] = "task"
    else:
        return
    taken["due_at"] = patch.due_at


def _status(ticket_json: Mapping[str, Any], tags: frozenset[str]) -> Status:
    if MERGED_TAG in tags:
        return Status.MERGED
    raw = str(ticket_json.get("status") or "").lower()
    known = {"deleted": Status.DELETED, "archived": Status.CLOSED, "scrubbed": Status.DELETED}
    return _choice(Status, raw) or known.get(raw, Status.OPEN)


def _organization(
    ticket_json: Mapping[str, Any],
    organization: Mapping[str, Any] | None,
    named_contact: tuple[str | None, str | None],
    options: Options,
) -> Organization | None:
    if organization is None:
        identifier = _id(ticket_json.get("organization_id"))
        return Organization(id=identifier) if identifier else None
    fields = organization.get("organization_fields") or {}
    contact, refusal = named_contact
    return Organization(
        id=_id(organization.get("id")),
        name=_text(organization.get("name")),
        tier=_text(fields.get(options.tier_field)),
        named_contact=contact or _text(fields.get(options.named_contact_field)),
        named_contact_refusal=refusal,
    )


def _custom_values(ticket_json: Mapping[str, Any]) -> dict[Any, Any]:
    listed = ticket_json.get("custom_fields") or ticket_json.get("fields") or ()
    return {one.get("id"): one.get("value") for one in listed if isinstance(one, Mapping)}


def _choice(kind: Any, value: object) -> Any:
    try:
        return kind(str(value or "").lower())
    except ValueError:
        return None


def _id(value: object) -> str | None:
    return str(value) if value not in (None, "", 0, "0") else None


def _text(value: object) -> str | None:
    return str(value) if value not in (None, "") else None
