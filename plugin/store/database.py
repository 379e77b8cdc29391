"""PostgreSQL behind bounded connections, with time limits on every statement. Knows no table.

Connections of one process: `pool_size` for transactions, and one for each thread that `call`s.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, LiteralString

import psycopg
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DataError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout


class StoreUnavailable(Exception):
    """The database did not answer or could not write; the same call may work later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a process waits for the database, in seconds; `statement` 0 is without limit."""

    connect: int = 3
    pool: float = 5
    statement: float = 30
    lock: float = 10


AT_THE_DOOR = Patience(connect=2, pool=2, statement=4, lock=2)  # Zendesk waits about 10 s
UNLIMITED = Patience(statement=0, lock=0)


class Database:
    """Everything is read and written in a transaction of its own, or by one statement."""

    def __init__(
        self, database_url: str, *, pool_size: int = 5, patience: Patience | None = None
    ) -> None:
        patience = patience or Patience()
        self._engine = make_engine(database_url, pool_size=pool_size, patience=patience)
        self._lines = _Lines(_address(database_url), driver_options(database_url, patience))

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()
        self._lines.close()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One transaction; a database that fails is `StoreUnavailable`.

        A value that no database keeps is no failure of the database: its `DataError` is a bug.
        """
        try:
            with self._engine.begin() as connection:
                yield connection
        except DataError:
            raise
        except (DBAPIError, PoolTimeout) as error:
            raise StoreUnavailable(_name(error)) from error

    @contextmanager
    def alone(self, name: str) -> Iterator[bool]:
        """Say whether no other process is inside under this name; a dead one is not.

        Holds a connection of the pool meanwhile.
        """
        key = {"name": name}
        try:
            with self._engine.connect() as connection:
                connection.execution_options(isolation_level="AUTOCOMMIT")
                taken = bool(connection.execute(_TRY_LOCK, key).scalar())
                try:
                    yield taken
                finally:
                    if taken:
                        connection.execute(_UNLOCK, key)
        except (DBAPIError, PoolTimeout) as error:
            raise StoreUnavailable(_name(error)) from error

    def call(self, statement: LiteralString, parameters: Sequence[object]) -> Any:
        """Run one statement that is a transaction of its own and return its only value.

        It costs one round trip, where a transaction costs five. A connection that was lost
        meanwhile is replaced once: the statement must bear being run twice. Raises
        `StoreUnavailable`.
        """
        try:
            return self._lines.call(statement, parameters)
        except psycopg.Error as error:
            raise StoreUnavailable(type(error).__name__) from error


_TRY_LOCK = text("select pg_try_advisory_lock(hashtextextended(:name, 0))")
_UNLOCK = text("select pg_advisory_unlock(hashtextextended(:name, 0))")


class _Lines:
    """One connection for each thread, in autocommit."""

    def __init__(self, address: URL, options: dict[str, Any]) -> None:
        self._address = address.render_as_string(hide_password=False)
        self._options = options
        self._here = threading.local()
        self._open: list[psycopg.Connection[tuple[Any, ...]]] = []

    def call(self, statement: LiteralString, parameters: Sequence[object]) -> Any:
        connection, is_new = self._connection()
        try:
            row = connection.execute(statement, parameters, prepare=True).fetchone()
        except psycopg.OperationalError:
            if is_new or not connection.closed:
                raise
            connection, _ = self._connection()
            row = connection.execute(statement, parameters, prepare=True).fetchone()
        return row[0] if row else None

    def close(self) -> None:
        for connection in self._open:
            connection.close()
        self._open.clear()

    def _connection(self) -> tuple[psycopg.Connection[tuple[Any, ...]], bool]:
        found = getattr(self._here, "connection", None)
        if found is not None and not found.closed:
            return found, False
        if found in self._open:
            self._open.remove(found)
        made = psycopg.connect(self._address, autocommit=True, **self._options)
        self._here.connection = made
        self._open.append(made)
        return made, True


def make_engine(database_url: str, *, pool_size: int = 5, patience: Patience = UNLIMITED) -> Engine:
    """Return an engine for a PostgreSQL address in any of its usual spellings."""
    return create_engine(
        _address(database_url).set(drivername="postgresql+psycopg"),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=patience.pool,
        pool_pre_ping=True,
        connect_args=driver_options(database_url, patience),
    )


def _address(database_url: str) -> URL:
    return make_url(database_url.replace("postgres://", "postgresql://", 1))


def driver_options(database_url: str, patience: Patience) -> dict[str, Any]:
    """Return what the driver is told; options that stand in the address come first and stay."""
    given = _address(database_url).query.get("options", "")
    limits = {"statement_timeout": patience.statement, "lock_timeout": patience.lock}
    ours = [f"-c {name}={int(seconds * 1000)}" for name, seconds in limits.items() if seconds]
    options: dict[str, Any] = {
        "connect_timeout": patience.connect,
        "keepalives_idle": 10,  # seconds: a host that vanished is noticed
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 15_000,  # milliseconds
        "application_name": "regiondo-sla",
    }
    if ours:
        options["options"] = " ".join(
            [*([given] if isinstance(given, str) and given else []), *ours]
        )
    return options


def _name(error: BaseException) -> str:
    """The driver's own word for the fault: `DiskFull` says more than `OperationalError`."""
    return type(getattr(error, "orig", None) or error).__name__
