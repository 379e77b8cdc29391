"""What is told of warnings and breaches: to a webhook, signed, or in Slack's words; or in a note.

Decides what is worth telling; `deadlines.py` sends it. The headers follow the Standard Webhooks
(https://www.standardwebhooks.com). Names ticket and organisation, never a subject or a text.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

from plugin.store.deadlines import BREACH, Notice, Waiting
from sla_rules.decision import Decision, State, instant
from sla_rules.memory import Memory
from sla_rules.policy import Policy
from sla_rules.policy_sections import Effect
from sla_rules.ticket import Ticket

OLD_NEWS = timedelta(hours=1)  # a breach that was already older when we first saw the ticket
Post = Callable[[str, bytes, Mapping[str, str]], None]


def notices_for(
    ticket: Ticket, decision: Decision, memory: Memory, policy: Policy, now: datetime, url: str
) -> tuple[Notice, ...]:
    """Return what a look at a ticket gives to tell; the store keeps what was told before.

    A breach is told when it is first judged, but not one that lies back over an hour when we see
    the ticket for the first time: connecting an old account tells nobody of its past.
    """
    target, starts_at = decision.target, decision.starts_at
    if target is None or starts_at is None:
        return ()
    zone = ZoneInfo(policy.schedules[decision.schedule].time_zone)
    organization = ticket.organization
    facts = {
        "organization": organization.name if organization else None,
        "tier": policy.tiers[decision.tier].label,
        "url": url,
        "starts_at": instant(starts_at),
        "due_local": f"{target.due_at.astimezone(zone):%a %Y-%m-%d %H:%M} ({zone.key})",
        "answered_at": instant(target.response_at),
    }

    def notice(level: str, reached_at: datetime, effects: frozenset[Effect]) -> Notice:
        return Notice(
            level=level,
            starts_at=starts_at,
            due_at=target.due_at,
            reached_at=reached_at,
            facts=facts,
            webhook=Effect.WEBHOOK in effects,
            note=Effect.NOTE in effects,
        )

    found = [notice(one.level, one.at, one.effects) for one in decision.warnings]
    if target.state is State.BREACHED and memory.judged is None:
        known = memory.starts_at == starts_at and memory.due_at is not None
        if known or now - target.due_at <= OLD_NEWS:
            found.append(notice(BREACH, target.due_at, policy.warnings.breach.effects))
    return tuple(one for one in found if one.webhook or one.note)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notifier:
    """Where notices go. `post` sends a body and raises what `outgoing.post` raises."""

    url: str = field(repr=False)
    secret: bytes = field(repr=False)
    form: Literal["events", "slack"]
    post: Post

    def send(self, notice: Waiting, now: datetime) -> None:
        """Send one notice; the same one always has the same id, so that a receiver can tell."""
        body = json.dumps(slack(notice) if self.form == "slack" else event(notice)).encode()
        self.post(self.url, body, sign(self.secret, message_id(notice), now, body))


def message_id(notice: Waiting) -> str:
    """Return the id of a notice: another one where the level is told for a new due date."""
    return f"notice_{notice.id}_{int(notice.due_at.timestamp())}"


def sign(secret: bytes, identifier: str, now: datetime, body: bytes) -> dict[str, str]:
    """Return the headers: HMAC-SHA256 over `id.timestamp.body`, base64, version 1."""
    timestamp = str(int(now.timestamp()))
    signed = f"{identifier}.{timestamp}.".encode() + body
    digest = base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()
    return {
        "Content-Type": "application/json",
        "webhook-id": identifier,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{digest}",
    }


def signing_key(secret: str) -> bytes:
    """Return the key's bytes: base64 after `whsec_`, else the text itself. Raises `ValueError`."""
    encoded = secret.removeprefix("whsec_")
    return base64.b64decode(encoded, validate=True) if encoded != secret else secret.encode()


def event(notice: Waiting) -> dict[str, Any]:
    """Return the body of an event."""
    breached = notice.level == BREACH
    return {
        "type": "deadline.breached" if breached else "deadline.warning",
        "timestamp": instant(notice.told_at),
        "data": {
            "connection": notice.connection,
            "ticket_id": notice.ticket_id,
            "level": None if breached else notice.level,
            "metric": "first_response",
            "due_at": instant(notice.due_at),
            **notice.facts,
        },
    }


def slack(notice: Waiting) -> dict[str, Any]:
    """Return the body that a Slack webhook takes; Slack shows the time in the reader's zone."""
    facts = notice.facts
    of = f" of {_slack_text(facts['organization'])}" if facts.get("organization") else ""
    due = f"<!date^{int(notice.due_at.timestamp())}^{{date_short_pretty}} {{time}}"
    due += f"|{facts['due_local']}>"
    ticket = f"<{facts['url']}|{_slack_text(notice.connection)} #{_slack_text(notice.ticket_id)}>"
    who = f"Ticket {ticket}{of} ({_slack_text(facts['tier'])})"
    if notice.level == BREACH:
        return {"text": f":red_circle: {who}: the first response was due {due}."}
    level = _slack_text(notice.level)
    return {"text": f":warning: {who}: the first response is due {due} [{level}]."}


def note(notice: Waiting) -> str:
    """Return the text of a private note."""
    due = notice.facts["due_local"]
    if notice.level == BREACH:
        return f"SLA breached: the first response was due {due}."
    return f"SLA warning ({notice.level}): the first response is due {due}."


def _slack_text(text: object) -> str:
    return str(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
