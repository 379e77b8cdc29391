"""Triggers: which ones a change fires, and what they do.

Conditions it does not know count as met. Views judge by the same conditions.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from plugin.sandbox.state import Json

if TYPE_CHECKING:
    from plugin.sandbox.zendesk.payloads import Change
    from plugin.sandbox.zendesk.tickets import Tickets

STATUSES = ("new", "open", "pending", "hold", "solved", "closed")
_VIA_IDS = {"web": "0", "email": "4", "api": "5", "rule": "8"}
_PLACEHOLDER = re.compile(r"\{\{\s*([\w.]+)\s*\}\}")


def render(account: Tickets, ticket: Json, template: str) -> str:
    """Fill a template's placeholders as plain text; unknown ones become empty."""
    requester = account.users.get(ticket["requester_id"]) or {}
    values = {
        "ticket.id": ticket["id"],
        "ticket.title": ticket["subject"],
        "ticket.status": (ticket["status"] or "").capitalize(),
        "ticket.priority": (ticket["priority"] or "-").capitalize(),
        "ticket.ticket_type": (ticket["type"] or "Ticket").capitalize(),
        "ticket.tags": " ".join(ticket["tags"]),
        "ticket.requester.email": requester.get("email"),
        "ticket.requester.name": requester.get("name"),
        "ticket.created_at_with_timestamp": ticket["created_at"],
        "ticket.updated_at_with_timestamp": ticket["updated_at"],
    }
    return _PLACEHOLDER.sub(lambda found: str(values.get(found[1]) or ""), template)


def run_triggers(
    account: Tickets, ticket: Json, audit: Json, changes: list[Change], *, created: bool
) -> None:
    """Fire each matching trigger once; what they change is one audit via `rule`."""
    wanted: dict[str | int, Any] = {}
    for trigger in list(account.rules["triggers"].values()):
        conditions = trigger["conditions"]
        facts = _facts(ticket, audit, changes, created=created)
        some = conditions.get("any") or []
        if (
            not trigger["active"]
            or not all(_met(c, facts) for c in conditions.get("all") or [])
            or (some and not any(_met(c, facts) for c in some))
        ):
            continue
        for action in trigger["actions"]:
            _act(account, ticket, action, wanted)
    if wanted and ticket["status"] != "closed":
        via = {
            "channel": "rule",
            "source": {"from": {"title": "Trigger"}, "to": {}, "rel": "trigger"},
        }
        account.commit(ticket, wanted, None, -1, via)


def in_view(ticket: Json, conditions: Json) -> bool:
    """Whether a view with these conditions shows a ticket."""
    facts: Json = {
        **{name: ticket[name] or "" for name in ("status", "priority", "type")},
        "current_tags": ticket["tags"],
        "changed": set(),
        "update_type": "Change",
        "comment": False,
    }
    some = conditions.get("any") or []
    every = all(_met(c, facts) for c in conditions.get("all") or [])
    return every and (not some or any(_met(c, facts) for c in some))


def _facts(ticket: Json, audit: Json, changes: list[Change], *, created: bool) -> Json:
    return {
        "update_type": "Create" if created else "Change",
        "status": ticket["status"],
        "priority": ticket["priority"] or "",
        "type": ticket["type"] or "",
        "current_tags": ticket["tags"],
        "current_via_id": _VIA_IDS.get(audit["via"].get("channel", ""), "0"),
        "changed": {change.name for change in changes},
        "comment": any(event["type"] == "Comment" for event in audit["events"]),
    }


def _met(condition: Json, facts: Json) -> bool:
    field, operator = condition.get("field"), str(condition.get("operator", "is"))
    value = condition.get("value")
    if field == "current_tags":
        shared = set(str(value or "").split()) & set(facts["current_tags"])
        return bool(shared) == (operator == "includes")
    if field == "update_type" and operator not in ("is", "is_not"):
        return bool(facts["update_type"] == value)
    if field == "comment_is_public":
        return bool(facts["comment"])
    if operator == "changed":
        return bool(field in facts["changed"])
    return _compared(facts, field, operator, value)


def _compared(facts: Json, field: object, operator: str, value: object) -> bool:
    if field == "status" and operator in ("less_than", "greater_than"):
        ranks = [STATUSES.index(s) if s in STATUSES else 0 for s in (facts["status"], value)]
        return ranks[0] < ranks[1] if operator == "less_than" else ranks[0] > ranks[1]
    if field not in facts or operator not in ("is", "is_not"):
        return True
    return (str(facts[field]) == str(value)) == (operator == "is")


def _act(account: Tickets, ticket: Json, action: Json, wanted: dict[str | int, Any]) -> None:
    field, value = action.get("field"), action.get("value")
    tags = set(wanted["tags"] if "tags" in wanted else ticket["tags"])
    if field == "notification_webhook" and isinstance(value, list):
        webhook = account.webhooks.get(str(value[0]))
        if webhook is not None:
            account.events.call(webhook, ticket, str(value[1]) if len(value) > 1 else "")
    elif field == "current_tags":
        wanted["tags"] = sorted(tags | set(str(value).split()))
    elif field == "remove_tags":
        wanted["tags"] = sorted(tags - set(str(value).split()))
    elif field == "set_tags":
        wanted["tags"] = sorted(set(str(value).split()))
    elif field in ("priority", "status", "type"):
        wanted[str(field)] = value or None
