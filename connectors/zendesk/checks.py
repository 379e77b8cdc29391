"""What an admin should know of a Zendesk account: who we are in it, its limits, what is missing.

Changes nothing; what is made is in `provision.py`.
"""
# https://developer.zendesk.com/api-reference/introduction/rate-limits
# https://developer.zendesk.com/api-reference/webhooks/webhooks-api/webhooks/  (read 2026-11)

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from functools import partial

from connectors.api import Json
from connectors.base import Connection
from connectors.errors import CredentialsRejected, Rejected, TicketNotFound, VendorUnavailable
from connectors.sentences import say
from connectors.setup import Finding, Identity, Inspection, Level, provisioned

from .admin import ZendeskAdmin

TOKENS_END = date(2027, 4, 30)
_ABSENT = (CredentialsRejected, TicketNotFound, Rejected, VendorUnavailable)
_TYPE_FIELDS = {"type", "ticket_type_id", "ticket_type"}
_DUE_FIELDS = {"due_date", "until_due_date"}
_FEW = 200  # of the remaining limit


def identity(user: Json) -> Identity:
    """Return whom we act as, and whether they may set things up."""
    refusal = None
    if user.get("role") != "admin":
        refusal = say("refusal.zendesk_admin")
    elif user.get("suspended") or user.get("active") is False:
        refusal = say("refusal.suspended")
    return Identity(
        id=str(user["id"]),
        name=str(user.get("name") or ""),
        email=str(user.get("email") or ""),
        role=str(user.get("role")),
        refusal=refusal,
    )


def inspect(admin: ZendeskAdmin, connection: Connection) -> Inspection:
    """Return limits, settings, and who looks at the ticket type and due date."""
    findings = [*_credentials(connection), *_limits(admin)]
    fields = admin.get("/ticket_fields.json").get("ticket_fields") or []
    priority: Json = next((one for one in fields if one.get("type") == "priority"), {})
    if priority.get("sub_type_id") == 1:
        findings.append(
            Finding(
                level=Level.WARNING,
                subject=say("subject.priorities"),
                text=say("found.two_priorities"),
                remedy=say("do.two_priorities"),
            )
        )
    findings += _custom_statuses(admin)
    findings += _forms(admin)
    if connection.settings.get("due_date", "task") == "task":
        findings += _lookers(admin)
    return Inspection(findings=tuple(findings))


def diagnose(admin: ZendeskAdmin, connection: Connection, endpoint: str) -> list[Finding]:
    """Return what is wrong in an account that was connected."""
    return [
        *_credentials(connection),
        *_acting_user(admin, connection),
        *_webhook(admin, connection, endpoint),
        *_limits(admin),
        *_unknowns(connection),
    ]


def _credentials(connection: Connection) -> Iterator[Finding]:
    if "api_token" in connection.credentials:
        yield Finding(
            level=Level.WARNING,
            subject=say("subject.api_token"),
            text=say("found.api_token", day=TOKENS_END),
            remedy=say("do.api_token"),
        )
    elif "access_token" in connection.credentials:
        yield Finding(
            level=Level.WARNING,
            subject=say("subject.access_token"),
            text=say("found.access_token"),
            remedy=say("do.access_token"),
        )


