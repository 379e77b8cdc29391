"""What a Zendesk ticket is made of: fields and their options, forms, custom statuses, brands.

Values on tickets are in `tickets.py`.
"""

from __future__ import annotations

from typing import Any

from plugin.sandbox.state import Json
from plugin.sandbox.zendesk.records import Records

_SYSTEM_FIELDS = (("subject", "Subject"), ("description", "Description"), ("status", "Status"),
                  ("tickettype", "Type"), ("priority", "Priority"), ("group", "Group"),
                  ("assignee", "Assignee"))  # fmt: skip
_SYSTEM_OPTIONS = {
    "status": ("Open", "Pending", "Solved"),
    "tickettype": ("Question", "Incident", "Problem", "Task"),
    "priority": ("Low", "Normal", "High", "Urgent"),
}
_STATUSES = {"new": "New", "open": "Open", "pending": "Pending", "hold": "On-hold",
             "solved": "Solved"}  # fmt: skip


class Catalog(Records):
    """Fields, forms, statuses and brands. Not locked: callers hold the sandbox's lock."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.ticket_fields: dict[int, Json] = {}
        self.organization_fields: dict[int, Json] = {}
        self.forms: dict[int, Json] = {}
        self.custom_statuses: dict[int, Json] = {}
        self.brands: dict[int, Json] = {}
        self.trigger_categories: dict[str, Json] = {}
        for kind, title in _SYSTEM_FIELDS:
            self.add_ticket_field({"type": kind, "title": title, "removable": False})
        self.add_ticket_field({"type": "text", "title": "SLA due"})
        self.add_ticket_field({"type": "text", "title": "SLA note"})
        kinds = ("error", "question", "feature_request")
        self.add_ticket_field(_tagger("SLA kind", "sla_kind_", kinds))
        self.add_ticket_field(_tagger("SLA environment", "sla_env_", ("production", "test")))
        impacts = ("blocking", "degraded", "minor", "none")
        self.add_ticket_field(_tagger("SLA impact", "sla_impact_", impacts))
        tiers = _tagger("SLA tier", "", ("enterprise", "advanced", "starter", "free"))
        self.add_organization_field({**tiers, "key": "sla_tier", "type": "dropdown"})
        self.add_organization_field(
            {"type": "text", "title": "SLA named contact", "key": "sla_named_contact"}
        )
        self._add_form()
        for category, label in _STATUSES.items():
            self.add_custom_status(category, label, default=True)
        self.default_category: str = self.add_trigger_category("Initial category")["id"]

    def add_ticket_field(self, field: Json) -> Json:
        """Create a field; a drop-down's options get their ids, a system field its own."""
        made = self.add(
            self.ticket_fields,
            {"active": True, "removable": True, "required": False, "tag": None,
             "raw_title": field.get("title"), "description": "", "raw_description": "",
             "position": len(self.ticket_fields) + 1, "collapsed_for_agents": False,
             "regexp_for_validation": None, "title_in_portal": field.get("title"),
             "raw_title_in_portal": field.get("title"), "visible_in_portal": False,
             "editable_in_portal": False, "required_in_portal": False,
             "agent_description": None, **field},
        )  # fmt: skip
        made["url"] = f"{self.base_url}/api/v2/ticket_fields/{made['id']}.json"
        self._number_options(made)
        names = _SYSTEM_OPTIONS.get(made["type"])
        if names:
            made["system_field_options"] = [{"name": n, "value": n.lower()} for n in names]
        if made["type"] in ("status", "priority"):
            # 1 would be: On-hold exists (status), only Normal and High exist (priority)
            made["sub_type_id"] = 1 if made["type"] == "status" else 0
        return made

    def change_field(self, record: Json, given: Json) -> None:
        super().change_field(record, given)
        self._number_options(record)

    def _number_options(self, field: Json) -> None:
        options = field.get("custom_field_options")
        if options:
            field["custom_field_options"] = [
                {"raw_name": o["name"], "default": False, **o, "id": o.get("id") or self.next_id()}
                for o in options
            ]

    def remove_ticket_field(self, number: int) -> None:
        """Delete a field; tickets lose its value, a drop-down's tags stay on them."""
        del self.ticket_fields[number]

    def custom_ticket_fields(self) -> list[Json]:
        return [field for field in self.ticket_fields.values() if field["removable"]]

    def add_organization_field(self, field: Json) -> Json:
        made = self.add(
            self.organization_fields,
            {"active": True, "system": False, "description": "", "raw_title": field.get("title"),
             "raw_description": "", "position": len(self.organization_fields) + 1,
             "regexp_for_validation": None, "tag": None, **field},
        )  # fmt: skip
        made["url"] = f"{self.base_url}/api/v2/organization_fields/{made['id']}.json"
        self._number_options(made)
        return made

    def add_custom_status(self, category: str, label: str, *, default: bool = False) -> Json:
        return self.add(
            self.custom_statuses,
            {"status_category": category, "agent_label": label, "end_user_label": label,
             "description": "", "end_user_description": "", "active": True, "default": default,
             "raw_agent_label": label, "raw_end_user_label": label, "raw_description": "",
             "raw_end_user_description": ""},
        )  # fmt: skip

    def custom_status_of(self, category: str) -> int | None:
        """Return a category's default status where the account has custom statuses switched on."""
        if not self.settings.custom_statuses:
            return None
        return next(
            (s["id"] for s in self.custom_statuses.values()
             if s["default"] and s["status_category"] == category), None,
        )  # fmt: skip

    def add_trigger_category(self, name: str) -> Json:
        """Create a category; its id is text, unlike every other record's."""
        made = self.add({}, {"name": name, "position": len(self.trigger_categories)})
        made["id"] = str(made["id"])
        self.trigger_categories[made["id"]] = made
        return made

    def shown_form(self, form: Json) -> Json:
        return {**form, "ticket_field_ids": list(self.ticket_fields)}

    def _add_form(self) -> None:
        brand = self.add(
            self.brands,
            {"name": self.name, "subdomain": self.name, "brand_url": self.base_url,
             "active": True, "default": True, "has_help_center": True,
             "help_center_state": "enabled", "host_mapping": None, "is_deleted": False,
             "logo": None, "signature_template": "{{agent.signature}}", "ticket_form_ids": []},
        )  # fmt: skip
        form = self.add(
            self.forms,
            {"name": "Default Ticket Form", "raw_name": "Default Ticket Form",
             "display_name": "Default Ticket Form", "raw_display_name": "Default Ticket Form",
             "active": True, "default": True, "end_user_visible": True, "in_all_brands": True,
             "restricted_brand_ids": [], "position": 1, "agent_conditions": [],
             "end_user_conditions": []},
        )  # fmt: skip
        form["url"] = f"{self.base_url}/api/v2/ticket_forms/{form['id']}.json"
        brand["ticket_form_ids"].append(form["id"])


def _tagger(title: str, prefix: str, values: tuple[str, ...]) -> Json:
    options = [
        {"name": value.replace("_", " ").capitalize(), "value": prefix + value} for value in values
    ]
    return {"type": "tagger", "title": title, "custom_field_options": options}
