"""What Prometheus reads: this service's counters, and the database's figures at the scrape.

Labels are few and fixed: vendors, outcomes, states; never a ticket, a person or an address.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from plugin.store import Store, StoreUnavailable

FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # prometheus-client's own name, read when it is imported

DELIVERIES = Counter(
    "sla_deliveries_total",
    "Webhook deliveries: accepted, duplicate, ignored, or why they were refused",
    ["vendor", "result"],
)
LOOKS = Counter("sla_looks_total", "Looks at tickets by their outcome", ["outcome"])
JUDGED = Counter("sla_deadlines_judged_total", "First responses by their judgement", ["state"])
VENDOR_CALLS = Counter("sla_vendor_calls_total", "Requests sent to the vendors' APIs", ["vendor"])
VENDOR_ERRORS = Counter(
    "sla_vendor_errors_total", "Refusals and failures of the vendors' APIs", ["vendor", "error"]
)
CALLS_PER_LOOK = Histogram(
    "regiondo_sla_calls_per_look",
    "Requests sent to the vendor for one look at a ticket, by what became of it",
    ["vendor", "outcome"],
    buckets=(0, 1, 2, 3, 4, 5, 8, 13),
)
VENDOR_REFUSALS = Counter("sla_vendor_429_total", "Answers 429 of the vendors' APIs", ["vendor"])
PACING_SECONDS = Histogram(
    "sla_pacing_seconds",
    "Waited for an account's budget before a request",
    ["vendor"],
    buckets=(0.01, 0.05, 0.1, 0.2, 0.5, 1, 2, 10, 60),
)
PUT_OFF = Counter(
    "sla_pacing_put_off_total", "Requests put off because the wait would be long", ["vendor"]
)
SWEPT = Counter("sla_swept_tickets_total", "Changes seen by sweeps", ["vendor", "result"])
NOTICES = Counter("sla_notices_total", "Warnings and breaches told", ["channel", "result"])
WEBHOOK_SECONDS = Histogram(
    "sla_webhook_seconds",
    "From a delivery's arrival to its answer",
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5),
)
EVENT_TO_WRITE_SECONDS = Histogram(
    "sla_event_to_write_seconds",
    "From a delivery's arrival to the write on its ticket",
    buckets=(0.1, 0.2, 0.3, 0.5, 1, 2, 5, 10, 30, 60, 300, 1800, 7200),
)


class _Figures(Collector):
    """What the database says at the scrape; without it only that it does not answer."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def collect(self) -> Iterator[Metric]:
        up = GaugeMetricFamily("sla_database_up", "Whether the database answers")
        try:
            figures = self._store.figures.read()
        except StoreUnavailable:
            up.add_metric([], 0)
            yield up
            return
        up.add_metric([], 1)
        yield up
        depth = GaugeMetricFamily(
            "sla_queue_jobs", "Jobs that could run now and wait", labels=["queue", "lane"]
        )
        age = GaugeMetricFamily(
            "sla_queue_age_seconds", "How long the oldest of them waits", labels=["queue", "lane"]
        )
        for lane in figures.lanes:
            depth.add_metric([lane.queue, lane.name], lane.jobs)
            age.add_metric([lane.queue, lane.name], lane.age)
        yield from (depth, age)
        for name, help_text, value in figures.single():
            yield GaugeMetricFamily(name, help_text, value=value)


def exposition(store: Store) -> bytes:
    """Return all metrics as text; with several processes on one machine, the sum of them."""
    registry = CollectorRegistry()
    if os.environ.get(FOLDER):
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        own = generate_latest(registry)
    else:
        own = generate_latest(REGISTRY)
    figures = CollectorRegistry()
    figures.register(_Figures(store))
    return own + generate_latest(figures)


def make_folder(name: str) -> str:
    """Return an empty folder in which the processes of one service share their metrics."""
    folder = Path(tempfile.gettempdir()) / f"regiondo-sla-metrics-{os.geteuid()}-{name}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    return str(folder)
