"""The clock's side of the work: looks at tickets whose instant has come, and the notices' way out.

Asks an index what is due, every quarter of a minute; no job sleeps. What holds at that instant is
decided by the look, from the ticket as it is then.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta

import structlog
from procrastinate import App

from connectors.addresses import AddressError
from connectors.errors import RateLimited, VendorError
from plugin.jobs import UPKEEP
from plugin.metrics import NOTICES
from plugin.notify import note
from plugin.outgoing import OutgoingError
from plugin.pipeline import Services
from plugin.store import circuits
from plugin.store.deadlines import BREACH, Waiting, Way
from sla_rules.decision import State

log = structlog.get_logger()

EVERY = "* * * * * */15"  # six fields, seconds last
GIVE_UP_AFTER = timedelta(hours=24)
FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = timedelta(hours=1)
_LEASE = timedelta(seconds=30)  # longer than any one sending takes
_AT_MOST = 20.0  # seconds of one job, so that a dead receiver holds up nothing else
_WAITS = {State.OPEN.value, State.BEST_EFFORT.value}


def add_tasks(app: App, services: Services) -> None:
    """Give the job engine its periodic tasks; with several workers each runs once a tick."""

    @app.periodic(cron=EVERY)
    @app.task(name="look_at_deadlines", queue=UPKEEP, queueing_lock="look_at_deadlines")
    def look_at_deadlines(timestamp: int) -> None:
        del timestamp
        found = services.store.deadlines.enqueue_due(services.clock())
        planned = services.store.deadlines.enqueue_planned(services.clock())
        if found or planned:
            log.info("deadlines reached", tickets=found, planned=planned)

    @app.periodic(cron=EVERY)
    @app.task(name="send_notices", queue=UPKEEP, queueing_lock="send_notices", lock="send_notices")
    def send(timestamp: int) -> None:
        del timestamp
        send_notices(services)


def send_notices(services: Services) -> int:
    """Send the notices that are due and return how many arrived. Any number of workers may."""
    until = time.monotonic() + _AT_MOST
    sent = 0
    ways: tuple[Way, ...] = ("webhook", "note")
    for way in ways:
        while time.monotonic() < until:
            now = services.clock()
            notice = services.store.deadlines.next_notice(way, now, lease=_LEASE)
            if notice is None:
                break
            result = _send(services, way, notice, now)
            NOTICES.labels(way, result).inc()
            sent += result == "sent"
    return sent


def _send(services: Services, way: Way, notice: Waiting, now: datetime) -> str:
    store = services.store.deadlines
    is_warning = notice.level != BREACH
    if is_warning and (notice.state not in _WAITS or notice.due_at <= now):
        store.settle(notice.id, way)
        return "moot"
    if way == "webhook" and services.notifier is None:
        store.settle(notice.id, way)
        return "nobody"
    if way == "note" and _rests(services, notice.connection):
        again = None if now - notice.told_at > GIVE_UP_AFTER else now + FIRST_WAIT
        store.put_off(notice.id, way, again)
        return "put_off" if again else "failed"
    try:
        if way == "webhook" and services.notifier:
            services.notifier.send(notice, now)
        else:
            _write_note(services, notice)
    except (OutgoingError, AddressError, VendorError) as error:
        again = _again(way, notice, error, now)
        store.put_off(notice.id, way, again)
        log.warning(
            "notice not sent",
            connection=notice.connection,
            ticket=notice.ticket_id,
            level=notice.level,
            way=way,
            error=str(error),
            again_at=again.isoformat() if again else None,
        )
        return "put_off" if again else "failed"
    store.settle(notice.id, way)
    log.info(
        "notice sent", connection=notice.connection, ticket=notice.ticket_id, level=notice.level
    )
    return "sent"


def _rests(services: Services, key: str) -> bool:
    """Say whether the account is broken or paused: its notes wait, and hold up nobody's."""
    circuit = services.store.circuits.of(key)
    return circuit is not None and circuit.state is not circuits.State.WORKING


def _write_note(services: Services, notice: Waiting) -> None:
    connection = services.store.connections.get(notice.connection)
    if connection is not None:
        services.connector(connection).add_note(notice.ticket_id, note(notice))


def _again(way: Way, notice: Waiting, error: Exception, now: datetime) -> datetime | None:
    """When to try again. A note only where it surely was not written: it must not come twice."""
    if now - notice.told_at > GIVE_UP_AFTER:
        return None
    if way == "note":
        if not isinstance(error, RateLimited):
            return None
        return now + timedelta(seconds=error.retry_after or 60)
    if isinstance(error, AddressError):
        return None
    return now + min(LONGEST_WAIT, FIRST_WAIT * (1 << min(notice.attempts, 12)))
