"""People, organisations, groups, fields and settings of one Zendesk account.

Tickets are in `tickets.py`.
"""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass

from plugin.sandbox.state import ApiError, Clock, Json, RateWindow, instant, iso
from plugin.sandbox.webhooks import Sender

CLIENT_ID = "sandbox-client"
CLIENT_SECRET = "sandbox-secret"
_ULID = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def ulid() -> str:
    """Return 26 random characters in the alphabet of a ULID."""
    return "01" + "".join(secrets.choice(_ULID) for _ in range(24))


@dataclass
class Settings:
    """What differs between accounts; `POST /sandbox/zendesk/<account>/settings` changes it.

    Limits are requests per minute, except `per_ticket_update_limit` (per user and ticket in ten
    minutes). `retry_scale` stretches the pauses between webhook attempts.
    """

    rate_limit: int = 700
    ticket_update_limit: int = 100
    per_ticket_update_limit: int = 30
    token_seconds: int = 1800
    retry_scale: float = 1.0
    null_empty_tags: bool = True


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
        self.users: dict[int, Json] = {}
        self.organizations: dict[int, Json] = {}
        self.groups: dict[int, Json] = {}
        self.ticket_fields: dict[int, Json] = {}
        self.organization_fields: dict[int, Json] = {}
        self.webhooks: dict[str, Json] = {}
        self.webhook_secrets: dict[str, str] = {}
        self.triggers: dict[int, Json] = {}
        self.jobs: dict[str, Json] = {}
        self.tokens: dict[str, float] = {}
        self.rate = RateWindow(self.settings.rate_limit)
        self.update_rate = RateWindow(self.settings.ticket_update_limit)
        self.per_ticket_rates: dict[tuple[int, int], RateWindow] = {}
        self._fill()

    def _fill(self) -> None:
        for group in ("Support", "IT"):
            self.add(self.groups, {"name": group, "is_public": True, "deleted": False})
        self.admin = self.add_user("Sandbox Admin", "admin@sandbox.test", role="admin")
        self.add_user("Agent", "agent@sandbox.test", role="agent")
        for kind, title in (
            ("subject", "Subject"), ("description", "Description"), ("status", "Status"),
            ("tickettype", "Type"), ("priority", "Priority"), ("group", "Group"),
            ("assignee", "Assignee"),
        ):  # fmt: skip
            self.add_ticket_field({"type": kind, "title": title, "removable": False})
        kinds = ("error", "question", "feature_request")
        self.add_ticket_field({"type": "text", "title": "SLA due"})
        self.add_ticket_field({"type": "text", "title": "SLA note"})
        self.add_ticket_field(_tagger("SLA kind", "sla_kind_", kinds))
        self.add_ticket_field(_tagger("SLA environment", "sla_env_", ("production", "test")))
        tiers = ("enterprise", "advanced", "starter", "free")
        self.add_organization_field({**_tagger("SLA tier", "", tiers), "key": "sla_tier",
                                     "type": "dropdown"})  # fmt: skip
        self.add_organization_field(
            {"type": "text", "title": "SLA named contact", "key": "sla_named_contact"}
        )

    def next_id(self) -> int:
        self._last_id += 1
        return self._last_id

    def now(self) -> str:
        return iso(self.clock())

    def add(self, table: dict[int, Json], record: Json) -> Json:
        """Give a record its id and times and keep it."""
        identifier = self.next_id()
        table[identifier] = {
            "id": identifier,
            "created_at": self.now(),
            "updated_at": self.now(),
            **record,
        }
        return table[identifier]

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
        return self.add(
            self.users,
            {
                "name": name,
                "email": email,
                "role": role,
                "active": active,
                "suspended": False,
                "verified": True,
                "locale": locale,
                "time_zone": "Berlin",
                "organization_id": organization_id,
                "default_group_id": next(iter(self.groups)) if role != "end-user" else None,
                "ticket_restriction": None if role != "end-user" else "requested",
                "restricted_agent": False,
                "tags": [],
                "user_fields": {},
                "external_id": None,
            },
        )

    def user_by_email(self, email: str) -> Json | None:
        wanted = email.casefold()
        return next(
            (u for u in self.users.values() if (u["email"] or "").casefold() == wanted), None
        )

    def organization_for(self, email: str) -> int | None:
        domain = email.rpartition("@")[2].casefold()
        return next(
            (o["id"] for o in self.organizations.values() if domain in o["domain_names"]), None
        )

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

    def add_ticket_field(self, field: Json) -> Json:
        options = [
            {"id": self.next_id(), "raw_name": o["name"], "default": False, **o}
            for o in field.get("custom_field_options", ())
        ]
        record = {"active": True, "removable": True, "required": False, "tag": None,
                  "raw_title": field.get("title"), "description": "", **field}  # fmt: skip
        if options:
            record["custom_field_options"] = options
        return self.add(self.ticket_fields, record)

    def add_organization_field(self, field: Json) -> Json:
        return self.add(self.organization_fields, {"active": True, "system": False, **field})

    def custom_ticket_fields(self) -> list[Json]:
        return [field for field in self.ticket_fields.values() if field["removable"]]


def _tagger(title: str, prefix: str, values: tuple[str, ...]) -> Json:
    return {
        "type": "tagger",
        "title": title,
        "custom_field_options": [
            {"name": value.replace("_", " ").capitalize(), "value": prefix + value}
            for value in values
        ],
    }


def invalid(field: str, description: str) -> ApiError:
    """Return the 422 of a record that does not validate."""
    return ApiError(
        422,
        {
            "error": "RecordInvalid",
            "description": "Record validation errors",
            "details": {field: [{"description": description}]},
        },
    )


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
