"""People, companies, groups, fields, statuses and settings of one Freshdesk account.

Tickets are in `tickets.py`, due dates in `due_dates.py`.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass

from plugin.sandbox.clock import Clock
from plugin.sandbox.freshdesk.settings import Settings
from plugin.sandbox.state import ApiError, Json, RateWindow, iso
from plugin.sandbox.webhooks import Sender

API_KEY = "sandbox-key"
AGENT_KEY = "sandbox-agent-key"
TYPES = ["Question", "Incident", "Problem", "Feature Request", "Lead"]
SOURCES = {"Email": 1, "Portal": 2, "Phone": 3, "Chat": 7, "Feedback Widget": 9,
           "Outbound Email": 10}  # fmt: skip
PRIORITIES = {"Low": 1, "Medium": 2, "High": 3, "Urgent": 4}


@dataclass
class Status:
    """A ticket status; due dates run, and may be set, only where its SLA timer is on."""

    agent_label: str
    customer_label: str
    timer: bool


class Records:
    """What an account holds besides tickets. Not locked: callers hold the sandbox's lock."""

    vendor = "freshdesk"

    def __init__(self, name: str, clock: Clock, lock: threading.RLock, sender: Sender) -> None:
        self.name = name
        self.clock = clock
        self.lock = lock
        self.sender = sender
        self.settings = Settings()
        self._last_id = 48000000000
        self.agents: dict[int, Json] = {}
        self.contacts: dict[int, Json] = {}
        self.companies: dict[int, Json] = {}
        self.groups: dict[int, Json] = {}
        self.ticket_fields: dict[int, Json] = {}
        self.company_fields: dict[int, Json] = {}
        self.rules: dict[int, dict[int, Json]] = {1: {}, 3: {}, 4: {}}
        self.statuses = {
            2: Status("Open", "Being Processed", timer=True),
            3: Status("Pending", "Awaiting your Reply", timer=False),
            4: Status("Resolved", "This ticket has been Resolved", timer=False),
            5: Status("Closed", "This ticket has been Closed", timer=False),
            6: Status("Waiting on Customer", "Awaiting your Reply", timer=False),
            7: Status("Waiting on Third Party", "Being Processed", timer=False),
        }
        self.rate = RateWindow(clock, self.settings.rate_limit)
        self.windows: dict[str, RateWindow] = {}
        self._emails: dict[str, int] = {}
        self._fill()

    def _fill(self) -> None:
        for name in ("Support", "IT"):
            self.add(self.groups, {"name": name, "description": None, "agent_ids": [],
                                   "business_hour_id": None, "auto_ticket_assign": 0})  # fmt: skip
        self.admin = self.add_agent("Sandbox Admin", "admin@sandbox.test")
        self.add_agent("Agent", "agent@sandbox.test")
        for kind in ("subject", "ticket_type", "source", "status", "priority", "group", "agent",
                     "description", "company"):  # fmt: skip
            self.add(self.ticket_fields, {
                "name": kind, "label": kind.replace("_", " ").capitalize(), "default": True,
                "description": None,
                "type": f"default_{kind}", "required_for_closure": False, "archived": False,
            })  # fmt: skip
        self.add_ticket_field("SLA due", "custom_text")
        self.add_ticket_field("SLA note", "custom_text")
        kinds = ["Error", "Question", "Feature request"]
        self.add_ticket_field("SLA kind", "custom_dropdown", kinds)
        self.add_ticket_field("SLA environment", "custom_dropdown", ["Production", "Test"])
        impacts = ["Blocking", "Degraded", "Minor", "None"]
        self.add_ticket_field("SLA impact", "custom_dropdown", impacts)
        for name in ("sla_tier", "sla_named_contact"):
            self.add_company_field(name)

    def next_id(self) -> int:
        self._last_id += 1
        return self._last_id

    def now(self) -> str:
        return iso(self.clock())

    def add(self, table: dict[int, Json], record: Json) -> Json:
        """Give a record its id and times and keep it."""
        number = self.next_id()
        now = self.now()
        table[number] = {"id": number, "created_at": now, "updated_at": now, **record}
        return table[number]

    def add_agent(self, name: str, email: str, active: bool = True) -> Json:
        agent = self.add(
            self.agents,
            {"available": True, "occasional": False, "ticket_scope": 1, "type": "support_agent",
             "group_ids": list(self.groups), "role_ids": [], "skill_ids": [], "signature": None,
             "deactivated": not active,
             "contact": {"active": active, "email": email, "name": name, "language": "en",
                         "time_zone": "Berlin", "mobile": None, "phone": None, "job_title": None,
                         "last_login_at": None, "created_at": self.now(),
                         "updated_at": self.now()}},
        )  # fmt: skip
        for group in self.groups.values():
            group["agent_ids"].append(agent["id"])
        return agent

    def add_contact(
        self, name: str, email: str, company_id: int | None = None, language: str = "en"
    ) -> Json:
        """Create a contact. Raises the 409 of an e-mail address that is taken."""
        if self.contact_by_email(email):
            raise failed("email", "It should be a unique value", "duplicate_value", 409)
        made = self.add(
            self.contacts,
            {"name": name, "email": email, "active": True, "company_id": company_id,
             "language": language, "time_zone": "Berlin", "job_title": None, "phone": None,
             "mobile": None, "other_companies": [], "tags": [], "custom_fields": {},
             "unique_external_id": None, "view_all_tickets": False, "other_emails": []},
        )  # fmt: skip
        self._emails[email.casefold()] = made["id"]
        return made

    def change_contact(self, contact: Json, given: Json) -> None:
        """Store what an update gives. Raises the 409 of an e-mail address that is taken."""
        email = given.get("email")
        other = self.contact_by_email(email) if email else None
        if other is not None and other is not contact:
            raise failed("email", "It should be a unique value", "duplicate_value", 409)
        if email:
            self._emails.pop(contact["email"].casefold(), None)
            self._emails[email.casefold()] = contact["id"]
        contact.update({k: v for k, v in given.items() if k in contact and k != "id"})
        contact["updated_at"] = self.now()

    def contact_by_email(self, email: str) -> Json | None:
        return self.contacts.get(self._emails.get(email.casefold(), 0))

    def company_for(self, email: str) -> int | None:
        """Return the company that owns an address's mail domain."""
        domain = email.rpartition("@")[2].casefold()
        return next((c["id"] for c in self.companies.values() if domain in c["domains"]), None)

    def remove_company(self, number: int) -> None:
        """Delete a company: its contacts and tickets stay, without one."""
        del self.companies[number]
        for contact in self.contacts.values():
            if contact["company_id"] == number:
                contact["company_id"] = None

    def find_company(self, who: object) -> Json | None:
        """Find a company by id or name; None where `who` is empty."""
        for company in self.companies.values():
            if str(who) in (str(company["id"]), company["name"]):
                return company
        if who:
            raise ApiError(404, {"error": f"no company {who!r}"})
        return None

    def find_agent(self, who: object = None) -> Json:
        """Find an agent by id, e-mail address or name; None is the first plain agent."""
        for agent in self.agents.values():
            contact = agent["contact"]
            if who is None and agent is not self.admin:
                return agent
            if who is not None and str(who) in (
                str(agent["id"]),
                contact["email"],
                contact["name"],
            ):
                return agent
        raise ApiError(404, {"error": f"no agent {who!r}"})

    def add_ticket_field(self, label: str, kind: str, choices: list[str] | None = None) -> Json:
        """Create a custom ticket field named after its label, as Freshdesk does."""
        name = "cf_" + re.sub(r"\W+", "_", label.strip().lower())
        if any(field["name"] == name for field in self.ticket_fields.values()):
            raise failed("label", "It should be a unique value", "duplicate_value", 409)
        return self.add(
            self.ticket_fields,
            {"name": name, "label": label, "label_for_customers": label, "type": kind,
             "description": None,
             "default": False, "position": len(self.ticket_fields) + 1, "archived": False,
             "required_for_agents": False, "required_for_closure": False,
             "customers_can_edit": False, "choices": choices or []},
        )  # fmt: skip

    def remove_ticket_field(self, number: int) -> None:
        del self.ticket_fields[number]

    def add_company_field(
        self,
        name: str,
        label: str | None = None,
        kind: str = "custom_text",
        choices: list[str] | None = None,
    ) -> Json:
        return self.add(
            self.company_fields,
            {"name": name, "label": label or name, "type": kind, "default": False,
             "position": len(self.company_fields) + 1, "required_for_agents": False,
             "choices": choices or []},
        )  # fmt: skip

    def custom_ticket_fields(self) -> dict[str, Json]:
        return {f["name"]: f for f in self.ticket_fields.values() if not f["default"]}


def failed(field: str, message: str, code: str, status: int = 400) -> ApiError:
    """Return the answer to a value that does not validate."""
    errors = [{"field": field, "message": message, "code": code}]
    return ApiError(status, {"description": "Validation failed", "errors": errors})
