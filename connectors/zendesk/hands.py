"""Reads a ticket's audits: who wrote what, which fields a person holds, what we set. Pure."""
# https://developer.zendesk.com/api-reference/ticketing/tickets/ticket_audits/  (read 2026-11)

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from connectors.json_values import identifier, identifiers, instant, mapping, mappings, text, words
from sla_rules.ticket import Author, Channel, Hand, Message

STAMP = "regiondo_sla"
_FIELDS = {
    "due_at": "due_at",
    "priority": "priority",
    "assignee_id": "assignee",
    "type": "type",
    "status": "status",
}
_SOLVED = {"solved", "closed"}
_MACHINES = {"rule", "system", "trigger", "automation"}
_COMMENTS = {"Comment", "VoiceComment"}
_CHANGES = {"Change", "Create"}
Audit = Mapping[str, Any]
_NO_FIELDS: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """Who is who on a ticket: the requester, the agents' names by id, the account we act as."""

    requester: str | None = None
    agents: Mapping[str, str] = field(default_factory=dict)
    acting: str | None = None

    def author(self, who: object, via: object) -> Author:
        """Return who wrote something. Whoever is no agent speaks for the partner."""
        name = identifier(who)
        if name in {None, "-1"} or _channel(via) in _MACHINES:
            return Author.SYSTEM
        if name == self.requester or name not in self.agents:
            return Author.PARTNER
        return Author.AGENT


def authors(audits: Iterable[Audit]) -> set[str]:
    """Return the ids of everyone who wrote or changed something."""
    found = {identifier(audit.get("author_id")) for audit in audits} | {
        identifier(event.get("author_id")) for _, event in _events(audits, _COMMENTS)
    }
    return {name for name in found if name and name.isdigit()}


def messages(audits: Iterable[Audit], people: People) -> tuple[Message, ...]:
    """Return the comments, oldest first. What a rule or the system sent is no person's."""
    found = []
    for audit, event in _events(audits, _COMMENTS):
        at = instant(audit.get("created_at"))
        if at is None:
            continue
        via = _via(audit, event)
        found.append(
            Message(
                at=at,
                author=people.author(event.get("author_id") or audit.get("author_id"), via),
                public=event.get("public") is not False,
                channel=channel_of(via) or Channel.OTHER,
                text=text(event.get("html_body")) or text(event.get("body")),
            )
        )
    return tuple(sorted(found, key=lambda message: message.at))


def hands(
    audits: Iterable[Audit],
    people: People,
    manual_tag: str,
    custom_fields: Mapping[str, str] = _NO_FIELDS,
) -> tuple[Hand, ...]:
    """Return the fields and tags that an agent changed, not a rule and not we.

    `custom_fields` names those of our own fields that an agent may set, by their numbers.
    A trigger's change stands in the audit of the person who set it off, with a `via` of its own.
    Taking the manual tag away gives every field back.
    """
    known = list(audits)
    acting = {identifier(audit.get("author_id")) for audit in known if is_ours(audit)}
    held: dict[str, Hand] = {}
    for audit, event in _events(known, _CHANGES):
        author = audit.get("author_id")
        if is_ours(audit):  # given back to us meanwhile, or taken over with `backfill --overwrite`
            held.pop(_FIELDS.get(str(event.get("field_name")), ""), None)
            continue
        if people.author(author, _via(audit, event)) is not Author.AGENT:
            continue
        name = text(event.get("field_name"))
        before, after = words(event.get("previous_value")), words(event.get("value"))
        if name == "tags":
            if manual_tag in before - after:
                held.clear()
            touched = [f"tag:{tag}" for tag in (before ^ after) - {manual_tag}]
        else:
            ours = _FIELDS.get(str(name)) or custom_fields.get(str(name))
            touched = [ours] if ours else []
        for one in touched:
            held[one] = Hand(
                field=one,
                by=people.agents.get(str(author)),
                at=instant(audit.get("created_at")),
                by_our_account=identifier(author) in acting | {people.acting},
            )
    return tuple(held.values())


def solvings(audits: Iterable[Audit]) -> tuple[datetime, ...]:
    """Return each time at which the ticket was solved (closing a solved one is no second time)."""
    found: list[datetime] = []
    rests = False
    for audit, event in _events(audits, _CHANGES):
        if event.get("field_name") == "status":
            solved = event.get("value") in _SOLVED
            at = instant(audit.get("created_at"))
            if solved and not rests and at:
                found.append(at)
            rests = solved
    return tuple(found)


@dataclass(frozen=True, slots=True)
class OurType:
    """Whether we set the ticket's type last, and what stood there before."""

    ours: bool = False
    before: str | None = None


def our_type(audits: Iterable[Audit]) -> OurType:
    """Say whether the ticket's type was last set by us."""
    found = OurType()
    for audit, event in _events(audits, _CHANGES):
        if event.get("field_name") == "type":
            before = text(event.get("previous_value"))
            ours = is_ours(audit) and _via(audit, event) == audit.get("via")
            found = OurType(ours, before.lower() if before and ours else None)
    return found


@dataclass(frozen=True, slots=True)
class Merges:
    """The ticket that this one was merged into, and those merged into this one."""

    into: str | None = None
    sources: tuple[str, ...] = ()


def merges(audits: Iterable[Audit], ticket_id: str | None) -> Merges:
    """Read merges from the audits' `via`.

    Not in Zendesk's documentation; as two public programs read it: on the surviving ticket
    `source.from.ticket_ids` lists the others, on a merged one `source.from.ticket_id` is the
    survivor.
    """
    into: str | None = None
    sources: list[str] = []
    for audit in audits:
        source = mapping(mapping(audit.get("via")).get("source"))
        if source.get("rel") != "merge":
            continue
        origin, target = mapping(source.get("from")), mapping(source.get("to"))
        one, other = identifier(origin.get("ticket_id")), identifier(target.get("ticket_id"))
        sources += identifiers(origin.get("ticket_ids"))
        if other and other == ticket_id and one:
            sources.append(one)
        elif other or one:
            into = other or one
    return Merges(
        into if into != ticket_id else None,
        tuple(dict.fromkeys(one for one in sources if one != ticket_id)),
    )


def is_ours(audit: Audit) -> bool:
    """Say whether an audit is of our own write: by its stamp, never by the user alone."""
    return STAMP in mapping(mapping(audit.get("metadata")).get("custom"))


def channel_of(via: object) -> Channel | None:
    """Return how a ticket or an audit came in, None where Zendesk does not say."""
    name = _channel(via)
    return _CHANNELS.get(name, Channel.OTHER) if name else None


def _events(audits: Iterable[Audit], kinds: set[str]) -> Iterator[tuple[Audit, Mapping[str, Any]]]:
    for audit in audits:
        for event in mappings(audit.get("events")):
            if text(event.get("type")) in kinds:
                yield audit, event


def _via(audit: Audit, event: Mapping[str, Any]) -> object:
    """An event's own origin, where it has one."""
    return event.get("via") if _channel(event.get("via")) else audit.get("via")


def _channel(via: object) -> str:
    return (text(mapping(via).get("channel")) or "").lower()


_CHANNELS = {
    "email": Channel.EMAIL,
    "mail": Channel.EMAIL,
    "web": Channel.WEB,
    "web_form": Channel.WEB,
    "web_widget": Channel.WEB,
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
