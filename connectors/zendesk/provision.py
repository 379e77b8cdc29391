"""What a connection needs in Zendesk, step by step: fields, views, the webhook or its triggers.

Looks before it makes: what is there already is kept. What is wrong is told by `checks.py`.
"""
# https://developer.zendesk.com/api-reference/webhooks/webhooks-api/webhooks/
# https://developer.zendesk.com/api-reference/ticketing/tickets/ticket_fields/
# https://developer.zendesk.com/api-reference/ticketing/business-rules/views/  (read 2026-11)

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from connectors.base import Connection, WebhookSecret
from connectors.errors import CredentialsRejected, TicketNotFound
from connectors.setup import (
    ABOUT_FIELDS,
    CONTACT_TITLE,
    TIER_TITLE,
    Finding,
    Identity,
    Inspection,
    Step,
    Trial,
    Wishes,
    provisioned,
    with_settings,
)

from . import checks
from .admin import Json, ZendeskAdmin
from .events import KNOCK

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
OPTIONS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "kind": (
        ("Error", "sla_kind_error"),
        ("Question", "sla_kind_question"),
        ("Feature request", "sla_kind_feature_request"),
    ),
    "environment": (("Production", "sla_env_production"), ("Test", "sla_env_test")),
}
_PATHS = {
    "ticket_field": "/ticket_fields",
    "organization_field": "/organization_fields",
    "view": "/views",
    "trigger": "/triggers",
    "webhook": "/webhooks",
}
_TEXT = ("text", "textarea")


class ZendeskSetup:
    """The administration of one Zendesk account."""

    def __init__(self, connection: Connection, wishes: Wishes) -> None:
        self._connection = connection
        self._wishes = wishes
        self._admin = ZendeskAdmin(connection)

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
        fields = self._admin.get("/ticket_fields.json").get("ticket_fields") or []
        return [
            *(self._ticket_field(name, fields) for name in self._wishes.titles),
            *self._organization_fields(),
            *(self._views() if self._wishes.views else ()),
            *self._webhook(),
        ]

    def remove(self, name: str, vendor_id: str) -> bool:
        """Remove what the step of that name made; False where it is gone already."""
        path = _PATHS.get(name.partition(":")[0])
        return self._admin.delete(f"{path}/{vendor_id}") if path else False

    def rotate(self) -> Iterator[Connection]:
        """Have Zendesk sign with a new secret at once; the old one stays accepted."""
        webhook_id = str(provisioned(self._connection)["webhook"]["id"])
        new = self._admin.new_signing_secret(webhook_id)
        yield _with_secret(self._connection, webhook_id, new)

    def trial(self, nonce: str, *, with_ticket: bool) -> Trial:
        """Send a signed request of our own words through the webhook; it concerns no ticket."""
        del with_ticket
        webhook_id = str(provisioned(self._connection)["webhook"]["id"])
        request = {"payload": json.dumps({KNOCK: nonce})}
        answer = self._admin.post(f"/webhooks/test?webhook_id={webhook_id}", {"request": request})
        status = int((answer.get("response") or {}).get("status_code") or 0)
        fault = None if 200 <= status < 300 else f"Zendesk got {status or 'no answer'}"
        return Trial(sent="Zendesk was told to call the webhook", fault=fault)

    @property
    def _endpoint(self) -> str:
        return f"{self._wishes.public_url}/webhooks/zendesk/{self._connection.key}"

    def _ticket_field(self, name: str, fields: Iterable[Json]) -> Step:
        title = self._wishes.titles[name]
        options = OPTIONS.get(name, ())
        same = [one for one in fields if str(one.get("title")).strip() == title]
        there = next((one for one in same if one.get("active", True)), None)
        conflict = _field_conflict(title, there, options)
        if same and there is None:
            conflict = f"the ticket field {title!r} is deactivated: activate it, or rename it"
        body = {
            "type": "tagger" if options else "text",
            "title": title,
            "agent_description": ABOUT_FIELDS[name],
            "visible_in_portal": False,
            "editable_in_portal": False,
            "custom_field_options": [{"name": label, "value": tag} for label, tag in options],
        }
        return Step(
            name=f"ticket_field:{name}",
            title=f"Ticket field {title!r} ({'drop-down' if options else 'text'})",
            found=str(there["id"]) if there else None,
            conflict=conflict,
            make=partial(self._make, "ticket_field", body),
            settle=partial(_with_field, name),
        )

    def _organization_fields(self) -> Iterator[Step]:
        known = {
            str(one.get("key")): one
            for one in self._admin.every("/organization_fields.json", "organization_fields")
        }
        settings = self._connection.settings
        tier = str(settings.get("tier_field") or "sla_tier")
        contact = str(settings.get("named_contact_field") or "sla_named_contact")
        options = [{"name": label, "value": value} for value, label in self._wishes.tiers]
        wanted: tuple[tuple[str, str, str, Json], ...] = (
            (tier, TIER_TITLE, "dropdown", {"custom_field_options": options}),
            (contact, CONTACT_TITLE, "text", {}),
        )
        for key, title, type_, more in wanted:
            there = known.get(key)
            accepted = {type_, *_TEXT}
            conflict = None
            if there and there.get("type") not in accepted:
                conflict = (
                    f"the organization field {key!r} is of type {there.get('type')}, and "
                    f"{' or '.join(sorted(accepted))} is needed: name another field"
                )
            yield Step(
                name=f"organization_field:{key}",
                title=f"Organization field {key!r} ({type_})",
                found=str(there["id"]) if there else None,
                conflict=conflict,
                make=partial(
                    self._make,
                    "organization_field",
                    {"key": key, "title": title, "type": type_, "active": True, **more},
                ),
            )

    def _views(self) -> Iterator[Step]:
        try:
            views = self._admin.every("/views.json", "views")
        except (TicketNotFound, CredentialsRejected):
            return  # the plan, or the role, has none
        known = {str(one.get("title")): one for one in views if one.get("active", True)}
        for title, tags, without, below in self._view_rules():
            there = known.get(title)
            yield Step(
                name=f"view:{title}",
                title=f"View {title!r}",
                found=str(there["id"]) if there else None,
                optional=True,
                make=partial(self._make_view, title, tags, without, below),
            )

    def _view_rules(self) -> tuple[tuple[str, tuple[str, ...], tuple[str, ...], str], ...]:
        """Title, tags of which one is there, tags that are not, and the status it stays below."""
        tag = self._wishes.tags
        judged = (tag["met"], tag["breached"], tag["excluded"], tag["no_email"])
        return (
            ("Due next", self._wishes.tier_tags, (*judged, tag["feature_request"]), "solved"),
            ("At risk", (tag["at_risk"], tag["breached"]), (tag["met"],), "solved"),
            (
                "Feature requests",
                (tag["feature_request"], tag["feature_request_candidate"]),
                (),
                "closed",
            ),
        )

    def _make_view(
        self,
        title: str,
        tags: tuple[str, ...],
        without: tuple[str, ...],
        below: str,
        connection: Connection,
    ) -> str:
        """Made after the ticket fields, whose numbers are its columns."""
        fields: Any = connection.settings.get("fields") or {}
        columns: list[str | int] = ["description", "organization", "requester", "priority"]
        columns += [int(fields[name]) for name in ("due", "note") if name in fields]
        conditions = [
            {"field": "status", "operator": "less_than", "value": below},
            {"field": "current_tags", "operator": "includes", "value": " ".join(tags)},
        ]
        if without:
            conditions.append(
                {"field": "current_tags", "operator": "not_includes", "value": " ".join(without)}
            )
        by_due_date = connection.settings.get("due_date") != "field"
        body = {
            "title": title,
            "description": "Made by regiondo-sla.",
            "active": True,
            "all": conditions,
            "output": {
                "columns": [*columns, *(["due_date"] if by_due_date else [])],
                "sort_by": "due_date" if by_due_date else "created",
                "sort_order": "asc",
            },
        }
        return self._make("view", body, connection)

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
            title=f"Webhook to {self._endpoint}",
            found=str(there["id"]) if there else None,
            stale=stale,
            conflict=conflict,
            make=partial(self._make, "webhook", body),
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
                title=f"Trigger {title!r}",
                found=str(there["id"]) if there else None,
                stale="is deactivated" if there and not there.get("active", True) else None,
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
        return self._make("trigger", body, connection)

    def _renew_trigger(self, connection: Connection, trigger_id: str) -> None:
        del connection
        self._admin.put(f"/triggers/{trigger_id}", {"trigger": {"active": True}})

    def _make(self, kind: str, body: Json, connection: Connection) -> str:
        del connection
        given = {name: value for name, value in body.items() if value not in ([], None)}
        return str(self._admin.post(_PATHS[kind], {kind: given})[kind]["id"])


