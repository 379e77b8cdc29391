"""Sweeps each account for what no webhook told, and queues a look at it below live work.

What a look does is in `pipeline.py`; how far each sweep came is in `store/sweeps.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from connectors.base import Connection
from connectors.bulk import Bulk, Changes
from connectors.errors import RateLimited, Rejected, VendorError
from plugin.metrics import SWEPT
from plugin.pacing import BULK_PATIENCE, SWEEP_PATIENCE, bulk_work
from plugin.pipeline import Services
from plugin.secrets import SecretsError

log = structlog.get_logger()

MARGIN = timedelta(minutes=2)  # clocks differ
MOST_PAGES = 50  # of one sweep; the next goes on from there


class AlreadySweeping(Exception):
    """Another process sweeps this account right now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """What a sweep saw. `error` says why it stopped early; its cursor stays where it was then."""

    changed: int = 0
    queued: int = 0
    error: str | None = None


def sweep_all(services: Services) -> None:
    """Sweep every account that is due; what is wrong with one stops none of the others."""
    store = services.store
    for key in store.sweeps.due(timedelta(minutes=services.sweep_minutes)):
        try:
            connection = store.connections.get(key)
            if connection is not None:
                sweep(services, connection, patience=SWEEP_PATIENCE)
        except AlreadySweeping:
            continue
        except SecretsError as error:
            log.warning("sweep failed", connection=key, error=str(error))
    store.budgets.prune()


def sweep(
    services: Services,
    connection: Connection,
    since: datetime | None = None,
    *,
    patience: float = BULK_PATIENCE,
) -> Swept:
    """Queue looks at what changed since the last sweep, or `since` an instant.

    The first sweep begins when the account was connected. `patience` is how many seconds a request
    may wait for the account's budget. Raises `AlreadySweeping` and `StoreUnavailable`.
    """
    sweeps, key = services.store.sweeps, connection.key
    if not sweeps.begin(key):
        raise AlreadySweeping(f"another process sweeps {key} right now")
    done = Swept()
    error: str | None = "stopped"
    try:
        with bulk_work(patience):
            bulk = services.bulk(connection)
            cursor = _begin(services, bulk, key, since)
            for _ in range(MOST_PAGES):
                changes = _changes(services, bulk, key, cursor)
                queued = services.store.organizations.swept(
                    key, changes.organizations, services.clock(), changes.stale_for
                )
                queued += sweeps.advance(key, changes)
                cursor = changes.cursor
                done = Swept(
                    changed=done.changed + len(changes.versions), queued=done.queued + queued
                )
                if not changes.more:
                    break
        error = None
    except RateLimited as refused:
        error = f"put off: {refused}"
    except VendorError as refused:
        error = f"{type(refused).__name__}: {refused}"
    finally:
        sweeps.end(key, error)
    SWEPT.labels(connection.vendor, "seen").inc(done.changed)
    SWEPT.labels(connection.vendor, "queued").inc(done.queued)
    level = log.info if error is None else log.warning
    level("sweep", connection=key, changed=done.changed, queued=done.queued, error=error)
    return Swept(changed=done.changed, queued=done.queued, error=error)


def _begin(services: Services, bulk: Bulk, key: str, since: datetime | None) -> str:
    last = services.store.sweeps.get(key)
    if since is None and last is not None and last.cursor:
        return last.cursor
    connected_at = services.store.sweeps.connected_at(key) or services.clock()
    return bulk.start((since or connected_at) - MARGIN)


def _changes(services: Services, bulk: Bulk, key: str, cursor: str) -> Changes:
    """The next page; where the vendor takes the cursor no more, from the last day on."""
    try:
        return bulk.changes(cursor)
    except Rejected as error:
        log.warning("cursor refused", connection=key, error=str(error))
        return bulk.changes(bulk.start(services.clock() - timedelta(days=1)))
