"""The life of a Freshdesk ticket: what a call may say, what it changes, what was said on it.

Due dates are in `due_dates.py`; rules that follow a change in `automation.py`.
"""

from __future__ import annotations

import html
import re
from datetime import datetime
from typing import Any

from plugin.sandbox.freshdesk.automation import Automation
from plugin.sandbox.freshdesk.due_dates import DUE, DueDates, check_due
from plugin.sandbox.freshdesk.jobs import Jobs
from plugin.sandbox.freshdesk.records import PRIORITIES, SOURCES, TYPES, Records, failed
from plugin.sandbox.state import ApiError, Json, iso

PLAIN = ("subject", "type", "status", "priority", "source", "responder_id", "group_id",
         "requester_id", "company_id", "product_id", "tags", "email_config_id",
         "internal_agent_id", "internal_group_id")  # fmt: skip
ACCEPTED = {*PLAIN, *DUE, "description", "custom_fields", "name", "email", "phone", "parent_id",
            "unique_external_id", "cc_emails", "attachments", "lookup_parameter"}  # fmt: skip


class Tickets(Records):
    """Tickets with their conversations. Not locked: callers hold the sandbox's lock."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.tickets: dict[int, Json] = {}
        self.conversations: dict[int, list[Json]] = {}
        self.stats: dict[int, Json] = {}
        self.due_dates = DueDates(self)
        self.automation = Automation(self)
        self.jobs = Jobs(self)

    def ticket(self, ticket_id: int) -> Json:
        """Find a ticket, its due dates as they are by now. Raises the 404 with its empty body."""
        if ticket_id not in self.tickets:
            raise ApiError(404)
        ticket = self.tickets[ticket_id]
        self.due_dates.settle(ticket, self.stats[ticket_id])
        return ticket

    def create_ticket(
        self, fields: Json, *, actor: str, by: int | None = None, at: datetime | None = None
    ) -> Json:
        """Create a ticket; `actor` is "agent", "requester" or "system", `by` that agent's id."""
        values: Json = self._checked({"status": 2, "priority": 1, "source": 2, **fields})
        due = check_due(self, fields, values["status"])
        contact = self._requester(fields)
        when = iso(at or self.clock())
        number = len(self.tickets) + 1
        description = str(fields.get("description") or "")
        ticket: Json = {
            "id": number, "subject": None, "type": None, "responder_id": None, "group_id": None,
            "product_id": None, "email_config_id": None, "internal_agent_id": None,
            "internal_group_id": None, "tags": [], "cc_emails": [], "fwd_emails": [],
            "reply_cc_emails": [], "ticket_cc_emails": [], "ticket_bcc_emails": [],
            "to_emails": None, "support_email": None, "association_type": None,
            "associated_tickets_count": None, "attachments": [], "sentiment_score": None,
            "structured_description": None, "form_id": 298, "spam": False,
            "is_escalated": False, "fr_escalated": False, "nr_escalated": False,
            "fr_due_by": None, "due_by": None, "nr_due_by": None,
            **{k: v for k, v in values.items() if k != "custom_fields"},
            "requester_id": contact["id"], "company_id": contact["company_id"],
            "description": description, "description_text": plain_text(description),
            "custom_fields": dict.fromkeys(self.custom_ticket_fields()),
            "created_at": when, "updated_at": when,
        }  # fmt: skip
        ticket["custom_fields"].update(values.get("custom_fields") or {})
        self.tickets[number] = ticket
        self.conversations[number] = []
        self.stats[number] = {
            "agent_responded_at": None, "requester_responded_at": None,
            "first_responded_at": None, "status_updated_at": when, "reopened_at": None,
            "resolved_at": None, "closed_at": None, "pending_since": None,
        }  # fmt: skip
        self.due_dates.created(ticket, due)
        self.automation.run(1, ticket, {"ticket_action": (None, "created")}, actor, by)
        return ticket

    def change_ticket(
        self,
        ticket: Json,
        fields: Json,
        *,
        actor: str,
        by: int | None = None,
        at: datetime | None = None,
    ) -> Json:
        """Apply an update; return the ticket as the answer to a PUT shows it."""
        if ticket["spam"] or ticket.get("deleted"):
            raise ApiError(405, None, Allow="GET")
        shown = {name: ticket[name] for name in DUE}
        values = self._checked(fields)
        if actor == "agent":
            self._check_required(ticket, values)
        due = check_due(self, fields, int(values.get("status") or ticket["status"]))
        changes = {
            name: (ticket[name], value)
            for name, value in {**values, **due}.items()
            if name != "custom_fields" and ticket[name] != value
        }
        custom = ticket["custom_fields"]
        for name, value in (values.get("custom_fields") or {}).items():
            if custom.get(name) != value:
                changes[name] = (custom.get(name), value)
                custom[name] = value
        if "description" in fields and fields["description"] != ticket["description"]:
            changes["description"] = (None, None)
            ticket["description"] = fields["description"]
            ticket["description_text"] = plain_text(str(fields["description"]))
        if changes:
            when = iso(at or self.clock())
            ticket.update({n: v[1] for n, v in changes.items() if n in values or n in due})
            self._keep_stats(ticket, changes, when)
            self.due_dates.updated(ticket, due, priority_changed="priority" in changes)
            ticket["updated_at"] = max(ticket["updated_at"], when)
            if self.settings.due_change_is_event or set(changes) - set(DUE):
                self.automation.run(4, ticket, changes, actor, by)
        recalculating = self.settings.engine == "recalculating"
        return {**ticket, **shown} if recalculating else ticket

    def add_conversation(
        self,
        ticket: Json,
        body: str,
        *,
        user_id: int,
        actor: str,
        incoming: bool = False,
        private: bool = False,
        source: int = 0,
        at: datetime | None = None,
    ) -> Json:
        """Add a message; `source` 0 is an e-mail, 2 a note."""
        if ticket["spam"] or ticket.get("deleted"):
            raise ApiError(405, None, Allow="GET")
        when = iso(at or self.clock())
        message = {
            "id": self.next_id(), "body": body, "body_text": plain_text(body),
            "incoming": incoming, "private": private, "user_id": user_id, "source": source,
            "ticket_id": ticket["id"], "from_email": None, "to_emails": [], "cc_emails": [],
            "bcc_emails": [], "support_email": None, "attachments": [], "category": None,
            "created_at": when, "updated_at": when, "last_edited_at": None,
            "last_edited_user_id": None, "automation_id": None, "auto_response": False,
        }  # fmt: skip
        self.conversations[ticket["id"]].append(message)
        stats = self.stats[ticket["id"]]
        if incoming:
            stats["requester_responded_at"] = when
        elif not private:
            stats["agent_responded_at"] = when
            stats["first_responded_at"] = stats["first_responded_at"] or when
        ticket["updated_at"] = max(ticket["updated_at"], when)
        note = (None, "private" if private else "public")
        change = {"note_type": note} if source == 2 else {"reply_sent": (None, "sent")}
        self.due_dates.updated(ticket, {}, priority_changed=False)
        self.automation.run(4, ticket, change, actor, user_id)
        return message

    def _keep_stats(self, ticket: Json, changes: dict[str, tuple[Any, Any]], when: str) -> None:
        if "status" not in changes:
            return
        stats, (old, new) = self.stats[ticket["id"]], changes["status"]
        stats["status_updated_at"] = when
        stats["pending_since"] = when if new == 3 else None
        if new in (4, 5):
            stats["resolved_at"] = stats["resolved_at"] or when
            stats["closed_at"] = when if new == 5 else None
        elif old in (4, 5):
            stats.update(reopened_at=when, resolved_at=None, closed_at=None)

    def _requester(self, fields: Json) -> Json:
        if fields.get("requester_id") in self.contacts:
            return self.contacts[fields["requester_id"]]
        email = fields.get("email")
        if not email:
            raise failed("requester_id", "It should be a/an Positive Integer", "missing_field")
        return self.contact_by_email(email) or self.add_contact(
            fields.get("name") or email, email, self.company_for(email)
        )

    def _checked(self, fields: Json) -> Json:
        """Return the values a call sets. Raises the 400 of the first that does not fit."""
        unknown = sorted(set(fields) - ACCEPTED)
        if unknown:
            raise failed(unknown[0], "Unexpected/invalid field in request", "invalid_field")
        values: Json = {n: fields[n] for n in PLAIN if n in fields}
        choices = {"status": set(self.statuses), "priority": set(PRIORITIES.values()),
                   "source": set(SOURCES.values())}  # fmt: skip
        for name, allowed in choices.items():
            if name in values and (isinstance(values[name], str) or values[name] not in allowed):
                code = "datatype_mismatch" if isinstance(values[name], str) else "invalid_value"
                raise _not_one_of(name, sorted(allowed), code)
        if values.get("type") not in (None, *TYPES):
            raise _not_one_of("type", TYPES)
        for name, table in (("responder_id", self.agents), ("group_id", self.groups)):
            if values.get(name) is not None and values[name] not in table:
                raise failed(name, "There is no record matching the given value", "invalid_value")
        if values.get("responder_id") and self.agents[values["responder_id"]]["deactivated"]:
            raise failed(
                "responder_id", "There is no agent matching the given value", "invalid_value"
            )
        if "company_id" in values and not self.settings.multiple_companies:
            raise failed(
                "company_id", "The Multiple Companies feature is needed", "require_feature"
            )
        tags = values.get("tags", [])
        if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
            raise failed("tags", "It should be a/an Array of String", "datatype_mismatch")
        if "tags" in values:
            values["tags"] = list(dict.fromkeys(tags))
        if fields.get("custom_fields"):
            values["custom_fields"] = self._checked_custom(fields["custom_fields"])
        return values

    def _check_required(self, ticket: Json, values: Json) -> None:
        """Raise the 400 of a field that must be filled and is not, whatever the update is about."""
        if not self.settings.requires_fields:
            return
        after = {**ticket["custom_fields"], **values.get("custom_fields", {})}
        closing = values.get("status") in (4, 5)
        for name, field in self.custom_ticket_fields().items():
            needed = field["required_for_agents"] or (closing and field["required_for_closure"])
            if needed and not field["archived"] and after.get(name) in (None, "", []):
                raise failed(name, "It should not be blank as this is a mandatory field",
                             "missing_field")  # fmt: skip

    def _checked_custom(self, given: Json) -> Json:
        known = self.custom_ticket_fields()
        for name, value in given.items():
            if name not in known:
                raise failed(name, "Unexpected/invalid field in request", "invalid_field")
            choices = known[name]["choices"]
            if known[name]["type"] == "custom_dropdown" and value not in (None, *choices):
                raise _not_one_of(name, choices)
        return given


def _not_one_of(name: str, allowed: list[Any], code: str = "invalid_value") -> ApiError:
    listed = ",".join(str(value) for value in allowed)
    return failed(name, f"It should be one of these values: '{listed}'", code)


def plain_text(markup: str) -> str:
    """Return a message's text without its tags."""
    return html.unescape(re.sub(r"<[^>]+>", " ", markup)).strip()
