"""Judges what a message is: kind, environment and impact.

A person's classification wins over text; a text with any sign of an error keeps its SLA.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..decision import Reason
from ..memory import Memory
from ..policy import Policy, plain
from ..signs import Sign
from ..ticket import Author, Environment, Impact, Kind, Ticket
from .respect_hand import who_set

RULE = "judge_message"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the message is.

    `kind_by_person` and `environment_by_person` say that a person, not the text, said so.
    """

    kind: Kind
    environment: Environment
    impact: Impact
    candidate: bool
    kind_by_person: bool
    environment_by_person: bool
    restored: frozenset[str]
    quote: str | None
    language: str | None
    reasons: tuple[Reason, ...]


def judge_message(ticket: Ticket, policy: Policy, memory: Memory) -> Judgement:
    """Judge the partner's first message, with what people said of it."""
    seen = policy.classifier.classify(ticket.subject, _partner_text(ticket), ticket.language)
    restored = _restored(ticket, policy, memory)
    said = _said_kind(ticket, policy, memory, restored)
    if said:
        kind, candidate, why = said[0], False, said[1]
    elif policy.tags.feature_request in restored:
        kind = Kind.QUESTION if seen.kind is Kind.FEATURE_REQUEST else seen.kind
        candidate, why = False, _taken_away(ticket, policy.tags.feature_request)
    else:
        kind, candidate = seen.kind, seen.candidate
        params = {"kind": kind} | _quotes(seen.signs)
        why = Reason(RULE, "kind_in_doubt" if candidate else "kind_by_text", params=params)

    environment, why_environment = _said_environment(ticket, policy, memory, restored)
    impact, why_impact = ticket.impact or seen.impact, None
    if ticket.impact:
        params = {"impact": ticket.impact.value} | who_set(ticket, "impact")
        why_impact = Reason(RULE, "impact_by_field", params=params)
    if said and ticket.impact is None:
        if kind is not Kind.ERROR_REPORT:
            impact = Impact.NONE
        elif impact is Impact.NONE:
            impact = Impact.DEGRADED
    return Judgement(
        kind=kind,
        environment=environment or seen.environment,
        impact=impact,
        candidate=candidate,
        kind_by_person=said is not None,
        environment_by_person=environment is not None,
        restored=restored,
        quote=seen.quote,
        language=seen.language,
        reasons=tuple(reason for reason in (why, why_environment, why_impact) if reason),
    )


def _quotes(signs: Iterable[Sign]) -> dict[str, str]:
    """Return up to three quotes of each sign, none that another one of that sign contains."""
    by_name: dict[str, list[str]] = {}
    for sign in signs:
        by_name.setdefault(sign.name, []).append(sign.quote)
    return {name: ", ".join(_longest(quotes)) for name, quotes in by_name.items()}


def _longest(quotes: list[str]) -> list[str]:
    kept: list[str] = []
    for quote in filter(None, quotes):
        words = f" {quote.casefold()} "
        if not any(words in f" {other.casefold()} " for other in kept):
            kept = [one for one in kept if f" {one.casefold()} " not in words]
            kept.append(quote)
    return [f"'{quote}'" for quote in kept[:_QUOTES]]


_QUOTES = 3


def _partner_text(ticket: Ticket) -> str:
    for message in ticket.messages or ():
        if message.author is Author.PARTNER and message.text:
            return message.text
    return ticket.body


def _said_kind(
    ticket: Ticket, policy: Policy, memory: Memory, restored: frozenset[str]
) -> tuple[Kind, Reason] | None:
    """What a person said: in the field, by the tag, by the ticket's type; the first that speaks."""
    if ticket.kind:
        params = {"kind": ticket.kind} | who_set(ticket, "kind")
        return ticket.kind, Reason(RULE, "kind_by_field", params=params)
    if memory.reviewed:
        params = {"kind": memory.reviewed}
        return memory.reviewed, Reason(RULE, "kind_by_review", params=params)
    tag = policy.tags.feature_request
    if tag not in restored and _tagged_by_person(tag, ticket, memory):
        kind = Kind.FEATURE_REQUEST
        params = {"kind": kind, "tag": tag} | who_set(ticket, f"tag:{tag}")
        return kind, Reason(RULE, "kind_by_tag", params=params)
    if ticket.type and ticket.type != memory.wrote.get("kind"):
        for kind in Kind:
            if plain(ticket.type) in map(plain, getattr(policy.types, kind)):
                params = {"kind": kind, "type": ticket.type} | who_set(ticket, "type")
                return kind, Reason(RULE, "kind_by_type", params=params)
    return None


def _said_environment(
    ticket: Ticket, policy: Policy, memory: Memory, restored: frozenset[str]
) -> tuple[Environment | None, Reason | None]:
    tag = policy.tags.excluded
    if ticket.environment:
        params = {"environment": ticket.environment} | who_set(ticket, "environment")
        return ticket.environment, Reason(RULE, "environment_by_field", params=params)
    if tag in restored:
        return Environment.PRODUCTION, _taken_away(ticket, tag)
    if _tagged_by_person(tag, ticket, memory):
        params = {"tag": tag} | who_set(ticket, f"tag:{tag}")
        return Environment.TEST, Reason(RULE, "environment_by_tag", params=params)
    return None, None


def _tagged_by_person(tag: str, ticket: Ticket, memory: Memory) -> bool:
    """Audits tell whose tag it is (a follow-up ticket inherits those of the one before it)."""
    theirs = tag in ticket.tags - memory.tags
    if not ticket.audited:
        return theirs
    return tag in ticket.tags and any(
        hand.field == f"tag:{tag}" and (theirs or not hand.by_our_account) for hand in ticket.hands
    )


def _taken_away(ticket: Ticket, tag: str) -> Reason:
    return Reason(RULE, "label_taken_away", params={"tag": tag} | who_set(ticket, f"tag:{tag}"))


def _restored(ticket: Ticket, policy: Policy, memory: Memory) -> frozenset[str]:
    """Labels that a person took away, now or earlier; one that they set again counts again."""
    labels = {policy.tags.feature_request, policy.tags.excluded}
    by_hand = {h.field.removeprefix("tag:") for h in ticket.hands if not h.by_our_account}
    gone = labels & (memory.tags | by_hand)
    return frozenset((memory.restored | gone) - ticket.tags)
