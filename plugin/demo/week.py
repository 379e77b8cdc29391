"""Prints what the contract gave the demo's e-mails: due dates, labels and why."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from plugin.demo.mails import Mail
from plugin.pipeline import Services
from plugin.store import TicketRow
from sla_rules.policy import Policy
from sla_rules.policy_sections import Commitment
from sla_rules.rules.judge_response import duration_text


def show_week(console: Console, services: Services, sent: dict[tuple[str, str], Mail]) -> None:
    """Print the contract in a sentence, then the week, by connection and ticket."""
    rows = {
        (row.connection, row.ticket_id): row for row in services.store.tickets.recent(len(sent) * 2)
    }
    policy = services.policies().current(services.clock())
    zone = policy.zone
    console.print("\nThe contract: a first response within", _targets(policy), highlight=False)
    console.print("The last two e-mails arrive on the week-end on which the clocks change next.")
    console.print(f"\nWhat it gave next week's e-mails ({zone.key} time)\n", style="bold")
    console.print(_LINE.format("Vendor", "#", "Tier", "Received", "Due", "Priority"), style="bold")
    for key, mail in sent.items():
        row = rows.get(key)
        if row is None:
            console.print(f"{mail.vendor} {key[1]}: not handled in time", style="red")
            continue
        tier = policy.tiers[row.tier].label
        due = _local(row.due_at, zone) if row.due_at else "no clock"
        cells = (mail.vendor, row.ticket_id, tier, _local(mail.at, zone), due)
        console.print(_LINE.format(*cells, row.decision["priority"] or "-"), highlight=False)
        lines = Text(f"{mail.subject}\n", style="italic")
        if labels := _labels(row):
            lines.append(", ".join(labels) + "\n", style="not italic cyan")
        lines.append(_why(row), style="not italic dim")
        console.print(Padding(lines, (0, 0, 1, 2)))


def _targets(policy: Policy) -> str:
    """The targets of the tiers and the hours that count."""
    targets = ", ".join(
        f"{duration_text(tier.first_response)} ({tier.label}{_LESS.get(tier.commitment, '')})"
        for tier in policy.tiers.values()
    )
    hours = next(iter(policy.schedules.values())).hours
    return f"{targets} of {hours}."


_LESS = {Commitment.BEST_EFFORT: ", a goal"}
_LINE = "{:<10} {:>3}  {:<11} {:<16}  {:<16}  {}"


def _labels(row: TicketRow) -> list[str]:
    """Our tags on the ticket, but for those that say tier and priority again."""
    tags: list[str] = row.decision["add_tags"]
    return [t for t in tags if not t.startswith("sla_priority_") and t != f"sla_{row.tier}"]


def _why(row: TicketRow) -> str:
    """The sentence that says most: what excluded the ticket, else what it was judged to be."""
    reasons = {reason["rule"]: reason["text"] for reason in reversed(row.decision["reasons"])}
    return str(reasons.get("exclude_ticket") or reasons.get("judge_message") or "")


def _local(at: datetime, zone: ZoneInfo) -> str:
    return at.astimezone(zone).strftime("%a %d %b %H:%M")
