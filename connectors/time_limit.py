"""How long one piece of work may use a vendor's API in all, whatever its single requests take.

The limit is this thread's; `http.py` heeds it before each request and in how long it waits.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_ends_at: ContextVar[float | None] = ContextVar("ends_at", default=None)


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Inside, requests that begin after `seconds` are refused as `VendorUnavailable`."""
    token = _ends_at.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _ends_at.reset(token)


def seconds_left() -> float | None:
    """Seconds until the limit, negative after it; None where there is none."""
    ends_at = _ends_at.get()
    return None if ends_at is None else ends_at - time.monotonic()
