"""What a Freshdesk webhook means: which ticket to look at.

The rest of the body is what an admin typed; it is not read.
"""

from __future__ import annotations

from collections.abc import Mapping

from connectors.base import Delivery, TicketEvent
from connectors.errors import PayloadError
from connectors.payloads import named_ticket, read_payload


def parse(delivery: Delivery) -> TicketEvent | None:
    """Return the event. Raises `PayloadError`.

    Freshdesk names no delivery, so nothing is dropped as a duplicate; a second look is harmless.
    """
    payload = read_payload(delivery.body)
    simple = payload.get("freshdesk_webhook")  # what its rules send where no body is written
    named = named_ticket(payload)
    if named is None and isinstance(simple, Mapping):
        named = named_ticket(simple)
    if named is None:
        raise PayloadError("the body names no ticket: ticket_id is missing")
    return TicketEvent(ticket_id=named, name="rule")
