"""What goes wrong on purpose: a number of times, or again and again with a probability.

Carries out nothing: the gate and the sender do.
"""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass

API_FAULTS = ("429", "503", "timeout", "reset", "slow")
WEBHOOK_FAULTS = ("duplicate", "reorder", "drop")


@dataclass
class Fault:
    """Something that goes wrong `count` times; with a `rate`, by that chance for ever.

    `after` executes the request before losing its answer (503, timeout, reset). `method` and
    `path` (a part of it) narrow which requests are hit. `seconds` is how long slow, timeout and
    reorder take.
    """

    kind: str
    vendor: str | None = None
    count: int | None = None
    rate: float | None = None
    method: str | None = None
    path: str | None = None
    after: bool = False
    seconds: float | None = None
    retry_after: int = 1

    def __post_init__(self) -> None:
        self.kind = str(self.kind)
        if self.kind not in API_FAULTS + WEBHOOK_FAULTS:
            every = ", ".join(API_FAULTS + WEBHOOK_FAULTS)
            raise ValueError(f"unknown fault {self.kind!r}; there are {every}")
        if self.rate is not None and not 0 <= self.rate <= 1:
            raise ValueError(f"the rate of {self.kind} must be from 0 to 1, not {self.rate}")
        if self.rate is None and self.count is None:
            self.count = 1


class Faults:
    """The faults still to come. The same `seed` and order of requests give the same faults."""

    def __init__(self, seed: int = 0) -> None:
        self._lock = threading.Lock()
        self._waiting: list[Fault] = []
        self._random = random.Random(seed)

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._waiting.append(fault)

    def seed(self, seed: int) -> None:
        with self._lock:
            self._random.seed(seed)

    def clear(self) -> None:
        with self._lock:
            self._waiting.clear()

    def take(
        self, kinds: tuple[str, ...], vendor: str, method: str = "", path: str = ""
    ) -> Fault | None:
        """Use up one matching fault, or return None."""
        with self._lock:
            for fault in self._waiting:
                if (
                    fault.kind in kinds
                    and fault.vendor in (None, vendor)
                    and fault.method in (None, method)
                    and (fault.path is None or fault.path in path)
                    and (fault.rate is None or self._random.random() < fault.rate)
                ):
                    if fault.count is not None:
                        fault.count -= 1
                        if fault.count <= 0:
                            self._waiting.remove(fault)
                    return fault
            return None


def read_faults(text: str, rate: float = 0.05) -> list[Fault]:
    """Read `429,503:0.1,drop`: kinds with the chance of each, where none is named `rate`.

    Raises `ValueError`.
    """
    faults = []
    for word in filter(None, (part.strip() for part in text.split(","))):
        kind, _, chance = word.partition(":")
        try:
            wanted = float(chance) if chance else rate
        except ValueError:
            raise ValueError(f"the rate of {kind} must be from 0 to 1, not {chance!r}") from None
        faults.append(Fault(kind, rate=wanted))
    return faults
