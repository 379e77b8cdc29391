"""The first page: the tickets handled, newest first, each with its decision and the reasons."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, current_app, render_template, request

from plugin.gate import guard
from plugin.pipeline import Services
from plugin.store import TicketRow
from sla_rules.policy import Policy

PAGE = 50
blueprint = Blueprint(
    "console",
    __name__,
    template_folder="templates",
    static_folder="static",
    static_url_path="/static",
)
guard(blueprint)

_KINDS = {
    "error_report": "Error report",
    "question": "Question",
    "feature_request": "Feature request",
}
_STATES = {
    "open": "clock running",
    "met": "met",
    "breached": "breached",
    "cancelled": "cancelled",
    "best_effort": "best effort",
    None: "no clock",
}


@blueprint.get("/")
def tickets() -> str:
    """Show a page of tickets."""
    services: Services = current_app.extensions["services"]
    page = max(1, request.args.get("page", 1, type=int))
    rows = services.store.tickets.recent(PAGE + 1, (page - 1) * PAGE)
    policy = services.policies().current(services.clock())
    counts = services.store.tickets.counts()
    figures = [
        (label, counts.get(key, 0))
        for key, label in (
            ("open", "clocks running"),
            ("met", "met"),
            ("breached", "breached"),
            ("best_effort", "best effort"),
            ("feature_requests", "feature requests recorded"),
        )
    ]
    return render_template(
        "console/tickets.html",
        policy=policy,
        figures=figures,
        rows=[_shown(row, policy) for row in rows[:PAGE]],
        page=page,
        more=len(rows) > PAGE,
    )


def _shown(row: TicketRow, policy: Policy) -> dict[str, Any]:
    zone = policy.zone
    tier = policy.tiers.get(row.tier)
    waits = row.state in {"open", "best_effort", "breached"}
    return {
        "connection": row.connection,
        "ticket_id": row.ticket_id,
        "url": row.url,
        "organization_name": row.organization_name,
        "tier_label": tier.label if tier else row.tier,
        "state": row.state or "none",
        "state_label": _STATES.get(row.state, row.state),
        "kind_label": _KINDS.get(row.kind, row.kind),
        "priority": row.decision.get("priority"),
        "due": _local(row.due_at, zone) if waits else None,
        "start": _local(row.starts_at, zone),
        "tags": row.decision.get("add_tags", []),
        "reasons": row.decision.get("reasons", []),
    }


def _local(at: datetime | None, zone: ZoneInfo) -> str | None:
    return at.astimezone(zone).strftime("%a %d %b %H:%M") if at else None
