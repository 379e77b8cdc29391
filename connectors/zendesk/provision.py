"""What a connection needs in Zendesk, step by step; here the webhook, or its triggers.

Looks before it makes: what is there already is kept. Fields are in `fields.py`, views in
`views.py`; what is wrong is told by `checks.py`.
"""
# https://developer.zendesk.com/api-reference/webhooks/webhooks-api/webhooks/
# https://developer.zendesk.com/api-reference/ticketing/business-rules/triggers/  (read 2026-11)

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from functools import partial

from connectors.api import Json
from connectors.base import Connection, WebhookSecret
from connectors.pace import Pace
from connectors.sentences import say
from connectors.setup import (
    Finding,
    Identity,
    Inspection,
    Step,
    Trial,
    Wishes,
    provisioned,
)

from . import checks
from .admin import PATHS, ZendeskAdmin
from .events import KNOCK
from .fields import organization_fields, ticket_fields
from .views import views

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
ORGANIZATION_EVENTS = ("organization.custom_field_changed", "organization.name_changed")
_TICKET_EVENTS = tuple(f"ticket.{name}" for name in EVENTS)
BY_TRIGGERS = "conditional_ticket_events"


class ZendeskSetup:
    """The administration of one Zendesk account."""

    def __init__(self, connection: Connection, wishes: Wishes, pace: Pace | None = None) -> None:
        self._connection = connection
        self._wishes = wishes
        self._admin = ZendeskAdmin(connection, pace)

    def identify(self) -> Identity:
        """Return whom the credentials act as. Raises `CredentialsRejected`."""
        return checks.identity(self._admin.me())

    def inspect(self) -> Inspection:
        """Return limits, settings, and who looks at the ticket type and due date."""
        return checks.inspect(self._admin, self._connection)

    def clock(self) -> datetime | None:
        """Return the vendor's clock in its last answer."""
        return self._admin.session.vendor_clock()

    def diagnose(self) -> list[Finding]:
        """Return what is wrong, or worth knowing, in an account that was connected."""
        return checks.diagnose(self._admin, self._connection, self._endpoint)

    def steps(self) -> list[Step]:
        """Return what the account needs; the webhook comes last, when all else is there."""
        return [
            *ticket_fields(self._admin, self._wishes),
            *organization_fields(self._admin, self._connection, self._wishes),
            *(views(self._admin, self._wishes) if self._wishes.views else ()),
            *self._webhook(),
        ]

    def remove(self, name: str, vendor_id: str) -> bool:
        """Remove what the step of that name made; False where it is gone already."""
        path = PATHS.get(name.partition(":")[0])
        return self._admin.delete(f"{path}/{vendor_id}") if path else False

    def rotate(self) -> Iterator[Connection]:
        """Have Zendesk sign with a new secret at once; what it signs with until then is kept.

        We may not know that one: a process that died had it made, or a person did.
        """
        webhook_id = str(provisioned(self._connection)["webhook"]["id"])
        known = self._settle_webhook(self._connection, webhook_id)
        yield known
        yield _with_secret(known, webhook_id, self._admin.new_signing_secret(webhook_id))

    def trial(self, nonce: str, *, with_ticket: bool) -> Trial:
        """Send a signed request of our own words through the webhook; it concerns no ticket."""
        del with_ticket
        webhook_id = str(provisioned(self._connection)["webhook"]["id"])
        request = {"payload": json.dumps({KNOCK: nonce})}
        answer = self._admin.post(f"/webhooks/test?webhook_id={webhook_id}", {"request": request})
        status = int((answer.get("response") or {}).get("status_code") or 0)
        fault = None if 200 <= status < 300 else str(status or "")
        return Trial(sent=say("trial.zendesk_sent"), fault=fault)

    @property
    def _endpoint(self) -> str:
        return f"{self._wishes.public_url}/webhooks/zendesk/{self._connection.key}"

    def _webhook(self) -> Iterator[Step]:
        wanted = (
            [BY_TRIGGERS]
            if self._wishes.via == "triggers"
            else [f"zen:event-type:{name}" for name in (*_TICKET_EVENTS, *ORGANIZATION_EVENTS)]
        )
        hooks = self._admin.every("/webhooks", "webhooks")
        there = next((one for one in hooks if one.get("endpoint") == self._endpoint), None)
        known = provisioned(self._connection).get("webhook")
        if there is None and known:  # the public address changed
            there = next((one for one in hooks if str(one.get("id")) == known["id"]), None)
        stale, conflict = _webhook_state(there, self._endpoint, wanted)
        body = {
            "name": f"regiondo-sla {self._connection.key}",
            "status": "active",
            "endpoint": self._endpoint,
            "http_method": "POST",
            "request_format": "json",
            "subscriptions": wanted,
        }
        yield Step(
            name="webhook",
            title=say("step.webhook", address=self._endpoint),
            found=str(there["id"]) if there else None,
            stale=stale,
            conflict=conflict,
            make=partial(self._admin.make, "webhook", body),
            renew=partial(self._renew_webhook, body),
            settle=self._settle_webhook,
        )
        if self._wishes.via == "triggers":
            yield from self._triggers()

    def _renew_webhook(self, body: Json, connection: Connection, webhook_id: str) -> None:
        del connection
        self._admin.put(f"/webhooks/{webhook_id}", {"webhook": body})

    def _settle_webhook(self, connection: Connection, webhook_id: str) -> Connection:
        return _with_secret(connection, webhook_id, self._admin.signing_secret(webhook_id))

    def _triggers(self) -> Iterator[Step]:
        known = {str(one.get("title")): one for one in self._admin.every("/triggers", "triggers")}
        for name, moment in (("created", "Create"), ("updated", "Change")):
            title = f"regiondo-sla {self._connection.key}: ticket {name}"
            there = known.get(title)
            yield Step(
                name=f"trigger:{name}",
                title=say("step.trigger", name=title),
                found=str(there["id"]) if there else None,
                stale=say("stale.deactivated") if there and not there.get("active", True) else None,
                make=partial(self._make_trigger, title, moment),
                renew=self._renew_trigger,
            )

    def _make_trigger(self, title: str, moment: str, connection: Connection) -> str:
        webhook_id = provisioned(connection)["webhook"]["id"]
        body = {
            "title": title,
            "all": [{"field": "update_type", "operator": "is", "value": moment}],
            "actions": [
                {
                    "field": "notification_webhook",
                    "value": [webhook_id, '{"ticket_id": "{{ticket.id}}"}'],
                }
            ],
        }
        return self._admin.make("trigger", body, connection)

    def _renew_trigger(self, connection: Connection, trigger_id: str) -> None:
        del connection
        self._admin.put(f"/triggers/{trigger_id}", {"trigger": {"active": True}})


