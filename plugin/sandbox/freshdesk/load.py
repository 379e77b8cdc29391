"""Fills a Freshdesk account with a past: many tickets in a second or two, and nobody is told.

What happened is made up in `plugin.sandbox.past`.
"""

from __future__ import annotations

from plugin.sandbox.freshdesk.account import FreshdeskAccount
from plugin.sandbox.past import PastTicket, past_partners, past_tickets
from plugin.sandbox.state import Json, iso


def load_past(
    account: FreshdeskAccount,
    *,
    tickets: int = 1000,
    organizations: int = 20,
    days: float = 60,
    answered: float = 0.6,
    solved: float = 0.3,
    spam: float = 0.01,
    seed: int = 0,
) -> Json:
    """Create tickets of the `days` before now over so many companies; return the counts."""
    with account.lock:
        was, account.automation.muted = account.automation.muted, True
        try:
            people = _people(account, organizations)
            for one in past_tickets(
                tickets, organizations, account.clock(), days=days, answered=answered,
                solved=solved, spam=spam, seed=seed,
            ):  # fmt: skip
                _write(account, one, people[one.partner][one.person])
        finally:
            account.automation.muted = was
        return {"tickets": len(account.tickets), "companies": len(account.companies)}


def _people(account: FreshdeskAccount, companies: int) -> list[list[Json]]:
    every = []
    for partner in past_partners(companies, len(account.companies)):
        made = account.create_company(partner.name, partner.tier, domains=[partner.domain])
        every.append(
            [
                account.add_contact(name, email, made["id"], language)
                for name, email, language in partner.people
            ]
        )
    return every


def _write(account: FreshdeskAccount, one: PastTicket, contact: Json) -> None:
    fields = {"subject": one.subject, "description": f"<div>{one.body}</div>", "source": 1,
              "requester_id": contact["id"]}  # fmt: skip
    ticket = account.create_ticket(fields, actor="requester", at=one.at)
    agent, last = account.find_agent()["id"], one.at
    if one.replied_at is not None:
        account.add_conversation(ticket, "<div>We are looking into it.</div>", user_id=agent,
                                 actor="agent", at=one.replied_at)  # fmt: skip
        last = one.replied_at
    if one.solved_at is not None:
        account.change_ticket(ticket, {"status": 4}, actor="agent", by=agent, at=one.solved_at)
        last = one.solved_at
    if one.is_spam:
        account.spam(ticket["id"])
    ticket["updated_at"] = iso(last)
