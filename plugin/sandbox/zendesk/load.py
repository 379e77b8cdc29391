"""Fills a Zendesk account with a past: many tickets in a second or two, and nobody is told.

What happened is made up in `plugin.sandbox.past`.
"""

from __future__ import annotations

from plugin.sandbox.past import PastTicket, past_partners, past_tickets
from plugin.sandbox.state import Json, iso
from plugin.sandbox.zendesk.account import WEB, ZendeskAccount


def load_past(
    account: ZendeskAccount,
    *,
    tickets: int = 1000,
    organizations: int = 20,
    days: float = 60,
    answered: float = 0.6,
    solved: float = 0.3,
    spam: float = 0.01,
    seed: int = 0,
) -> Json:
    """Create tickets of the `days` before now over so many organisations; return the counts."""
    with account.lock:
        was, account.events.muted = account.events.muted, True
        try:
            people = _people(account, organizations)
            for one in past_tickets(
                tickets, organizations, account.clock(), days=days, answered=answered,
                solved=solved, spam=spam, seed=seed,
            ):  # fmt: skip
                _write(account, one, people[one.partner][one.person])
        finally:
            account.events.muted = was
        return {"tickets": len(account.tickets), "organizations": len(account.organizations)}


def _people(account: ZendeskAccount, organizations: int) -> list[list[Json]]:
    every = []
    for partner in past_partners(organizations, len(account.organizations)):
        made = account.create_organization(partner.name, partner.tier, domains=[partner.domain])
        every.append(
            [
                account.add_user(name, email, organization_id=made["id"], locale=language)
                for name, email, language in partner.people
            ]
        )
    return every


def _write(account: ZendeskAccount, one: PastTicket, user: Json) -> None:
    via = {
        "channel": "email",
        "source": {"from": {"address": user["email"], "name": user["name"]},
                   "to": {"address": f"support@{account.name}.test", "name": account.name},
                   "rel": None},
    }  # fmt: skip
    fields = {"subject": one.subject, "comment": {"body": one.body}, "requester_id": user["id"]}
    ticket, _ = account.create_ticket(fields, actor=user["id"], via=via, at=one.at)
    last, agent = one.at, account.find_agent()["id"]
    if one.replied_at is not None:
        change = {"comment": {"body": "We are looking into it.", "public": True},
                  "status": "open", "assignee_id": agent}  # fmt: skip
        account.change_ticket(ticket, change, actor=agent, via=WEB, at=one.replied_at)
        last = one.replied_at
    if one.solved_at is not None:
        account.change_ticket(ticket, {"status": "solved"}, actor=agent, via=WEB, at=one.solved_at)
        last = one.solved_at
    if one.is_spam:
        account.spam(ticket["id"], agent)
        user["suspended"] = False
    ticket |= {"updated_at": iso(last), "generated_timestamp": int(last.timestamp())}
