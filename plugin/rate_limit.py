"""How often one source may do something: a bounded memory of this process, nothing stored.

Each process counts for itself, so a limit holds for each web process.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address


class RateLimit:
    """At most `count` takes in a burst, then `count` spread over `seconds`, for each source.

    Remembers the `sources` seen last; one that is forgotten begins anew.
    """

    def __init__(
        self,
        *,
        count: int,
        seconds: float,
        sources: int = 10_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._count = count
        self._each = seconds / count
        self._sources = sources
        self._clock = clock
        self._lock = threading.Lock()
        self._free_at: OrderedDict[str, float] = OrderedDict()

    def take(self, source: str) -> float:
        """Count one and return 0, or the seconds to wait where the limit is reached."""
        with self._lock:
            wait = self._wait(source)
            if wait > 0:
                return wait
            now = self._clock()
            self._free_at[source] = max(self._free_at.pop(source, now), now) + self._each
            if len(self._free_at) > self._sources:
                self._free_at.popitem(last=False)
            return 0.0

    def wait(self, source: str) -> float:
        """Return the seconds until the source may take again, 0 where it may now."""
        with self._lock:
            return self._wait(source)

    def forget(self, source: str) -> None:
        """Let a source begin anew, as after a sign-in that succeeded."""
        with self._lock:
            self._free_at.pop(source, None)

    def _wait(self, source: str) -> float:
        """`free_at` is when everything taken so far has worn off; a burst may run ahead of it."""
        free_at = self._free_at.get(source)
        if free_at is None:
            return 0.0
        return max(0.0, free_at - self._clock() - (self._count - 1) * self._each)


def source_of(address: str | None) -> str:
    """Return what stands for a peer: its IPv4 address, or its IPv6 network of 64 bits."""
    try:
        found = ip_address(address or "")
    except ValueError:
        return "unknown"
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped:
            return str(found.ipv4_mapped)
        return f"{IPv6Address(int(found) >> 64 << 64)}/64"
    return str(found)
