"""Freshdesk's automation rules: which ones a change fires, and the webhooks they call.

Actions besides `trigger_webhook` set plain fields and tags, others are ignored; hourly rules are
stored, never run.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from plugin.sandbox.freshdesk.records import PRIORITIES, failed
from plugin.sandbox.state import ApiError, Json
from plugin.sandbox.webhooks import Attempt, Shipment

if TYPE_CHECKING:
    from plugin.sandbox.freshdesk.tickets import Tickets

Changes = dict[str, tuple[Any, Any]]
RETRY_MINUTES = (5, 30, 60)
HOUR, DAY = 3600, 86400
HOURLY, CHANGED = 3, 4
MOST_DEEP = 5
_SETTABLE = {"status": "status", "priority": "priority", "ticket_type": "type",
             "responder_id": "responder_id", "group_id": "group_id"}  # fmt: skip
_PERFORMERS = {1: ("agent",), 2: ("requester",), 3: ("agent", "requester"), 4: ("system",)}
_EVENT_FIELDS = {"type": "ticket_type", "tags": "tag"}
_PLACEHOLDER = re.compile(r"\{\{\s*([\w.]+)\s*\}\}")


def check_rule(rule: Json, kind: int) -> None:
    """Refuse a rule as Freshdesk does: a webhook without its content is a 500, not a 400.

    Webhooks are documented for the rules of new and of changed tickets only.
    """
    if not rule.get("name") or not rule.get("actions"):
        raise failed("name", "can't be blank", "missing_field")
    for action in rule["actions"]:
        if action.get("field_name") != "trigger_webhook":
            continue
        if kind == HOURLY:
            raise failed("actions", "trigger_webhook is not allowed here", "invalid_value")
        layout_fits = action.get("content_layout") in ("1", "2")
        if not action.get("content_type") or not layout_fits or "content" not in action:
            raise ApiError(500, {"code": "internal_error", "message": "We're sorry"})


class Automation:
    """Runs an account's rules. `muted` lets none run, as while a past is being made up."""

    def __init__(self, account: Tickets) -> None:
        self._account = account
        self._depth = 0
        self.muted = False

    def run(
        self, kind: int, ticket: Json, changes: Changes, actor: str, by: int | None = None
    ) -> None:
        """Run the rules of a kind (1 creation, 4 update) that match.

        `actor` is who changed it (agent, requester, system), `by` that agent's id.
        """
        if self.muted or self._depth >= MOST_DEEP:
            return
        for rule in list(self._account.rules[kind].values()):
            if not rule.get("active", True) or not _matches(rule, kind, ticket, changes, actor, by):
                continue
            for action in rule["actions"]:
                if action.get("field_name") == "trigger_webhook":
                    self._call(action, kind, ticket, changes)
            self._set_fields(ticket, rule["actions"])

    def _set_fields(self, ticket: Json, actions: list[Json]) -> None:
        """Do what a rule's plain actions say, as the system; that may set off further rules."""
        fields: Json = {}
        for action in actions:
            name, value = action.get("field_name"), action.get("value")
            if name == "add_tag":
                added = [str(tag) for tag in (value if isinstance(value, list) else [value])]
                fields["tags"] = [*(fields.get("tags") or ticket["tags"]), *added]
            elif name in _SETTABLE:
                fields[_SETTABLE[name]] = value
        if not fields or ticket["spam"] or ticket.get("deleted"):
            return
        self._depth += 1
        try:
            self._account.change_ticket(ticket, fields, actor="system")
        finally:
            self._depth -= 1

    def _call(self, action: Json, kind: int, ticket: Json, changes: Changes) -> None:
        values = self._values(ticket, changes)
        content = _fill(action.get("content", {}), values)
        if action.get("content_layout") == "1":
            content = {"freshdesk_webhook": content}
        headers = {"Content-Type": "application/json", "User-Agent": "Freshdesk"}
        headers.update({str(k): str(v) for k, v in (action.get("custom_headers") or {}).items()})
        login = action.get("auth_header") or {}
        if login.get("username"):
            pair = f"{login['username']}:{login.get('password', '')}".encode()
            headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        self._account.sender.post(
            Shipment(
                vendor="freshdesk", account=self._account.name, ticket_id=ticket["id"],
                event="created" if kind == 1 else _triggered_event(changes), url=action["url"],
                body=json.dumps(content).encode(), headers=lambda: headers,
                held=self._hold(), retry_in=self._retry_in,
                method=action.get("request_type", "POST"),
            )
        )  # fmt: skip

    def _hold(self) -> Callable[[], tuple[str, float | None] | None]:
        """Hold a call back for an hour while no request is left; after a day it is dropped.

        https://support.freshdesk.com/support/solutions/articles/225431
        """
        account, waiting_since = self._account, self._account.clock.elapsed()

        def held() -> tuple[str, float | None] | None:
            with account.lock:
                account.rate.limit = account.settings.rate_limit
                if not account.settings.webhooks_use_limit or account.rate.take():
                    return None
                waited = account.clock.elapsed() - waiting_since
                return ("dropped", None) if waited > DAY else ("postponed", float(HOUR))

        return held

    def _retry_in(self, attempt: Attempt, number: int) -> float | None:
        if isinstance(attempt.outcome, int) and 200 <= attempt.outcome < 300:
            return None
        if number > len(RETRY_MINUTES):
            return None
        return RETRY_MINUTES[number - 1] * 60 * self._account.settings.retry_scale

    def _values(self, ticket: Json, changes: Changes) -> dict[str, object]:
        account = self._account
        contact = account.contacts.get(ticket["requester_id"]) or {}
        company = account.companies.get(ticket["company_id"] or 0) or {}
        agent = (account.agents.get(ticket["responder_id"] or 0) or {}).get("contact", {})
        priority = next(k for k, v in PRIORITIES.items() if v == ticket["priority"])
        return {
            "ticket.id": ticket["id"], "ticket.subject": ticket["subject"],
            "ticket.description": ticket["description"],
            "ticket.status": account.statuses[ticket["status"]].agent_label,
            "ticket.priority": priority, "ticket.tags": ", ".join(ticket["tags"]),
            "ticket.ticket_type": ticket["type"], "ticket.agent.email": agent.get("email"),
            "ticket.agent.name": agent.get("name"), "ticket.company.name": company.get("name"),
            "ticket.contact.name": contact.get("name"),
            "ticket.contact.email": contact.get("email"), "helpdesk_name": account.name,
            "triggered_event": _triggered_event(changes),
            **{f"ticket.{name}": value for name, value in ticket["custom_fields"].items()},
        }  # fmt: skip


