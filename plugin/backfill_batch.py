"""Decides and writes the tickets of a page in batches, below live work.

What holds on a ticket is decided as in any look (`pipeline.py`); which pages there are, and how far
a run came, is `backfill.py`'s.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception,
    sleep_using_event,
    stop_after_attempt,
    stop_when_event_set,
)

from connectors.base import Connection
from connectors.bulk import Bulk, Found, Page
from connectors.errors import Rejected, TicketNotFound, VendorError, VendorUnavailable
from plugin.pacing import bulk_work
from plugin.pipeline import Outcome, Services, View, consider, keep, look_at_ticket
from plugin.store.backfills import Run
from sla_rules.memory import Memory, sending
from sla_rules.ticket import Ticket, TicketPatch, Written

LONG_AGO = datetime.fromisoformat("2000-01-01T00:00:00+00:00")
IN_DOUBT = timedelta(minutes=2)  # lists tell a first response to the minute
_READS = 5  # attempts

Read = TypeVar("Read")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """`since`: only tickets changed at or after it. `every_status`: solved and closed ones too.

    `overwrite`: a value that stood there before our first write is not taken for a person's.
    """

    since: datetime = LONG_AGO
    every_status: bool = False
    overwrite: bool = False
    dry_run: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return what makes two runs the same."""
        return {
            "since": self.since.isoformat(),
            "every_status": self.every_status,
            "overwrite": self.overwrite,
        }


@dataclass(slots=True, kw_only=True)
class Counts:
    """Tickets by what became of them. `left`: a live job has them. `calls`: requests sent."""

    looked: int = 0
    written: int = 0
    unchanged: int = 0
    failed: int = 0
    left: int = 0
    skipped: int = 0
    read_singly: int = 0
    calls: int = 0


class Count(Protocol):
    """Adds to the counts of the run, by name."""

    def __call__(self, **more: int) -> None:
        """Add to each counter named."""


