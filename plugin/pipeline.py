"""The way of an event, top to bottom: bytes -> Delivery -> TicketEvent, then a look at its ticket.

Knows no web framework, no database driver and no vendor; `bootstrap.py` hands them in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum

import structlog

from connectors.base import Connection, Connector, Delivery, Knock, OrganizationEvent, Vendor
from connectors.bulk import Bulk
from connectors.errors import (
    Conflict,
    ConnectorError,
    TicketGone,
    VendorError,
    VerificationError,
)
from connectors.sentences import to_stored
from connectors.setup import Setup, Wishes
from connectors.time_limit import time_limit
from plugin.metrics import CALLS_PER_LOOK, JUDGED, LOOKS, VENDOR_CALLS, VENDOR_ERRORS
from plugin.notify import Notifier, notices_for
from plugin.setbacks import describe, take_setback
from plugin.store import AuditEntry, Store, StoreUnavailable
from plugin.store.circuits import Admission
from plugin.store.connections import DOUBTED_AFTER
from plugin.store.dead_letters import SetAside
from sla_rules.decision import Decision, instant
from sla_rules.engine import decide
from sla_rules.memory import Memory, as_left, confirmed, remember, sending
from sla_rules.patch import patch_for
from sla_rules.policy import Policy
from sla_rules.policy_history import PolicyHistory
from sla_rules.ticket import Ticket, TicketPatch, Traits, Written

log = structlog.get_logger()

LOOKS_AFTER_CONFLICT = 3
LONGEST_LOOK = 45.0  # seconds that a look may use the vendor's API


class Receipt(StrEnum):
    """What became of a verified delivery."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    IGNORED = "ignored"


class Outcome(StrEnum):
    """What became of a look at a ticket."""

    APPLIED = "applied"
    NO_CHANGE = "no_change"
    SKIPPED = "skipped"
    FAILED = "failed"


class UnknownConnection(Exception):
    """No account has this key, or it is another vendor's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What the pipeline works with.

    `connector` and `bulk` return this thread's own for an account, `setup` its administration;
    `policies` the versions as they are now. `sweep_minutes` lie between two sweeps of an account.
    """

    store: Store
    vendors: Mapping[str, Vendor]
    connector: Callable[[Connection], Connector]
    bulk: Callable[[Connection], Bulk]
    setup: Callable[[Connection, Wishes], Setup]
    policies: Callable[[], PolicyHistory]
    clock: Callable[[], datetime]
    notifier: Notifier | None = None
    sweep_minutes: float = 5

    def policies_for(self, connection: Connection) -> PolicyHistory:
        """Return the versions with what the admin answered for this account."""
        return adapted_to(self.policies(), connection.settings)


def adapted_to(policies: PolicyHistory, settings: Mapping[str, object]) -> PolicyHistory:
    """Return the versions as an account's settings want them. Raises `PolicyError`."""
    zone, channels = (settings.get(name) for name in ("time_zone", "counted_channels"))
    return policies.adapted(
        time_zone=str(zone) if zone else None,
        counted_channels=map(str, channels) if isinstance(channels, list) else None,
    )


def receive(
    services: Services, vendor_name: str, key: str, headers: Mapping[str, str], body: bytes
) -> Receipt:
    """Verify a delivery, keep it together with its job, and say so.

    Raises `UnknownConnection`, `VerificationError`, `PayloadError` or `StoreUnavailable`; then
    nothing is kept.
    """
    vendor = services.vendors.get(vendor_name)
    connection = services.store.connections.known(key) if vendor else None
    if vendor is None or connection is None or connection.vendor != vendor_name:
        raise UnknownConnection(f"there is no {vendor_name} connection {key!r}")
    delivery = _verified(services, vendor, connection, headers, body)
    event = vendor.parse(delivery)
    if isinstance(event, Knock):
        services.store.connections.note_knock(key, event.nonce, services.clock())
        return Receipt.IGNORED
    if event is None:
        services.store.inbox.note_ignored(delivery)
        return Receipt.IGNORED
    if isinstance(event, OrganizationEvent):
        queued = services.store.organizations.accept(delivery, event)
        log.info("organization", connection=key, event_name=event.name, tickets=queued)
        return Receipt.DUPLICATE if queued is None else Receipt.ACCEPTED
    fresh = services.store.inbox.accept(delivery, event)
    log.info("delivery", connection=key, ticket=event.ticket_id, event_name=event.name, fresh=fresh)
    return Receipt.ACCEPTED if fresh else Receipt.DUPLICATE


