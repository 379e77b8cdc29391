"""What admins do in a Freshdesk account: settings, companies, people, statuses, a webhook's rules.

Work on tickets is in `account.py`.
"""

from __future__ import annotations

from typing import Any

from plugin.sandbox.freshdesk.door import Door
from plugin.sandbox.freshdesk.records import Status
from plugin.sandbox.state import ApiError, Json


class Admin(Door):
    """The verbs take the sandbox's lock themselves."""

    def configure(self, **settings: Any) -> Json:
        """Change settings by name and return them all. Raises `ValueError`."""
        with self.lock:
            self.settings.change(settings)
            return dict(vars(self.settings))

    def strip(self) -> Json:
        """Take the SLA fields away: the account is as one that nothing was made in yet."""
        with self.lock:
            for number in [f["id"] for f in self.custom_ticket_fields().values()]:
                del self.ticket_fields[number]
            for number in [n for n, f in self.company_fields.items() if not f.get("default")]:
                del self.company_fields[number]
            return {"ticket_fields": len(self.ticket_fields)}

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
