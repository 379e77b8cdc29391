"""What a Freshdesk webhook means: which ticket to look at.

The rest of the body is what an admin typed; it is not read.
"""

from __future__ import annotations

import json
import re

from connectors.base import Delivery, TicketEvent
from connectors.errors import PayloadError


def parse(delivery: Delivery) -> TicketEvent | None:
    """Return the event. Raises `PayloadError`.

    Freshdesk names no delivery, so nothing is dropped as a duplicate; a second look is harmless.
    """
    try:
        payload = json.loads(delivery.body)
    except (ValueError, RecursionError):
        raise PayloadError("the body is not JSON") from None
    if isinstance(payload, dict) and isinstance(payload.get("freshdesk_webhook"), dict):
        payload = payload["freshdesk_webhook"]
    found = payload.get("ticket_id") if isinstance(payload, dict) else None
    text = str(found) if isinstance(found, int | str) and not isinstance(found, bool) else ""
    if not re.fullmatch(r"[1-9][0-9]{0,18}", text):
        raise PayloadError("ticket_id is missing or not a ticket's number")
    return TicketEvent(ticket_id=text, name="rule")