def _verified(
    services: Services,
    vendor: Vendor,
    connection: Connection,
    headers: Mapping[str, str],
    body: bytes,
) -> Delivery:
    """Verify, once more where the secret may have been changed a moment ago."""
    try:
        return vendor.verify(headers, body, connection, services.clock())
    except VerificationError:
        fresh = services.store.connections.known(connection.key, within=DOUBTED_AFTER)
        if fresh is None or fresh.webhook_secrets == connection.webhook_secrets:
            raise
        return vendor.verify(headers, body, fresh, services.clock())


def look_at_ticket(
    services: Services, key: str, ticket_id: str, attempt: int = 0, *, bulk: bool = False
) -> Outcome:
    """Read a ticket as it is now, decide, write the difference, keep what was done.

    A look that fails, for whatever reason, is queued again (in the lane of `bulk` work where it
    came from there), set aside or waits for its account (`setbacks.py`). Raises `StoreUnavailable`;
    then the caller keeps the event.
    """
    connection = services.store.connections.get(key)
    if connection is None:
        return Outcome.SKIPPED
    admission = services.store.circuits.admit(key, ticket_id)
    if admission is Admission.WAITS:
        log.info("look waits for its account", connection=key, ticket=ticket_id)
        return Outcome.SKIPPED
    calls_before = 0
    connector: Connector | None = None
    outcome = Outcome.FAILED
    try:
        with time_limit(LONGEST_LOOK):
            connector = services.connector(connection)
            calls_before = connector.calls
            outcome = _look_until_settled(services, connection, connector, ticket_id)
    except StoreUnavailable:
        raise
    except Exception as error:  # noqa: BLE001  (a bug may cost a look, never an event)
        if isinstance(error, VendorError):
            VENDOR_ERRORS.labels(connection.vendor, type(error).__name__).inc()
        calls = connector.calls - calls_before if connector else 0
        outcome = _failed(
            services, key, ticket_id, error, attempt, admission, bulk=bulk, calls=calls
        )
        return outcome
    finally:
        if connector is not None:
            calls = connector.calls - calls_before
            VENDOR_CALLS.labels(connection.vendor).inc(calls)
            CALLS_PER_LOOK.labels(connection.vendor, outcome.value).observe(calls)
    if admission is not Admission.WORKING and services.store.circuits.note_answer(key):
        log.info("account is back", connection=key)
    services.store.dead_letters.resolve(key, ticket_id)
    return outcome


def _look_until_settled(
    services: Services, connection: Connection, connector: Connector, ticket_id: str
) -> Outcome:
    for _ in range(LOOKS_AFTER_CONFLICT - 1):
        try:
            return _look(services, connection, connector, ticket_id)
        except Conflict:
            continue
    return _look(services, connection, connector, ticket_id)


def _look(
    services: Services, connection: Connection, connector: Connector, ticket_id: str
) -> Outcome:
    key = connection.key
    calls_before = connector.calls
    memory = services.store.tickets.memory(key, ticket_id)
    now, policies = services.clock(), services.policies_for(connection)
    seen = as_left(memory, policies.governing(memory.starts_at, now), now)
    read = connector.fetch_changed(ticket_id, seen)
    if read is None:
        return _unchanged(services, key, connector, ticket_id, calls_before)
    ticket = _with_merged_start(services, key, read)
    view = consider(services, connection, ticket, memory, connector.traits)
    written = None
    if view.patch:
        services.store.tickets.note_sending(key, {ticket_id: sending(view.memory, view.patch)})
        written = connector.apply(ticket, view.patch)
    calls = connector.calls - calls_before
    return keep(services, key, view, written, connector.ticket_url(ticket_id), calls=calls)


@dataclass(frozen=True, slots=True)
class View:
    """A ticket as it was read and remembered, what should hold on it, and what makes it so."""

    ticket: Ticket
    memory: Memory
    policy: Policy
    at: datetime
    decision: Decision
    patch: TicketPatch


def consider(
    services: Services, connection: Connection, ticket: Ticket, memory: Memory, traits: Traits
) -> View:
    """Decide what should hold on a ticket and what to write; writes nothing."""
    now, policies = services.clock(), services.policies_for(connection)
    policy = policies.for_ticket(ticket, memory, now)
    memory = confirmed(memory, ticket, policy)
    decision = decide(ticket, policy, now, memory, traits)
    if moves_at := decision.is_open and policies.next_move(now):
        soonest = min(moves_at, decision.next_look_at or moves_at)
        decision = replace(decision, next_look_at=soonest)
    patch = patch_for(ticket, decision, memory, traits, now)
    return View(ticket, memory, policy, now, decision, patch)


