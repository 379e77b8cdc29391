"""What a connection needs in Freshdesk, step by step; here the rules that call us, and their token.

Looks before it makes: what is there already is kept. Fields are in `fields.py`; what is wrong is
told by `checks.py`. Agents' views cannot be made through the API, see `manual.py`.
"""
# https://developers.freshdesk.com/api/#automations  (read 2026-11)

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from connectors.api import Json
from connectors.base import Connection, WebhookSecret
from connectors.pace import Pace
from connectors.sentences import say
from connectors.setup import (
    Finding,
    Identity,
    Inspection,
    Step,
    Trial,
    Wishes,
    with_settings,
)

from . import checks
from .admin import CREATION, PATHS, UPDATE, FreshdeskAdmin
from .fields import OPTIONS, company_fields, ticket_fields
from .webhook_token import mint_token

WATCHED = ("status", "priority", "ticket_type", "responder_id", "group_id")
_ANY = "--"


class FreshdeskSetup:
    """The administration of one Freshdesk account."""

    def __init__(self, connection: Connection, wishes: Wishes, pace: Pace | None = None) -> None:
        self._connection = connection
        self._wishes = wishes
        self._admin = FreshdeskAdmin(connection, pace)

    def identify(self) -> Identity:
        """Return whom the key acts as. Raises `CredentialsRejected`."""
        return checks.identity(self._admin)

    def inspect(self) -> Inspection:
        """Return plan, types, statuses, and which SLA engine the account seems to have."""
        return checks.inspect(self._admin, self._connection)

    def clock(self) -> datetime | None:
        """Return the vendor's clock in its last answer."""
        return self._admin.session.vendor_clock()

    def diagnose(self) -> list[Finding]:
        """Return what is wrong, or worth knowing, in an account that was connected."""
        return checks.diagnose(self._admin, self._connection, self._wishes.now)

    def steps(self) -> list[Step]:
        """Return what the account needs; the rules come last, when all else is there."""
        return [
            *ticket_fields(self._admin, self._wishes),
            *company_fields(self._admin, self._connection, self._wishes),
            self._token(),
            *self._rules(),
        ]

    def remove(self, name: str, vendor_id: str) -> bool:
        """Remove what the step of that name made; False where it is gone already."""
        path = PATHS.get(name.partition(":")[0])
        return self._admin.delete(f"{path}/{vendor_id}") if path else False

    def rotate(self) -> Iterator[Connection]:
        """Accept a new token first, then put it into the rules; older ones stay accepted."""
        changed = _with_token(self._connection, _next_kid(self._connection))
        yield changed
        for step in self._rules():
            if step.found and step.renew:
                step.renew(changed, step.found)
                changed = step.settle(changed, step.found)
                yield changed

    def trial(self, nonce: str, *, with_ticket: bool) -> Trial:
        """Open a ticket of our own, deleted afterwards; Freshdesk has no test for rules."""
        if not with_ticket:
            return Trial(
                ask=say("trial.freshdesk_ask"),
            )
        ticket = self._admin.post(
            "/tickets",
            {
                "subject": f"Connection test {nonce}",
                "description": "Opened and deleted by regiondo-sla to test the connection.",
                "email": checks.identity(self._admin).email,
                "status": 2,
                "priority": 1,
                "source": 2,
            },
        )
        number = ticket["id"]

        def finish() -> None:
            self._admin.delete(f"/tickets/{number}")

        return Trial(sent=say("trial.freshdesk_sent", number=number), finish=finish)

    def _token(self) -> Step:
        known = self._connection.webhook_secrets
        return Step(
            name="token",
            title=say("step.token"),
            found=known[0].kid if known else None,
            here=True,
            make=_next_kid,
            settle=_with_token,
        )

    def _rules(self) -> Iterator[Step]:
        address = f"{self._wishes.public_url}/webhooks/freshdesk/{self._connection.key}"
        for kind, label, suffix in (
            (CREATION, "creation", ""),
            (UPDATE, "update", ""),
            (UPDATE, "update", " SLA fields"),
        ):
            title = f"regiondo-sla {self._connection.key}{suffix}"
            name = f"rule_{label}{':fields' if suffix else ''}"
            known, _ = self._admin.rules(kind)
            there = next((one for one in known if one.get("name") == title), None)
            yield Step(
                name=name,
                title=say(f"step.rule_{label}", name=title),
                found=str(there["id"]) if there else None,
                stale=self._staleness(name, there, address),
                optional=bool(suffix),
                make=partial(self._make_rule, kind, title, address),
                renew=partial(self._renew_rule, kind, title, address),
                settle=partial(self._settle_rule, name),
            )

    def _staleness(self, name: str, there: Json | None, address: str) -> str | None:
        """The token is compared by what we remember: Freshdesk need not show it again."""
        if there is None:
            return None
        if not there.get("active", True):
            return say("stale.deactivated")
        urls = [a.get("url") for a in there.get("actions") or () if isinstance(a, dict)]
        if address not in urls:
            return say("stale.address")
        known = self._connection.webhook_secrets
        if not known or _rule_tokens(self._connection).get(name) != known[0].kid:
            return say("stale.token")
        return None

    def _make_rule(self, kind: int, title: str, address: str, connection: Connection) -> str:
        rule = self._rule(kind, title, address, connection)
        return str(self._admin.post(f"/automations/{kind}/rules", rule)["id"])

    def _renew_rule(
        self, kind: int, title: str, address: str, connection: Connection, rule_id: str
    ) -> None:
        rule = self._rule(kind, title, address, connection)
        self._admin.put(f"/automations/{kind}/rules/{rule_id}", rule)

    def _rule(self, kind: int, title: str, address: str, connection: Connection) -> Json:
        header = str(connection.settings.get("webhook_header") or "Authorization")
        action = {
            "field_name": "trigger_webhook",
            "request_type": "POST",
            "url": address,
            "content_type": "JSON",
            "content_layout": "2",
            "content": {"ticket_id": "{{ticket.id}}"},
            "custom_headers": {header: f"Bearer {self._minted(connection)}"},
        }
        rule: Json = {"name": title, "active": True, "actions": [action]}
        if kind == CREATION:
            return rule | {"conditions": [_always()]}
        changes = ({"field_name": name, "from": _ANY, "to": _ANY} for name in WATCHED)
        events: list[Json] = [
            {"field_name": "reply_sent"},
            {"field_name": "note_type", "value": "public"},
            *changes,
        ]
        if title.endswith("SLA fields"):
            settings = connection.settings
            own = [settings.get(f"{name}_field") or f"cf_sla_{name}" for name in OPTIONS]
            events = [{"field_name": name, "from": _ANY, "to": _ANY} for name in own]
        return rule | {"performer": {"type": 3}, "events": events}

    def _minted(self, connection: Connection) -> str:
        secret = connection.webhook_secrets[0]
        lasts = self._wishes.token_lasts
        return mint_token(
            secret.value,
            kid=secret.kid,
            audience=connection.key,
            issued_at=self._wishes.now,
            expires_at=self._wishes.now + lasts if lasts else None,
        )

    def _settle_rule(self, name: str, connection: Connection, rule_id: str) -> Connection:
        """Note which token the rule carries, and until when that lasts."""
        del rule_id
        kid = connection.webhook_secrets[0].kid
        known = _rule_tokens(connection)
        if known.get(name) == kid:
            return connection
        lasts = self._wishes.token_lasts
        ends = (self._wishes.now + lasts).isoformat() if lasts else None
        return with_settings(connection, rule_tokens={**known, name: kid}, token_expires_at=ends)


def _rule_tokens(connection: Connection) -> dict[str, str]:
    known: Any = connection.settings.get("rule_tokens") or {}
    return dict(known)


def _always() -> Json:
    """A creation rule needs a condition: every ticket has a subject that is not empty text."""
    condition = {"field_name": "subject", "resource_type": "ticket", "operator": "is_not"}
    return {
        "name": "condition_set_1",
        "match_type": "any",
        "properties": [{**condition, "value": ""}],
    }


def _next_kid(connection: Connection) -> str:
    numbers = (int(s.kid) for s in connection.webhook_secrets if s.kid.isdigit())
    return str(1 + max(numbers, default=0))


def _with_token(connection: Connection, kid: str) -> Connection:
    """The newest secret stands first, all older ones after it; a known one changes nothing."""
    known = connection.webhook_secrets
    if any(secret.kid == kid for secret in known):
        return connection
    new = WebhookSecret(kid=kid, value=secrets.token_urlsafe(32))
    return replace(connection, webhook_secrets=(new, *known))


def setup(connection: Connection, wishes: Wishes, pace: Pace | None = None) -> FreshdeskSetup:
    """Return the administration of an account. Raises `AddressError`."""
    return FreshdeskSetup(connection, wishes, pace)
