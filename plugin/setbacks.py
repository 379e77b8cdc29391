"""What follows when a look fails: look again later, set the ticket aside, or rest the account.

What went wrong is said by the error where it was raised (`connectors/errors.py`).
"""

from __future__ import annotations

import random
import traceback
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import structlog

from connectors.errors import (
    Conflict,
    CredentialsRejected,
    PayloadError,
    RateLimited,
    TicketGone,
    TicketNotFound,
    VendorError,
    VendorUnavailable,
)
from plugin.store import Store
from plugin.store.circuits import Admission
from plugin.store.dead_letters import SetAside

log = structlog.get_logger()

FIRST_WAIT = timedelta(seconds=5)
LONGEST_WAIT = timedelta(hours=1)
ATTEMPTS_AT_A_DOUBT = 3  # looks at a ticket whose failure may or may not pass
SHOWN_AFTER = 6  # attempts: from then on a ticket that only waits for its vendor is shown as well
BREAK_AFTER = 8  # failures in a row
BREAK_AFTER_SLOW = 2  # failures that each held a worker's slot for seconds
BREAK_AFTER_FORBIDDEN = 3  # a single 403 may be about one ticket

_SLOW = {"ReadTimeout", "ConnectTimeout", "Timeout", "OutOfTime"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Setback:
    """What was done about a failed look; `again_in` is in seconds, None where nothing is queued."""

    reason: SetAside | None
    again_in: float | None = None
    waits: bool = False


def take_setback(
    store: Store,
    key: str,
    ticket_id: str,
    error: Exception,
    *,
    attempt: int,
    admission: Admission,
    bulk: bool = False,
) -> Setback:
    """Queue, set aside or let wait, so that the ticket is not lost. Raises `StoreUnavailable`.

    `attempt` counts the looks that failed before this one; `bulk` is the lane it came from.
    """
    if isinstance(error, PayloadError):
        store.dead_letters.set_aside(key, ticket_id, SetAside.UNREADABLE, str(error))
        return Setback(reason=SetAside.UNREADABLE)
    if not isinstance(error, VendorError):
        return _after_bug(store, key, ticket_id, error, attempt, bulk)
    rests = _judge_account(store, key, ticket_id, error, admission)
    if rests:
        return Setback(reason=None, waits=True)
    if isinstance(error, TicketGone):
        store.dead_letters.resolve(key, ticket_id)  # recorded as cancelled: nothing is left to do
        return Setback(reason=SetAside.GONE)
    reason = _reason(error, attempt)
    wait: float | None = None
    may_pass = isinstance(error, CredentialsRejected) and attempt + 1 < ATTEMPTS_AT_A_DOUBT
    if error.retryable or may_pass:
        wait = error.retry_after or backoff(attempt)
        store.inbox.look_again(key, ticket_id, attempt=attempt + 1, wait=wait, bulk=bulk)
    if reason is not None:
        store.dead_letters.set_aside(key, ticket_id, reason, str(error))
    return Setback(reason=reason, again_in=wait)


def backoff(attempt: int) -> float:
    """Seconds until the next attempt: doubling, with jitter, never above an hour."""
    longest = min(LONGEST_WAIT, FIRST_WAIT * (1 << min(attempt, 12)))
    return longest.total_seconds() * random.uniform(0.5, 1)  # noqa: S311  (jitter, no secret)


def describe(error: BaseException) -> str:
    """The kind of an unexpected error and where it was raised; never its text, which may quote."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{where}"


def _after_bug(
    store: Store, key: str, ticket_id: str, error: Exception, attempt: int, bulk: bool
) -> Setback:
    """Set the ticket aside at once, and look a few times more: it may have been the moment."""
    wait: float | None = None
    if attempt + 1 < ATTEMPTS_AT_A_DOUBT:
        wait = backoff(attempt)
        store.inbox.look_again(key, ticket_id, attempt=attempt + 1, wait=wait, bulk=bulk)
    store.dead_letters.set_aside(key, ticket_id, SetAside.BUG, describe(error))
    return Setback(reason=SetAside.BUG, again_in=wait)


def _judge_account(
    store: Store, key: str, ticket_id: str, error: VendorError, admission: Admission
) -> bool:
    """Count what speaks against the account as a whole; True where the ticket waits for it."""
    if isinstance(error, RateLimited):
        return False
    if isinstance(error, CredentialsRejected):
        reason = SetAside.CREDENTIALS_REFUSED
        break_after = BREAK_AFTER_FORBIDDEN if error.status == 403 else 1
    elif isinstance(error, VendorUnavailable):
        reason = SetAside.UNAVAILABLE
        break_after = BREAK_AFTER_SLOW if error.code in _SLOW else BREAK_AFTER
    else:
        if admission is not Admission.WORKING:
            store.circuits.note_answer(key)
        return False
    rests = store.circuits.fail(
        key,
        ticket_id,
        reason=reason.value,
        detail=str(error),
        break_after=break_after,
        is_probe=admission is Admission.PROBE,
    )
    if rests:
        log.error("account rests", connection=key, reason=reason.value, error=str(error))
    return rests


def _reason(error: VendorError, attempt: int) -> SetAside | None:
    """Why the ticket is set aside; None where it only waits for another look."""
    if isinstance(error, TicketNotFound):
        return SetAside.GONE
    if isinstance(error, CredentialsRejected):
        return SetAside.CREDENTIALS_REFUSED
    if isinstance(error, Conflict | RateLimited | VendorUnavailable):
        return SetAside.UNAVAILABLE if attempt + 1 >= SHOWN_AFTER else None
    return SetAside.REJECTED
