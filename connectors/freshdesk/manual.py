"""The settings to type into Freshdesk by hand, for admins who prefer that."""

from __future__ import annotations

from datetime import UTC, datetime

from connectors.base import Connection

from .webhook_token import mint_token


def manual_steps(connection: Connection, public_url: str) -> list[str]:
    """Return the steps, in order; with the token of an account that is known here."""
    address = f"{public_url}/webhooks/freshdesk/{connection.key}"
    name = f"regiondo-sla {connection.key}"
    header = str(connection.settings.get("webhook_header") or "Authorization")
    return [
        "Profile settings of a dedicated agent (role Administrator, global ticket access): copy "
        "its API key.",
        "Admin > Workflows > Ticket fields: add the text fields `SLA due` and `SLA note`, the "
        "drop-downs `SLA kind` (Error, Question, Feature request), `SLA environment` (Production, "
        "Test) and `SLA impact` (Blocking, Degraded, Minor, None); not shown to customers, not "
        "required.",
        "Admin > Company fields: add the drop-down `SLA tier` (enterprise, advanced, starter, "
        "free) and the text `SLA named contact` (an agent's e-mail address).",
        f"Admin > Workflows > Automations > Ticket creation > New rule `{name}`: a condition that "
        "is always true (subject is not empty), action Trigger webhook.",
        f"Request type: POST   URL: {address}",
        f"Custom headers: {header}: Bearer {_token(connection)}",
        'Encoding: JSON, Advanced, body {"ticket_id": "{{ticket.id}}"}. Save and enable.',
        "Set ticket-creation rules to execute all matching rules.",
        f"Automations > Ticket updates > New rule `{name}`: the same action, performed by Agent or "
        "Requester, on reply sent, public note added, and changes of status, priority, type, "
        "agent, group, `SLA kind`, `SLA environment` and `SLA impact`.",
        "Ticket list: save the views `Due next` (status Open, sorted by first response due), "
        "`At risk` (tag sla_at_risk or sla_breached), `Feature requests` (tag feature_request or "
        "feature_request_candidate).",
        f"Then run `regiondo-sla connect freshdesk --key {connection.key}`: it finds what is "
        "there, and says what is missing.",
    ]


def _token(connection: Connection) -> str:
    if not connection.webhook_secrets:
        return "<token> (run this beside the service, with the API key, to get one)"
    secret = connection.webhook_secrets[0]
    return mint_token(
        secret.value, kid=secret.kid, audience=connection.key, issued_at=datetime.now(UTC)
    )
