"""Paces the requests to an account: its budget is shared by all workers, live work goes first.

The rows are in `store/pacing.py`; which request draws from which bucket is said by the vendors.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

import structlog

from connectors.base import Connection
from connectors.errors import RateLimited
from connectors.pace import Charge, Reading
from plugin.metrics import PACING_SECONDS, PUT_OFF, VENDOR_REFUSALS
from plugin.store.database import StoreUnavailable
from plugin.store.pacing import Budgets, Draw, Rhythm

log = structlog.get_logger()

PATIENCE = 2.0  # seconds that a worker's slot may wait inside a call
ADMIN_PATIENCE = 30.0  # seconds; a person connects or examines an account
BULK_PATIENCE = 120.0  # seconds; bulk work holds no worker's slot
SWEEP_PATIENCE = 15.0  # seconds; exports and lists are allowed few a minute
BULK_RESERVE = 0.3  # of every shared bucket, left for live work
WITHOUT_RESET = 5.0  # seconds to hold a bucket nearly empty whose reset the vendor does not name
NEARLY_EMPTY = 50  # below this part of its limit, a fiftieth
LONGEST_WINDOW = 60.0  # seconds; a longer Retry-After is a sub-limit's
ACCOUNT = "account"

_bulk_patience: ContextVar[float | None] = ContextVar("bulk_patience", default=None)


@contextmanager
def bulk_work(patience: float = BULK_PATIENCE) -> Iterator[None]:
    """Inside, this thread's requests leave the reserve to live work and wait `patience` seconds."""
    token = _bulk_patience.set(patience)
    try:
        yield
    finally:
        _bulk_patience.reset(token)


class AccountPace:
    """The pace of one account, for one thread. Live work waits `patience` seconds for its turn.

    Settings of the connection: `limits` (requests in the bucket's window, by bucket, such as
    `{"account": 400, "incremental-exports": 30}`) and `bulk_reserve` (0 to 0.9).
    """

    def __init__(
        self, budgets: Budgets, connection: Connection, *, patience: float = PATIENCE
    ) -> None:
        self._budgets = budgets
        self._key = connection.key
        self._vendor = connection.vendor
        self._patience = patience
        self._limits = _limits(connection.settings)
        self._share = 1 - _reserve(connection.settings)
        self._rhythms: dict[str, Rhythm] = {}

    def take(self, charges: Sequence[Charge]) -> None:
        """Wait for room in every bucket and take it. Raises `RateLimited`, `StoreUnavailable`."""
        for charge in charges:
            if charge.bucket not in self._rhythms:
                self._declare(charge)
        patience = _bulk_patience.get()
        bulk = patience is not None
        draws = [
            Draw(
                bucket=charge.bucket,
                cost=charge.cost,
                share=(self._share if charge.shared else 1.0) if bulk else None,
            )
            for charge in charges
        ]
        started_at = time.monotonic()
        give_up_at = started_at + (self._patience if patience is None else patience)
        while wait := self._budgets.take(self._key, draws):
            if time.monotonic() + wait > give_up_at:
                PUT_OFF.labels(self._vendor).inc()
                # everyone put off at once shall not come back at once
                again_in = wait * random.uniform(1, 1.5)  # noqa: S311
                raise RateLimited(
                    f"the budget of {self._key} is used up for {wait:.0f} s", retry_after=again_in
                )
            time.sleep(wait + random.uniform(0, 0.01))  # noqa: S311
        PACING_SECONDS.labels(self._vendor).observe(time.monotonic() - started_at)

    def learn(
        self, charges: Sequence[Charge], readings: Sequence[Reading], blocked: float | None
    ) -> None:
        """Go by an answer's headers. A database that fails here loses no answer: it is logged."""
        by_bucket = {charge.bucket: charge for charge in charges}
        try:
            for reading in readings:
                charge = by_bucket.get(reading.bucket)
                if charge is not None:
                    self._correct(charge, reading)
            if blocked is not None:
                self._block(charges, readings, blocked)
        except StoreUnavailable as error:
            log.warning("rate headers not kept", connection=self._key, error=str(error))

    def _declare(self, charge: Charge) -> None:
        setting = self._limits.get(charge.bucket)
        rhythm = _rhythm(charge, setting or charge.limit)
        self._budgets.declare(self._key, charge.bucket, rhythm, by_setting=setting is not None)
        if ":" not in charge.bucket:  # a single ticket's is not kept for the life of a worker
            self._rhythms[charge.bucket] = rhythm

    def _block(
        self, charges: Sequence[Charge], readings: Sequence[Reading], seconds: float
    ) -> None:
        """Obey a 429: the whole account waits, unless it is told which part is used up."""
        VENDOR_REFUSALS.labels(self._vendor).inc()
        empty = [r.bucket for r in readings if r.remaining == 0]
        parts = [charge.bucket for charge in charges if charge.bucket != ACCOUNT]
        if seconds > LONGEST_WINDOW and ACCOUNT not in empty and parts:
            empty = parts
        for bucket in empty or [ACCOUNT]:
            self._budgets.hold(self._key, bucket, live=seconds, bulk=seconds)

    def _correct(self, charge: Charge, reading: Reading) -> None:
        bucket = charge.bucket
        rhythm = self._rhythms.get(bucket) or _rhythm(charge, charge.limit)
        if reading.limit:
            allowed = min(reading.limit, self._limits.get(bucket, reading.limit))
            rhythm = _rhythm(charge, allowed)
            if self._rhythms.get(bucket) != rhythm and ":" not in bucket:
                self._budgets.learn(self._key, bucket, rhythm)
                self._rhythms[bucket] = rhythm
        more = (reading.cost or charge.cost) - charge.cost
        if more > 0:
            self._budgets.owe(self._key, bucket, more)
        remaining, resets_in = reading.remaining, reading.resets_in
        if remaining is None:
            return
        if resets_in is None:
            # others draw too, the vendor's own webhooks among them: the last is not ours to take
            if remaining >= max(charge.largest, rhythm.limit // NEARLY_EMPTY):
                return
            remaining, resets_in = 0, WITHOUT_RESET
        # What others leave us is spread over the time until the window ends.
        live = resets_in / (remaining + 1)
        kept = rhythm.limit * (1 - self._share) if charge.shared else 0.0
        bulk = resets_in / (max(0.0, remaining - kept) + 1)
        if live > 1.5 * rhythm.spacing or bulk > 1.5 * rhythm.spacing / self._share:
            self._budgets.hold(self._key, bucket, live=live, bulk=bulk)


def _rhythm(charge: Charge, limit: int) -> Rhythm:
    return Rhythm.of(limit, charge.seconds, burst=charge.burst, largest=charge.largest)


def _limits(settings: Mapping[str, object]) -> dict[str, int]:
    given = settings.get("limits")
    return {str(k): int(v) for k, v in given.items()} if isinstance(given, Mapping) else {}


def _reserve(settings: Mapping[str, object]) -> float:
    given = settings.get("bulk_reserve", BULK_RESERVE)
    return min(0.9, max(0.0, float(str(given))))