class Batches:
    """The batches of one run; each is worked on by one thread."""

    def __init__(
        self,
        services: Services,
        connection: Connection,
        options: Options,
        *,
        count: Count,
        would: Callable[[View], None],
    ) -> None:
        self._services = services
        self._connection = connection
        self._overwrite = options.overwrite
        self._count = count
        self._would = would
        self._stopped = threading.Event()

    def stop(self) -> None:
        """Begin no further batch, and try nothing again."""
        self._stopped.set()

    def work(self, run: Run | None, page: Page, chunk: Sequence[Found]) -> None:
        """Decide and write some tickets of a page; without a `run` only tell what would change.

        Raises `VendorError` where the account as a whole fails, and `StoreUnavailable`.
        """
        if self._stopped.is_set():
            return
        with bulk_work():
            bulk = self._services.bulk(self._connection)
            bulk.take_over(page)
            before = bulk.calls
            try:
                if run is None:
                    self._try_out(bulk, chunk)
                else:
                    self._decide_and_write(run, bulk, chunk)
            finally:
                self._count(calls=bulk.calls - before)

    def persistently(self, read: Callable[[], Read]) -> Read:
        """Read again where that may help; a write is never repeated blindly."""
        return Retrying(
            stop=stop_after_attempt(_READS) | stop_when_event_set(self._stopped),
            wait=_pause,
            retry=retry_if_exception(_may_pass),
            sleep=sleep_using_event(self._stopped),
            reraise=True,
        )(read)

    def look_again(self, number: str) -> None:
        """Look at one ticket singly."""
        connector = self._services.connector(self._connection)
        before = connector.calls
        outcome = look_at_ticket(self._services, self._connection.key, number, bulk=True)
        self._count(calls=connector.calls - before, read_singly=1, **_counted(outcome))

    def _try_out(self, bulk: Bulk, chunk: Sequence[Found]) -> None:
        memories = self._memories(chunk)
        for found in chunk:
            try:
                view = self._view(bulk, found, memories.get(found.ticket.id, Memory()))
            except (TicketNotFound, Rejected):
                self._count(looked=1, failed=1)
                continue
            self._would(view)
            self._count(looked=1, written=bool(view.patch), unchanged=not view.patch)

    def _decide_and_write(self, run: Run, bulk: Bulk, chunk: Sequence[Found]) -> None:
        backfills, key = self._services.store.backfills, self._connection.key
        numbers = [found.ticket.id for found in chunk]
        busy = backfills.with_jobs(key, numbers)
        memories = self._memories(chunk)
        to_write, done = [], list(busy)
        for found in chunk:
            number = found.ticket.id
            if number in busy:
                continue
            try:
                view = self._view(bulk, found, memories.get(number, Memory()))
            except (TicketNotFound, Rejected):  # this ticket's trouble, not the account's
                self.look_again(number)
                done.append(number)
                continue
            if view.patch:
                to_write.append(view)
                continue
            outcome = keep(self._services, key, view, None, bulk.ticket_url(number), calls=0)
            self._count(**_counted(outcome))
            done.append(number)
        backfills.done(run.id, done)
        self._count(looked=len(done), left=len(busy))
        if to_write:
            self._write(run, bulk, to_write)

    def _memories(self, chunk: Sequence[Found]) -> Mapping[str, Memory]:
        numbers = [found.ticket.id for found in chunk]
        return self._services.store.tickets.memories(self._connection.key, numbers)

    def _view(self, bulk: Bulk, found: Found, memory: Memory) -> View:
        """Decide by the list; where that is not sure, by one more read."""
        ticket, traits = self._owned(found.ticket, memory), bulk.traits
        view = consider(self._services, self._connection, ticket, memory, traits)
        if found.settled and not _is_close(view) and not _clears(view.patch):
            return view
        settled = self.persistently(lambda: bulk.settle(found.ticket))
        self._count(read_singly=1)
        ticket = self._owned(settled, memory)
        return consider(self._services, self._connection, ticket, memory, traits)

    def _owned(self, ticket: Ticket, memory: Memory) -> Ticket:
        """With `overwrite`, what stood there before our first write is nobody's."""
        if self._overwrite and not memory.wrote:
            return replace(ticket, hands=(), audited=True)
        return ticket

    def _write(self, run: Run, bulk: Bulk, views: Sequence[View]) -> None:
        store, key = self._services.store, self._connection.key
        sent = {view.ticket.id: sending(view.memory, view.patch) for view in views}
        store.tickets.note_sending(key, sent)
        answers: Sequence[Written | VendorError]
        try:
            answers = bulk.apply([(view.ticket, view.patch) for view in views])
        except VendorUnavailable as error:  # it may have been carried out: each ticket will tell
            answers = (error,) * len(views)
        for view, answer in zip(views, answers, strict=True):
            number = view.ticket.id
            if isinstance(answer, VendorError):
                self.look_again(number)
                continue
            url = bulk.ticket_url(number)
            self._count(**_counted(keep(self._services, key, view, answer, url, calls=0)))
        store.backfills.done(run.id, sent)
        self._count(looked=len(views))


def _counted(outcome: Outcome) -> dict[str, int]:
    name = {Outcome.FAILED: "failed", Outcome.APPLIED: "written"}.get(outcome, "unchanged")
    return {name: 1}


def _is_close(view: View) -> bool:
    """Whether the first response lies so near the deadline that a minute decides."""
    target = view.decision.target
    if target is None or target.response_at is None or view.ticket.messages is not None:
        return False
    return abs(target.response_at - target.due_at) <= IN_DOUBT


def _clears(patch: TicketPatch) -> bool:
    """Whether a due date is taken away: only the audits tell what stood there before us."""
    return patch.due_at is None


def _may_pass(error: BaseException) -> bool:
    return isinstance(error, VendorError) and error.retryable


def _pause(state: RetryCallState) -> float:
    """Seconds before the next attempt."""
    error = state.outcome.exception() if state.outcome else None
    named = error.retry_after if isinstance(error, VendorError) else None
    return named or float(2 ** (state.attempt_number - 1))
