"""Tickets that were looked at, put into the store as a look does. Holds no test."""

from datetime import UTC, datetime

from plugin.store import AuditEntry
from sla_rules.engine import decide
from sla_rules.policy_file import load_policy
from sla_rules.ticket import Channel, Organization, Requester, Ticket

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
EXPORT = "It would be really useful if Regiondo could export the calendar."
MAYBE = "The checkout shows an error. It would be useful if Regiondo could export the calendar."


def look(
    store,
    number,
    body=EXPORT,
    *,
    organization="1",
    requester="10",
    tier="Starter",
    policy=None,
    **given,
):
    """Decide a ticket with what is remembered of it, and record it."""
    policy = policy or load_policy()
    ticket = Ticket(
        id=str(number),
        body=body,
        channel=given.pop("channel", Channel.EMAIL),
        created_at=NOW,
        organization=Organization(id=organization, name=f"Org {organization}", tier=tier),
        requester=Requester(id=requester),
        **given,
    )
    decision = decide(ticket, policy, NOW, store.tickets.memory("acme", ticket.id))
    entry = AuditEntry(connection="acme", ticket_id=ticket.id, at=NOW, outcome="applied")
    store.tickets.record(ticket, decision, lambda memory: memory, entry, "url")
    return decision
