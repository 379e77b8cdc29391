"""Reads a ticket from the plain JSON form that `regiondo-sla evaluate` takes.

Vendors' own JSON is read in their folders.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar

from .ticket import (
    Channel,
    Environment,
    Impact,
    Kind,
    Organization,
    Priority,
    Status,
    Ticket,
)

Choice = TypeVar("Choice", bound=StrEnum)


class TicketError(ValueError):
    """A ticket's JSON is not of the form; the message names the key and what was expected."""


def ticket_from_json(raw: object) -> Ticket:
    """Return the ticket. Missing keys are null, unknown keys are passed over.

    Instants are ISO 8601 with an offset or `Z`. Raises `TicketError`.
    """
    if not isinstance(raw, dict):
        raise TicketError("expected a JSON object")
    number = _identifier(raw)
    created_at = _instant(raw, "created_at")
    if created_at is None:
        raise TicketError("created_at: expected an instant such as 2026-11-23T08:00:00Z")
    return Ticket(
        id=number or "",
        subject=_text(raw, "subject") or "",
        body=_text(raw, "body") or "",
        channel=_choice(raw, "channel", Channel),
        created_at=created_at,
        status=_status(raw),
        priority=_choice(raw, "priority", Priority),
        type=_text(raw, "type"),
        tags=_tags(raw),
        language=_text(raw, "language"),
        brand=_text(raw, "brand"),
        organization=_organization(raw),
        first_response_at=_instant(raw, "first_response_at"),
        due_at=_instant(raw, "due_at"),
        environment=_environment(raw),
        kind=_choice(raw, "kind", Kind),
        impact=_choice(raw, "impact", Impact),
    )


def message_from_json(raw: object) -> tuple[str, str, str | None]:
    """Return subject, body and language of what `classify` takes. Missing keys are null.

    Raises `TicketError`.
    """
    if not isinstance(raw, dict):
        raise TicketError("expected a JSON object")
    _identifier(raw)
    return _text(raw, "subject") or "", _text(raw, "body") or "", _text(raw, "lang") or None


def instant_from_text(text: str) -> datetime:
    """Return the instant that ISO 8601 text with an offset or `Z` names. Raises `ValueError`."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        try:
            at = datetime.fromisoformat(text.strip().upper())
        except ValueError:
            raise ValueError(
                f"expected an ISO 8601 instant such as 2026-11-23T08:00:00Z, got {_brief(text)}"
            ) from None
    if at.tzinfo is None:
        raise ValueError(f"the instant {text} has no offset; add Z for UTC")
    try:
        return at.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"the instant {text} lies outside the years 1 to 9999") from None


_STATUSES = {  # as the helpdesks' own screens name them
    "resolved": Status.SOLVED,
    "on-hold": Status.HOLD,
    "on_hold": Status.HOLD,
    "on hold": Status.HOLD,
    "waiting on customer": Status.PENDING,
    "waiting on third party": Status.HOLD,
}


def _status(raw: Mapping[str, Any]) -> Status:
    named = raw.get("status")
    alias = _STATUSES.get(named.strip().lower()) if isinstance(named, str) else None
    return alias or _choice(raw, "status", Status) or Status.OPEN


def _environment(raw: Mapping[str, Any]) -> Environment | None:
    environment = _choice(raw, "environment", Environment)
    return None if environment is Environment.UNKNOWN else environment


def _organization(raw: Mapping[str, Any]) -> Organization | None:
    found = raw.get("organization")
    if found is None:
        return None
    if not isinstance(found, dict):
        raise TicketError("organization: expected an object with name, tier and named_contact")
    return Organization(
        id=_identifier(found, "organization."),
        name=_text(found, "name", "organization."),
        tier=_text(found, "tier", "organization."),
        named_contact=_text(found, "named_contact", "organization."),
    )


def _identifier(raw: Mapping[str, Any], above: str = "") -> str | None:
    value = raw.get("id")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise TicketError(f"{above}id: expected a text or a number, got {_brief(value)}")
    if isinstance(value, float) and not math.isfinite(value):
        raise TicketError(f"{above}id: the number is too large")
    return str(value)


def _text(raw: Mapping[str, Any], key: str, above: str = "") -> str | None:
    value = raw.get(key)
    if value is None or isinstance(value, str):
        return value
    raise TicketError(f"{above}{key}: expected a text, got {_brief(value)}")


def _tags(raw: Mapping[str, Any]) -> frozenset[str]:
    value = raw.get("tags")
    if value is None:
        return frozenset()
    if isinstance(value, list) and all(isinstance(tag, str) for tag in value):
        return frozenset(value)
    raise TicketError(f"tags: expected a list of texts, got {_brief(value)}")


def _choice(raw: Mapping[str, Any], key: str, choices: type[Choice]) -> Choice | None:
    value = raw.get(key)
    if value is None or value == "":
        return None
    try:
        return choices(str(value).strip().lower())
    except ValueError:
        expected = ", ".join(choices)
        raise TicketError(f"{key}: expected one of {expected}, got {_brief(value)}") from None


def _instant(raw: Mapping[str, Any], key: str) -> datetime | None:
    value = raw.get(key)
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise TicketError(f"{key}: expected an ISO 8601 instant, got {_brief(value)}")
    try:
        return instant_from_text(value)
    except ValueError as error:
        raise TicketError(f"{key}: {error}") from error


def _brief(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= 40 else shown[:37] + "..."
