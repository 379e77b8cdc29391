"""The settings to type into Freshdesk by hand, for admins who prefer that."""

from __future__ import annotations

from datetime import UTC, datetime

from connectors.base import Connection
from connectors.sentences import say

from .webhook_token import mint_token


def manual_steps(connection: Connection, public_url: str) -> list[str]:
    """Return the steps, in order; with the token of an account that is known here."""
    name = f"regiondo-sla {connection.key}"
    header = str(connection.settings.get("webhook_header") or "Authorization")
    return [
        say("freshdesk.key"),
        say("freshdesk.fields"),
        say("freshdesk.company_fields"),
        say("freshdesk.creation", name=name),
        say("freshdesk.request", address=f"{public_url}/webhooks/freshdesk/{connection.key}"),
        say("freshdesk.header", header=header, token=_token(connection)),
        say("freshdesk.encoding", body='{"ticket_id": "{{ticket.id}}"}'),
        say("freshdesk.all_rules"),
        say("freshdesk.update", name=name),
        say("freshdesk.views"),
        say("freshdesk.run", key=connection.key),
    ]


def _token(connection: Connection) -> str:
    if not connection.webhook_secrets:
        return say("freshdesk.no_token")
    secret = connection.webhook_secrets[0]
    return mint_token(
        secret.value, kid=secret.kid, audience=connection.key, issued_at=datetime.now(UTC)
    )
