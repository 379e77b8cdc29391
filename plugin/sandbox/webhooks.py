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

from plugin.sandbox.clock import Clock
from plugin.sandbox.faults import Faults
from plugin.sandbox.journal import Journal
from plugin.sandbox.state import Json, iso

TIMEOUT_SECONDS = 10
Outcome = int | str


@dataclass(frozen=True)
class Attempt:
    """One attempt as it went. `outcome` is a status, or a word where nothing was answered."""

    outcome: Outcome
    request_headers: dict[str, str]
    response_headers: dict[str, str]
    payload: str


@dataclass(frozen=True, kw_only=True)
class Shipment:
    """One webhook call and how to repeat it.

    `headers()` is called per attempt, so that each is signed anew. `held()` may hold the attempt
    back: a word for the journal and the seconds until it is tried again, None where never.
    `retry_in(attempt, number)` returns the sandbox's seconds to the next attempt or None; `number`
    counts from 1.
    """

    vendor: str
    account: str
    ticket_id: int
    event: str
    url: str
    body: bytes = field(repr=False)
    headers: Callable[[], dict[str, str]] = field(repr=False)
    retry_in: Callable[[Attempt, int], float | None] = field(repr=False)
    held: Callable[[], tuple[str, float | None] | None] = field(repr=False, default=lambda: None)
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
    """A small pool of daemon threads that does what is due: shipments and other late work."""

    def __init__(self, journal: Journal, faults: Faults, clock: Clock, threads: int = 4) -> None:
        self._journal = journal
        self._faults = faults
        self._clock = clock
        self._threads = threads
        self._order = itertools.count()
        self._queue: list[tuple[float, int, Callable[[requests.Session], None]]] = []
        self._changed = threading.Condition()
        self._working = 0
        self._started = False
        self._closed = False
        clock.on_advance(self._wake)

    def post(self, shipment: Shipment, delay: float = 0) -> None:
        """Send a shipment in the background, subject to the webhook faults that are waiting."""
        drop = self._faults.take(("drop",), shipment.vendor)
        if drop is not None:
            self._record(shipment, "dropped")
            return
        reorder = self._faults.take(("reorder",), shipment.vendor)
        if reorder is not None:
            delay += reorder.seconds if reorder.seconds is not None else 0.5
        self._ship(shipment, delay)
        if self._faults.take(("duplicate",), shipment.vendor) is not None:
            self._ship(shipment, delay)

    def later(self, delay: float, work: Callable[[], None]) -> None:
        """Do some other work after so many of the sandbox's seconds."""
        self._schedule(delay, lambda _session: work())

    def wait_idle(self, timeout: float = 10, horizon: float = 5) -> bool:
        """Wait until nothing is being done and nothing is due within `horizon` real seconds."""
        give_up = time.monotonic() + timeout
        with self._changed:
            while self._working or (self._queue and self._wait_for_next() <= horizon):
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

    def _ship(self, shipment: Shipment, delay: float) -> None:
        self._schedule(delay, lambda session: self._send(session, shipment))

    def _schedule(self, delay: float, work: Callable[[requests.Session], None]) -> None:
        with self._changed:
            if self._closed:
                return
            heapq.heappush(self._queue, (self._clock.elapsed() + delay, next(self._order), work))
            if not self._started:
                self._started = True
                for _ in range(self._threads):
                    threading.Thread(target=self._work, name="sandbox-sender", daemon=True).start()
            self._changed.notify()

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _wait_for_next(self) -> float:
        return self._clock.real_seconds(self._queue[0][0] - self._clock.elapsed())

    def _work(self) -> None:
        session = requests.Session()
        session.trust_env = False
        while (work := self._next()) is not None:
            try:
                work(session)
            finally:
                with self._changed:
                    self._working -= 1
                    self._changed.notify_all()
        session.close()

    def _next(self) -> Callable[[requests.Session], None] | None:
        with self._changed:
            while not self._closed:
                if not self._queue:
                    self._changed.wait()
                    continue
                wait = self._wait_for_next()
                if wait <= 0:
                    self._working += 1
                    return heapq.heappop(self._queue)[2]
                self._changed.wait(min(wait, threading.TIMEOUT_MAX))
            return None

    def _send(self, session: requests.Session, shipment: Shipment) -> None:
        if not is_private_address(shipment.url):
            self._record(shipment, "refused")
            return
        held = shipment.held()
        if held is not None:
            word, again = held
            self._record(shipment, word)
            if again is not None:
                self._ship(shipment, again)
            return
        attempt = _call(session, shipment)
        self._record(shipment, attempt.outcome)
        delay = shipment.retry_in(attempt, shipment.attempt)
        if delay is not None:
            self._ship(replace(shipment, attempt=shipment.attempt + 1), delay)

    def _record(self, shipment: Shipment, status: Outcome) -> None:
        entry: Json = {
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
        self._journal.add_delivery(entry)


def _call(session: requests.Session, shipment: Shipment) -> Attempt:
    headers = shipment.headers()
    try:
        response = session.request(
            shipment.method,
            shipment.url,
            data=shipment.body,
            headers=headers,
            timeout=TIMEOUT_SECONDS,
            allow_redirects=False,
        )
    except requests.Timeout:
        return Attempt("timeout", headers, {}, "")
    except requests.RequestException:
        return Attempt("unreachable", headers, {}, "")
    return Attempt(response.status_code, headers, dict(response.headers), response.text)
