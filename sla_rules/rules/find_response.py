"""Finds the first public answer by a person of the support team after an instant.

Whether it is in time is not its business; `judge_response` says so.
"""

from __future__ import annotations

from datetime import datetime

from ..ticket import Author, Ticket


def find_response(ticket: Ticket, starts_at: datetime) -> datetime | None:
    """Return when the partner's message of `starts_at` was answered first, None while it is not.

    Vendors tell whole seconds: an answer in the very second of the message counts where it follows
    it in the conversation. Without the conversation the vendor's own first response counts from
    that second on.
    """
    if ticket.messages is None:
        at = ticket.first_response_at
        return at if at is not None and at >= starts_at else None
    asked = False
    for message in ticket.messages:
        if not message.public:
            continue
        asked = asked or (message.author is Author.PARTNER and message.at == starts_at)
        if message.author is Author.AGENT and (asked or message.at > starts_at):
            return message.at
    return None
