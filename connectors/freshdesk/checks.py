"""What an admin should know of a Freshdesk account: who we are in it, its plan, what is missing.

Changes nothing; what is made is in `provision.py`.
"""
# https://developers.freshdesk.com/api/#ratelimit  (read 2026-11)

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.api import Json
from connectors.base import Connection
from connectors.errors import CredentialsRejected, Rejected, TicketNotFound, VendorUnavailable
from connectors.json_values import instant
from connectors.sentences import say
from connectors.setup import Finding, Identity, Inspection, Level

from .admin import CREATION, FreshdeskAdmin

NEW_ENGINE_SINCE = datetime(2025, 8, 25, tzinfo=UTC)
EXPIRY_NOTICE = timedelta(days=30)
_GLOBAL = 1  # ticket scope: all tickets
_KNOWN_STATUSES = frozenset(range(2, 8))
_ADMINISTRATORS = {"account administrator", "administrator"}
_ABSENT = (CredentialsRejected, TicketNotFound, Rejected, VendorUnavailable)
_FEATURE_REQUEST = "feature request"
_PLANS_WITHOUT_API = {"free", "sprout"}
_FEW = 100  # of the remaining limit


def identity(admin: FreshdeskAdmin) -> Identity:
    """Return whom the key acts as, and whether they may set things up.

    Raises `CredentialsRejected` where the key is not accepted.
    """
    agent = admin.me()
    contact = agent.get("contact") or {}
    refusal = None
    if agent.get("ticket_scope") not in (None, _GLOBAL):
        refusal = say("refusal.scope")
    elif agent.get("deactivated") or contact.get("active") is False:
        refusal = say("refusal.inactive")
    else:
        try:
            admin.rules(CREATION)
        except CredentialsRejected:
            refusal = say("refusal.freshdesk_admin")
    return Identity(
        id=str(agent["id"]),
        name=str(contact.get("name") or ""),
        email=str(contact.get("email") or ""),
        role=", ".join(_roles(admin, agent)),
        refusal=refusal,
    )


def inspect(admin: FreshdeskAdmin, connection: Connection) -> Inspection:
    """Return plan, types, statuses, and which SLA engine the account seems to have."""
    fields = admin.ticket_fields()
    settings: dict[str, object] = {}
    findings = [*_plan(admin), *_limits(admin), *_first_match_only(admin)]
    findings += _engine(fields, connection, settings)
    findings += _types(admin, settings)
    findings += _statuses(admin, connection)
    findings += _required(fields)
    findings.append(
        Finding(
            level=Level.NOTE,
            subject=say("subject.views"),
            text=say("found.no_views"),
            remedy=say("do.no_views"),
        )
    )
    return Inspection(findings=tuple(findings), settings=settings)


def diagnose(admin: FreshdeskAdmin, connection: Connection, now: datetime) -> list[Finding]:
    """Return what is wrong in an account that was connected."""
    fields = admin.ticket_fields()
    return [
        *_token(connection, now),
        *_acting_user(admin, connection),
        *_first_match_only(admin),
        *_statuses(admin, connection),
        *_required(fields),
        *_limits(admin),
        *_unknowns(connection),
    ]


def _roles(admin: FreshdeskAdmin, agent: Mapping[str, Any]) -> list[str]:
    mine = set(agent.get("role_ids") or ())
    try:
        return [str(one.get("name")) for one in admin.roles() if one.get("id") in mine]
    except _ABSENT:
        return []


def _plan(admin: FreshdeskAdmin) -> Iterator[Finding]:
    try:
        account = admin.account()
    except _ABSENT:
        yield Finding(level=Level.UNKNOWN, subject=say("subject.plan"), text=say("found.no_plan"))
        return
    plan = str(account.get("tier_type") or "unknown")
    if plan.lower() in _PLANS_WITHOUT_API:
        yield Finding(
            level=Level.BROKEN,
            subject=say("subject.plan"),
            text=say("found.plan_without_api", plan=plan),
            remedy=say("do.plan_without_api"),
        )
        return
    yield Finding(
        level=Level.OK,
        subject=say("subject.plan"),
        text=say("found.plan", plan=plan, zone=account.get("timezone") or say("found.no_zone")),
    )


