"""What an update of a Zendesk ticket may say, and what follows from it for other fields.

Stores nothing; `tickets.py` does.
"""

from __future__ import annotations

from typing import Any

from plugin.sandbox.state import ApiError, Json, instant, iso
from plugin.sandbox.zendesk.catalog import Catalog
from plugin.sandbox.zendesk.records import due_instant, invalid
from plugin.sandbox.zendesk.triggers import STATUSES

PRIORITIES = (None, "low", "normal", "high", "urgent")
TYPES = (None, "problem", "incident", "question", "task")
PLAIN = ("subject", "type", "priority", "status", "assignee_id", "group_id", "organization_id",
         "requester_id", "external_id", "due_at", "problem_id", "tags", "custom_status_id",
         "brand_id", "ticket_form_id")  # fmt: skip
ACCEPTED = {*PLAIN, "custom_fields", "fields", "comment", "metadata", "safe_update",
            "updated_stamp", "requester", "submitter_id", "description", "assignee_email",
            "collaborator_ids", "follower_ids", "email_cc_ids", "recipient", "via", "is_public",
            "via_followup_source_id"}  # fmt: skip
CONFLICT = {
    "error": "UpdateConflict",
    "description": "Safe Update prevented the update due to outdated ticket data. "
    "Please fetch the latest ticket data and try again.",
}
Wanted = dict[str | int, Any]


class Values(Catalog):
    """Checks values. Not locked: callers hold the sandbox's lock."""

    def wanted(self, ticket: Json, fields: Json) -> Wanted:
        """Check an update's values and return what the fields shall hold, side effects included.

        Raises the 422 of a value that does not fit.
        """
        wanted: Wanted = {n: fields[n] for n in PLAIN if n in fields}
        for name, allowed in (("status", STATUSES), ("priority", PRIORITIES), ("type", TYPES)):
            if name in wanted:
                value = wanted[name] = wanted[name] or None
                if value not in allowed:
                    raise invalid(name, f"{name.capitalize()}: {value} is not valid")
        if fields.get("assignee_email"):
            user = self.user_by_email(str(fields["assignee_email"]))
            wanted["assignee_id"] = user["id"] if user else 0
        for name in ("assignee_id", "group_id", "organization_id", "requester_id", "brand_id",
                     "ticket_form_id"):  # fmt: skip
            if wanted.get(name) is not None:
                wanted[name] = self._reference(name, wanted[name])
        if wanted.get("assignee_id") and ticket["status"] == "new":
            wanted.setdefault("status", "open")
        self._fit_status(ticket, wanted)
        self._fit_due(ticket, wanted)
        self._fit_tags(ticket, wanted, fields)
        return wanted

    def _reference(self, name: str, value: object) -> int:
        number = int(str(value)) if str(value).isdigit() else 0
        tables = {"group_id": self.groups, "organization_id": self.organizations,
                  "brand_id": self.brands, "ticket_form_id": self.forms}  # fmt: skip
        known = number in tables.get(name, self.users)
        if name == "assignee_id":
            known = self.staff(number) and bool(self.users[number]["active"])
        if not known:
            title = name.removesuffix("_id")
            raise invalid(title, f"{title.capitalize()}: is invalid")
        return number

    def _fit_status(self, ticket: Json, wanted: Wanted) -> None:
        """Tie a custom status to its category, where the account has them."""
        chosen = wanted.pop("custom_status_id", None)
        if not self.settings.custom_statuses:
            return
        if chosen is not None:
            if chosen not in self.custom_statuses:
                raise invalid("custom_status_id", "Custom status: is invalid")
            wanted["status"] = self.custom_statuses[chosen]["status_category"]
            wanted["custom_status_id"] = chosen
        elif "status" in wanted and wanted["status"] != ticket["status"]:
            category = "solved" if wanted["status"] == "closed" else str(wanted["status"])
            wanted["custom_status_id"] = self.custom_status_of(category)

    def _fit_due(self, ticket: Json, wanted: Wanted) -> None:
        """Keep a due date only on a task; a ticket that stops being one loses it."""
        if "due_at" in wanted:
            wanted["due_at"] = due_instant(wanted["due_at"])
        if wanted.get("type", ticket["type"]) == "task":
            return
        elsewhere = self.settings.due_on_other_types
        if elsewhere == "keep":
            return
        if elsewhere == "refuse" and wanted.get("due_at") is not None:
            raise invalid("due_at", "Due at: is only allowed on tasks")
        asked = wanted.pop("due_at", None)
        if ticket["due_at"] is not None or (elsewhere == "clear" and asked is not None):
            wanted["due_at"] = None

    def _fit_tags(self, ticket: Json, wanted: Wanted, fields: Json) -> None:
        """Tie drop-down fields to their tags in both directions, as Zendesk does."""
        given = {
            int(item["id"]): item.get("value")
            for item in fields.get("custom_fields") or fields.get("fields") or ()
        }
        if not given and "tags" not in wanted:
            return
        current = custom_values(ticket)
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


def custom_values(ticket: Json) -> Wanted:
    """Return a ticket's custom values by the field's number."""
    return {item["id"]: item["value"] for item in ticket["custom_fields"]}
