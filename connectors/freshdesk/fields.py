"""The fields that Freshdesk needs: those that agents see on a ticket, and the partner's package.

A field of the right name and type that is there already is used as it is. Labels are the account's
to translate; a field is known by its name, and by its label where a person made it.
"""
# https://developers.freshdesk.com/api/#create_ticket_field
# https://developers.freshdesk.com/api/#create_company_field  (read 2026-11)

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import partial

from connectors.api import Json
from connectors.base import Connection
from connectors.sentences import say
from connectors.setup import CONTACT_TITLE, TIER_TITLE, Step, Wishes, with_settings

from .admin import FreshdeskAdmin

OPTIONS: Mapping[str, tuple[str, ...]] = {
    "kind": ("Error", "Question", "Feature request"),
    "environment": ("Production", "Test"),
    "impact": ("Blocking", "Degraded", "Minor", "None"),
}
_TEXT = ("custom_text", "custom_paragraph")


def ticket_fields(admin: FreshdeskAdmin, wishes: Wishes) -> list[Step]:
    """Return the steps for the fields that agents see."""
    fields = admin.ticket_fields()
    return [_ticket_field(admin, name, title, fields) for name, title in wishes.titles.items()]


def company_fields(admin: FreshdeskAdmin, connection: Connection, wishes: Wishes) -> Iterator[Step]:
    """Yield the steps for package and named contact."""
    known = admin.company_fields()
    settings = connection.settings
    tiers = tuple(value for value, _ in wishes.tiers)
    wanted = (
        ("tier_field", "sla_tier", TIER_TITLE, "custom_dropdown", tiers),
        ("named_contact_field", "sla_named_contact", CONTACT_TITLE, "custom_text", ()),
    )
    for setting, default, title, kind, choices in wanted:
        name = str(settings.get(setting) or default)
        there = next((f for f in known if name == f.get("name") or title == _label(f)), None)
        accepted = (kind, *(one for one in _TEXT if one != kind))
        body: Json = {"label": title, "type": kind}
        if choices:
            body["choices"] = _choices(choices)
        yield Step(
            name=f"company_field:{name}",
            title=say(
                "step.company_field",
                name=title,
                type=say("field_type.dropdown" if choices else "field_type.text"),
            ),
            found=str(there["id"]) if there else None,
            conflict=_field_conflict(title, there, accepted, ()),
            make=partial(admin.make, "company_field", body),
            settle=partial(_with_company_field, admin, setting),
        )


def _ticket_field(admin: FreshdeskAdmin, name: str, title: str, fields: list[Json]) -> Step:
    choices = OPTIONS.get(name, ())
    by_name = [one for one in fields if one.get("name") == _name_of(title)]
    by_label = [one for one in fields if _label(one) == title]
    there = next(iter((*by_name, *by_label)), None)
    kind = "custom_dropdown" if choices else "custom_text"
    body: Json = {
        "label": title,
        "label_for_customers": title,
        "type": kind,
        "customers_can_edit": False,
        "displayed_to_customers": False,
    }
    if choices:
        body["choices"] = _choices(choices)
    return Step(
        name=f"ticket_field:{name}",
        title=say(
            "step.ticket_field",
            name=title,
            type=say("field_type.dropdown" if choices else "field_type.text"),
        ),
        found=str(there["id"]) if there else None,
        conflict=_field_conflict(title, there, (kind,) if choices else _TEXT, choices),
        make=partial(admin.make, "ticket_field", body),
        settle=partial(_with_ticket_field, admin, name),
    )


def _field_conflict(
    title: str, there: Json | None, accepted: tuple[str, ...], choices: tuple[str, ...]
) -> str | None:
    if there is None:
        return None
    if there.get("type") not in accepted:
        return say(
            "conflict.field_type", name=title, type=there.get("type"), needed=" / ".join(accepted)
        )
    if there.get("archived"):
        return say("conflict.archived", name=title)
    given = there.get("choices") or []
    values = {str(one.get("value") if isinstance(one, dict) else one) for one in given}
    missing = [choice for choice in choices if choice not in values]
    if missing:
        return say("conflict.choices", name=title, missing=", ".join(missing))
    return None


def _with_ticket_field(
    admin: FreshdeskAdmin, name: str, connection: Connection, field_id: str
) -> Connection:
    named = {str(one.get("id")): str(one.get("name")) for one in admin.ticket_fields()}
    return with_settings(connection, **{f"{name}_field": named[field_id]})


def _with_company_field(
    admin: FreshdeskAdmin, setting: str, connection: Connection, field_id: str
) -> Connection:
    named = {str(one.get("id")): str(one.get("name")) for one in admin.company_fields()}
    return with_settings(connection, **{setting: named[field_id]})


def _name_of(title: str) -> str:
    """The name that Freshdesk gives a field made under a title; it stays when the label changes."""
    return "cf_" + re.sub(r"\W+", "_", title.strip().lower())


def _label(field: Json) -> str:
    return str(field.get("label") or "").strip()


def _choices(values: Iterable[str]) -> list[Json]:
    return [{"value": value, "position": n} for n, value in enumerate(values, start=1)]
