"""What is left of each account's limits: one row a bucket, shared by every worker and process.

A row is a token bucket in the form of one instant (GCRA): `free_at` is when it will be full again.
Which bucket a request draws from is said by the vendor's `limits.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text

from plugin.store.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """What is taken from one bucket. `share` is the part of it that bulk work may use, 0 to 1."""

    bucket: str
    cost: int = 1
    share: float | None = None


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How fast a bucket refills: seconds between two requests, and how far a burst may run ahead.

    In any window of the vendor's, wherever it begins, no more than the limit fits.
    """

    limit: int
    spacing: float
    slack: float

    @classmethod
    def of(
        cls, limit: int, seconds: float, *, burst: int | None = None, largest: int = 1
    ) -> Rhythm:
        """Return the rhythm of `limit` requests in any `seconds`.

        `burst` may go at once (None: a fiftieth), a single request costs at most `largest`. A
        sixtieth of the window is kept for the network, which delays one request more than another.
        """
        burst = burst or max(1, limit // 50)
        steady = max(1, limit - burst + 1 - max(0, largest - burst))
        spacing = seconds * (1 + 1 / 60) / steady
        return cls(limit, spacing, (burst - 1) * spacing)


class Budgets:
    """The table `budgets`. Instants are the database's, so that hosts need not agree on theirs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def declare(self, connection: str, bucket: str, rhythm: Rhythm, *, by_setting: bool) -> None:
        """Make the bucket; a limit that the vendor named stays, unless a setting is lower."""
        with self._database.transaction() as database:
            database.execute(
                _DECLARE, _row(connection, bucket, rhythm) | {"by_setting": by_setting}
            )

    def take(self, connection: str, draws: Sequence[Draw]) -> float:
        """Take from every bucket or from none; 0 where taken, else the seconds until there is room.

        Buckets that were never declared hold nobody up. One round trip, which waits for no disk.
        """
        ordered = sorted(draws, key=lambda one: one.bucket)  # one order: no deadlock
        given = (
            connection,
            [draw.bucket for draw in ordered],
            [draw.cost for draw in ordered],
            [draw.share for draw in ordered],
        )
        return float(self._database.call(_TAKE, given))

    def learn(self, connection: str, bucket: str, rhythm: Rhythm) -> None:
        """Go by the limit that the vendor named."""
        with self._database.transaction() as database:
            database.execute(_LEARN, _row(connection, bucket, rhythm))

    def hold(self, connection: str, bucket: str, *, live: float, bulk: float) -> None:
        """Let nobody draw for `live` seconds, and bulk work not for `bulk` seconds."""
        given = {"c": connection, "b": bucket, "live": live, "bulk": bulk}
        with self._database.transaction() as database:
            database.execute(_HOLD, given)

    def owe(self, connection: str, bucket: str, cost: int) -> None:
        """Take `cost` more without asking: a request turned out dearer than it seemed."""
        with self._database.transaction() as database:
            database.execute(_OWE, {"c": connection, "b": bucket, "cost": cost})

    def prune(self) -> int:
        """Forget the buckets of single tickets that are full again; returns how many."""
        with self._database.transaction() as database:
            return database.execute(_PRUNE).rowcount


def _row(connection: str, bucket: str, rhythm: Rhythm) -> dict[str, object]:
    return {
        "c": connection,
        "b": bucket,
        "allowed": rhythm.limit,
        "spacing": rhythm.spacing,
        "slack": rhythm.slack,
    }


_TAKE = "select sla_take_v1(%s, %s::text[], %s::int[], %s::float8[])"
_DECLARE = text("""
    insert into budgets as b (connection, bucket, allowed, spacing, slack)
    values (:c, :b, :allowed, :spacing, :slack)
    on conflict (connection, bucket) do update
    set allowed = excluded.allowed, spacing = excluded.spacing, slack = excluded.slack
    where (not b.learned or (:by_setting and excluded.allowed < b.allowed))
      and (b.allowed, b.spacing) is distinct from (excluded.allowed, excluded.spacing)
""")
# What was taken at the old rhythm is counted at the new one, bulk work's part too; a longer hold
# stays. One request takes seven at most, and bulk work counts each for more.
_LEARN = text("""
    update budgets set learned = true, allowed = :allowed, spacing = :spacing, slack = :slack,
      free_at = case when free_at - clock_timestamp() > make_interval(secs => 12 * spacing + slack)
        then free_at
        else clock_timestamp() + greatest(interval '0', free_at - clock_timestamp())
             * (:spacing / spacing) end,
      bulk_free_at = case
        when bulk_free_at - clock_timestamp() > make_interval(secs => 12 * spacing + slack)
        then bulk_free_at
        else clock_timestamp() + greatest(interval '0', bulk_free_at - clock_timestamp())
             * (:spacing / spacing) end
    where connection = :c and bucket = :b and (not learned or allowed <> :allowed)
""")
_HOLD = text("""
    update budgets set
      free_at = greatest(free_at, clock_timestamp() + make_interval(secs => :live + slack)),
      bulk_free_at = greatest(bulk_free_at,
                              clock_timestamp() + make_interval(secs => :bulk + slack))
    where connection = :c and bucket = :b
""")
_OWE = text("""
    update budgets set
      free_at = greatest(free_at, clock_timestamp()) + make_interval(secs => :cost * spacing)
    where connection = :c and bucket = :b
""")
_PRUNE = text("delete from budgets where bucket like '%:%' and free_at < now()")
