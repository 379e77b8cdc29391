"""The three views for agents in Zendesk: what is due next, what is at risk, feature requests."""
# https://developer.zendesk.com/api-reference/ticketing/business-rules/views/  (read 2026-11)

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from connectors.base import Connection
from connectors.errors import CredentialsRejected, TicketNotFound
from connectors.sentences import say
from connectors.setup import Step, Wishes

from .admin import ZendeskAdmin


def views(admin: ZendeskAdmin, wishes: Wishes) -> Iterator[Step]:
    """Yield the steps for the views, made after the fields whose numbers are their columns."""
    try:
        there_are = admin.every("/views.json", "views")
    except (TicketNotFound, CredentialsRejected):
        return  # the plan, or the role, has none
    known = {str(one.get("title")): one for one in there_are if one.get("active", True)}
    for title, tags, without, below in _rules(wishes):
        there = known.get(title)
        yield Step(
            name=f"view:{title}",
            title=say("step.view", name=title),
            found=str(there["id"]) if there else None,
            optional=True,
            make=partial(_make, admin, title, tags, without, below),
        )


def _rules(wishes: Wishes) -> tuple[tuple[str, tuple[str, ...], tuple[str, ...], str], ...]:
    """Title, tags of which one is there, tags that are not, and the status it stays below."""
    tag = wishes.tags
    judged = (tag["met"], tag["breached"], tag["excluded"], tag["no_email"])
    return (
        ("Due next", wishes.tier_tags, (*judged, tag["feature_request"]), "solved"),
        ("At risk", (tag["at_risk"], tag["breached"]), (tag["met"],), "solved"),
        (
            "Feature requests",
            (tag["feature_request"], tag["feature_request_candidate"]),
            (),
            "closed",
        ),
    )


def _make(
    admin: ZendeskAdmin,
    title: str,
    tags: tuple[str, ...],
    without: tuple[str, ...],
    below: str,
    connection: Connection,
) -> str:
    fields: Any = connection.settings.get("fields") or {}
    columns: list[str | int] = ["description", "organization", "requester", "priority"]
    columns += [int(fields[name]) for name in ("due", "note") if name in fields]
    conditions = [
        {"field": "status", "operator": "less_than", "value": below},
        {"field": "current_tags", "operator": "includes", "value": " ".join(tags)},
    ]
    if without:
        conditions.append(
            {"field": "current_tags", "operator": "not_includes", "value": " ".join(without)}
        )
    by_due_date = connection.settings.get("due_date") != "field"
    body = {
        "title": title,
        "description": "Made by regiondo-sla.",
        "active": True,
        "all": conditions,
        "output": {
            "columns": [*columns, *(["due_date"] if by_due_date else [])],
            "sort_by": "due_date" if by_due_date else "created",
            "sort_order": "asc",
        },
    }
    return admin.make("view", body, connection)
