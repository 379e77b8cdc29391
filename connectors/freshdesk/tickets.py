"""Freshdesk's ticket JSON to our Ticket, and our TicketPatch to Freshdesk's update. Pure.

`fr_due_by` is the first response and our `due_at`; `due_by` is the resolution.
"""
# https://developers.freshdesk.com/api/#tickets  (read 2026-11)

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sla_rules.ticket import (
    KEEP,
    Author,
    Channel,
    Environment,
    Kind,
    Message,
    Organization,
    Priority,
    Requester,
    Status,
    Ticket,
    TicketPatch,
)

PRIORITIES = {1: Priority.LOW, 2: Priority.NORMAL, 3: Priority.HIGH, 4: Priority.URGENT}
_STATUSES = {
    2: Status.OPEN,
    3: Status.PENDING,
    4: Status.SOLVED,
    5: Status.CLOSED,
    6: Status.PENDING,
    7: Status.HOLD,
}
_CHANNELS = {
    1: Channel.EMAIL,
    2: Channel.PORTAL,
    3: Channel.PHONE,
    7: Channel.CHAT,
    9: Channel.WEB,
}
_OUTBOUND = 10  # an agent wrote first
_KINDS = {
    "error": Kind.ERROR_REPORT,
    "question": Kind.QUESTION,
    "feature request": Kind.FEATURE_REQUEST,
}
_ENVIRONMENTS = {"production": Environment.PRODUCTION, "test": Environment.TEST}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """A connection's settings.

    `timer_off`: the statuses in which Freshdesk refuses due dates (the API does not tell).
    `feature_request_type`: the account's own type for feature requests, None for none.
    """

    timer_off: frozenset[int] = frozenset({3, 4, 5, 6, 7})
    feature_request_type: str | None = "Feature Request"
    tier_field: str = "sla_tier"
    named_contact_field: str = "sla_named_contact"
    due_field: str = "cf_sla_due"
    note_field: str = "cf_sla_note"
    kind_field: str = "cf_sla_kind"
    environment_field: str = "cf_sla_environment"


def to_ticket(
    ticket_json: Mapping[str, Any],
    *,
    company: Mapping[str, Any] | None = None,
    conversations: Iterable[Mapping[str, Any]] | None = None,
    named_contact: tuple[str | None, str | None] = (None, None),
    options: Options | None = None,
) -> Ticket:
    """Return the ticket. Unknown keys, nulls and missing keys are accepted everywhere.

    Without conversations the messages are unknown, and `stats` tell the first response.
    """
    options = options or Options()
    custom = ticket_json.get("custom_fields") or {}
    requester = ticket_json.get("requester") or {}
    stats = ticket_json.get("stats") or {}
    body = ticket_json.get("description") or ticket_json.get("description_text") or ""
    return Ticket(
        id=str(ticket_json.get("id") or ""),
        subject=str(ticket_json.get("subject") or ""),
        body=str(body),
        channel=_channel(ticket_json.get("source")),
        created_at=instant(ticket_json.get("created_at")),
        updated_at=instant(ticket_json.get("updated_at")),
        status=_status(ticket_json),
        priority=PRIORITIES.get(_number(ticket_json.get("priority"))),
        type=_text(ticket_json.get("type")),
        tags=frozenset(str(tag) for tag in ticket_json.get("tags") or ()),
        language=_text(requester.get("language")),
        organization=_company(ticket_json, company, named_contact, options),
        requester=Requester(
            id=_text(ticket_json.get("requester_id")), email=_text(requester.get("email"))
        ),
        assignee=_text(ticket_json.get("responder_id")),
        group=_text(ticket_json.get("group_id")),
        messages=_messages(ticket_json, str(body), conversations),
        first_response_at=instant(stats.get("first_responded_at")),
        due_at=instant(ticket_json.get("fr_due_by")),
        kind=_KINDS.get(str(custom.get(options.kind_field) or "").strip().lower()),
        environment=_ENVIRONMENTS.get(
            str(custom.get(options.environment_field) or "").strip().lower()
        ),
        due_text=_text(custom.get(options.due_field)),
        note_text=_text(custom.get(options.note_field)),
        stamp=_text(ticket_json.get("updated_at")),
    )


