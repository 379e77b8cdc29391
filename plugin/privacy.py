"""Finds one requester in every account, by the helpdesk's id or an e-mail address, and erases them.

No e-mail address is stored here, so one is looked up in the helpdesk itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import structlog
from procrastinate import App

from connectors.errors import VendorError
from plugin.jobs import UPKEEP
from plugin.pipeline import Services
from plugin.settings import Settings
from plugin.store.privacy import Holding

log = structlog.get_logger()


class PrivacyError(Exception):
    """A requester cannot be looked for; the message is one sentence for the operator."""


def find_requester(
    services: Services, requester: str, only: str | None = None
) -> dict[str, list[str]]:
    """Return the requester's ids by account; an id is looked for in each account.

    Raises `PrivacyError` where an account cannot be asked for an address.
    """
    accounts = [one for one in services.store.connections.every() if only in {None, one.key}]
    if not accounts:
        raise PrivacyError(f"there is no connection {only!r}" if only else "nothing is connected")
    if "@" not in requester:
        return {one.key: [requester] for one in accounts}
    found: dict[str, list[str]] = {}
    for one in accounts:
        try:
            found[one.key] = services.connector(one).requester_ids(requester)
        except VendorError as error:
            raise PrivacyError(
                f"{one.key} could not be asked for that address ({error}); give the requester's id"
            ) from error
    return found


def add_tasks(app: App, services: Services) -> None:
    """Give the job engine its daily task: evidence that has been kept long enough is forgotten."""

    @app.periodic(cron="23 3 * * *")
    @app.task(name="forget_evidence", queue=UPKEEP, queueing_lock="forget_evidence")
    def forget_evidence(timestamp: int) -> None:
        del timestamp
        before = services.clock() - timedelta(days=Settings().evidence_days)
        log.info("evidence forgotten", entries=services.store.privacy.forget_quotes(before))


def erase(services: Services, requesters: dict[str, list[str]]) -> Sequence[Holding]:
    """Erase what is held of these requesters and say so in the log, by count only."""
    erased = services.store.privacy.erase(requesters)
    log.info("requester erased", rows={one.table: one.rows for one in erased})
    return erased
