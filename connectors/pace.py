"""What a request costs of an account's limits, and what an answer tells of them.

Knows no database and no vendor's figures: `limits.py` of each vendor does; who waits is decided by
the `Pace` that the service hands in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """What one request takes from one bucket.

    A bucket allows `limit` in any `seconds`; `limit` is the lowest documented one, in force until a
    setting or a header says more. `burst` may be taken at once (None: a fiftieth). `largest` is the
    most that a single request takes. From a bucket that is `shared` with live work, bulk work
    leaves a part.
    """

    bucket: str
    limit: int
    cost: int = 1
    seconds: float = 60
    burst: int | None = None
    largest: int = 1
    shared: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What an answer's headers tell of a bucket; None where they do not.

    `cost` is what the request really took; `resets_in` is in seconds.
    """

    bucket: str
    limit: int | None = None
    remaining: int | None = None
    resets_in: float | None = None
    cost: int | None = None


class Limits(Protocol):
    """A vendor's limits."""

    def charges(self, method: str, path: str) -> Sequence[Charge]:
        """Return what a request takes; `path` is with its query."""

    def readings(self, headers: Mapping[str, str], charges: Sequence[Charge]) -> Sequence[Reading]:
        """Return what the answer to such a request tells; `headers` ignore case."""


class Pace(Protocol):
    """Whose turn it is. Shared by every worker of an account; one object a thread."""

    def take(self, charges: Sequence[Charge]) -> None:
        """Wait a moment for room in every bucket and take it, all or nothing.

        Raises `RateLimited` (not sent, `retry_after` set) where the wait would be long.
        """

    def learn(
        self, charges: Sequence[Charge], readings: Sequence[Reading], blocked: float | None
    ) -> None:
        """Take an answer's word; `blocked` is the Retry-After of a 429. Never raises."""
