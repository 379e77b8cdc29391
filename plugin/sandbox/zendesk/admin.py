"""What admins do in a Zendesk account: settings, organisations, people, webhooks; and who hears.

Work on tickets is in `account.py`.
"""

from __future__ import annotations

import secrets
from typing import Any

from plugin.sandbox.state import Json
from plugin.sandbox.zendesk.door import Door
from plugin.sandbox.zendesk.payloads import Change, organization_field_event, tags_event
from plugin.sandbox.zendesk.records import not_found, ulid


class Admin(Door):
    """The verbs take the sandbox's lock themselves, the rest is called with it held."""

    def configure(self, **settings: Any) -> Json:
        """Change settings by name and return them all. Raises `ValueError`."""
        with self.lock:
            self.settings.change(settings)
            return dict(vars(self.settings))

    def export_lag(self) -> float:
        """The export's lag in seconds of the calendar: a fast clock makes it shorter."""
        return self.settings.export_lag_seconds / self.clock.speed

    def strip(self) -> Json:
        """Take the SLA fields away: the account is as one that nothing was made in yet."""
        with self.lock:
            for number in [field["id"] for field in self.custom_ticket_fields()]:
                del self.ticket_fields[number]
            self.organization_fields.clear()
            return {"ticket_fields": len(self.ticket_fields)}

    def create_organization(
        self,
        name: str,
        tier: str | None = None,
        named_contact: str | None = None,
        domains: list[str] | None = None,
        external_id: str | None = None,
    ) -> Json:
        """Create an organisation with its package and named contact (an agent's e-mail)."""
        with self.lock:
            fields = {"sla_tier": tier, "sla_named_contact": named_contact}
            given = {"domain_names": domains or [], "external_id": external_id}
            return self.new_organization(name, {**given, "organization_fields": fields})

    def update_organization(self, organization: int | str, **fields: Any) -> Json:
        """Change an organisation; `tier` and `named_contact` go to its custom fields."""
        with self.lock:
            found = self.find_organization(organization)
            if found is None:
                raise not_found()
            ours = ("tier", "named_contact")
            given = {k: v for k, v in fields.items() if k not in ours}
            custom = {f"sla_{k}": v for k, v in fields.items() if k in ours}
            self.change_organization(found, {**given, "organization_fields": custom})
            return found

    def new_organization(self, name: str, given: Json) -> Json:
        made = self.add_organization(name, given)
        self.events.organization(made, [("created", {})])
        return made

    def change_organization(self, organization: Json, given: Json) -> None:
        """Store what an update gives and tell subscribers what became different."""
        before = {**organization, "organization_fields": dict(organization["organization_fields"])}
        self.store_organization(organization, given)
        events: list[tuple[str, Json]] = []
        for field in self.organization_fields.values():
            key = field["key"]
            old, new = (o["organization_fields"].get(key) for o in (before, organization))
            if old != new:
                events.append(organization_field_event(field, Change(key, old, new)))
        if before["tags"] != organization["tags"]:
            events.append(tags_event(before["tags"], organization["tags"]))
        for name in ("name", "external_id"):
            if before[name] != organization[name]:
                event = {"current": organization[name], "previous": before[name]}
                events.append((f"{name}_changed", event))
        self.events.organization(organization, events)

    def delete_organization(self, number: int) -> None:
        """Delete an organisation; its open tickets lose it."""
        removed = self.remove_organization(number)
        for ticket in self.seen_tickets():
            if ticket["organization_id"] == number:
                ticket["organization_id"] = None
        self.events.organization(removed, [("deleted", {})])

    def change_user(self, user: Json, given: Json) -> None:
        """Store what an update gives; a new organisation is told to subscribers."""
        before = user["organization_id"]
        self.update_user(user, given)
        after = user["organization_id"]
        if before == after:
            return
        if before is not None:
            self.events.membership(user, before, "deleted")
        if after is not None:
            self.events.membership(user, after, "created")

    def add_webhook(self, given: Json, secret: str | None = None) -> Json:
        """Create a webhook; how it signs in is kept apart, for no read ever shows it."""
        identifier = ulid()
        webhook = {
            "id": identifier, "name": given.get("name"), "status": given.get("status", "active"),
            "subscriptions": given.get("subscriptions") or [], "endpoint": given.get("endpoint"),
            "http_method": given.get("http_method", "POST"), "created_at": self.now(),
            "updated_at": self.now(), "created_by": str(self.admin["id"]),
            "description": given.get("description"), "updated_by": str(self.admin["id"]),
            "request_format": given.get("request_format", "json"), "external_source": None,
            "custom_headers": given.get("custom_headers"),
        }  # fmt: skip
        self.webhooks[identifier] = webhook
        self.webhook_secrets[identifier] = secret or secrets.token_urlsafe(36)
        self.webhook_logins[identifier] = given.get("authentication") or {}
        return webhook

    def change_webhook(self, webhook: Json, given: Json) -> None:
        kept = ("id", "created_at", "created_by")
        webhook.update({k: v for k, v in given.items() if k in webhook and k not in kept})
        webhook["updated_at"] = self.now()
        if "authentication" in given:
            self.webhook_logins[webhook["id"]] = given["authentication"] or {}

    def remove_webhook(self, webhook_id: str) -> None:
        self.webhooks.pop(webhook_id, None)
        self.webhook_secrets.pop(webhook_id, None)
        self.webhook_logins.pop(webhook_id, None)

    def reset_secret(self, webhook_id: str) -> None:
        self.webhook_secrets[webhook_id] = secrets.token_urlsafe(36)
