"""What people do in a Freshdesk account: partners write, agents answer, edit, merge and delete.

The vendor's API is in the `*_api.py` modules; these verbs are also `POST /sandbox/freshdesk/...`.
"""

from __future__ import annotations

import html
from datetime import datetime

from plugin.sandbox.freshdesk.admin import Admin
from plugin.sandbox.state import Json, instant

_SOURCES = {"email": 1, "portal": 2, "phone": 3, "chat": 7, "web": 9}


class FreshdeskAccount(Admin):
    """Verbs take the sandbox's lock themselves. `at` is an instant (text or aware), default now.

    `agent` is an id, e-mail address or name of an agent; None is the first plain agent.
    """

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
                self.change_ticket(found, {"status": status}, actor="agent", by=actor, at=when)
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
            by = self.find_agent(agent)["id"]
            found = self.ticket(ticket)
            change = {k: v for k, v in fields.items() if not k.startswith("cf_")}
            custom = {k: v for k, v in fields.items() if k.startswith("cf_")}
            if custom:
                change["custom_fields"] = {**change.get("custom_fields", {}), **custom}
            self.change_ticket(found, change, actor="agent", by=by, at=_instant(at))
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

    def _remove(self, ticket: int, name: str) -> Json:
        with self.lock:
            found = self.ticket(ticket)
            found[name] = True
            found["updated_at"] = self.now()
            self.automation.run(4, found, {"ticket_action": (None, name)}, "agent")
            return found

    def restore(self, ticket: int) -> Json:
        """An agent takes a ticket out of the trash, or says it is no spam."""
        with self.lock:
            found = self.ticket(ticket)
            found.pop("deleted", None)
            found["spam"] = False
            found["updated_at"] = self.now()
            self.automation.run(4, found, {"ticket_action": (None, "restored")}, "agent")
            return found


def _instant(at: datetime | str | None) -> datetime | None:
    return None if at is None else instant(at)


def _markup(body: str) -> str:
    return f"<div>{html.escape(body)}</div>" if "<" not in body else body
