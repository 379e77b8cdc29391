"""Reads values out of a helpdesk's JSON, which may hold anything anywhere.

Knows no vendor's keys; each `tickets.py` does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

NOTHING: Mapping[str, Any] = {}


def mapping(value: object) -> Mapping[str, Any]:
    """Return an object's members, none where it is no object."""
    return value if isinstance(value, Mapping) else NOTHING


def mappings(value: object) -> list[Mapping[str, Any]]:
    """Return the objects of a list, none where it is no list."""
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
        return []
    return [one for one in value if isinstance(one, Mapping)]


def text(value: object) -> str | None:
    """Return text or a number as text; None for nothing and for anything else.

    What neither a database nor a request can hold is left out (NUL) or becomes `?` (half an emoji).
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return str(value).replace("\0", "").encode("utf-8", "replace").decode() or None


def identifier(value: object) -> str | None:
    """Return an id, given as a number or as text; None for none (also "0", as old events have)."""
    found = text(value) if not isinstance(value, float) else None
    return found if found not in {None, "0"} else None


def identifiers(value: object) -> tuple[str, ...]:
    """Return the ids of a list."""
    listed = value if isinstance(value, list | tuple) else ()
    return tuple(found for found in map(identifier, listed) if found)


def words(value: object) -> frozenset[str]:
    """Return tags, given as a list or as text with spaces."""
    listed = value.split() if isinstance(value, str) else value
    if not isinstance(listed, list | tuple | set | frozenset):
        return frozenset()
    return frozenset(found for found in map(text, listed) if found)


def number(value: object) -> int:
    """Return a whole number, also given as text; 0 for none."""
    try:
        return 0 if isinstance(value, bool) else int(str(value))
    except ValueError:
        return 0


def instant(value: object) -> datetime | None:
    """Return an instant in UTC; without a zone it is UTC. None for what is none."""
    if not isinstance(value, str):
        return None
    try:
        at = datetime.fromisoformat(value)
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