def _limits(admin: ZendeskAdmin) -> Iterator[Finding]:
    headers = admin.session.answered
    total = _number(headers, "x-rate-limit", "ratelimit-limit", "rate-limit")
    left = _number(headers, "x-rate-limit-remaining", "ratelimit-remaining", "rate-limit-remaining")
    if total is None:
        yield Finding(
            level=Level.UNKNOWN,
            subject=say("subject.limits"),
            text=say("found.no_limit", vendor="Zendesk"),
        )
        return
    low = left is not None and left < min(_FEW, total // 10)
    yield Finding(
        level=Level.WARNING if low else Level.OK,
        subject=say("subject.limits"),
        text=say("found.limit", total=total, left=left),
        remedy=say("do.limit") if low else "",
    )


def _custom_statuses(admin: ZendeskAdmin) -> Iterator[Finding]:
    own = [
        one
        for one in _if_there(lambda: admin.every("/custom_statuses.json", "custom_statuses"))
        if not one.get("default") and one.get("active", True)
    ]
    if own:
        yield Finding(
            level=Level.NOTE,
            subject=say("subject.custom_statuses"),
            text=say("found.custom_statuses", count=len(own)),
        )


def _forms(admin: ZendeskAdmin) -> Iterator[Finding]:
    forms = [
        one
        for one in _if_there(lambda: admin.every("/ticket_forms.json", "ticket_forms"))
        if one.get("active", True)
    ]
    if len(forms) > 1:
        yield Finding(
            level=Level.NOTE,
            subject=say("subject.ticket_forms"),
            text=say("found.ticket_forms", count=len(forms), names=_names(forms, "name")),
            remedy=say("do.ticket_forms"),
        )


def _lookers(admin: ZendeskAdmin) -> Iterator[Finding]:
    """An empty type becomes `task`: name every rule that would notice, before it happens."""
    lists = (
        ("/triggers.json", "triggers"),
        ("/automations.json", "automations"),
        ("/views.json", "views"),
        ("/slas/policies.json", "sla_policies"),
    )
    for path, name in lists:
        what = say(f"rules.{name}")
        rules = [one for one in _if_there(partial(admin.every, path, name)) if _is_on(one)]
        for noticed, fields in (("ticket_type", _TYPE_FIELDS), ("due_date", _DUE_FIELDS)):
            found = [rule for rule in rules if fields & _fields_of(rule)]
            if found:
                yield Finding(
                    level=Level.WARNING,
                    subject=say(f"subject.rules_on_{noticed}", rules=what),
                    text=say(
                        f"found.rules_on_{noticed}",
                        count=len(found),
                        rules=what,
                        names=_names(found, "title"),
                    ),
                    remedy=say("do.rules_on_type"),
                )


def _acting_user(admin: ZendeskAdmin, connection: Connection) -> Iterator[Finding]:
    user = connection.settings.get("acting_user_id")
    if not user:
        return
    related = _if_there(
        lambda: [admin.get(f"/users/{user}/related.json").get("user_related") or {}]
    )
    assigned = int(next(iter(related), {}).get("assigned_tickets") or 0)
    if assigned:
        yield Finding(
            level=Level.WARNING,
            subject=say("subject.acting_user"),
            text=say("found.acting_user", count=assigned),
            remedy=say("do.acting_user"),
        )


def _webhook(admin: ZendeskAdmin, connection: Connection, endpoint: str) -> Iterator[Finding]:
    webhook_id = (provisioned(connection).get("webhook") or {}).get("id")
    if not webhook_id:
        return  # the missing step is reported
    try:
        webhook = admin.get(f"/webhooks/{webhook_id}").get("webhook") or {}
    except TicketNotFound:
        return
    status = str(webhook.get("status") or "active")
    if status != "active" or webhook.get("endpoint") != endpoint:
        return  # a step that must be renewed, and is reported as one
    secret = admin.signing_secret(webhook_id)
    if secret not in {one.value for one in connection.webhook_secrets}:
        yield Finding(
            level=Level.BROKEN,
            subject=say("subject.signing_secret"),
            text=say("found.signing_secret"),
            remedy=say("do.signing_secret"),
        )
    calls = _if_there(
        lambda: admin.get(f"/webhooks/{webhook_id}/invocations").get("invocations") or []
    )
    failed = [one for one in calls if not _went_well(one)]
    kinds = sorted({str(one.get("status")) for one in failed})
    yield Finding(
        level=Level.WARNING if failed else Level.OK,
        subject=say("subject.webhook"),
        text=f"Active; {len(failed)} of the last {len(calls)} calls failed"
        + (f" ({', '.join(kinds)})" if kinds else ""),
        remedy="See Admin Center > Webhooks > Activity; `regiondo-sla reconcile` heals what was "
        "missed"
        if failed
        else "",
    )


def _went_well(call: Json) -> bool:
    """Say whether a call was answered with 2xx, or may still be; the words for it are guessed."""
    code = call.get("status_code")
    if isinstance(code, int):
        return 200 <= code < 300
    return str(call.get("status")) in {"success", "successful", "in_progress"}


def _unknowns(connection: Connection) -> Iterator[Finding]:
    types = connection.settings.get("types_to_task")
    if types and connection.settings.get("due_date", "task") == "task":
        yield Finding(
            level=Level.NOTE,
            subject=say("subject.types_to_task"),
            text="Tickets of these types are turned into tasks, and leave problem and incident "
            "linking",
        )
    elif connection.settings.get("due_date", "task") == "task":
        yield Finding(
            level=Level.UNKNOWN,
            subject=say("subject.due_at_on_other_types"),
            text="What Zendesk does with a due date on a ticket that is no task is not "
            "documented: such tickets only get the SLA fields",
        )


def _if_there(read: Callable[[], list[Json]]) -> list[Json]:
    """What the plan lacks, or the role may not see, is nothing to report."""
    try:
        return read()
    except _ABSENT:
        return []


def _is_on(rule: Json) -> bool:
    ours = str(rule.get("title") or "").startswith("regiondo-sla")
    return bool(rule.get("active", True)) and not ours


def _fields_of(rule: Json) -> set[str]:
    """The fields that a rule's conditions and actions name."""
    places = (rule.get("conditions"), rule.get("filter"), {"actions": rule.get("actions")})
    return {
        str(one.get("field"))
        for place in places
        if isinstance(place, dict)
        for some in place.values()
        if isinstance(some, list)
        for one in some
        if isinstance(one, dict)
    }


def _names(records: list[Json], key: str) -> str:
    names = [f"{str(one.get(key))[:60]!r}" for one in records]
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _number(headers: Mapping[str, str], *names: str) -> int | None:
    for name in names:
        found = re.match(r"\d+", headers.get(name, ""))
        if found:
            return int(found[0])
    return None
