"""What a Zendesk webhook means: event-subscription payloads and trigger payloads.

Reads only which ticket it is about; everything else is fetched.
"""
# https://developer.zendesk.com/api-reference/webhooks/event-types/ticket-events  (read 2026-11)

from __future__ import annotations

from connectors.base import Delivery, Knock, OrganizationEvent, TicketEvent
from connectors.errors import PayloadError
from connectors.json_values import instant
from connectors.payloads import dedupe_key, named_ticket, read_payload, shown, ticket_number

KNOCK = "regiondo_sla_test"  # the key that `connect` puts into a test request of its own words
_TICKET_TYPE = "zen:event-type:ticket."
_ORGANIZATION_TYPE = "zen:event-type:organization."


def parse(delivery: Delivery) -> TicketEvent | OrganizationEvent | Knock | None:
    """Return the event; None for events that concern no ticket and no organisation.

    Raises `PayloadError`.

    Ids come as text or number, times with 0 to 9 digits of a second's fraction.
    """
    payload = read_payload(delivery.body)
    named = named_ticket(payload)
    if named:  # a trigger's body; what else stands in it may be a partner's words
        return TicketEvent(ticket_id=named, name="trigger")
    kind = payload.get("type")
    if isinstance(kind, str) and kind.startswith("zen:event-type:"):
        detail = payload.get("detail")
        found = detail.get("id") if isinstance(detail, dict) else None
        if kind.startswith(_ORGANIZATION_TYPE):
            return OrganizationEvent(
                organization_id=ticket_number(found, "detail.id", "an organisation"),
                name=shown(kind.removeprefix(_ORGANIZATION_TYPE)),
                dedupe_keys=dedupe_key("event", payload.get("id")),
            )
        if not kind.startswith(_TICKET_TYPE):
            return None
        return TicketEvent(
            ticket_id=ticket_number(found, "detail.id", "a ticket"),
            name=shown(kind.removeprefix(_TICKET_TYPE)),
            dedupe_keys=dedupe_key("event", payload.get("id")),
            occurred_at=instant(payload.get("time")),
        )
    if isinstance(payload.get(KNOCK), str):
        return Knock(nonce=shown(payload[KNOCK]))
    raise PayloadError("the body names no ticket: neither a ticket event nor ticket_id")
