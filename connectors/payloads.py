"""Reads which ticket a webhook's body names, whatever an admin wrote into it or text broke in it.

Where an admin's body asks for a ticket's own words they may come unescaped: a quotation mark in a
subject then ends the JSON. Events of the vendors' own shapes are in their folders.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from connectors.errors import PayloadError

_NUMBER = re.compile(r"(?:#|[A-Za-z]{1,10}-)?([1-9][0-9]{0,18})")
_NAMED = re.compile(rb'"ticket_id"\s*:\s*("?)((?:#|[A-Za-z]{1,10}-)?[1-9][0-9]{0,18})\1\s*[,}\r\n]')


def read_payload(body: bytes) -> Mapping[str, Any]:
    """Return the body's object; of broken JSON no more than the `ticket_id` that it names first.

    Raises `PayloadError` where it is no object and names no ticket.
    """
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError):
        named = _NAMED.search(body)
        if named is None:
            raise PayloadError("the body is not JSON") from None
        return {"ticket_id": named[2].decode()}
    if not isinstance(payload, Mapping):
        raise PayloadError("the body is not a JSON object")
    return payload


def named_ticket(payload: Mapping[str, Any]) -> str | None:
    """Return the number under `ticket_id` or `ticket.id`, also of `INC-12` or `#12`; None for none.

    Raises `PayloadError` where something else stands there.
    """
    if "ticket_id" in payload:
        return ticket_number(payload["ticket_id"], "ticket_id")
    ticket = payload.get("ticket")
    if isinstance(ticket, Mapping) and "id" in ticket:
        return ticket_number(ticket["id"], "ticket.id")
    return None


def ticket_number(found: Any, where: str, whose: str = "a ticket") -> str:
    """Return a ticket's (or another's) number as text. Raises `PayloadError` naming `where`."""
    text = str(found) if isinstance(found, int | str) and not isinstance(found, bool) else ""
    number = _NUMBER.fullmatch(text.strip())
    if number is None:
        raise PayloadError(f"{where} is not {whose}'s number")
    return number[1]