def _limits(admin: FreshdeskAdmin) -> Iterator[Finding]:
    headers = admin.session.answered
    total, left = headers.get("x-ratelimit-total"), headers.get("x-ratelimit-remaining")
    if not total or not total.isdigit():
        yield Finding(
            level=Level.UNKNOWN,
            subject=say("subject.limits"),
            text=say("found.no_limit", vendor="Freshdesk"),
        )
        return
    low = left is not None and left.isdigit() and int(left) < min(_FEW, int(total) // 10)
    yield Finding(
        level=Level.WARNING if low else Level.OK,
        subject=say("subject.limits"),
        text=say("found.limit", total=total, left=left),
        remedy=say("do.limit") if low else "",
    )


def _first_match_only(admin: FreshdeskAdmin) -> Iterator[Finding]:
    rules, every = admin.rules(CREATION)
    if not every:
        yield Finding(
            level=Level.WARNING,
            subject=say("subject.rule_order"),
            text=say("found.rule_order", count=len(rules)),
            remedy=say("do.rule_order"),
        )


def _engine(
    fields: list[Json], connection: Connection, settings: dict[str, object]
) -> Iterator[Finding]:
    """An account's own fields are as old as the account; the API names no other date."""
    if connection.settings.get("engine"):
        return
    dates = [instant(one.get("created_at")) for one in fields if one.get("default")]
    opened = min((at for at in dates if at), default=None)
    if opened is None:
        yield Finding(
            level=Level.UNKNOWN,
            subject=say("subject.sla_engine"),
            text=say("found.engine_unknown"),
            remedy=say("do.engine_unknown"),
        )
        return
    newer = opened >= NEW_ENGINE_SINCE
    settings["engine"] = "recalculating" if newer else "legacy"
    yield Finding(
        level=Level.UNKNOWN if newer else Level.OK,
        subject=say("subject.sla_engine"),
        text=say("found.engine_newer" if newer else "found.engine_older", day=opened.date()),
    )


def _types(admin: FreshdeskAdmin, settings: dict[str, object]) -> Iterator[Finding]:
    choices = _choices(admin, "default_ticket_type")
    names = [str(one.get("value") if isinstance(one, dict) else one) for one in choices]
    found = next((name for name in names if name.strip().lower() == _FEATURE_REQUEST), None)
    settings["feature_request_type"] = found or ""
    if found is None:
        yield Finding(
            level=Level.NOTE,
            subject=say("subject.ticket_types"),
            text=say("found.no_type"),
        )


def _statuses(admin: FreshdeskAdmin, connection: Connection) -> Iterator[Finding]:
    numbers = {int(one) for one in _choices(admin, "default_status") if str(one).isdigit()}
    own = sorted(numbers - _KNOWN_STATUSES)
    if own and not connection.settings.get("timer_off"):
        yield Finding(
            level=Level.UNKNOWN,
            subject=say("subject.statuses"),
            text=say("found.own_statuses", numbers=", ".join(map(str, own))),
            remedy=say("do.own_statuses"),
        )


def _required(fields: list[Json]) -> Iterator[Finding]:
    needed = [
        str(one.get("label"))
        for one in fields
        if one.get("required_for_agents") and not one.get("default")
    ]
    if needed:
        yield Finding(
            level=Level.WARNING,
            subject=say("subject.required_fields"),
            text=say("found.required", names=", ".join(needed[:5])),
            remedy=say("do.required"),
        )


def _token(connection: Connection, now: datetime) -> Iterator[Finding]:
    ends = instant(connection.settings.get("token_expires_at"))
    if ends is None:
        return
    gone = ends <= now
    yield Finding(
        level=Level.BROKEN if gone else Level.WARNING if ends - now <= EXPIRY_NOTICE else Level.OK,
        subject=say("subject.token"),
        text=f"The rules' token {'ended' if gone else 'lasts until'} {ends.date()}",
        remedy=f"regiondo-sla rotate {connection.key}" if ends - now <= EXPIRY_NOTICE else "",
    )


def _acting_user(admin: FreshdeskAdmin, connection: Connection) -> Iterator[Finding]:
    """A key's agent with tickets of their own is a person, whose edits look like ours."""
    agent = str(connection.settings.get("acting_user_id") or "")
    if not agent.isdigit():
        return
    try:
        answer = admin.get(f'/search/tickets?query="agent_id:{agent}"')
    except _ABSENT:
        return
    assigned = int(answer.get("total") or 0) if isinstance(answer, dict) else 0
    if assigned:
        yield Finding(
            level=Level.WARNING,
            subject=say("subject.acting_user"),
            text=f"The key's agent has {assigned} tickets of their own",
            remedy="Use a dedicated agent for the plugin: Freshdesk shows a person's edits and "
            "ours as the same",
        )


def _unknowns(connection: Connection) -> Iterator[Finding]:
    if connection.settings.get("engine") == "recalculating":
        yield Finding(
            level=Level.UNKNOWN,
            subject=say("subject.sla_engine"),
            text="Whether a due date set here survives Freshdesk's own computing is not "
            "documented: each is read back and corrected, then tagged",
        )


def _choices(admin: FreshdeskAdmin, kind: str) -> list[Any]:
    """The choices of a built-in field: names, or for a status its numbers."""
    fields = admin.get(f"/ticket_fields?type={kind}")
    field: Json = next((one for one in fields if one.get("type") == kind), {})
    return list(field.get("choices") or ())
