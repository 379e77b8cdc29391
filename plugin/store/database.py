"""PostgreSQL behind one bounded pool of connections. Knows no table."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout


class StoreUnavailable(Exception):
    """The database did not answer or could not write; the same call may work later."""


class Database:
    """The pool. Everything is read and written in a transaction of its own."""

    def __init__(self, database_url: str, *, pool_size: int = 5) -> None:
        self._engine = make_engine(database_url, pool_size=pool_size)

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One transaction; a database that fails is `StoreUnavailable`."""
        try:
            with self._engine.begin() as connection:
                yield connection
        except (DBAPIError, PoolTimeout) as error:
            raise StoreUnavailable(type(error).__name__) from error


def make_engine(database_url: str, *, pool_size: int = 5) -> Engine:
    """Return an engine for a PostgreSQL address in any of its usual spellings."""
    url = make_url(database_url.replace("postgres://", "postgresql://", 1))
    return create_engine(
        url.set(drivername="postgresql+psycopg"),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=5,
        pool_pre_ping=True,
    )
