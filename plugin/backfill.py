"""Applies the policy to the tickets that are there already: page by page, resumable.

What is done with the tickets of a page is in `backfill_batch.py`; how far a run came is kept in
`store/backfills.py`.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict
from datetime import datetime
from functools import partial

from connectors.base import Connection
from connectors.bulk import Page
from plugin.backfill_batch import Batches, Counts, Options
from plugin.pacing import bulk_work
from plugin.pipeline import Services, View
from plugin.store.backfills import Run
from sla_rules.ticket import Status, Ticket

THREADS = 4  # batches at a time
PAGES_AHEAD = 2
_OPEN = {Status.NEW, Status.OPEN, Status.PENDING, Status.HOLD}


class AlreadyRunning(Exception):
    """Another process backfills this account right now."""


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
        self._lock = threading.Lock()
        self._batches = Batches(services, connection, options, count=self._count, would=would)
        self._taken: set[str] = set()
        self._began_at: datetime | None = None  # by the vendor's clock
        self.counts = Counts()
        self.resumed = False

    def run(self, *, restart: bool = False) -> Counts:
        """Work until every ticket is done; an unfinished run of the same options goes on.

        What changes after it began is left to the events and the sweep. Raises `AlreadyRunning`,
        `VendorError` or `StoreUnavailable`; the next run goes on from there.
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
            self._settle_rest()
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

    def _settle_rest(self) -> None:
        """Look singly at what a killed run had sent and no list has shown since."""
        store, key = self._services.store, self._connection.key
        rest = store.tickets.unheard_of(key)
        with bulk_work():
            for number in rest - store.backfills.with_jobs(key, rest):
                self._batches.look_again(number)

    def _work(self, run: Run | None) -> None:
        """Read a page ahead while batches of the last are at work; move on in order."""
        pending: deque[tuple[Page, list[Future[None]]]] = deque()
        reader = ThreadPoolExecutor(1, "backfill-read")
        writers = ThreadPoolExecutor(THREADS, "backfill-write")
        try:
            coming = reader.submit(self._read, run.cursor if run else None)
            more = True
            while more:
                page = coming.result()
                more = page.more and not self._is_of_this_run(page)
                if more:
                    coming = reader.submit(self._read, page.cursor)
                pending.append((page, self._submit(writers, run, page)))
                while len(pending) > (PAGES_AHEAD if more else 0):
                    self._complete(run, *pending.popleft())
        finally:
            self._batches.stop()
            reader.shutdown(cancel_futures=True)
            writers.shutdown(cancel_futures=True)

    def _read(self, cursor: str | None) -> Page:
        with bulk_work():
            bulk = self._services.bulk(self._connection)
            before = bulk.calls
            start = cursor or bulk.start(self._options.since)
            page = self._batches.persistently(partial(bulk.page, start))
            self._count(calls=bulk.calls - before)
            return page

    def _is_of_this_run(self, page: Page) -> bool:
        """Whether the list has come to what changed since we began: our own writes, and events'."""
        self._began_at = self._began_at or page.read_at or self._services.clock()
        return page.changed_at is not None and page.changed_at > self._began_at

    def _submit(
        self, writers: ThreadPoolExecutor, run: Run | None, page: Page
    ) -> list[Future[None]]:
        # lists go by the last change: what changed meanwhile comes again on a later page
        fresh = [found for found in page.found if found.ticket.id not in self._taken]
        self._taken |= {found.ticket.id for found in fresh}
        wanted = [found for found in fresh if self._is_wanted(found.ticket)]
        self._count(skipped=len(fresh) - len(wanted))
        if run is not None:
            done = self._services.store.backfills.done_of(run.id, [f.ticket.id for f in wanted])
            wanted = [found for found in wanted if found.ticket.id not in done]
        size = self._services.bulk(self._connection).batch
        chunks = [wanted[at : at + size] for at in range(0, len(wanted), size)]
        return [writers.submit(self._batches.work, run, page, chunk) for chunk in chunks]

    def _is_wanted(self, ticket: Ticket) -> bool:
        return ticket.status in _OPEN or (
            self._options.every_status and ticket.status not in {Status.SPAM, Status.DELETED}
        )

    def _complete(self, run: Run | None, page: Page, batches: list[Future[None]]) -> None:
        for batch in batches:
            batch.result()
        if run is not None:
            self._services.store.backfills.advance(run.id, page.cursor, asdict(self.counts))

    def _count(self, **more: int) -> None:
        with self._lock:
            for name, number in more.items():
                setattr(self.counts, name, getattr(self.counts, name) + number)
        self._tell(self.counts)
