"""Freshdesk's ticket JSON to our Ticket. Pure; the way back is in `updates.py`.

`fr_due_by` is the first response and our `due_at`; `due_by` is the resolution.
"""
# https://developers.freshdesk.com/api/#tickets  (read 2026-11)

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from connectors.base import NamedContact
from connectors.json_values import identifier, instant, mapping, mappings, number, text, words
from sla_rules.ticket import (
    Author,
    Channel,
    Environment,
    Impact,
    Kind,
    Message,
    Organization,
    Priority,
    Requester,
    Status,
    Ticket,
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
_IMPACTS = {impact.value: impact for impact in Impact}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """A connection's settings.

    `timer_off`: the statuses in which Freshdesk refuses due dates (the API does not tell; others
    are learned from a refusal). `status_without_timer`: the status that feature requests and
    excluded tickets are moved to, None for none. `feature_request_type`: the account's own type for
    feature requests, None for none. `recalculation_seconds`: after which an account that
    recalculates due dates has done so.
    """

    timer_off: frozenset[int] = frozenset({3, 4, 5, 6, 7})
    status_without_timer: int | None = None
    feature_request_type: str | None = "Feature Request"
    tier_field: str = "sla_tier"
    named_contact_field: str = "sla_named_contact"
    due_field: str = "cf_sla_due"
    note_field: str = "cf_sla_note"
    kind_field: str = "cf_sla_kind"
    environment_field: str = "cf_sla_environment"
    impact_field: str = "cf_sla_impact"
    recalculation_seconds: float = 15.0
    match_domains: bool = True


def to_ticket(
    ticket_json: Mapping[str, Any],
    *,
    company: Mapping[str, Any] | None = None,
    conversations: Iterable[Mapping[str, Any]] | None = None,
    named_contact: NamedContact | None = None,
    found_by: str | None = None,
    options: Options | None = None,
) -> Ticket:
    """Return the ticket. Unknown keys, nulls, missing keys and wrong types are accepted everywhere.

    `found_by` says how the company was found where the ticket names none. Without conversations the
    messages are unknown, and `stats` tell the first response.
    """
    options = options or Options()
    custom = mapping(ticket_json.get("custom_fields"))
    requester = mapping(ticket_json.get("requester"))
    stats = mapping(ticket_json.get("stats"))
    body = text(ticket_json.get("description")) or text(ticket_json.get("description_text")) or ""
    said = mappings(conversations) if conversations is not None else None
    into, sources = _merges(said or ())
    status = _status(ticket_json)
    merged = into is not None and status is Status.CLOSED
    return Ticket(
        id=identifier(ticket_json.get("id")) or "",
        subject=text(ticket_json.get("subject")) or "",
        body=body,
        channel=_channel(ticket_json.get("source")),
        created_at=instant(ticket_json.get("created_at")),
        updated_at=instant(ticket_json.get("updated_at")),
        status=Status.MERGED if merged else status,
        priority=PRIORITIES.get(number(ticket_json.get("priority"))),
        type=text(ticket_json.get("type")),
        tags=words_of(ticket_json),
        language=text(requester.get("language")),
        brand=identifier(ticket_json.get("product_id")),
        organization=_company(ticket_json, company, named_contact, found_by, options),
        requester=Requester(
            id=identifier(ticket_json.get("requester_id")), email=text(requester.get("email"))
        ),
        assignee=identifier(ticket_json.get("responder_id")),
        group=identifier(ticket_json.get("group_id")),
        messages=_messages(ticket_json, body, said),
        first_response_at=instant(stats.get("first_responded_at")),
        solved_at=instant(stats.get("resolved_at")) or instant(stats.get("closed_at")),
        merged_into=into if merged else None,
        merged_from=sources,
        due_at=instant(ticket_json.get("fr_due_by")),
        kind=_KINDS.get(_plain(custom.get(options.kind_field))),
        environment=_ENVIRONMENTS.get(_plain(custom.get(options.environment_field))),
        impact=_IMPACTS.get(_plain(custom.get(options.impact_field))),
        due_text=text(custom.get(options.due_field)),
        note_text=text(custom.get(options.note_field)),
        stamp=text(ticket_json.get("updated_at")),
    )


def fingerprint(
    ticket_json: Mapping[str, Any], company: Mapping[str, Any] | None, options: Options
) -> str:
    """Return what is the same as long as nothing changed that a decision reads."""
    known = mapping(company)
    fields = mapping(known.get("custom_fields"))
    seen: dict[str, object] = {name: ticket_json.get(name) for name in _FINGERPRINT}
    seen["fr_due_by"] = str(instant(ticket_json.get("fr_due_by")))
    seen["tags"] = sorted(words_of(ticket_json))
    seen["fields"] = sorted(
        (str(name), str(value))
        for name, value in mapping(ticket_json.get("custom_fields")).items()
        if value not in (None, "", False)
    )
    seen["said"] = [
        (one.get("id"), one.get("private")) for one in mappings(ticket_json.get("conversations"))
    ]
    stats = mapping(ticket_json.get("stats"))
    seen["responded"] = [stats.get(f"{who}_responded_at") for who in ("agent", "requester")]
    seen["company"] = [
        known.get("id"),
        known.get("name"),
        fields.get(options.tier_field),
        fields.get(options.named_contact_field),
    ]
    plain = json.dumps(seen, sort_keys=True, default=str)
    return hashlib.sha256(plain.encode()).hexdigest()


_FINGERPRINT = (
    *("updated_at", "status", "priority", "type", "responder_id", "group_id", "company_id"),
    *("requester_id", "product_id", "subject", "source", "spam", "deleted"),
)


def words_of(ticket_json: Mapping[str, Any]) -> frozenset[str]:
    """Return a ticket's tags; they may hold spaces."""
    tags = ticket_json.get("tags")
    return words([tags] if isinstance(tags, str) else tags)


def _messages(
    ticket_json: Mapping[str, Any], body: str, conversations: list[Mapping[str, Any]] | None
) -> tuple[Message, ...] | None:
    created_at = instant(ticket_json.get("created_at"))
    if conversations is None or created_at is None:
        return None
    source = ticket_json.get("source")
    requester = identifier(ticket_json.get("requester_id"))
    first = Message(
        at=created_at,
        author=Author.AGENT if number(source) == _OUTBOUND else Author.PARTNER,
        public=True,
        channel=_channel(source) or Channel.EMAIL,
        text=body,
    )
    later = []
    for one in conversations:
        at = instant(one.get("created_at"))
        if at is None:
            continue
        author = _author(one, requester)
        forwarded = number(one.get("source")) == _FORWARDED and author is Author.AGENT
        later.append(
            Message(
                at=at,
                author=author,
                public=not one.get("private") and not forwarded,
                channel=_MESSAGE_CHANNELS.get(number(one.get("source")), Channel.OTHER),
                text=text(one.get("body")) or text(one.get("body_text")),
            )
        )
    return tuple(sorted((first, *later), key=lambda message: message.at))


_MESSAGE_CHANNELS = {0: Channel.EMAIL, 8: Channel.EMAIL, 9: Channel.PHONE}
_FORWARDED = 8  # an agent sent the conversation to a third party: no answer to the partner
_SURVEY = 6


def _author(one: Mapping[str, Any], requester: str | None) -> Author:
    """Who wrote a message: what a rule, a survey or an auto-responder sent is no person's."""
    by_machine = one.get("auto_response") or one.get("automation_id")
    if by_machine or number(one.get("source")) == _SURVEY:
        return Author.SYSTEM
    who = identifier(one.get("user_id"))
    if one.get("incoming") or (who is not None and who == requester):
        return Author.PARTNER
    return Author.AGENT


def _merges(said: Iterable[Mapping[str, Any]]) -> tuple[str | None, tuple[str, ...]]:
    """The ticket that this one was merged into, and those merged into this one.

    Freshdesk tells only by private notes, whose wording is not documented; an account in another
    language than English is not understood, and its merged tickets count as closed ones.
    """
    into: str | None = None
    sources: list[str] = []
    for one in said:
        if one.get("private") and not one.get("incoming"):
            note = text(one.get("body_text")) or text(one.get("body")) or ""
            found = _INTO.search(note)
            into = found[1] if found else into
            sources += _FROM.findall(note)
    return into, tuple(dict.fromkeys(sources))


_INTO = re.compile(
    r"closed and merged into (?:the )?ticket (?:with ID )?#?(\d{1,18})", re.IGNORECASE
)
_FROM = re.compile(
    r"ticket (?:with ID )?#?(\d{1,18}) (?:was|is|has been) (?:closed and )?merged into this",
    re.IGNORECASE,
)


def _channel(source: object) -> Channel | None:
    """The channel; what is no source's number says nothing, and in doubt the clock runs."""
    known = number(source)
    return _CHANNELS.get(known, Channel.OTHER) if known else None


def _status(ticket_json: Mapping[str, Any]) -> Status:
    if ticket_json.get("spam") is True:
        return Status.SPAM
    if ticket_json.get("deleted") is True:
        return Status.DELETED
    return _STATUSES.get(number(ticket_json.get("status")), Status.OPEN)


def _company(
    ticket_json: Mapping[str, Any],
    company: Mapping[str, Any] | None,
    named_contact: NamedContact | None,
    found_by: str | None,
    options: Options,
) -> Organization | None:
    known = mapping(company) or mapping(ticket_json.get("company"))
    found = identifier(known.get("id")) or identifier(ticket_json.get("company_id"))
    if found is None:
        return None
    fields = mapping(known.get("custom_fields"))
    return Organization(
        id=found,
        name=text(known.get("name")),
        tier=text(fields.get(options.tier_field)),
        named_contact=named_contact.id
        if named_contact
        else text(fields.get(options.named_contact_field)),
        named_contact_name=named_contact.name if named_contact else None,
        named_contact_refusal=named_contact.refusal if named_contact else None,
        found_by=found_by,
    )


def _plain(value: object) -> str:
    return (text(value) or "").strip().lower()