def _matches(
    rule: Json, kind: int, ticket: Json, changes: Changes, actor: str, by: int | None
) -> bool:
    if kind == CHANGED:
        performer = rule.get("performer") or {}
        if actor not in _PERFORMERS.get(int(performer.get("type") or 3), ()):
            return False
        members = performer.get("members")
        if actor == "agent" and members and by not in members:
            return False
        events = rule.get("events") or []
        if events and not any(_event_met(event, changes) for event in events):
            return False
    sets = rule.get("conditions") or []
    return all(_conditions_met(one, ticket) for one in sets)


def _event_met(event: Json, changes: Changes) -> bool:
    wanted = event.get("field_name")
    for name, (old, new) in changes.items():
        if wanted not in (name, _EVENT_FIELDS.get(name)):
            continue
        value_fits = event.get("value", new) in (new, "--")
        if value_fits and event.get("from", "--") in ("--", old):
            return event.get("to", "--") in ("--", new)
    return False


def _conditions_met(conditions: Json, ticket: Json) -> bool:
    """Judge plain ticket fields by `in`, `not_in`, `is`, `is_not`; others count as met."""
    met = []
    for one in conditions.get("properties") or []:
        name, operator = one.get("field_name"), one.get("operator")
        value = one.get("value")
        among = value if isinstance(value, list) else [value]
        if name in ticket and operator in ("in", "is", "not_in", "is_not"):
            met.append((ticket[name] in among) == (operator in ("in", "is")))
        else:
            met.append(True)
    return not met or (any(met) if conditions.get("match_type") == "any" else all(met))


def _triggered_event(changes: Changes) -> str:
    """Write the first change only, in Freshdesk's own notation, which is not JSON."""
    name, (old, new) = next(iter(changes.items()))
    if name in ("ticket_action", "note_type", "reply_sent"):
        return f"{{{name}:{new}}}"
    return f"{{{name}:{{from:{old},to:{new}}}}}"


def _fill(content: object, values: dict[str, object]) -> object:
    if isinstance(content, dict):
        return {key: _fill(value, values) for key, value in content.items()}
    if isinstance(content, list):
        return [_fill(value, values) for value in content]
    if isinstance(content, str):
        return _PLACEHOLDER.sub(lambda found: str(values.get(found[1]) or ""), content)
    return content
