"""What Zendesk's event webhooks say: details, changes, the body as bytes, its signature.

Sends nothing. Shapes follow the vendor's
https://developer.zendesk.com/api-reference/webhooks/event-types/ticket-events .
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from plugin.sandbox.state import Json, iso
from plugin.sandbox.zendesk.event_types import OTHER_NAMES

if TYPE_CHECKING:
    from plugin.sandbox.zendesk.tickets import Tickets

_UPPERCASE = ("status", "priority", "type")
_TICKET_IDS = ("assignee_id", "brand_id", "group_id", "organization_id", "requester_id",
               "submitter_id", "external_id", "id")  # fmt: skip
VERSION = "2022-11-06"


@dataclass(frozen=True)
class Change:
    """One field's old and new value; custom fields go by their number."""

    name: str | int
    previous: Any
    current: Any


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """Sign as https://developer.zendesk.com/documentation/webhooks/verifying/ says."""
    digest = hmac.new(secret.encode(), timestamp.encode() + body, hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def serialize(payload: Json) -> bytes:
    """Write a payload as recorded deliveries are: sorted, three spaces, a newline at the end."""
    return (json.dumps(payload, indent=3, sort_keys=True, ensure_ascii=False) + "\n").encode()


def envelope(
    account_id: int, subject: str, kind: str, detail: Json, event: Json, at: datetime
) -> bytes:
    """Write one event's body; its time has nine fractional digits, as Zendesk's has."""
    return serialize(
        {"account_id": account_id, "detail": detail, "event": event, "id": str(uuid.uuid4()),
         "subject": subject, "time": iso(at)[:-1] + f".{at.microsecond:06d}030Z", "type": kind,
         "zendesk_event_version": VERSION}
    )  # fmt: skip


def ticket_detail(account: Tickets, ticket: Json, audit: Json) -> Json:
    """Return a ticket as events show it: every id is text, enums are upper case."""
    channel = ticket["via"]["channel"]
    tags = ticket["tags"] or (None if account.settings.null_empty_tags else [])
    return {
        **{name: _text(ticket[name]) for name in _TICKET_IDS},
        **{name: _upper(ticket[name]) for name in _UPPERCASE},
        "actor_id": str(audit["author_id"]), "created_at": ticket["created_at"],
        "custom_status": _text(ticket["custom_status_id"]), "description": ticket["description"],
        "form_id": _text(ticket["ticket_form_id"]), "is_public": ticket["is_public"],
        "subject": ticket["subject"], "tags": tags, "updated_at": ticket["updated_at"],
        "via": {"channel": "web_service" if channel == "api" else channel},
    }  # fmt: skip


def organization_detail(organization: Json) -> Json:
    """Return an organisation as events show it."""
    return {
        "created_at": organization["created_at"], "external_id": organization["external_id"],
        "group_id": _text(organization["group_id"]), "id": str(organization["id"]),
        "name": organization["name"], "shared_comments": organization["shared_comments"],
        "shared_tickets": organization["shared_tickets"],
        "updated_at": organization["updated_at"],
    }  # fmt: skip


def change_event(account: Tickets, change: Change) -> tuple[str, Json]:
    """Return the name and the body of the event that tells of one changed field."""
    if isinstance(change.name, int):
        field = account.ticket_fields[change.name]
        about = {"id": str(field["id"]), "title": field["title"], "type": field["type"]}
        return "custom_field_changed", {"custom_field": about, **_values(change)}
    if change.name == "tags":
        return tags_event(change.previous, change.current)
    both = [change.current, change.previous]
    if change.name in _UPPERCASE:
        both = [_upper(value) for value in both]
    both = [str(value) if isinstance(value, int) else value for value in both]
    name = OTHER_NAMES.get(change.name, f"{change.name}_changed")
    return name, {"current": both[0], "previous": both[1]}


def tags_event(previous: list[str] | None, current: list[str] | None) -> tuple[str, Json]:
    old, new = set(previous or ()), set(current or ())
    return "tags_changed", {"tags_added": sorted(new - old), "tags_removed": sorted(old - new)}


def organization_field_event(field: Json, change: Change) -> tuple[str, Json]:
    """Tell of an organisation field's new value, in the shape of a ticket field's."""
    about = {"id": str(field["id"]), "title": field["title"], "type": field["type"],
             "key": field["key"]}  # fmt: skip
    return "custom_field_changed", {"custom_field": about, **_values(change)}


def comment_event(account: Tickets, event: Json) -> tuple[str, Json]:
    """Return the name and the body of the event that tells of a comment."""
    author = account.users.get(event["author_id"]) or {}
    return "comment_added", {
        "comment": {
            "id": str(event["id"]), "body": event["body"], "is_public": event["public"],
            "author": {"id": str(event["author_id"]), "is_staff": account.staff(event["author_id"]),
                       "name": author.get("name")},
        }
    }  # fmt: skip


def _values(change: Change) -> Json:
    return {"current": _value(change.current), "previous": _value(change.previous)}


def _value(value: object) -> Json | None:
    return None if value is None else {"value": value}


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _upper(value: str | None) -> str | None:
    return value.upper() if value else None
