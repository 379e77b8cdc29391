"""The settings to type into Zendesk by hand, for admins who prefer that."""

from __future__ import annotations

from connectors.base import Connection
from connectors.sentences import say


def manual_steps(connection: Connection, public_url: str) -> list[str]:
    """Return the steps, in order."""
    return [
        say("zendesk.oauth"),
        say("zendesk.webhook"),
        say("zendesk.endpoint", address=f"{public_url}/webhooks/zendesk/{connection.key}"),
        say("zendesk.authentication"),
        say("zendesk.triggers", body='{"ticket_id": "{{ticket.id}}"}'),
        say("zendesk.fields"),
        say("zendesk.organization_fields"),
        say("zendesk.types"),
        say("zendesk.views"),
        say(
            "zendesk.run",
            key=connection.key,
            account=connection.base_url,
            public_url=public_url,
        ),
    ]
