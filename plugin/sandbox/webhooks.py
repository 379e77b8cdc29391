"""Sending webhooks from background threads, with each vendor's retries.

Knows neither what a payload says nor how it is signed: a `Shipment` brings both.
"""

from __future__ import annotations

import heapq
import ipaddress
import itertools
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

import requests

from plugin.sandbox.state import Clock, Faults, Journal, iso

TIMEOUT_SECONDS = 10
Outcome = int | str


@dataclass(frozen=True, kw_only=True)
class Shipment:
    """One webhook call and how to repeat it.

    `headers()` is called per attempt, so that each is signed anew. `retry_in(outcome, attempt,
    retry_after)` returns the seconds to the next attempt or None; `attempt` counts from 1.
    """

    vendor: str
    account: str
    ticket_id: int
    event: str
    url: str
    body: bytes = field(repr=False)
    headers: Callable[[], dict[str, str]] = field(repr=False)
    retry_in: Callable[[Outcome, int, str | None], float | None] = field(repr=False)
    method: str = "POST"
    invocation_id: str | None = None
    attempt: int = 1


def is_private_address(url: str) -> bool:
    """Whether the sandbox may call this address: a loopback or private one, or a bare host name."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return host != "" and ("." not in host or host.endswith((".localhost", ".local", ".test")))


class Sender:
    """A small pool of daemon threads that sends shipments when they are due."""

    def __init__(self, journal: Journal, faults: Faults, clock: Clock, threads: int = 4) -> None:
        self._journal = journal
        self._faults = faults
        self._clock = clock
        self._threads = threads
        self._order = itertools.count()
        self._queue: list[tuple[float, int, Shipment]] = []
        self._changed = threading.Condition()
        self._sending = 0
        self._started = False
        self._closed = False

    def post(self, shipment: Shipment, delay: float = 0) -> None:
        """Send a shipment in the background, subject to the webhook faults that are waiting."""
        drop = self._faults.take(("drop",), shipment.vendor)
        if drop is not None:
            self._record(shipment, "dropped")
            return
        reorder = self._faults.take(("reorder",), shipment.vendor)
        if reorder is not None:
            delay += reorder.seconds if reorder.seconds is not None else 0.5
        self._schedule(shipment, delay)
        if self._faults.take(("duplicate",), shipment.vendor) is not None:
            self._schedule(shipment, delay)

    def wait_idle(self, timeout: float = 10, horizon: float = 5) -> bool:
        """Wait until nothing is being sent and nothing is due within `horizon` seconds."""
        give_up = time.monotonic() + timeout
        with self._changed:
            while self._sending or (
                self._queue and self._queue[0][0] <= time.monotonic() + horizon
            ):
                left = give_up - time.monotonic()
                if left <= 0:
                    return False
                self._changed.wait(min(left, 0.1))
            return True

    def close(self) -> None:
        """Stop; what has not been sent is forgotten."""
        with self._changed:
            self._closed = True
            self._queue.clear()
            self._changed.notify_all()

    def _schedule(self, shipment: Shipment, delay: float) -> None:
        with self._changed:
            if self._closed:
                return
            heapq.heappush(self._queue, (time.monotonic() + delay, next(self._order), shipment))
            if not self._started:
                self._started = True
                for _ in range(self._threads):
                    threading.Thread(target=self._work, name="sandbox-sender", daemon=True).start()
            self._changed.notify()

    def _work(self) -> None:
        session = requests.Session()
        session.trust_env = False
        while (shipment := self._next()) is not None:
            try:
                self._send(session, shipment)
            finally:
                with self._changed:
                    self._sending -= 1
                    self._changed.notify_all()
        session.close()

    def _next(self) -> Shipment | None:
        with self._changed:
            while not self._closed:
                if not self._queue:
                    self._changed.wait()
                    continue
                wait = self._queue[0][0] - time.monotonic()
                if wait <= 0:
                    self._sending += 1
                    return heapq.heappop(self._queue)[2]
                self._changed.wait(wait)
            return None

    def _send(self, session: requests.Session, shipment: Shipment) -> None:
        retry_after = None
        outcome: Outcome
        if not is_private_address(shipment.url):
            self._record(shipment, "refused")
            return
        try:
            response = session.request(
                shipment.method,
                shipment.url,
                data=shipment.body,
                headers=shipment.headers(),
                timeout=TIMEOUT_SECONDS,
                allow_redirects=False,
            )
            outcome, retry_after = response.status_code, response.headers.get("Retry-After")
        except requests.Timeout:
            outcome = "timeout"
        except requests.RequestException:
            outcome = "unreachable"
        self._record(shipment, outcome)
        delay = shipment.retry_in(outcome, shipment.attempt, retry_after)
        if delay is not None:
            self._schedule(replace(shipment, attempt=shipment.attempt + 1), delay)

    def _record(self, shipment: Shipment, status: Outcome) -> None:
        self._journal.add_delivery(
            {
                "vendor": shipment.vendor,
                "account": shipment.account,
                "ticket_id": shipment.ticket_id,
                "event": shipment.event,
                "url": shipment.url,
                "status": status,
                "attempt": shipment.attempt,
                "invocation_id": shipment.invocation_id,
                "at": iso(self._clock()),
            }
        )
