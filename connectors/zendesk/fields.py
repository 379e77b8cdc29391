"""The fields that Zendesk needs: those that agents see on a ticket, and the partner's package.

A field of the right name and type that is there already is used as it is.
"""
# https://developer.zendesk.com/api-reference/ticketing/tickets/ticket_fields/
# https://developer.zendesk.com/api-reference/ticketing/organizations/organization_fields/

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from connectors.api import Json
from connectors.base import Connection
from connectors.sentences import say
from connectors.setup import (
    ABOUT_FIELDS,
    CONTACT_TITLE,
    TIER_TITLE,
    Step,
    Wishes,
    with_settings,
)

from .admin import ZendeskAdmin

OPTIONS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "kind": (
        ("Error", "sla_kind_error"),
        ("Question", "sla_kind_question"),
        ("Feature request", "sla_kind_feature_request"),
    ),
    "environment": (("Production", "sla_env_production"), ("Test", "sla_env_test")),
    "impact": (
        ("Blocking", "sla_impact_blocking"),
        ("Degraded", "sla_impact_degraded"),
        ("Minor", "sla_impact_minor"),
        ("None", "sla_impact_none"),
    ),
}
_TEXT = ("text", "textarea")


def ticket_fields(admin: ZendeskAdmin, wishes: Wishes) -> list[Step]:
    """Return the steps for the fields that agents see."""
    fields = admin.get("/ticket_fields.json").get("ticket_fields") or []
    return [_ticket_field(admin, name, title, fields) for name, title in wishes.titles.items()]


def organization_fields(
    admin: ZendeskAdmin, connection: Connection, wishes: Wishes
) -> Iterator[Step]:
    """Yield the steps for package and named contact."""
    known = {
        str(one.get("key")): one
        for one in admin.every("/organization_fields.json", "organization_fields")
    }
    settings = connection.settings
    tier = str(settings.get("tier_field") or "sla_tier")
    contact = str(settings.get("named_contact_field") or "sla_named_contact")
    options = [{"name": label, "value": value} for value, label in wishes.tiers]
    wanted: tuple[tuple[str, str, str, Json], ...] = (
        (tier, TIER_TITLE, "dropdown", {"custom_field_options": options}),
        (contact, CONTACT_TITLE, "text", {}),
    )
    for key, title, type_, more in wanted:
        there = known.get(key)
        accepted = {type_, *_TEXT}
        conflict = None
        if there and there.get("type") not in accepted:
            conflict = say(
                "conflict.organization_field",
                name=key,
                type=there.get("type"),
                needed=" / ".join(sorted(accepted)),
            )
        yield Step(
            name=f"organization_field:{key}",
            title=say("step.organization_field", name=key, type=say(f"field_type.{type_}")),
            found=str(there["id"]) if there else None,
            conflict=conflict,
            make=partial(
                admin.make,
                "organization_field",
                {"key": key, "title": title, "type": type_, "active": True, **more},
            ),
        )


def _ticket_field(admin: ZendeskAdmin, name: str, title: str, fields: list[Json]) -> Step:
    options = OPTIONS.get(name, ())
    same = [one for one in fields if str(one.get("title")).strip() == title]
    there = next((one for one in same if one.get("active", True)), None)
    conflict = _field_conflict(title, there, options)
    if same and there is None:
        conflict = say("conflict.deactivated", name=title)
    body = {
        "type": "tagger" if options else "text",
        "title": title,
        "agent_description": ABOUT_FIELDS[name],
        "visible_in_portal": False,
        "editable_in_portal": False,
        "custom_field_options": [{"name": label, "value": tag} for label, tag in options],
    }
    return Step(
        name=f"ticket_field:{name}",
        title=say(
            "step.ticket_field",
            name=title,
            type=say("field_type.dropdown" if options else "field_type.text"),
        ),
        found=str(there["id"]) if there else None,
        conflict=conflict,
        make=partial(admin.make, "ticket_field", body),
        settle=partial(_with_field, name),
    )


def _field_conflict(
    title: str, there: Json | None, options: tuple[tuple[str, str], ...]
) -> str | None:
    if there is None:
        return None
    wanted = ("tagger",) if options else _TEXT
    if there.get("type") not in wanted:
        return say(
            "conflict.field_type", name=title, type=there.get("type"), needed=" / ".join(wanted)
        )
    values = {str(one.get("value")) for one in there.get("custom_field_options") or ()}
    missing = [tag for _, tag in options if tag not in values]
    if missing:
        return say("conflict.options", name=title, missing=", ".join(missing))
    return None


def _with_field(name: str, connection: Connection, field_id: str) -> Connection:
    known: Any = connection.settings.get("fields") or {}
    return with_settings(connection, fields={**known, name: int(field_id)})
