"""What gunicorn calls when one of its processes ends, so that its metrics are closed."""

from __future__ import annotations

from typing import Any

from prometheus_client.multiprocess import mark_process_dead


def child_exit(server: object, worker: Any) -> None:
    """Forget the gauges of a process that is gone; its counts stay."""
    del server
    mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
