"""The life of a Zendesk ticket: made, changed, and what is recorded of it.

Values are checked by `values.py`; `events.py` and `triggers.py` follow a change.
"""

from __future__ import annotations

import html
from datetime import datetime
from typing import Any

from plugin.sandbox.state import Json, iso
from plugin.sandbox.zendesk.events import EventSender
from plugin.sandbox.zendesk.jobs import Jobs
from plugin.sandbox.zendesk.payloads import Change
from plugin.sandbox.zendesk.records import invalid, not_found
from plugin.sandbox.zendesk.values import PLAIN, Values, Wanted, check_stamp, custom_values

API: Json = {"channel": "api", "source": {"from": {}, "to": {}, "rel": None}}
MOST_COMMENTS = 5000


class Tickets(Values):
    """Tickets with their audits. Not locked: callers hold the sandbox's lock."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.tickets: dict[int, Json] = {}
        self.audits: dict[int, list[Json]] = {}
        self.events = EventSender(self)
        self.jobs = Jobs(self)

    def ticket(self, ticket_id: object) -> Json:
        """Find a ticket that can be seen. Raises the 404, also for deleted ones."""
        found = self.tickets.get(int(str(ticket_id))) if str(ticket_id).isdigit() else None
        if found is None or found["status"] == "deleted":
            raise not_found()
        return found

    def seen_tickets(self) -> list[Json]:
        return [t for t in self.tickets.values() if t["status"] != "deleted"]

    def create_ticket(
        self, fields: Json, *, actor: int, via: Json, at: datetime | None = None
    ) -> tuple[Json, Json]:
        """Create a ticket and return it with its first audit. Raises the 422 of a bad value."""
        comment = fields.get("comment") or {}
        body = str(
            comment.get("body") or comment.get("html_body") or fields.get("description") or ""
        )
        if not body.strip():
            raise invalid("base", "Description: cannot be blank")
        now = self.clock()
        when = iso(at or now)
        requester = self._requester(fields, actor)
        public = comment.get("public", True) is not False
        ticket = self._new_ticket(requester, body, when)
        ticket |= {"via": via, "is_public": public, "recipient": fields.get("recipient"),
                   "submitter_id": fields.get("submitter_id") or actor,
                   "generated_timestamp": int(now.timestamp())}  # fmt: skip
        wanted = self.wanted(ticket, {k: v for k, v in fields.items() if k != "requester_id"})
        self._put(ticket, wanted)
        self.tickets[ticket["id"]] = ticket
        self.audits[ticket["id"]] = []
        events = [self._comment_event({**comment, "body": body, "public": public}, actor)]
        events += [
            {"id": self.next_id(), "type": "Create", "field_name": str(name), "value": _text(value)}
            for name, value in [(n, ticket[n]) for n in PLAIN] + list(custom_values(ticket).items())
            if value not in (None, [])
        ]
        audit = self._audit(ticket, actor, via, fields.get("metadata"), events, when)
        self.events.publish(ticket, audit, [], created=True)
        return ticket, audit

    def _new_ticket(self, requester: Json, body: str, when: str) -> Json:
        number = len(self.tickets) + 1
        return {
            "id": number, "url": f"{self.base_url}/api/v2/tickets/{number}.json",
            "external_id": None, "created_at": when, "updated_at": when, "type": None,
            "subject": None, "raw_subject": None, "description": body, "priority": None,
            "status": "new", "requester_id": requester["id"], "assignee_id": None,
            "organization_id": requester["organization_id"],
            "group_id": next(iter(self.groups)), "collaborator_ids": [], "follower_ids": [],
            "email_cc_ids": [], "forum_topic_id": None, "problem_id": None,
            "has_incidents": False, "due_at": None, "tags": [],
            "custom_fields": [{"id": f["id"], "value": None} for f in self.custom_ticket_fields()],
            "satisfaction_rating": None, "sharing_agreement_ids": [], "followup_ids": [],
            "custom_status_id": self.custom_status_of("new"), "brand_id": next(iter(self.brands)),
            "ticket_form_id": next(iter(self.forms)), "allow_channelback": False,
            "allow_attachments": True, "from_messaging_channel": False,
        }  # fmt: skip

    def change_ticket(
        self, ticket: Json, fields: Json, *, actor: int, via: Json, at: datetime | None = None
    ) -> Json:
        """Apply an update and return its audit; one that changes nothing leaves no trace.

        Raises the 422 of a closed ticket or a bad value, the 409 of an outdated one.
        """
        if ticket["status"] == "closed":
            raise invalid("status", "Status: closed prevents ticket update")
        check_stamp(ticket, fields)
        comment = fields.get("comment")
        if comment and len(self.comments(ticket["id"])) >= MOST_COMMENTS:
            raise invalid("base", f"Comments: at most {MOST_COMMENTS} on a ticket")
        return self.commit(
            ticket, self.wanted(ticket, fields), comment, actor, via, fields.get("metadata"), at
        )

    def commit(
        self,
        ticket: Json,
        wanted: Wanted,
        comment: Json | None,
        actor: int,
        via: Json,
        metadata: object = None,
        at: datetime | None = None,
        happened: dict[str, Json] | None = None,
    ) -> Json:
        """Store checked values, record the audit, tell subscribers. `happened` adds events."""
        before: Wanted = {**{name: ticket[name] for name in PLAIN}, **custom_values(ticket)}
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

    def _put(self, ticket: Json, values: Wanted) -> None:
        for item in ticket["custom_fields"]:
            item["value"] = values.get(item["id"], item["value"])
        ticket.update({str(name): values[name] for name in PLAIN if name in values})
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


def _same(one: object, other: object) -> bool:
    return (one or None) == (other or None)


def _text(value: object) -> object:
    """Write a value as audits do: ids as text, lists as they are."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value
