"""What Zendesk tells its subscribers: event payloads, signatures, retries.

Fields that triggers change are in `triggers.py`. Shapes follow the vendor's
https://developer.zendesk.com/api-reference/webhooks/event-types/ticket-events .
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from plugin.sandbox.state import Json, iso
from plugin.sandbox.webhooks import Outcome, Shipment
from plugin.sandbox.zendesk.records import ulid
from plugin.sandbox.zendesk.triggers import render, run_triggers

if TYPE_CHECKING:
    from plugin.sandbox.zendesk.tickets import Tickets

PREFIX = "zen:event-type:ticket."
CONDITIONAL = "conditional_ticket_events"
EVENT_TYPES = tuple(
    PREFIX + name
    for name in (
        "agent_assignment_changed", "attachment_linked_to_comment",
        "attachment_redacted_from_comment", "brand_changed", "comment_added",
        "comment_made_private", "comment_redacted", "created", "csat_received",
        "csat_requested", "custom_field_changed", "custom_status_changed", "description_changed",
        "email_ccs_changed", "external_id_changed", "followers_changed", "form_changed",
        "group_assignment_changed", "marked_as_spam", "merged", "next_sla_breach_changed",
        "ola_policy_changed", "organization_changed", "permanently_deleted", "priority_changed",
        "problem_link_changed", "requester_changed", "schedule_changed", "sla_policy_changed",
        "soft_deleted", "status_changed", "subject_changed", "submitter_changed", "tags_changed",
        "task_due_at_changed", "type_changed", "undeleted",
    )
)  # fmt: skip
_NAMES = {
    "assignee_id": "agent_assignment_changed", "group_id": "group_assignment_changed",
    "organization_id": "organization_changed", "requester_id": "requester_changed",
    "due_at": "task_due_at_changed", "problem_id": "problem_link_changed",
}  # fmt: skip
_UPPERCASE = ("status", "priority", "type")
RETRY_SECONDS = 2.0


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


class EventSender:
    """Tells an account's webhooks what happened to a ticket."""

    def __init__(self, account: Tickets) -> None:
        self._account = account

    def publish(
        self,
        ticket: Json,
        audit: Json,
        changes: list[Change],
        *,
        created: bool = False,
        happened: dict[str, Json] | None = None,
    ) -> None:
        """Send one update's events, all with one sequence id, then let the triggers run."""
        events: list[tuple[str, Json]] = [("created", {})] if created else []
        events += [self._change_event(change) for change in changes]
        if not created:
            events += [self._comment_event(e) for e in audit["events"] if e["type"] == "Comment"]
        events += list((happened or {}).items())
        sequence = ulid()
        for position, (name, body) in enumerate(events, start=1):
            meta = {"meta": {"sequence": {"id": sequence, "position": position}}}
            self._send_event(ticket, audit, PREFIX + name, {**body, **meta})
        if audit["via"].get("channel") != "rule":
            run_triggers(self._account, ticket, audit, changes, created=created)

    def call(self, webhook: Json, ticket: Json, template: str) -> None:
        """Call a webhook that a trigger names, with the trigger's own body."""
        self._ship(
            webhook, ticket["id"], CONDITIONAL, render(self._account, ticket, template).encode()
        )

    def sample(self, webhook: Json) -> tuple[bytes, dict[str, str]]:
        """Return body and headers of a test call."""
        body = serialize({"account_id": self._account.account_id, "detail": {"id": "1"},
                          "event": {}, "id": str(uuid.uuid4()), "subject": "zen:ticket:1",
                          "time": self._nanoseconds(), "type": PREFIX + "created",
                          "zendesk_event_version": "2022-11-06"})  # fmt: skip
        return body, self._headers(webhook, body, ulid())

    def _send_event(self, ticket: Json, audit: Json, kind: str, event: Json) -> None:
        body = serialize(
            {
                "account_id": self._account.account_id,
                "detail": self._detail(ticket, audit),
                "event": event,
                "id": str(uuid.uuid4()),
                "subject": f"zen:ticket:{ticket['id']}",
                "time": self._nanoseconds(),
                "type": kind,
                "zendesk_event_version": "2022-11-06",
            }
        )
        for webhook in list(self._account.webhooks.values()):
            if kind in webhook["subscriptions"]:
                self._ship(webhook, ticket["id"], kind, body)

    def _nanoseconds(self) -> str:
        now = self._account.clock()
        return iso(now)[:-1] + f".{now.microsecond:06d}030Z"

    def _detail(self, ticket: Json, audit: Json) -> Json:
        def text(name: str) -> str | None:
            return None if ticket[name] is None else str(ticket[name])

        ids = ("assignee_id", "brand_id", "group_id", "organization_id", "requester_id",
               "submitter_id", "external_id", "id")  # fmt: skip
        channel = ticket["via"]["channel"]
        tags = ticket["tags"] or (None if self._account.settings.null_empty_tags else [])
        return {
            **{name: text(name) for name in ids},
            **{name: _upper(ticket[name]) for name in _UPPERCASE},
            "actor_id": str(audit["author_id"]), "created_at": ticket["created_at"],
            "custom_status": None, "description": ticket["description"],
            "form_id": text("ticket_form_id"), "is_public": ticket["is_public"],
            "subject": ticket["subject"], "tags": tags, "updated_at": ticket["updated_at"],
            "via": {"channel": "web_service" if channel == "api" else channel},
        }  # fmt: skip

    def _change_event(self, change: Change) -> tuple[str, Json]:
        if isinstance(change.name, int):
            field = self._account.ticket_fields[change.name]
            about = {"id": str(field["id"]), "title": field["title"], "type": field["type"]}
            values = {"current": _value(change.current), "previous": _value(change.previous)}
            return "custom_field_changed", {"custom_field": about, **values}
        if change.name == "tags":
            old, new = set(change.previous or ()), set(change.current or ())
            return "tags_changed", {
                "tags_added": sorted(new - old),
                "tags_removed": sorted(old - new),
            }
        both = [change.current, change.previous]
        if change.name in _UPPERCASE:
            both = [_upper(value) for value in both]
        both = [str(value) if isinstance(value, int) else value for value in both]
        name = _NAMES.get(change.name, f"{change.name}_changed")
        return name, {"current": both[0], "previous": both[1]}

    def _comment_event(self, event: Json) -> tuple[str, Json]:
        author = self._account.users.get(event["author_id"]) or {}
        staff = self._account.staff(event["author_id"])
        return "comment_added", {
            "comment": {
                "id": str(event["id"]), "body": event["body"], "is_public": event["public"],
                "author": {"id": str(event["author_id"]), "is_staff": staff,
                           "name": author.get("name")},
            }
        }  # fmt: skip

    def _ship(self, webhook: Json, ticket_id: int, event: str, body: bytes) -> None:
        if webhook["status"] != "active":
            return
        invocation = ulid()
        self._account.sender.post(
            Shipment(
                vendor="zendesk", account=self._account.name, ticket_id=ticket_id,
                event=event.removeprefix("zen:event-type:"), url=webhook["endpoint"], body=body,
                headers=lambda: self._headers(webhook, body, invocation),
                retry_in=self._retry_in, method=webhook["http_method"], invocation_id=invocation,
            )
        )  # fmt: skip

    def _headers(self, webhook: Json, body: bytes, invocation: str) -> dict[str, str]:
        timestamp = iso(self._account.clock())
        secret = self._account.webhook_secrets[webhook["id"]]
        return {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "Zendesk Webhook",
            "X-Zendesk-Account-Id": str(self._account.account_id),
            "X-Zendesk-Webhook-Id": webhook["id"],
            "X-Zendesk-Webhook-Invocation-Id": invocation,
            "X-Zendesk-Webhook-Signature": sign(secret, timestamp, body),
            "X-Zendesk-Webhook-Signature-Timestamp": timestamp,
            **{str(k): str(v) for k, v in (webhook.get("custom_headers") or {}).items()},
        }

    def _retry_in(self, outcome: Outcome, attempt: int, retry_after: str | None) -> float | None:
        scale = self._account.settings.retry_scale
        if outcome == 409 and attempt <= 3:
            return RETRY_SECONDS * scale
        if outcome in (429, 503) and attempt <= 3 and retry_after and retry_after.isdigit():
            return int(retry_after) * scale if int(retry_after) < 60 else None
        return RETRY_SECONDS * scale if outcome == "timeout" and attempt <= 5 else None


def _upper(value: str | None) -> str | None:
    return value.upper() if value else None


def _value(value: object) -> Json | None:
    return None if value is None else {"value": value}
