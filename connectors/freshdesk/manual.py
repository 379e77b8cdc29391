"""The settings to type into Freshdesk by hand, for admins who prefer that."""

from __future__ import annotations

from connectors.base import Connection


def manual_steps(connection: Connection, public_url: str) -> list[str]:
    """Return the steps, in order."""
    address = f"{public_url}/webhooks/freshdesk/{connection.key}"
    return [
        "Profile settings of a dedicated agent: copy its API key.",
        "Admin > Workflows > Automations > Ticket creation > New rule: a condition that is "
        "always true, action Trigger webhook.",
        f"Request type: POST   URL: {address}",
        "Custom headers: Authorization: Bearer <token>. Webhooks of Freshdesk are not signed; "
        "the token is a JWT (HS256) whose aud is "
        f"`{connection.key}`, with iat and the header kid.",
        'Encoding: JSON, Advanced, body {"ticket_id": "{{ticket.id}}"}. Save and enable.',
        "Set ticket-creation rules to execute all matching rules.",
        "Automations > Ticket updates: the same action, performed by Agent or Requester, on "
        "reply sent, note added, and changes of status, priority, type, tags and group.",
        "Admin > Workflows > Ticket fields: add the text fields `SLA due` and `SLA note`, the "
        "drop-downs `SLA kind` (Error, Question, Feature request) and `SLA environment` "
        "(Production, Test).",
        "Admin > Company fields: add the drop-down `SLA tier` (enterprise, advanced, starter, "
        "free) and the text `SLA named contact` (an agent's e-mail address).",
    ]