def _webhook_state(
    there: Json | None, endpoint: str, wanted: list[str]
) -> tuple[str | None, str | None]:
    """What must be renewed, and what cannot be changed any more."""
    if there is None:
        return None, None
    subscriptions = [str(one) for one in there.get("subscriptions") or ()]
    if (BY_TRIGGERS in subscriptions) != (BY_TRIGGERS in wanted):
        way = "triggers" if BY_TRIGGERS in subscriptions else "events"
        return None, say("conflict.webhook_way", way=way)
    if there.get("endpoint") != endpoint:
        return say("stale.points_to", address=there.get("endpoint")), None
    if str(there.get("status") or "active") != "active":
        return say("stale.status", status=there.get("status")), None
    if set(wanted) - set(subscriptions):
        return say("stale.events"), None
    return None, None


def _with_secret(connection: Connection, webhook_id: str, value: str) -> Connection:
    """The newest secret stands first, all older ones after it; a known one changes nothing."""
    known = connection.webhook_secrets
    if any(secret.value == value for secret in known):
        return connection
    number = 1 + max((int(s.kid.rpartition("/")[2]) for s in known if "/" in s.kid), default=0)
    new = WebhookSecret(kid=f"{webhook_id}/{number}", value=value)
    return replace(connection, webhook_secrets=(new, *known))


def setup(connection: Connection, wishes: Wishes, pace: Pace | None = None) -> ZendeskSetup:
    """Return the administration of an account. Raises `AddressError`."""
    return ZendeskSetup(connection, wishes, pace)
