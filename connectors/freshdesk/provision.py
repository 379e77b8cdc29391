"""Creates what a connection needs in Freshdesk: the two rules that call us, with their token.

Safe to repeat: rules of ours are renewed, never doubled. Fields are still made by hand, see
`manual.py`.
"""
# https://developers.freshdesk.com/api/#automations  (read 2026-11)

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import datetime
from typing import Any

from connectors.base import Connection, WebhookSecret

from .client import FreshdeskClient
from .webhook_token import mint_token

_CREATION, _UPDATE = 1, 4
_ANY = "--"


def provision(connection: Connection, public_url: str, now: datetime) -> Connection:
    """Return the connection with its webhook secret. Raises `VendorError`."""
    kept = connection.webhook_secrets
    secret = kept[0] if kept else WebhookSecret(kid="1", value=secrets.token_urlsafe(32))
    token = mint_token(secret.value, kid=secret.kid, audience=connection.key, issued_at=now)
    session = FreshdeskClient(connection).session
    for kind in (_CREATION, _UPDATE):
        api = f"{session.base_url}/api/v2/automations/{kind}/rules"
        rule = _rule(kind, connection.key, public_url, token)
        known = session.get(api).json()
        rules = known.get("rules") or [] if isinstance(known, dict) else known
        ours = next((one for one in rules if one.get("name") == rule["name"]), None)
        if ours is None:
            session.post(api, json=rule)
        else:
            session.put(f"{api}/{ours['id']}", json=rule)
    return replace(connection, webhook_secrets=(secret, *kept[1:]))


def _rule(kind: int, key: str, public_url: str, token: str) -> dict[str, Any]:
    action = {
        "field_name": "trigger_webhook",
        "request_type": "POST",
        "url": f"{public_url}/webhooks/freshdesk/{key}",
        "content_type": "JSON",
        "content_layout": "2",
        "content": {"ticket_id": "{{ticket.id}}"},
        "custom_headers": {"Authorization": f"Bearer {token}"},
    }
    rule: dict[str, Any] = {"name": f"regiondo-sla {key}", "active": True, "actions": [action]}
    if kind == _UPDATE:
        changes = ("status", "priority", "ticket_type", "responder_id", "group_id")
        return rule | {
            "performer": {"type": 3},
            "events": [
                {"field_name": "reply_sent"},
                {"field_name": "note_type", "value": "public"},
                *({"field_name": name, "from": _ANY, "to": _ANY} for name in changes),
            ],
        }
    condition = {"field_name": "subject", "resource_type": "ticket", "operator": "is_not"}
    return rule | {
        "conditions": [
            {
                "name": "condition_set_1",
                "match_type": "any",
                "properties": [{**condition, "value": ""}],
            }
        ]
    }
