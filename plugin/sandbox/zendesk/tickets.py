"""The life of a Zendesk ticket: what an update may say, what it changes, what is recorded of it.

Sends nothing itself: `events.py` and `triggers.py` follow a change.
"""

from __future__ import annotations

import html
from datetime import datetime
from typing import Any

from plugin.sandbox.state import ApiError, Json, instant, iso
from plugin.sandbox.zendesk.events import Change, EventSender
from plugin.sandbox.zendesk.records import Records, due_instant, invalid, not_found

STATUSES = ("new", "open", "pending", "hold", "solved", "closed")
PRIORITIES = (None, "low", "normal", "high", "urgent")
TYPES = (None, "problem", "incident", "question", "task")
PLAIN = ("subject", "type", "priority", "status", "assignee_id", "group_id", "organization_id",
         "requester_id", "external_id", "due_at", "problem_id", "tags")  # fmt: skip
ACCEPTED = {*PLAIN, "custom_fields", "fields", "comment", "metadata", "safe_update",
            "updated_stamp", "requester", "submitter_id", "description", "assignee_email",
            "collaborator_ids", "follower_ids", "email_cc_ids", "brand_id", "ticket_form_id",
            "custom_status_id", "recipient", "via", "is_public"}  # fmt: skip
CONFLICT = {
    "error": "UpdateConflict",
    "description": "Safe Update prevented the update due to outdated ticket data. "
    "Please fetch the latest ticket data and try again.",
}


