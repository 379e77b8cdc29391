"""Judges what a message is: kind, environment and impact.

A person's classification wins over text; a text with any sign of an error keeps its SLA.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..decision import Reason
from ..memory import Memory
from ..policy import Policy, plain
from ..ticket import Author, Environment, Impact, Kind, Ticket

RULE = "judge_message"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the message is. `by_person` says that a person, not the text, said so for the kind."""

    kind: Kind
    environment: Environment
    impact: Impact
    candidate: bool
    by_person: bool
    restored: frozenset[str]
    quote: str | None
    language: str | None
    reasons: tuple[Reason, ...]


def judge_message(ticket: Ticket, policy: Policy, memory: Memory) -> Judgement:
    """Judge the partner's first message, with what people said of it."""
    seen = policy.classifier.classify(ticket.subject, _partner_text(ticket), ticket.language)
    restored = _restored(ticket, policy, memory)
    reasons = []

    kind, candidate, because = seen.kind, seen.candidate, ", ".join(seen.because)
    said = _said_kind(ticket, policy, memory, restored)
    if said:
        kind, candidate = said[0], False
        reasons.append(Reason(RULE, f"{_NAMES[kind]}: {said[1]}."))
    elif policy.tags.feature_request in restored:
        kind = Kind.QUESTION if kind is Kind.FEATURE_REQUEST else kind
        candidate = False
        text = "A person took the label for feature requests away: the clock runs."
        reasons.append(Reason(RULE, text))
    else:
        doubt = ", perhaps with a feature request: in doubt the clock runs" if candidate else ""
        reasons.append(Reason(RULE, f"{_NAMES[kind]}{doubt}{f' ({because})' if because else ''}."))

    environment = seen.environment
    if ticket.environment:
        environment = ticket.environment
        reasons.append(Reason(RULE, f"A person set the system to {environment.value}."))
    elif policy.tags.excluded in restored:
        environment = Environment.PRODUCTION
        reasons.append(Reason(RULE, f"A person took {policy.tags.excluded} away: the clock runs."))
    elif policy.tags.excluded in ticket.tags - memory.tags:
        environment = Environment.TEST
        reasons.append(Reason(RULE, f"A person set the tag {policy.tags.excluded}."))

    impact = ticket.impact or seen.impact
    if said and ticket.impact is None:
        if kind is not Kind.ERROR_REPORT:
            impact = Impact.NONE
        elif impact is Impact.NONE:
            impact = Impact.DEGRADED
    return Judgement(
        kind=kind,
        environment=environment,
        impact=impact,
        candidate=candidate,
        by_person=said is not None,
        restored=restored,
        quote=seen.quote,
        language=ticket.language or seen.language,
        reasons=tuple(reasons),
    )


def _partner_text(ticket: Ticket) -> str:
    for message in ticket.messages or ():
        if message.author is Author.PARTNER and message.text:
            return message.text
    return ticket.body


def _said_kind(
    ticket: Ticket, policy: Policy, memory: Memory, restored: frozenset[str]
) -> tuple[Kind, str] | None:
    if ticket.kind:
        return ticket.kind, "a person said so in the field SLA kind"
    if memory.reviewed:
        return memory.reviewed, "a person said so in the console"
    tag = policy.tags.feature_request
    if tag in ticket.tags - memory.tags and tag not in restored:
        return Kind.FEATURE_REQUEST, f"a person set the tag {tag}"
    if ticket.type and ticket.type != memory.wrote.get("kind"):
        for kind in Kind:
            if plain(ticket.type) in map(plain, getattr(policy.types, kind.value)):
                return kind, f"the ticket's type is {ticket.type}"
    return None


def _restored(ticket: Ticket, policy: Policy, memory: Memory) -> frozenset[str]:
    """Labels that a person took away, now or earlier; one that they set again counts again."""
    labels = {policy.tags.feature_request, policy.tags.excluded}
    gone = {tag for tag in labels & memory.tags if tag not in ticket.tags}
    return frozenset((memory.restored | gone) - ticket.tags)


_NAMES = {
    Kind.FEATURE_REQUEST: "Feature request",
    Kind.ERROR_REPORT: "Error report",
    Kind.QUESTION: "Question",
}
