"""One Zendesk account's tables and the people in them: users, groups, organisations.

Fields, forms and statuses are in `catalog.py`, tickets in `tickets.py`.
"""

from __future__ import annotations

import secrets
import threading
from typing import TYPE_CHECKING, Any

from plugin.sandbox.clock import Clock
from plugin.sandbox.state import ApiError, Json, RateWindow, instant, iso
from plugin.sandbox.webhooks import Sender
from plugin.sandbox.zendesk.settings import Settings

if TYPE_CHECKING:
    from plugin.sandbox.zendesk.door import Token

CLIENT_ID = "sandbox-client"
CLIENT_SECRET = "sandbox-secret"
API_TOKEN = "sandbox-token"
# Zendesk publishes it for test calls of webhooks that do not exist yet.
STATIC_SECRET = "dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ=="
_ULID = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def ulid() -> str:
    """Return 26 random characters in the alphabet of a ULID."""
    return "01" + "".join(secrets.choice(_ULID) for _ in range(24))


class Records:
    """What an account holds besides tickets. Not locked: callers hold the sandbox's lock."""

    vendor = "zendesk"

    def __init__(self, name: str, clock: Clock, lock: threading.RLock, sender: Sender) -> None:
        self.name = name
        self.clock = clock
        self.lock = lock
        self.sender = sender
        self.settings = Settings()
        self.account_id = 22129848
        self.base_url = f"http://127.0.0.1/zendesk/{name}"
        self._last_id = 8447388090000
        self._emails: dict[str, int] = {}
        self._domains: dict[str, int] = {}
        self.users: dict[int, Json] = {}
        self.organizations: dict[int, Json] = {}
        self.groups: dict[int, Json] = {}
        self.webhooks: dict[str, Json] = {}
        self.webhook_secrets: dict[str, str] = {}
        self.webhook_logins: dict[str, Json] = {}
        self.rules: dict[str, dict[int, Json]] = {"triggers": {}, "automations": {}, "views": {}}
        self.sla_policies: dict[int, Json] = {}
        self.tokens: dict[str, Token] = {}
        self.rate = RateWindow(clock, self.settings.rate_limit)
        self.windows: dict[tuple[str, object], RateWindow] = {}
        for group in ("Support", "IT"):
            self.add_group(group)
        self.admin = self.add_user("Sandbox Admin", "admin@sandbox.test", role="admin")
        self.add_user("Agent", "agent@sandbox.test", role="agent")

    def next_id(self) -> int:
        self._last_id += 1
        return self._last_id

    def now(self) -> str:
        return iso(self.clock())

    def add(self, table: dict[int, Json], record: Json) -> Json:
        """Give a record its id and times and keep it."""
        identifier = self.next_id()
        now = self.now()
        table[identifier] = {"id": identifier, "created_at": now, "updated_at": now, **record}
        return table[identifier]

    def add_group(self, name: str) -> Json:
        return self.add(self.groups, {"name": name, "description": "", "default": not self.groups,
                                      "is_public": True, "deleted": False})  # fmt: skip

    def add_user(
        self,
        name: str,
        email: str | None,
        *,
        role: str = "end-user",
        organization_id: int | None = None,
        locale: str = "en-US",
        active: bool = True,
    ) -> Json:
        """Create a user. Raises `ApiError` 422 where the e-mail address is taken."""
        if email and self.user_by_email(email):
            raise invalid("email", f"Email: {email} is already being used by another user")
        staff = role != "end-user"
        made = self.add(
            self.users,
            {"name": name, "email": email, "role": role, "active": active, "suspended": False,
             "verified": True, "locale": locale, "time_zone": "Berlin",
             "iana_time_zone": "Europe/Berlin", "organization_id": organization_id,
             "default_group_id": next(iter(self.groups)) if staff else None,
             "ticket_restriction": None if staff else "requested", "restricted_agent": False,
             "phone": None, "photo": None, "alias": "", "details": "", "notes": "",
             "signature": None, "tags": [], "user_fields": {}, "external_id": None},
        )  # fmt: skip
        if email:
            self._emails[email.casefold()] = made["id"]
        return made

    def update_user(self, user: Json, given: Json) -> None:
        """Store what an update gives. Raises the 422 of an e-mail address that is taken."""
        email = given.get("email")
        other = self.user_by_email(email) if email else None
        if other is not None and other is not user:
            raise invalid("email", f"Email: {email} is already being used by another user")
        if email:
            self._emails.pop((user["email"] or "").casefold(), None)
            self._emails[email.casefold()] = user["id"]
        fields = {**user["user_fields"], **(given.get("user_fields") or {})}
        user.update({k: v for k, v in given.items() if k in user and k != "id"})
        user["user_fields"] = fields
        user["updated_at"] = self.now()

    def user_by_email(self, email: str) -> Json | None:
        return self.users.get(self._emails.get(email.casefold(), 0))

    def organization_for(self, email: str) -> int | None:
        """Return the organisation that owns an address's mail domain."""
        return self._domains.get(email.rpartition("@")[2].casefold())

    def add_organization(self, name: str, given: Json) -> Json:
        fields: Json = {"sla_tier": None, "sla_named_contact": None}
        made = self.add(
            self.organizations,
            {"name": name, "domain_names": [], "external_id": None, "group_id": None, "tags": [],
             "details": None, "notes": None, "shared_tickets": False, "shared_comments": False,
             "organization_fields": fields},
        )  # fmt: skip
        made["url"] = f"{self.base_url}/api/v2/organizations/{made['id']}.json"
        self.store_organization(made, given)
        return made

    def store_organization(self, organization: Json, given: Json) -> None:
        """Store what a write gives; only the organisation fields sent are changed."""
        fields = given.get("organization_fields") or {}
        organization["organization_fields"] = {**organization["organization_fields"], **fields}
        kept = ("id", "organization_fields", "created_at", "url")
        organization.update({k: v for k, v in given.items() if k in organization and k not in kept})
        organization["updated_at"] = self.now()
        for domain in organization["domain_names"]:
            self._domains.setdefault(domain.casefold(), organization["id"])

    def remove_organization(self, number: int) -> Json:
        """Delete an organisation: its people and tickets stay, without one."""
        removed = self.organizations.pop(number)
        self._domains = {d: n for d, n in self._domains.items() if n != number}
        for user in self.users.values():
            if user["organization_id"] == number:
                user["organization_id"] = None
        return removed

    def staff(self, user_id: int | None) -> bool:
        user = self.users.get(user_id or 0)
        return user is not None and user["role"] in ("admin", "agent")

    def find_agent(self, who: object = None) -> Json:
        """Find a member of staff by id, e-mail address or name; None is the first plain agent."""
        for user in self.users.values():
            if user["role"] not in ("admin", "agent"):
                continue
            if who is None and user["role"] == "agent":
                return user
            if who is not None and str(who) in (str(user["id"]), user["email"], user["name"]):
                return user
        raise ApiError(404, {"error": f"no agent {who!r}"})

    def find_organization(self, who: object) -> Json | None:
        """Find an organisation by id or name; None where `who` is empty."""
        for organization in self.organizations.values():
            if str(who) in (str(organization["id"]), organization["name"]):
                return organization
        if who:
            raise ApiError(404, {"error": f"no organization {who!r}"})
        return None

    def change_field(self, record: Json, given: Json) -> None:
        """Change a record's plain values; those it does not have are ignored."""
        kept = ("id", "type", "key", "created_at", "url")
        record.update({k: v for k, v in given.items() if k in record and k not in kept})
        record["updated_at"] = self.now()


def invalid(field: str, description: str) -> ApiError:
    """Return the 422 of a record that does not validate."""
    details: Any = {field: [{"description": description}]}
    return ApiError(422, {"error": "RecordInvalid", "description": "Record validation errors",
                          "details": details})  # fmt: skip


def not_found() -> ApiError:
    """Return the 404, as recorded."""
    return ApiError(404, {"error": "RecordNotFound", "description": "Not found"})


def due_instant(value: object) -> str | None:
    """Read a due date. Raises the 400 of an attribute that is no date."""
    if value in (None, ""):
        return None
    try:
        return iso(instant(value))
    except ValueError:
        message = f"{value} must be an acceptable ISO 8601 date format"
        raise ApiError(400, {"error": {"title": "Invalid attribute", "message": message}}) from None