class Tickets(Records):
    """Tickets with their audits. Not locked: callers hold the sandbox's lock."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.tickets: dict[int, Json] = {}
        self.audits: dict[int, list[Json]] = {}
        self.events = EventSender(self)

    def ticket(self, ticket_id: object) -> Json:
        """Find a ticket that can be seen. Raises the 404, also for deleted ones."""
        found = self.tickets.get(int(str(ticket_id))) if str(ticket_id).isdigit() else None
        if found is None or found["status"] == "deleted":
            raise not_found()
        return found

    def create_ticket(
        self, fields: Json, *, actor: int, via: Json, at: datetime | None = None
    ) -> tuple[Json, Json]:
        """Create a ticket and return it with its first audit."""
        comment = fields.get("comment") or {}
        body = str(
            comment.get("body") or comment.get("html_body") or fields.get("description") or ""
        )
        if not body.strip():
            raise invalid("base", "Description: cannot be blank")
        number = len(self.tickets) + 1
        when = iso(at or self.clock())
        requester = self._requester(fields, actor)
        public = comment.get("public", True) is not False
        ticket: Json = {
            "id": number, "url": f"{self.base_url}/api/v2/tickets/{number}.json",
            "external_id": None, "via": via, "created_at": when, "updated_at": when,
            "generated_timestamp": int(self.clock().timestamp()), "type": None, "subject": None,
            "raw_subject": None, "description": body, "priority": None, "status": "new",
            "recipient": fields.get("recipient"), "requester_id": requester["id"],
            "submitter_id": fields.get("submitter_id") or actor, "assignee_id": None,
            "organization_id": requester["organization_id"],
            "group_id": next(iter(self.groups)), "collaborator_ids": [], "follower_ids": [],
            "email_cc_ids": [], "forum_topic_id": None, "problem_id": None,
            "has_incidents": False, "is_public": public, "due_at": None, "tags": [],
            "custom_fields": [{"id": f["id"], "value": None} for f in self.custom_ticket_fields()],
            "satisfaction_rating": None, "sharing_agreement_ids": [], "custom_status_id": None,
            "followup_ids": [], "ticket_form_id": None, "brand_id": 8447346621310,
            "allow_channelback": False, "allow_attachments": True,
            "from_messaging_channel": False,
        }  # fmt: skip
        wanted = self._wanted(ticket, {k: v for k, v in fields.items() if k != "requester_id"})
        self._put(ticket, wanted)
        self.tickets[number] = ticket
        self.audits[number] = []
        events = [self._comment_event({**comment, "body": body, "public": public}, actor)]
        events += [
            {"id": self.next_id(), "type": "Create", "field_name": str(name), "value": _text(value)}
            for name, value in [(n, ticket[n]) for n in PLAIN] + list(_custom(ticket).items())
            if value not in (None, [])
        ]
        audit = self._audit(ticket, actor, via, fields.get("metadata"), events, when)
        self.events.publish(ticket, audit, [], created=True)
        return ticket, audit

    def change_ticket(
        self, ticket: Json, fields: Json, *, actor: int, via: Json, at: datetime | None = None
    ) -> Json:
        """Apply an update and return its audit; one that changes nothing leaves no trace."""
        if ticket["status"] == "closed":
            reason = "Status: closed prevents ticket update"
            raise invalid("status", reason)
        check_stamp(ticket, fields)
        return self.commit(
            ticket, self._wanted(ticket, fields), fields.get("comment"), actor, via,
            fields.get("metadata"), at,
        )  # fmt: skip

    def commit(
        self,
        ticket: Json,
        wanted: dict[str | int, Any],
        comment: Json | None,
        actor: int,
        via: Json,
        metadata: object = None,
        at: datetime | None = None,
        happened: dict[str, Json] | None = None,
    ) -> Json:
        """Store checked values, record the audit, tell subscribers. `happened` adds events."""
        before: dict[str | int, Any] = {name: ticket[name] for name in PLAIN}
        before |= _custom(ticket)
        changes = [Change(n, before[n], v) for n, v in wanted.items() if not _same(before[n], v)]
        when = iso(at or self.clock())
        events = [self._comment_event(comment, actor)] if comment else []
        events += [
            {"id": self.next_id(), "type": "Change", "field_name": str(change.name),
             "value": _text(change.current), "previous_value": _text(change.previous)}
            for change in changes
        ]  # fmt: skip
        if not events and not happened:
            return self._new_audit(ticket, actor, via, metadata, [], when)
        self._put(ticket, {change.name: change.current for change in changes})
        ticket["updated_at"] = max(ticket["updated_at"], when)
        ticket["generated_timestamp"] = int(self.clock().timestamp())
        audit = self._audit(ticket, actor, via, metadata, events, when)
        self.events.publish(ticket, audit, changes, happened=happened or {})
        return audit

    def comments(self, ticket_id: int) -> list[Json]:
        return [
            {"id": e["id"], "type": "Comment", "author_id": e["author_id"], "body": e["body"],
             "html_body": e["html_body"], "plain_body": e["body"], "public": e["public"],
             "attachments": [], "audit_id": audit["id"], "via": audit["via"],
             "created_at": audit["created_at"], "metadata": audit["metadata"]}
            for audit in self.audits[ticket_id] for e in audit["events"] if e["type"] == "Comment"
        ]  # fmt: skip

    def _requester(self, fields: Json, actor: int) -> Json:
        given = fields.get("requester")
        if isinstance(given, dict) and given.get("email"):
            email = str(given["email"])
            known = self.user_by_email(email)
            return known or self.add_user(
                given.get("name") or email, email, organization_id=self.organization_for(email)
            )
        user = self.users.get(int(fields.get("requester_id") or actor))
        if user is None:
            raise invalid("requester", "Requester: is invalid")
        return user

    def _wanted(self, ticket: Json, fields: Json) -> dict[str | int, Any]:
        """Check an update's values and return what the fields shall hold, side effects included."""
        wanted: dict[str | int, Any] = {n: fields[n] for n in PLAIN if n in fields}
        for name, allowed in (("status", STATUSES), ("priority", PRIORITIES), ("type", TYPES)):
            if name in wanted:
                value = wanted[name] = wanted[name] or None
                if value not in allowed:
                    raise invalid(name, f"{name.capitalize()}: {value} is not valid")
        for name in ("assignee_id", "group_id", "organization_id", "requester_id"):
            if wanted.get(name) is not None:
                wanted[name] = self._reference(name, wanted[name])
        if wanted.get("assignee_id") and ticket["status"] == "new":
            wanted.setdefault("status", "open")
        self._fit_due(ticket, wanted)
        self._fit_tags(ticket, wanted, fields)
        return wanted

    def _reference(self, name: str, value: object) -> int:
        number = int(str(value)) if str(value).isdigit() else 0
        tables = {"group_id": self.groups, "organization_id": self.organizations}
        known = number in tables.get(name, self.users)
        if name == "assignee_id":
            known = self.staff(number) and bool(self.users[number]["active"])
        if not known:
            title = name.removesuffix("_id")
            raise invalid(title, f"{title.capitalize()}: is invalid")
        return number

    def _fit_due(self, ticket: Json, wanted: dict[str | int, Any]) -> None:
        """Keep a due date only on a task; a ticket that stops being one loses it."""
        if "due_at" in wanted:
            wanted["due_at"] = due_instant(wanted["due_at"])
        if wanted.get("type", ticket["type"]) != "task":
            wanted.pop("due_at", None)
            if ticket["due_at"] is not None:
                wanted["due_at"] = None

    def _fit_tags(self, ticket: Json, wanted: dict[str | int, Any], fields: Json) -> None:
        """Tie drop-down fields to their tags in both directions, as Zendesk does."""
        given = {
            int(item["id"]): item.get("value")
            for item in fields.get("custom_fields") or fields.get("fields") or ()
        }
        current = _custom(ticket)
        before = list(ticket["tags"])
        tags = sorted(set(wanted.get("tags") or ())) if "tags" in wanted else before
        for field in self.custom_ticket_fields():
            number, value = field["id"], current.get(field["id"])
            if number not in current:
                ticket["custom_fields"].append({"id": number, "value": None})
            options = [o["value"] for o in field.get("custom_field_options", ())]
            if number in given:
                value = wanted[number] = given[number] or None
                if options and value is not None and value not in options:
                    raise invalid("base", f"{field['title']}: '{value}' is not a valid value")
                tags = [t for t in tags if t not in options] + (
                    [value] if options and value else []
                )
            elif options and "tags" in wanted:
                value = next((t for t in tags if t in options and t not in before), None)
                wanted[number] = value or (
                    current.get(number) if current.get(number) in tags else None
                )
        if sorted(tags) != sorted(before):
            wanted["tags"] = sorted(tags)
        else:
            wanted.pop("tags", None)

    def _put(self, ticket: Json, values: dict[str | int, Any]) -> None:
        for item in ticket["custom_fields"]:
            item["value"] = values.get(item["id"], item["value"])
        ticket.update({name: values[name] for name in PLAIN if name in values})
        ticket["raw_subject"] = ticket["subject"]

    def _comment_event(self, comment: Json, actor: int) -> Json:
        body = str(comment.get("body") or comment.get("html_body") or "")
        return {
            "id": self.next_id(), "type": "Comment", "body": body,
            "author_id": comment.get("author_id") or actor,
            "html_body": comment.get("html_body") or f"<p>{html.escape(body)}</p>",
            "plain_body": body, "public": comment.get("public", True) is not False,
            "attachments": [],
        }  # fmt: skip

    def _new_audit(
        self, ticket: Json, actor: int, via: Json, metadata: object, events: list[Json], when: str
    ) -> Json:
        custom = metadata if isinstance(metadata, dict) else {}
        return {
            "id": self.next_id(), "ticket_id": ticket["id"], "created_at": when,
            "author_id": actor, "via": via, "events": events,
            "metadata": {"system": {"client": "sandbox", "ip_address": "127.0.0.1"},
                         "custom": custom},
        }  # fmt: skip

    def _audit(
        self, ticket: Json, actor: int, via: Json, metadata: object, events: list[Json], when: str
    ) -> Json:
        audit = self._new_audit(ticket, actor, via, metadata, events, when)
        self.audits[ticket["id"]].append(audit)
        return audit


def check_stamp(ticket: Json, fields: Json) -> None:
    """Raise the 409 of an update based on an older ticket. The flag's value does not matter."""
    if "safe_update" not in fields:
        return
    try:
        stamp = iso(instant(fields.get("updated_stamp")))
    except ValueError:
        stamp = ""
    if stamp != ticket["updated_at"]:
        raise ApiError(409, CONFLICT)


def _custom(ticket: Json) -> dict[str | int, Any]:
    return {item["id"]: item["value"] for item in ticket["custom_fields"]}


def _same(one: object, other: object) -> bool:
    return (one or None) == (other or None)


def _text(value: object) -> object:
    """Write a value as audits do: ids as text, lists as they are."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value