def _field_conflict(
    title: str, there: Json | None, options: tuple[tuple[str, str], ...]
) -> str | None:
    if there is None:
        return None
    wanted = ("tagger",) if options else _TEXT
    if there.get("type") not in wanted:
        return (
            f"a ticket field {title!r} of type {there.get('type')} is there already, and "
            f"{' or '.join(wanted)} is needed: rename it, or choose another name for ours"
        )
    values = {str(one.get("value")) for one in there.get("custom_field_options") or ()}
    missing = [tag for _, tag in options if tag not in values]
    if missing:
        return (
            f"the drop-down {title!r} that is there has no option with the tag "
            f"{', '.join(missing)}: add it, or choose another name for ours"
        )
    return None


def _webhook_state(
    there: Json | None, endpoint: str, wanted: list[str]
) -> tuple[str | None, str | None]:
    """What must be renewed, and what cannot be changed any more."""
    if there is None:
        return None, None
    subscriptions = [str(one) for one in there.get("subscriptions") or ()]
    if (BY_TRIGGERS in subscriptions) != (BY_TRIGGERS in wanted):
        way = "triggers" if BY_TRIGGERS in subscriptions else "events"
        return None, (
            f"the webhook that is there is told by {way}, and Zendesk does not let that be "
            f"changed: use --via {way}, or disconnect first"
        )
    if there.get("endpoint") != endpoint:
        return f"points to {there.get('endpoint')}", None
    if str(there.get("status") or "active") != "active":
        return f"is {there.get('status')}", None
    if set(wanted) - set(subscriptions):
        return "does not tell of every event", None
    return None, None


def _with_field(name: str, connection: Connection, field_id: str) -> Connection:
    known: Any = connection.settings.get("fields") or {}
    return with_settings(connection, fields={**known, name: int(field_id)})


def _with_secret(connection: Connection, webhook_id: str, value: str) -> Connection:
    """The newest secret stands first, one older one after it; a known one changes nothing."""
    known = connection.webhook_secrets
    if any(secret.value == value for secret in known):
        return connection
    number = 1 + max((int(s.kid.rpartition("/")[2]) for s in known if "/" in s.kid), default=0)
    new = WebhookSecret(kid=f"{webhook_id}/{number}", value=value)
    return replace(connection, webhook_secrets=(new, *known[:1]))


def setup(connection: Connection, wishes: Wishes) -> ZendeskSetup:
    """Return the administration of an account. Raises `AddressError`."""
    return ZendeskSetup(connection, wishes)
