"""A made-up past of an account: many tickets over many partners, some answered, solved, spam.

Knows no vendor: each account writes what is told here in its own tables.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

TIERS = ("enterprise", "advanced", "starter", "free", None)
_PEOPLE = 3  # a partner
_LANGUAGES = ("fr", "en-US", "de")
_TEXTS = (
    ("Le paiement ne fonctionne plus", "Erreur 500 dans le calendrier, plus rien ne marche."),
    ("Checkout is down", "Our customers see an error message when they pay."),
    ("Frage zu Gutscheinen", "Wie lange ist ein Gutschein gültig?"),
    ("Idea for the calendar", "It would be really useful if we could export the calendar."),
    ("Invoice of last month", "Where do I find the invoice of last month?"),
)


@dataclass(frozen=True)
class PastPartner:
    """A partner: its package, its mail domain, its people as (name, address, language)."""

    name: str
    tier: str | None
    domain: str
    people: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class PastTicket:
    """A ticket of the past. `partner` and `person` count from 0; None: it never happened."""

    partner: int
    person: int
    subject: str
    body: str
    at: datetime
    replied_at: datetime | None
    solved_at: datetime | None
    is_spam: bool


def past_partners(count: int, first: int) -> list[PastPartner]:
    """Return `count` partners with three people each, numbered from `first`."""
    return [
        PastPartner(
            f"Partner {n}",
            TIERS[n % len(TIERS)],
            f"partner-{n}.example",
            tuple(
                (f"Person {n}.{p}", f"person{p}@partner-{n}.example", _LANGUAGES[p])
                for p in range(_PEOPLE)
            ),
        )
        for n in range(first, first + count)
    ]


def past_tickets(
    count: int,
    partners: int,
    now: datetime,
    *,
    days: float,
    answered: float,
    solved: float,
    spam: float,
    seed: int,
) -> Iterator[PastTicket]:
    """Yield `count` tickets, the oldest first, spread over the `days` before `now`.

    `answered`, `solved` and `spam` are shares of 1; only an answered ticket is solved. The last
    ticket came two hours before `now` at the latest, so that everything lies in the past.
    """
    chance = random.Random(seed)
    span = timedelta(days=days) - timedelta(hours=2)
    for number in range(count):
        at = now - timedelta(days=days) + span * (number / max(count, 1))
        subject, body = chance.choice(_TEXTS)
        is_answered = chance.random() < answered
        replied_at = at + timedelta(minutes=chance.randint(5, 60)) if is_answered else None
        is_solved = replied_at is not None and chance.random() < (solved / max(answered, 1e-9))
        yield PastTicket(
            partner=chance.randrange(partners),
            person=chance.randrange(_PEOPLE),
            subject=f"{subject} ({number + 1})",
            body=body,
            at=at.replace(microsecond=0),
            replied_at=replied_at.replace(microsecond=0) if replied_at else None,
            solved_at=(replied_at + timedelta(minutes=30)).replace(microsecond=0)
            if replied_at and is_solved
            else None,
            is_spam=chance.random() < spam,
        )
