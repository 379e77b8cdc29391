"""A short-lived memory for what many tickets share: organisations, fields, agents."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

Value = TypeVar("Value")
_MOST = 10_000


class ShortCache(Generic[Value]):
    """Values by key for some seconds, shared by threads. Never longer: a tier may change."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._held: dict[object, tuple[float, Value]] = {}

    def held(self, key: object) -> Value | None:
        """Return the value for `key` if it is held and young enough."""
        with self._lock:
            found = self._held.get(key)
        if found is None or time.monotonic() - found[0] >= self._seconds:
            return None
        return found[1]

    def put(self, key: object, value: Value) -> None:
        """Hold a value from now on."""
        with self._lock:
            if len(self._held) >= _MOST:
                self._held.clear()
            self._held[key] = (time.monotonic(), value)

    def forget(self) -> None:
        """Hold nothing any more."""
        with self._lock:
            self._held.clear()

    def get(self, key: object, fetch: Callable[[], Value]) -> Value:
        """Return the value for `key`, fetched where it is not held."""
        found = self.held(key)
        if found is None:
            found = fetch()
            self.put(key, found)
        return found