def to_update(
    ticket_json: Mapping[str, Any], patch: TicketPatch, options: Options
) -> tuple[dict[str, Any], dict[str, object], tuple[str, ...]]:
    """Return the update's body, the fields of the patch that it carries, and notes.

    Tags go as the whole merged list, the only way Freshdesk takes them. Due dates go as a pair and
    only while the status's timer runs. Fields that the account does not have are left out.
    """
    body: dict[str, Any] = {}
    taken: dict[str, object] = {}
    notes: tuple[str, ...] = ()
    if patch.priority is not KEEP:
        body["priority"] = next(n for n, one in PRIORITIES.items() if one is patch.priority)
        taken["priority"] = patch.priority
    for name, key in (("assignee", "responder_id"), ("group", "group_id")):
        value = getattr(patch, name)
        if value is not KEEP and str(value).isdigit():
            body[key] = int(value)
            taken[name] = value
    if patch.kind is not KEEP and options.feature_request_type and not ticket_json.get("type"):
        body["type"] = options.feature_request_type
        taken["kind"] = options.feature_request_type
    tags = {str(tag) for tag in ticket_json.get("tags") or ()}
    wanted = (tags | patch.add_tags) - patch.remove_tags
    if wanted != tags:
        body["tags"] = sorted(wanted)
        taken["add_tags"], taken["remove_tags"] = patch.add_tags, patch.remove_tags
    if isinstance(patch.due_at, datetime) and (
        _number(ticket_json.get("status")) not in options.timer_off
    ):
        resolution, note = _resolution(ticket_json, patch.due_at)
        body["fr_due_by"], body["due_by"] = iso(patch.due_at), iso(resolution)
        taken["due_at"] = patch.due_at
        notes = (note,) if note else ()
    known = ticket_json.get("custom_fields") or {}
    custom = {}
    for name, key in (("due_text", options.due_field), ("note_text", options.note_field)):
        value = getattr(patch, name)
        if value is not KEEP and key in known:
            custom[key] = value
            taken[name] = value
    if custom:
        body["custom_fields"] = custom
    return body, taken, notes


def _resolution(
    ticket_json: Mapping[str, Any], first_response: datetime
) -> tuple[datetime, str | None]:
    """Freshdesk wants a resolution later than the first response; the contract has none."""
    own = instant(ticket_json.get("due_by"))
    if own is not None and own > first_response:
        return own, None
    on = first_response + timedelta(days=1)
    while on.weekday() >= 5:
        on += timedelta(days=1)
    note = "The contract has no resolution target: due_by is the next business day after it."
    return on.replace(hour=16, minute=0, second=0, microsecond=0), note


def iso(at: datetime) -> str:
    """Return an instant as Freshdesk takes it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def instant(text: object) -> datetime | None:
    """Return an instant of Freshdesk's, None for what is none; without a zone it is UTC."""
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _messages(
    ticket_json: Mapping[str, Any], body: str, conversations: Iterable[Mapping[str, Any]] | None
) -> tuple[Message, ...] | None:
    created_at = instant(ticket_json.get("created_at"))
    if conversations is None or created_at is None:
        return None
    source = ticket_json.get("source")
    first = Message(
        at=created_at,
        author=Author.AGENT if source == _OUTBOUND else Author.PARTNER,
        public=True,
        channel=_channel(source) or Channel.EMAIL,
        text=body,
    )
    later = []
    for one in conversations:
        at = instant(one.get("created_at"))
        if at is None:
            continue
        incoming = bool(one.get("incoming"))
        later.append(
            Message(
                at=at,
                author=Author.PARTNER if incoming else Author.AGENT,
                public=not one.get("private", False),
                channel=_MESSAGE_CHANNELS.get(_number(one.get("source")), Channel.OTHER),
                text=_text(one.get("body")),
            )
        )
    return tuple(sorted((first, *later), key=lambda message: message.at))


_MESSAGE_CHANNELS = {0: Channel.EMAIL, 8: Channel.EMAIL, 9: Channel.PHONE}


def _channel(source: object) -> Channel | None:
    if source is None:
        return None
    return _CHANNELS.get(_number(source), Channel.OTHER)


def _status(ticket_json: Mapping[str, Any]) -> Status:
    if ticket_json.get("spam"):
        return Status.SPAM
    if ticket_json.get("deleted"):
        return Status.DELETED
    return _STATUSES.get(_number(ticket_json.get("status")), Status.OPEN)


def _company(
    ticket_json: Mapping[str, Any],
    company: Mapping[str, Any] | None,
    named_contact: tuple[str | None, str | None],
    options: Options,
) -> Organization | None:
    known = company or ticket_json.get("company") or {}
    identifier = _text(known.get("id")) or _text(ticket_json.get("company_id"))
    if identifier is None:
        return None
    fields = known.get("custom_fields") or {}
    contact, refusal = named_contact
    return Organization(
        id=identifier,
        name=_text(known.get("name")),
        tier=_text(fields.get(options.tier_field)),
        named_contact=contact or _text(fields.get(options.named_contact_field)),
        named_contact_refusal=refusal,
    )


def _number(value: object) -> int:
    try:
        return int(str(value))
    except ValueError:
        return 0


def _text(value: object) -> str | None:
    return str(value) if value not in (None, "") else None
