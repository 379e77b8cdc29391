"""Reads which ticket a webhook's body names, whatever an admin wrote into it or text broke in it.

Where an admin's body asks for a ticket's own words they may come unescaped: a quotation mark in a
subject then ends the JSON, or the subject adds to it. A body that so names two tickets names none.
Events of the vendors' own shapes are in their folders.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from connectors.errors import PayloadError

_KEY = re.compile(r"[!-~]{1,200}")
_NUMBER = re.compile(r"(?:#|[A-Za-z]{1,10}-)?([1-9][0-9]{0,18})")
_NAMED = re.compile(rb'"ticket_id"\s*:\s*("?)((?:#|[A-Za-z]{1,10}-)?[1-9][0-9]{0,18})\1\s*[,}\r\n]')
_OTHERWISE = re.compile(rb'"ticket"\s*:')
_NAMING = {"ticket_id", "ticket", "id", "freshdesk_webhook"}


def read_payload(body: bytes) -> Mapping[str, Any]:
    """Return the body's object; of broken JSON no more than the one `ticket_id` that it names.

    Raises `PayloadError` where it is no object, or where two tickets may be meant.
    """
    try:
        payload = json.loads(body, object_pairs_hook=_object)
    except (ValueError, RecursionError):
        return {"ticket_id": _named_in(body)}
    if not isinstance(payload, Mapping):
        raise PayloadError("the body is not a JSON object")
    return payload


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    for key, value in pairs:
        if key in _NAMING and found[key] != value:
            raise PayloadError(f"the body gives {key} twice")
    return found


def _named_in(broken: bytes) -> str:
    named: list[str] = [number.decode() for _, number in _NAMED.findall(broken)]
    if not named:
        raise PayloadError("the body is not JSON")
    others = broken.count(b'"ticket_id"') > len(named) or _OTHERWISE.search(broken)
    if others or len({ticket_number(one, "ticket_id") for one in named}) > 1:
        raise PayloadError("the body is not JSON, and may mean several tickets")
    return named[0]


def named_ticket(payload: Mapping[str, Any]) -> str | None:
    """Return the number under `ticket_id` or `ticket.id`, also of `INC-12` or `#12`; None for none.

    Raises `PayloadError` where something else stands there, or two numbers.
    """
    named = []
    if "ticket_id" in payload:
        named.append(ticket_number(payload["ticket_id"], "ticket_id"))
    ticket = payload.get("ticket")
    if isinstance(ticket, Mapping) and "id" in ticket:
        named.append(ticket_number(ticket["id"], "ticket.id"))
    if len(set(named)) > 1:
        raise PayloadError("ticket_id and ticket.id name two tickets")
    return named[0] if named else None


def ticket_number(found: Any, where: str, whose: str = "a ticket") -> str:
    """Return a ticket's (or another's) number as text. Raises `PayloadError` naming `where`."""
    text = str(found) if isinstance(found, int | str) and not isinstance(found, bool) else ""
    number = _NUMBER.fullmatch(text.strip())
    if number is None:
        raise PayloadError(f"{where} is not {whose}'s number")
    return number[1]


def dedupe_key(kind: str, value: Any) -> tuple[str, ...]:
    """Return the key by which a delivery is known again, none for what no vendor calls one."""
    return (f"{kind}:{value}",) if isinstance(value, str) and _KEY.fullmatch(value) else ()


def shown(text: str) -> str:
    """Return a text without what no database keeps (NUL, half a character), 80 characters."""
    return "".join(filter(str.isprintable, text))[:80]
