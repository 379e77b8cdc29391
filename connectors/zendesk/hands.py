"""Reads a ticket's audits: who wrote what, which fields a person holds, what we set. Pure."""
# https://developer.zendesk.com/api-reference/ticketing/tickets/ticket_audits/  (read 2026-11)

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sla_rules.ticket import Author, Channel, Hand, Message

STAMP = "regiondo_sla"
_FIELDS = {"due_at": "due_at", "priority": "priority", "assignee_id": "assignee"}
_MACHINES = {"rule", "system", "trigger", "automation"}


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """Who is who on a ticket: the requester's id, and the agents' names by id."""

    requester: str | None = None
    agents: Mapping[str, str] = field(default_factory=dict)

    def author(self, identifier: object, via: object) -> Author:
        """Return who wrote something."""
        name = str(identifier)
        if name in {"-1", "0", "None", ""} or _channel(via) in _MACHINES:
            return Author.SYSTEM
        if name == self.requester or name not in self.agents:
            return Author.PARTNER
        return Author.AGENT


def authors(audits: Iterable[Mapping[str, Any]]) -> set[str]:
    """Return the ids of everyone who wrote or changed something."""
    found = {str(audit.get("author_id")) for audit in audits}
    return {name for name in found if name.isdigit() and name != "0"}


def messages(audits: Iterable[Mapping[str, Any]], people: People) -> tuple[Message, ...]:
    """Return the comments, oldest first."""
    found = []
    for audit in audits:
        at = instant(audit.get("created_at"))
        for event in audit.get("events") or ():
            if event.get("type") not in {"Comment", "VoiceComment"} or at is None:
                continue
            author = event.get("author_id") or audit.get("author_id")
            found.append(
                Message(
                    at=at,
                    author=people.author(author, audit.get("via")),
                    public=bool(event.get("public", True)),
                    channel=channel_of(audit.get("via")) or Channel.OTHER,
                    text=event.get("html_body") or event.get("body"),
                )
            )
    return tuple(sorted(found, key=lambda message: message.at))


def hands(audits: Iterable[Mapping[str, Any]], people: People, manual_tag: str) -> tuple[Hand, ...]:
    """Return the fields and tags that an agent changed, not a rule and not we.

    Taking the manual tag away gives every field back.
    """
    held: dict[str, Hand] = {}
    for audit in audits:
        if is_ours(audit) or people.author(audit.get("author_id"), audit.get("via")) is not (
            Author.AGENT
        ):
            continue
        who = people.agents.get(str(audit.get("author_id")))
        at = instant(audit.get("created_at"))
        for event in audit.get("events") or ():
            if event.get("type") not in {"Change", "Create"}:
                continue
            name = str(event.get("field_name"))
            if name in _FIELDS:
                held[_FIELDS[name]] = Hand(field=_FIELDS[name], by=who, at=at)
            if name == "tags":
                before, after = _tags(event.get("previous_value")), _tags(event.get("value"))
                if manual_tag in before - after:
                    held.clear()
                for tag in (before ^ after) - {manual_tag}:
                    held[f"tag:{tag}"] = Hand(field=f"tag:{tag}", by=who, at=at)
    return tuple(held.values())


def type_is_ours(audits: Iterable[Mapping[str, Any]]) -> bool:
    """Say whether the ticket's type was last set by us."""
    ours = False
    for audit in audits:
        for event in audit.get("events") or ():
            if event.get("field_name") == "type" and event.get("type") in {"Change", "Create"}:
                ours = is_ours(audit)
    return ours


def is_ours(audit: Mapping[str, Any]) -> bool:
    """Say whether an audit is of our own write: by its stamp, never by the user alone."""
    custom = (audit.get("metadata") or {}).get("custom") or {}
    return STAMP in custom


def _tags(value: object) -> set[str]:
    if isinstance(value, str):
        return set(value.split())
    return {str(tag) for tag in value} if isinstance(value, list) else set()


def _channel(via: object) -> str:
    return str(via.get("channel") or "").lower() if isinstance(via, Mapping) else ""


def instant(text: object) -> datetime | None:
    """Return an instant of Zendesk's, None for what is none."""
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def channel_of(via: object) -> Channel | None:
    """Return how a ticket or an audit came in, None where Zendesk does not say."""
    name = str(via.get("channel") or "").lower() if isinstance(via, Mapping) else ""
    if not name:
        return None
    return _CHANNELS.get(name, Channel.OTHER)


_CHANNELS = {
    "email": Channel.EMAIL,
    "mail": Channel.EMAIL,
    "web": Channel.WEB,
    "web_form": Channel.WEB,
    "help_center": Channel.PORTAL,
    "closed_ticket": Channel.EMAIL,
    "api": Channel.API,
    "web_service": Channel.API,
    "voice": Channel.PHONE,
    "phone": Channel.PHONE,
    "chat": Channel.CHAT,
    "native_messaging": Channel.CHAT,
    "messaging": Channel.CHAT,
}
