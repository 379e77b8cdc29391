"""One Zendesk account: its door (credentials, limits) and what people do in it.

The vendor's API is in `api.py` and `admin_api.py`; these verbs are also
`POST /sandbox/zendesk/...`.
"""

from __future__ import annotations

import secrets
import time
from datetime import datetime
from typing import Any

from flask import request

from plugin.sandbox.state import ApiError, Json, RateWindow, instant
from plugin.sandbox.zendesk.events import EVENT_TYPES
from plugin.sandbox.zendesk.records import CLIENT_ID, CLIENT_SECRET, not_found, ulid
from plugin.sandbox.zendesk.tickets import Tickets

WEB: Json = {"channel": "web", "source": {"from": {}, "to": {}, "rel": None}}
_CHANNELS = {"portal": "web", "phone": "voice"}


class ZendeskAccount(Tickets):
    """Verbs take the sandbox's lock themselves. `at` is an instant (text or aware), default now.

    `agent` is an id, e-mail address or name of a member of staff; None is the first plain agent.
    """

    # The door

    def token(self, client_id: object, client_secret: object, scope: object) -> Json:
        """Issue a token for the client. Raises the 401 of wrong credentials."""
        if (client_id, client_secret) != (CLIENT_ID, CLIENT_SECRET):
            raise ApiError(401, {"error": "invalid_client",
                                 "error_description": "Client authentication failed"})  # fmt: skip
        token = secrets.token_hex(32)
        self.tokens[token] = time.monotonic() + self.settings.token_seconds
        return {"access_token": token, "token_type": "bearer", "scope": scope or "read write",
                "expires_in": self.settings.token_seconds}  # fmt: skip

    def admit(self, path: str) -> Json | None:
        """Count the request and return the user it acts as; None is the anonymous user."""
        if path.endswith("/oauth/tokens"):
            return None
        if not self.rate.take():
            raise self.too_many_requests(self.rate.resets_in)
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() == "bearer" and self.tokens.get(token, 0) > time.monotonic():
            return self.admin
        if path.endswith("/users/me"):
            return None
        raise ApiError(401, {"error": "Couldn't authenticate you"})

    def rate_headers(self) -> dict[str, str]:
        total, left, resets = self.rate.limit, self.rate.remaining, self.rate.resets_in
        return {
            "x-rate-limit": str(total), "x-rate-limit-remaining": str(left),
            "ratelimit-limit": str(total), "ratelimit-remaining": str(left),
            "ratelimit-reset": str(resets),
        }  # fmt: skip

    def too_many_requests(self, retry_after: int) -> ApiError:
        text = "Number of allowed API requests per minute exceeded"
        return ApiError(429, text, Retry_After=str(retry_after))

    def take_update(self, user_id: int, ticket_id: int) -> dict[str, str]:
        """Count an update of a ticket; return its headers. Raises the 429."""
        rates = {
            "tickets-update": self.update_rate,
            "per-ticket-updates": self.per_ticket_rates.setdefault(
                (user_id, ticket_id), RateWindow(self.settings.per_ticket_update_limit, 600)
            ),
        }
        for rate in rates.values():
            if not rate.take():
                raise self.too_many_requests(rate.resets_in)
        return {
            f"zendesk-ratelimit-{name}": f"total={rate.limit}; remaining={rate.remaining}; "
            f"resets={rate.resets_in}"
            for name, rate in rates.items()
        }

    # What people do: the control plane

    def configure(self, **settings: Any) -> Json:
        """Change settings by name."""
        with self.lock:
            for name, value in settings.items():
                if not hasattr(self.settings, name):
                    raise ApiError(400, {"error": f"no setting {name!r}"})
                setattr(self.settings, name, value)
            self.rate.limit = self.settings.rate_limit
            self.update_rate.limit = self.settings.ticket_update_limit
            for rate in self.per_ticket_rates.values():
                rate.limit = self.settings.per_ticket_update_limit
            return dict(vars(self.settings))

    def create_organization(
        self,
        name: str,
        tier: str | None = None,
        named_contact: str | None = None,
        domains: list[str] | None = None,
    ) -> Json:
        """Create an organisation with its package and named contact (an agent's e-mail)."""
        with self.lock:
            return self.add(
                self.organizations,
                {"name": name, "domain_names": domains or [], "external_id": None,
                 "group_id": None, "tags": [], "details": None, "notes": None,
                 "shared_tickets": False, "shared_comments": False,
                 "organization_fields": {"sla_tier": tier, "sla_named_contact": named_contact}},
            )  # fmt: skip

    def update_organization(self, organization: int | str, **fields: Any) -> Json:
        """Change an organisation; `tier` and `named_contact` go to its custom fields."""
        with self.lock:
            found = self.find_organization(organization)
            if found is None:
                raise not_found()
            for name, value in fields.items():
                if name in ("tier", "named_contact"):
                    found["organization_fields"][f"sla_{name}"] = value
                else:
                    found[name] = value
            found["updated_at"] = self.now()
            return found

    def create_agent(self, name: str, email: str, role: str = "agent", active: bool = True) -> Json:
        with self.lock:
            return self.add_user(name, email, role=role, active=active)

    def create_requester(
        self,
        name: str,
        email: str,
        organization: int | str | None = None,
        language: str = "en-US",
    ) -> Json:
        """Create an end user, in the organisation named or the one that owns the mail domain."""
        with self.lock:
            found = self.find_organization(organization)
            belongs = found["id"] if found else self.organization_for(email)
            return self.add_user(name, email, organization_id=belongs, locale=language)

    def receive_email(
        self,
        subject: str,
        body: str,
        sender: str = "partner@example.test",
        name: str | None = None,
        organization: int | str | None = None,
        at: datetime | str | None = None,
        channel: str = "email",
        language: str = "en-US",
        ticket: int | None = None,
        tags: list[str] | None = None,
    ) -> Json:
        """A partner writes: a new ticket, or a comment on `ticket`. Returns the ticket."""
        with self.lock:
            user = self.user_by_email(sender) or self.create_requester(
                name or sender, sender, organization, language
            )
            via = {
                "channel": _CHANNELS.get(channel, channel),
                "source": {"from": {"address": sender, "name": user["name"]},
                           "to": {"address": f"support@{self.name}.test", "name": self.name},
                           "rel": None},
            }  # fmt: skip
            when = _instant(at)
            if ticket is not None:
                known = self.ticket(ticket)
                change: Json = {"comment": {"body": body, "public": True}}
                if known["status"] in ("pending", "hold", "solved"):
                    change["status"] = "open"
                self.change_ticket(known, change, actor=user["id"], via=via, at=when)
                return known
            fields = {"subject": subject, "comment": {"body": body},
                      "requester_id": user["id"], "tags": tags or []}  # fmt: skip
            return self.create_ticket(fields, actor=user["id"], via=via, at=when)[0]

    def agent_replies(
        self,
        ticket: int,
        body: str = "We are looking into it.",
        agent: object = None,
        at: datetime | str | None = None,
        status: str | None = None,
        public: bool = True,
    ) -> Json:
        """An agent answers publicly; `status` is set with it, as `submit as` does."""
        fields: Json = {"comment": {"body": body, "public": public}}
        if status:
            fields["status"] = status
        return self.agent_edits(ticket, fields, agent, at)

    def agent_notes(
        self,
        ticket: int,
        body: str = "Internal note.",
        agent: object = None,
        at: datetime | str | None = None,
    ) -> Json:
        """An agent adds a private note."""
        return self.agent_replies(ticket, body, agent, at, public=False)

    def agent_edits(
        self, ticket: int, fields: Json, agent: object = None, at: datetime | str | None = None
    ) -> Json:
        """An agent changes fields by hand, recorded as that person's audit. Returns the ticket.

        Field names are the API's; a custom field may also go by its title.
        """
        with self.lock:
            found = self.ticket(ticket)
            titles = {f["title"]: f["id"] for f in self.custom_ticket_fields()}
            change = {k: v for k, v in fields.items() if k not in titles}
            custom = [{"id": titles[k], "value": v} for k, v in fields.items() if k in titles]
            if custom:
                change["custom_fields"] = [*change.get("custom_fields", []), *custom]
            actor = self.find_agent(agent)["id"]
            self.change_ticket(found, change, actor=actor, via=WEB, at=_instant(at))
            return found

    def merge(
        self, ticket: int, into: int, agent: object = None, at: datetime | str | None = None
    ) -> Json:
        """An agent merges `ticket` into `into`: it is closed, both get a comment."""
        with self.lock:
            old, new = self.ticket(ticket), self.ticket(into)
            actor, when = self.find_agent(agent)["id"], _instant(at)
            source = {"from": {"ticket_id": ticket}, "to": {"ticket_id": into}, "rel": "merge"}
            via = {"channel": "web", "source": source}
            text = f'Request #{ticket} "{old["subject"]}" was closed and merged into this request.'
            self.commit(new, {}, {"body": text, "public": False}, actor, via, at=when)
            note = {
                "body": f"This request was closed and merged into request #{into}",
                "public": False,
            }
            change: dict[str | int, Any] = {
                "status": "closed",
                "tags": sorted({*old["tags"], "closed_by_merge"}),
            }
            happened = {"merged": {"target_ticket_id": str(into)}}
            self.commit(old, change, note, actor, via, at=when, happened=happened)
            return old

    def spam(self, ticket: int, agent: object = None) -> Json:
        """An agent marks a ticket as spam: it is deleted, its requester suspended."""
        return self._remove(ticket, agent, "marked_as_spam")

    def delete(self, ticket: int, agent: object = None) -> Json:
        """An agent deletes a ticket."""
        return self._remove(ticket, agent, "soft_deleted")

    def webhook_target(self, url: str, secret: str | None = None) -> Json:
        """Subscribe an address to every ticket event. Returns the webhook and its secret."""
        with self.lock:
            webhook = self.add_webhook(
                {"name": "sandbox target", "endpoint": url, "subscriptions": list(EVENT_TYPES)},
                secret,
            )
            return {**webhook, "secret": self.webhook_secrets[webhook["id"]]}

    def add_webhook(self, given: Json, secret: str | None = None) -> Json:
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
        return webhook

    def reset_secret(self, webhook_id: str) -> None:
        self.webhook_secrets[webhook_id] = secrets.token_urlsafe(36)

    def _remove(self, ticket: int, agent: object, name: str) -> Json:
        with self.lock:
            found = self.ticket(ticket)
            if name == "marked_as_spam":
                self.users[found["requester_id"]]["suspended"] = True
            actor = self.find_agent(agent)["id"]
            happened: dict[str, Json] = {name: {}}
            self.commit(found, {"status": "deleted"}, None, actor, WEB, happened=happened)
            return found


def _instant(at: datetime | str | None) -> datetime | None:
    return None if at is None else instant(at)