def keep(
    services: Services, key: str, view: View, written: Written | None, url: str, *, calls: int
) -> Outcome:
    """Record what a look did: memory, decision, register and audit entry, all or none."""
    ticket, decision, patch = view.ticket, view.decision, view.patch
    outcome = Outcome.APPLIED if written and written.values else Outcome.NO_CHANGE
    entry = AuditEntry(
        connection=key,
        ticket_id=ticket.id,
        at=services.clock(),
        outcome=outcome,
        decision=decision.to_stored(),
        patch=_shown(patch, written),
        calls=calls,
    )
    if ticket.organization and ticket.organization.id:
        services.store.organizations.spread_tier(
            key, ticket.id, ticket.organization.id, decision.tier
        )
    notices = notices_for(ticket, decision, view.memory, view.policy, view.at, url)
    after = services.store.tickets.record(
        ticket,
        decision,
        lambda memory: remember(
            confirmed(memory, ticket, view.policy), ticket, decision, patch, written
        ),
        entry,
        url,
        notices,
        version=(written.stamp if written else None) or ticket.stamp,
    )
    if after.judged and view.memory.judged is None:
        JUDGED.labels(after.judged.state.value).inc()
    LOOKS.labels(outcome.value).inc()
    if written and written.look_again_after:
        wait = written.look_again_after.total_seconds()
        services.store.inbox.look_again(key, ticket.id, attempt=1, wait=wait)
    log.info("look", connection=key, ticket=ticket.id, outcome=outcome, calls=calls)
    return outcome


def _unchanged(
    services: Services, key: str, connector: Connector, ticket_id: str, calls_before: int
) -> Outcome:
    """The ticket is as we left it: our own echo, or a change that no decision reads."""
    calls = connector.calls - calls_before
    services.store.tickets.record_unchanged(
        AuditEntry(
            connection=key,
            ticket_id=ticket_id,
            at=services.clock(),
            outcome=Outcome.NO_CHANGE,
            calls=calls,
        )
    )
    LOOKS.labels(Outcome.NO_CHANGE.value).inc()
    log.info("look", connection=key, ticket=ticket_id, outcome=Outcome.NO_CHANGE, calls=calls)
    return Outcome.NO_CHANGE


def _with_merged_start(services: Services, key: str, ticket: Ticket) -> Ticket:
    """Give a ticket the earliest start known of those that were merged into it."""
    if not ticket.merged_from:
        return ticket
    earliest = services.store.tickets.earliest_start(key, ticket.merged_from)
    return replace(ticket, merged_starts_at=earliest)


def _failed(
    services: Services,
    key: str,
    ticket_id: str,
    error: Exception,
    attempt: int,
    admission: Admission,
    *,
    bulk: bool,
    calls: int,
) -> Outcome:
    setback = take_setback(
        services.store, key, ticket_id, error, attempt=attempt, admission=admission, bulk=bulk
    )
    outcome = Outcome.SKIPPED if setback.reason is SetAside.GONE else Outcome.FAILED
    is_known = isinstance(error, ConnectorError)
    said = f"{type(error).__name__}: {error}" if is_known else describe(error)
    entry = AuditEntry(
        connection=key,
        ticket_id=ticket_id,
        at=services.clock(),
        outcome=outcome,
        calls=calls,
        error=said,
    )
    if isinstance(error, TicketGone):
        services.store.tickets.record_gone(entry)
    else:
        services.store.tickets.record_failure(entry)
    if setback.reason is SetAside.GONE:
        services.store.deadlines.forget(key, ticket_id)
    LOOKS.labels(outcome.value).inc()
    log.warning(
        "look failed",
        connection=key,
        ticket=ticket_id,
        error=said,
        set_aside=setback.reason,
        again_in=setback.again_in,
        waits=setback.waits,
    )
    return outcome


def _shown(patch: TicketPatch, written: Written | None) -> dict[str, object]:
    """The fields that the vendor took, as plain JSON."""
    if written is None:
        return {}
    taken = {name: value for name, value in patch.changes().items() if name in written.values}
    return plain(taken) | ({"notes": list(map(to_stored, written.notes))} if written.notes else {})


def plain(values: Mapping[str, object]) -> dict[str, object]:
    """Return a patch's values as plain JSON."""
    return {name: _plain(value) for name, value in values.items()}


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return instant(value)
    return sorted(value) if isinstance(value, frozenset) else value


def utc_now() -> datetime:
    """The service's clock."""
    return datetime.now(UTC)
