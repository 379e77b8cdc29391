"""Creates what a connection needs in Zendesk: the webhook and its signing secret.

Safe to repeat: a webhook of ours that is there already is kept. Fields are still made by hand, see
`manual.py`.
"""
# https://developer.zendesk.com/api-reference/webhooks/webhooks-api/webhooks/  (read 2026-11)

from __future__ import annotations

from dataclasses import replace

from connectors.base import Connection, WebhookSecret

from .client import ZendeskSession

EVENTS = (
    "created",
    "comment_added",
    "status_changed",
    "custom_status_changed",
    "priority_changed",
    "type_changed",
    "tags_changed",
    "custom_field_changed",
    "task_due_at_changed",
    "agent_assignment_changed",
    "group_assignment_changed",
    "organization_changed",
    "requester_changed",
    "merged",
    "marked_as_spam",
    "soft_deleted",
    "undeleted",
)


def provision(connection: Connection, public_url: str) -> Connection:
    """Return the connection with its webhook secret. Raises `VendorError`."""
    session = ZendeskSession(connection)
    api = f"{session.base_url}/api/v2/webhooks"
    endpoint = f"{public_url}/webhooks/zendesk/{connection.key}"
    known = session.get(f"{api}?page[size]=100").json().get("webhooks") or []
    ours = next((one for one in known if one.get("endpoint") == endpoint), None)
    if ours is None:
        webhook = {
            "name": f"regiondo-sla {connection.key}",
            "status": "active",
            "endpoint": endpoint,
            "http_method": "POST",
            "request_format": "json",
            "subscriptions": [f"zen:event-type:ticket.{name}" for name in EVENTS],
        }
        ours = session.post(api, json={"webhook": webhook}).json()["webhook"]
    answer = session.get(f"{api}/{ours['id']}/signing_secret").json()
    secret = WebhookSecret(kid=str(ours["id"]), value=str(answer["signing_secret"]["secret"]))
    return replace(connection, webhook_secrets=(secret,))
