"""One Freshdesk account: its door (key, limits) and what people do in it.

The vendor's API is in `api.py` and `admin_api.py`; these verbs are also
`POST /sandbox/freshdesk/...`.
"""

from __future__ import annotations

import html
from datetime import datetime
from typing import Any

from flask import request

from plugin.sandbox.freshdesk.records import API_KEY, Status
from plugin.sandbox.freshdesk.tickets import Tickets
from plugin.sandbox.state import ApiError, Json, instant

_SOURCES = {"email": 1, "portal": 2, "phone": 3, "chat": 7, "web": 9}


class FreshdeskAccount(Tickets):
    """Verbs take the sandbox's lock themselves. `at` is an instant (text or aware), default now.

    `agent` is an id, e-mail address or name of an agent; None is the first plain agent.
    """

    # The door

    def admit(self, path: str) -> Json | None:
        """Count the request and return the agent who owns the key."""
        del path
        if not self.rate.take():
            raise self.too_many_requests(self.rate.resets_in)
        login = request.authorization
        if login is None or login.type != "basic" or login.username != API_KEY:
            message = "You have to be logged in to perform this action."
            raise ApiError(401, {"code": "invalid_credentials", "message": message})
        return self.admin

    def rate_headers(self) -> dict[str, str]:
        return {
            "X-Ratelimit-Total": str(self.rate.limit),
            "X-Ratelimit-Remaining": str(self.rate.remaining),
            "X-Ratelimit-Used-CurrentRequest": "1",
            "X-Freshdesk-Api-Version": "latest=v2; requested=v2",
        }

    def too_many_requests(self, retry_after: int) -> ApiError:
        body = {"message": "You have exceeded the limit of requests per minute"}
        return ApiError(429, body, Retry_After=str(retry_after))

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
            self.list_rate.limit = self.settings.ticket_list_limit
            return dict(vars(self.settings))

    def create_company(
        self,
        name: str,
        tier: str | None = None,
        named_contact: str | None = None,
        domains: list[str] | None = None,
    ) -> Json:
        """Create a company with its package and named contact (an agent's e-mail)."""
        with self.lock:
            return self.add(
                self.companies,
                {"name": name, "domains": domains or [], "description": None, "note": None,
                 "health_score": None, "account_tier": None, "renewal_date": None,
                 "industry": None,
                 "custom_fields": {"sla_tier": tier, "sla_named_contact": named_contact}},
            )  # fmt: skip

    def update_company(self, company: int | str, **fields: Any) -> Json:
        """Change a company; `tier` and `named_contact` go to its custom fields."""
        with self.lock:
            found = self.find_company(company)
            if found is None:
                raise ApiError(404)
            for name, value in fields.items():
                if name in ("tier", "named_contact"):
                    found["custom_fields"][f"sla_{name}"] = value
                else:
                    found[name] = value
            found["updated_at"] = self.now()
            return found

    # One script may set up both vendors.
    create_organization = create_company

    def create_agent(self, name: str, email: str, role: str = "agent", active: bool = True) -> Json:
        del role
        with self.lock:
            return self.add_agent(name, email, active)

    def create_requester(
        self,
        name: str,
        email: str,
        organization: int | str | None = None,
        language: str = "en",
    ) -> Json:
        """Create a contact, in the company named or the one that owns the mail domain."""
        with self.lock:
            found = self.find_company(organization)
            belongs = found["id"] if found else self.company_for(email)
            return self.add_contact(name, email, belongs, language)

    def create_status(self, number: int, label: str, timer: bool = True) -> Json:
        """Create or change a ticket status and whether its SLA timer runs."""
        with self.lock:
            self.statuses[number] = Status(label, label, timer)
            return {"number": number, "label": label, "timer": timer}

    def receive_email(
        self,
        subject: str,
        body: str,
        sender: str = "partner@example.test",
        name: str | None = None,
        organization: int | str | None = None,
        at: datetime | str | None = None,
        channel: str = "email",
        language: str = "en",
        ticket: int | None = None,
        tags: list[str] | None = None,
    ) -> Json:
        """A partner writes: a new ticket, or a message on `ticket`. Returns the ticket."""
        with self.lock:
            contact = self.contact_by_email(sender) or self.create_requester(
                name or sender, sender, organization, language
            )
            when, markup = _instant(at), _markup(body)
            if ticket is not None:
                known = self.ticket(ticket)
                self.add_conversation(known, markup, user_id=contact["id"], actor="requester",
                                      incoming=True, at=when)  # fmt: skip
                if known["status"] != 2:
                    self.change_ticket(known, {"status": 2}, actor="requester", at=when)
                return known
            fields = {"subject": subject, "description": markup, "requester_id": contact["id"],
                      "source": _SOURCES.get(channel, 2), "tags": tags or []}  # fmt: skip
            return self.create_ticket(fields, actor="requester", at=when)

    def agent_replies(
        self,
        ticket: int,
        body: str = "We are looking into it.",
        agent: object = None,
        at: datetime | str | None = None,
        status: int | None = None,
    ) -> Json:
        """An agent answers publicly by e-mail; `status` is set with it."""
        with self.lock:
            found, when = self.ticket(ticket), _instant(at)
            actor = self.find_agent(agent)["id"]
            self.add_conversation(found, _markup(body), user_id=actor, actor="agent", at=when)
            if status is not None:
                self.change_ticket(found, {"status": status}, actor="agent", at=when)
            return found

    def agent_notes(
        self,
        ticket: int,
        body: str = "Internal note.",
        agent: object = None,
        at: datetime | str | None = None,
        private: bool = True,
    ) -> Json:
        """An agent adds a note."""
        with self.lock:
            found = self.ticket(ticket)
            actor = self.find_agent(agent)["id"]
            self.add_conversation(found, _markup(body), user_id=actor, actor="agent",
                                  private=private, source=2, at=_instant(at))  # fmt: skip
            return found

    def agent_edits(
        self, ticket: int, fields: Json, agent: object = None, at: datetime | str | None = None
    ) -> Json:
        """An agent changes fields by hand; names are the API's, `cf_...` may stand at the top."""
        with self.lock:
            self.find_agent(agent)
            found = self.ticket(ticket)
            change = {k: v for k, v in fields.items() if not k.startswith("cf_")}
            custom = {k: v for k, v in fields.items() if k.startswith("cf_")}
            if custom:
                change["custom_fields"] = {**change.get("custom_fields", {}), **custom}
            self.change_ticket(found, change, actor="agent", at=_instant(at))
            return found

    def merge(
        self, ticket: int, into: int, agent: object = None, at: datetime | str | None = None
    ) -> Json:
        """An agent merges `ticket` into `into`: it is closed, both get a private note."""
        with self.lock:
            old = self.ticket(ticket)
            self.agent_notes(into, f"Ticket with ID {ticket} was merged into this one", agent, at)
            self.agent_notes(
                ticket, f"This ticket is closed and merged into ticket {into}", agent, at
            )
            self.change_ticket(old, {"status": 5}, actor="agent", at=_instant(at))
            return old

    def spam(self, ticket: int) -> Json:
        """An agent marks a ticket as spam."""
        return self._remove(ticket, "spam")

    def delete(self, ticket: int) -> Json:
        """An agent moves a ticket to the trash."""
        return self._remove(ticket, "deleted")

    def webhook_target(
        self, url: str, token: str, header: str = "Authorization", performer: int = 3
    ) -> Json:
        """Create the two rules that tell an address of every ticket created or updated."""
        value = f"Bearer {token}" if header == "Authorization" else token
        with self.lock:
            action = {"field_name": "trigger_webhook", "request_type": "POST", "url": url,
                      "content_type": "JSON", "content_layout": "2",
                      "content": {"ticket_id": "{{ticket.id}}"},
                      "custom_headers": {header: value}}  # fmt: skip
            made = [
                self.add(self.rules[kind], {"name": f"sandbox target {kind}", "active": True,
                                            "performer": {"type": performer}, "events": [],
                                            "conditions": [], "actions": [action]})
                for kind in (1, 4)
            ]  # fmt: skip
            return {"rules": made}

    def _remove(self, ticket: int, name: str) -> Json:
        with self.lock:
            found = self.ticket(ticket)
            found[name] = True
            found["updated_at"] = self.now()
            self.automation.run(4, found, {"ticket_action": (None, name)}, "agent")
            return found


def _instant(at: datetime | str | None) -> datetime | None:
    return None if at is None else instant(at)


def _markup(body: str) -> str:
    return f"<div>{html.escape(body)}</div>" if "<" not in body else body
