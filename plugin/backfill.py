"""Applies the policy to the tickets that are there already: in batches, below live work, resumable.

What holds on a ticket is decided as in any look (`pipeline.py`); how far a run came is kept in
`store/backfills.py`.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

import structlog

from connectors.base import Connection
from connectors.bulk import Bulk, Found, Page
from connectors.errors import TicketNotFound, VendorError, VendorUnavailable
from plugin.pacing import bulk_work
from plugin.pipeline import Outcome, Services, View, consider, keep, look_at_ticket, plain
from plugin.store.backfills import Run
from sla_rules.memory import Memory
from sla_rules.ticket import Status, Ticket, TicketPatch, Written

log = structlog.get_logger()

THREADS = 4  # batches at a time
PAGES_AHEAD = 2
LONG_AGO = datetime.fromisoformat("2000-01-01T00:00:00+00:00")
IN_DOUBT = timedelta(minutes=2)  # lists tell a first response to the minute
_OPEN = {Status.NEW, Status.OPEN, Status.PENDING, Status.HOLD}
_READS = 5  # attempts
_FIRST_PAUSE = 1.0  # seconds


Read = TypeVar("Read")


class AlreadyRunning(Exception):
    """Another process backfills this account right now."""


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


class Backfill:
    """One run over one account. `tell` is called with the counts so far, from any thread."""

    def __init__(
        self,
        services: Services,
        connection: Connection,
        options: Options,
        *,
        tell: Callable[[Counts], None] = lambda _: None,
        would: Callable[[View], None] = lambda _: None,
    ) -> None:
        self._services = services
        self._connection = connection
        self._options = options
        self._tell = tell
        self._would = would
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._taken: set[str] = set()
        self.counts = Counts()
        self.resumed = False

    def run(self, *, restart: bool = False) -> Counts:
        """Work until every ticket is done; an unfinished run of the same options goes on.

        Raises `AlreadyRunning`, `VendorError` or `StoreUnavailable`; the next run goes on from
        there.
        """
        if self._options.dry_run:
            self._work(None)
            return self.counts
        database = self._services.store.database
        with database.alone(f"backfill/{self._connection.key}") as alone:
            if not alone:
                raise AlreadyRunning(f"another process backfills {self._connection.key} right now")
            run = self._begin(restart=restart)
            self._work(run)
            self._settle_rest(run)
            self._services.store.backfills.finish(run.id)
        return self.counts

    def _begin(self, *, restart: bool) -> Run:
        backfills, key = self._services.store.backfills, self._connection.key
        last = backfills.unfinished(key)
        if last is None or restart or last.options != self._options.to_json():
            return backfills.start(key, self._options.to_json())
        self.resumed = True
        self.counts = Counts(**last.counts)
        return last

    def _settle_rest(self, run: Run) -> None:
        """Look singly at what a killed run had sent and no list has shown since."""
        backfills = self._services.store.backfills
        with bulk_work():
            for number, sent in backfills.on_their_way(run.id).items():
                self._look_again(number, sent)
                backfills.done(run.id, [number])

    def _work(self, run: Run | None) -> None:
        """Read a page ahead while batches of the last are at work; move on in order."""
        pending: deque[tuple[Page, list[Future[None]]]] = deque()
        reader = ThreadPoolExecutor(1, "backfill-read")
        writers = ThreadPoolExecutor(THREADS, "backfill-write")
        try:
            coming = reader.submit(self._read, run.cursor if run else None)
            while True:
                page = coming.result()
                if page.more:
                    coming = reader.submit(self._read, page.cursor)
                pending.append((page, self._submit(writers, run, page)))
                while len(pending) > (PAGES_AHEAD if page.more else 0):
                    self._complete(run, *pending.popleft())
                if not page.more:
                    return
        finally:
            self._stopped.set()
            reader.shutdown(cancel_futures=True)
            writers.shutdown(cancel_futures=True)

    def _complete(self, run: Run | None, page: Page, batches: list[Future[None]]) -> None:
        for batch in batches:
            batch.result()
        if run is not None:
            self._services.store.backfills.advance(run.id, page.cursor, asdict(self.counts))

    def _submit(
        self, writers: ThreadPoolExecutor, run: Run | None, page: Page
    ) -> list[Future[None]]:
        wanted = [found for found in page.found if self._is_wanted(found.ticket)]
        # lists go by the last change: what we write comes again on a later page
        fresh = [found for found in page.found if found.ticket.id not in self._taken]
        wanted = [found for found in wanted if found.ticket.id not in self._taken]
        self._taken |= {found.ticket.id for found in fresh}
        self._count(skipped=len(fresh) - len(wanted))
        if run is not None:
            done = self._services.store.backfills.done_of(run.id, [f.ticket.id for f in wanted])
            wanted = [found for found in wanted if found.ticket.id not in done]
        size = self._services.bulk(self._connection).batch
        chunks = [wanted[at : at + size] for at in range(0, len(wanted), size)]
        return [writers.submit(self._batch, run, page, chunk) for chunk in chunks]

    def _is_wanted(self, ticket: Ticket) -> bool:
        return ticket.status in _OPEN or (
            self._options.every_status and ticket.status not in {Status.SPAM, Status.DELETED}
        )

    def _read(self, cursor: str | None) -> Page:
        with bulk_work():
            bulk = self._services.bulk(self._connection)
            before = bulk.calls
            start = cursor or bulk.start(self._options.since)
            page = self._persistently(lambda: bulk.page(start))
            self._count(calls=bulk.calls - before)
            return page

    def _batch(self, run: Run | None, page: Page, chunk: Sequence[Found]) -> None:
        if self._stopped.is_set():
            return
        with bulk_work():
            bulk = self._services.bulk(self._connection)
            bulk.take_over(page)
            before = bulk.calls
            try:
                self._decide_and_write(run, bulk, chunk)
            finally:
                self._count(calls=bulk.calls - before)

    def _decide_and_write(self, run: Run | None, bulk: Bulk, chunk: Sequence[Found]) -> None:
        store, key = self._services.store, self._connection.key
        numbers = [found.ticket.id for found in chunk]
        busy = store.backfills.with_jobs(key, numbers) if run else set()
        memories = store.tickets.memories(key, numbers)
        sent = store.backfills.sent(run.id, numbers) if run else {}
        views = []
        for found in chunk:
            number = found.ticket.id
            memory = memories.get(number, Memory())
            if number in sent:  # a killed run's write: what stands there of it is ours
                memory = _confirmed(memory, found.ticket, sent[number])
            if number not in busy:
                views.append(self._view(bulk, found, memory))
        if run is None:
            for view in views:
                self._would(view)
            changed = sum(bool(view.patch) for view in views)
            self._count(looked=len(views), written=changed, unchanged=len(views) - changed)
            return
        quiet = [view for view in views if not view.patch]
        for view in quiet:
            self._keep(view, None, bulk.ticket_url(view.ticket.id), sent.get(view.ticket.id))
        store.backfills.done(run.id, [*(view.ticket.id for view in quiet), *busy])
        self._count(looked=len(quiet) + len(busy), unchanged=len(quiet), left=len(busy))
        self._write(run, bulk, [view for view in views if view.patch], sent)

    def _view(self, bulk: Bulk, found: Found, memory: Memory) -> View:
        """Decide by the list; where that is not sure, by one more read."""
        ticket, traits = self._owned(found.ticket, memory), bulk.traits
        view = consider(self._services, self._connection, ticket, memory, traits)
        if found.settled and not _is_close(view) and not _clears(view.patch):
            return view
        settled = self._persistently(lambda: bulk.settle(found.ticket))
        self._count(read_singly=1)
        ticket = self._owned(settled, memory)
        return consider(self._services, self._connection, ticket, memory, traits)

    def _owned(self, ticket: Ticket, memory: Memory) -> Ticket:
        """With `overwrite`, what stood there before our first write is nobody's."""
        if self._options.overwrite and not memory.wrote:
            return replace(ticket, hands=(), audited=True)
        return ticket

    def _keep(
        self,
        view: View,
        written: Written | None,
        url: str,
        sent: Mapping[str, Any] | None,
        calls: int = 0,
    ) -> Outcome:
        def known(memory: Memory) -> Memory:
            return _confirmed(memory, view.ticket, sent) if sent else memory

        key = self._connection.key
        return keep(self._services, key, view, written, url, calls=calls, known=known)

    def _write(
        self,
        run: Run,
        bulk: Bulk,
        views: Sequence[View],
        earlier: Mapping[str, Mapping[str, Any]],
    ) -> None:
        if not views:
            return
        store = self._services.store
        store.backfills.send(
            run.id, {view.ticket.id: plain(view.patch.changes()) for view in views}
        )
        try:
            answers = bulk.apply([(view.ticket, view.patch) for view in views])
        except VendorUnavailable as error:  # it may have been carried out: each ticket will tell
            answers = (error,) * len(views)
        for view, answer in zip(views, answers, strict=True):
            number = view.ticket.id
            if isinstance(answer, VendorError):
                self._look_again(number, plain(view.patch.changes()))
                continue
            url = bulk.ticket_url(number)
            self._count_one(self._keep(view, answer, url, earlier.get(number)))
        store.backfills.done(run.id, [view.ticket.id for view in views])
        self._count(looked=len(views))

    def _look_again(self, number: str, sent: Mapping[str, Any]) -> None:
        """Look at one ticket singly; what it holds of the write that was on its way is ours."""
        connection, services = self._connection, self._services
        connector = services.connector(connection)
        before = connector.calls
        try:
            ticket = connector.fetch(number)
            memory = _confirmed(services.store.tickets.memory(connection.key, number), ticket, sent)
            view = consider(services, connection, ticket, memory, connector.traits)
            written = connector.apply(ticket, view.patch) if view.patch else None
            url, calls = connector.ticket_url(number), connector.calls - before
            outcome = self._keep(view, written, url, sent, calls)
        except TicketNotFound:
            outcome = Outcome.SKIPPED
        except VendorError:
            outcome = look_at_ticket(services, connection.key, number, bulk=True)
        self._count(calls=connector.calls - before, read_singly=1)
        self._count_one(outcome)

    def _count_one(self, outcome: Outcome) -> None:
        name = {Outcome.APPLIED: "written", Outcome.NO_CHANGE: "unchanged"}.get(outcome, "failed")
        self._count(**{name: 1})

    def _count(self, **more: int) -> None:
        with self._lock:
            for name, number in more.items():
                setattr(self.counts, name, getattr(self.counts, name) + number)
        self._tell(self.counts)

    def _persistently(self, read: Callable[[], Read]) -> Read:
        """Read again where that may help; a write is never repeated blindly."""
        for attempt in range(_READS):
            try:
                return read()
            except VendorError as error:
                if not error.retryable or attempt == _READS - 1 or self._stopped.is_set():
                    raise
                time.sleep(error.retry_after or _FIRST_PAUSE * 2**attempt)
        raise AssertionError("the last attempt returns or raises")


def _is_close(view: View) -> bool:
    """Whether the first response lies so near the deadline that a minute decides."""
    target = view.decision.target
    if target is None or target.response_at is None or view.ticket.messages is not None:
        return False
    return abs(target.response_at - target.due_at) <= IN_DOUBT


def _clears(patch: TicketPatch) -> bool:
    """Whether a due date is taken away: only the audits tell what stood there before us."""
    return patch.due_at is None


def _confirmed(memory: Memory, ticket: Ticket, sent: Mapping[str, Any]) -> Memory:
    """The memory with what a lost write left on the ticket."""
    now = plain({name: getattr(ticket, name) for name in ("due_at", "priority", "assignee")})
    same = {name: sent[name] for name in now if name in sent and sent[name] == now[name]}
    tags = ticket.tags & frozenset(sent.get("add_tags") or ())
    return replace(memory, wrote={**memory.wrote, **same}, tags=memory.tags | tags)
