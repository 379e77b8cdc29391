"""Tells a Zendesk account's webhooks what happened to tickets, organisations and people.

What each event says is in `payloads.py`, what became of a call in `deliveries.py`.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from plugin.sandbox.state import Json, iso
from plugin.sandbox.webhooks import Attempt, Shipment
from plugin.sandbox.zendesk.deliveries import History
from plugin.sandbox.zendesk.event_types import CONDITIONAL, PREFIX
from plugin.sandbox.zendesk.payloads import (
    Change,
    change_event,
    comment_event,
    envelope,
    organization_detail,
    sign,
    ticket_detail,
)
from plugin.sandbox.zendesk.records import ulid
from plugin.sandbox.zendesk.triggers import render, run_triggers

if TYPE_CHECKING:
    from plugin.sandbox.zendesk.tickets import Tickets


class EventSender:
    """One account's events. Not locked: callers hold the sandbox's lock.

    `muted` keeps everybody uninformed, as while a past is being made up.
    """

    def __init__(self, account: Tickets) -> None:
        self._account = account
        self.history = History(account)
        self.muted = False

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
        if self.muted:
            return
        if self._account.webhooks:
            events: list[tuple[str, Json]] = [("created", {})] if created else []
            events += [change_event(self._account, change) for change in changes]
            if not created:
                said = [e for e in audit["events"] if e["type"] == "Comment"]
                events += [comment_event(self._account, e) for e in said]
            events += list((happened or {}).items())
            detail = ticket_detail(self._account, ticket, audit)
            self._send("ticket", ticket["id"], detail, events)
        if audit["via"].get("channel") != "rule":
            run_triggers(self._account, ticket, audit, changes, created=created)

    def organization(self, organization: Json, events: list[tuple[str, Json]]) -> None:
        """Send the events of one change of an organisation."""
        detail = organization_detail(organization)
        self._send("organization", organization["id"], detail, events)

    def membership(self, user: Json, organization_id: int, name: str) -> None:
        """Tell that a user came to belong to an organisation, or no longer does."""
        detail = {"created_at": user["created_at"], "email": user["email"],
                  "id": str(user["id"]), "role": user["role"],
                  "updated_at": user["updated_at"]}  # fmt: skip
        body = {"organization": {"id": str(organization_id)}}
        event = f"organization_membership_{name}"
        self._send("user", user["id"], detail, [(event, body)])

    def call(self, webhook: Json, ticket: Json, template: str) -> None:
        """Call a webhook that a trigger names, with the trigger's own body."""
        body = render(self._account, ticket, template).encode()
        self._ship(webhook, ticket["id"], CONDITIONAL, body)

    def sample(self, webhook: Json, payload: object = None) -> tuple[bytes, dict[str, str]]:
        """Return body and headers of a test call; `payload` replaces the body."""
        body = envelope(self._account.account_id, "zen:ticket:1", f"{PREFIX}ticket.created",
                        {"id": "1"}, {}, self._account.clock())  # fmt: skip
        body = payload.encode() if isinstance(payload, str) else body
        return body, self._headers(webhook, body, ulid())

    def _send(
        self, subject: str, number: int, detail: Json, events: list[tuple[str, Json]]
    ) -> None:
        if self.muted:
            return
        sequence = ulid()
        for position, (name, said) in enumerate(events, start=1):
            kind = f"{PREFIX}{subject}.{name}"
            hooks = [w for w in self._account.webhooks.values() if kind in w["subscriptions"]]
            if not hooks:
                continue
            event = {**said, "meta": {"sequence": {"id": sequence, "position": position}}}
            body = envelope(self._account.account_id, f"zen:{subject}:{number}", kind, detail,
                            event, self._account.clock())  # fmt: skip
            for webhook in hooks:
                self._ship(webhook, number, kind, body)

    def _ship(self, webhook: Json, number: int, event: str, body: bytes) -> None:
        if webhook["status"] != "active":
            return
        invocation, name = ulid(), webhook["id"]

        def retry_in(attempt: Attempt, _number: int) -> float | None:
            return self.history.add(name, invocation, attempt, body.decode())

        self._account.sender.post(
            Shipment(
                vendor="zendesk", account=self._account.name, ticket_id=number,
                event=event.removeprefix(PREFIX), url=webhook["endpoint"], body=body,
                headers=lambda: self._headers(webhook, body, invocation),
                held=lambda: self.history.held(name, invocation), retry_in=retry_in,
                method=webhook["http_method"], invocation_id=invocation,
            )
        )  # fmt: skip

    def _headers(self, webhook: Json, body: bytes, invocation: str) -> dict[str, str]:
        timestamp = iso(self._account.clock())
        # A webhook may be deleted while its calls still wait.
        secret = self._account.webhook_secrets.get(webhook["id"], "")
        return {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "Zendesk Webhook",
            "X-Zendesk-Account-Id": str(self._account.account_id),
            "X-Zendesk-Webhook-Id": webhook["id"],
            "X-Zendesk-Webhook-Invocation-Id": invocation,
            "X-Zendesk-Webhook-Signature": sign(secret, timestamp, body),
            "X-Zendesk-Webhook-Signature-Timestamp": timestamp,
            **{str(k): str(v) for k, v in (webhook.get("custom_headers") or {}).items()},
            **_authentication(self._account.webhook_logins.get(webhook["id"]) or {}),
        }


def _authentication(login: Json) -> dict[str, str]:
    """Return the header that a webhook's own authentication adds (the api_key's is a guess)."""
    data = login.get("data") or {}
    if login.get("type") == "basic_auth":
        pair = f"{data.get('username', '')}:{data.get('password', '')}".encode()
        return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
    if login.get("type") == "bearer_token":
        return {"Authorization": f"Bearer {data.get('token', '')}"}
    if login.get("type") == "api_key":
        return {str(data.get("name")): str(data.get("value"))}
    return {}
