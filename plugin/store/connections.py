"""The configured accounts, their secrets sealed."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection as Transaction
from sqlalchemy import delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from connectors.base import Connection, WebhookSecret
from plugin.secrets import Vault
from plugin.store import tables as t
from plugin.store.database import Database

KNOWN_FOR = 2.0  # seconds: a revoked webhook secret is refused after that by every process
DOUBTED_AFTER = 0.25  # seconds: a delivery that does not verify asks again, but no flood does
_ONE_CLAIM = text("select pg_advisory_xact_lock(hashtextextended('connect', 0))")


class Connections:
    """The table `connections`."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault
        self._known: dict[str, tuple[float, Connection]] = {}

    def claim(self, connection: Connection, *, known: bool) -> bool:
        """Save an account before anything is made in it; False where another was quicker.

        That is one with the same address, or where it was not `known`, with the same key.
        """
        c = t.connections.c
        same = c.base_url == connection.base_url
        mine = c.key == connection.key
        with self._database.transaction() as database:
            database.execute(_ONE_CLAIM)
            if database.execute(
                select(c.key).where(same & ~mine if known else same | mine)
            ).first():
                return False
            self._save(database, connection)
        return True

    def save(self, connection: Connection) -> None:
        """Add an account, or replace the one of the same key."""
        with self._database.transaction() as database:
            self._save(database, connection)

    def _save(self, database: Transaction, connection: Connection) -> None:
        secrets = {
            "credentials": dict(connection.credentials),
            "webhook": [[secret.kid, secret.value] for secret in connection.webhook_secrets],
        }
        row = {
            "key": connection.key,
            "vendor": connection.vendor,
            "base_url": connection.base_url,
            "settings": dict(connection.settings),
            "secrets": self._vault.seal(secrets),
        }
        database.execute(
            insert(t.connections)
            .values(row)
            .on_conflict_do_update(index_elements=["key"], set_=row)
        )
        database.execute(  # perhaps it works now
            t.circuits.update()
            .where(t.circuits.c.connection == connection.key, t.circuits.c.state == "broken")
            .values(probe_at=func.now())
        )
        self._known.pop(connection.key, None)

    def known(self, key: str, *, within: float = KNOWN_FOR) -> Connection | None:
        """Return the account as it was at most `within` seconds ago, without asking each time.

        An account that is not known is always asked for. Raises `SecretsError`.
        """
        if not key.isprintable():
            return None  # PostgreSQL refuses a text with a NUL in it, as a fault of its own
        read_at, connection = self._known.get(key, (-KNOWN_FOR, None))
        if connection is None or time.monotonic() - read_at >= within:
            connection = self.get(key)
            self._known.pop(key, None)
            if connection is not None:
                self._known[key] = (time.monotonic(), connection)
        return connection

    def keys(self) -> list[str]:
        """Return the keys of every account."""
        query = select(t.connections.c.key).order_by(t.connections.c.key)
        with self._database.transaction() as database:
            return list(database.execute(query).scalars())

    def settings(self) -> dict[str, Mapping[str, object]]:
        """Return each account's settings by its key; opens no secrets."""
        query = select(t.connections.c.key, t.connections.c.settings)
        with self._database.transaction() as database:
            return {row.key: row.settings for row in database.execute(query)}

    def get(self, key: str) -> Connection | None:
        """Return the account of that key, None where there is none. Raises `SecretsError`."""
        with self._database.transaction() as database:
            row = database.execute(select(t.connections).where(t.connections.c.key == key)).first()
        return self._connection(row) if row else None

    def every(self) -> list[Connection]:
        """Return all accounts, by key. Raises `SecretsError`."""
        with self._database.transaction() as database:
            rows = database.execute(select(t.connections).order_by(t.connections.c.key)).all()
        return [self._connection(row) for row in rows]

    def reseal(self) -> int:
        """Seal every account's secrets with the first passphrase; return how many.

        Raises `SecretsError`, and then nothing is changed.
        """
        table = t.connections
        with self._database.transaction() as database:
            rows = database.execute(select(table.c.key, table.c.secrets).with_for_update()).all()
            for row in rows:
                sealed = self._vault.reseal(row.secrets)
                database.execute(update(table).where(table.c.key == row.key).values(secrets=sealed))
        return len(rows)

    def delete(self, key: str) -> None:
        """Forget an account and its secrets; what was decided about its tickets is kept."""
        with self._database.transaction() as database:
            database.execute(delete(t.connections).where(t.connections.c.key == key))
        self._known.pop(key, None)

    def note_knock(self, key: str, nonce: str, at: datetime) -> None:
        """Keep that a test delivery arrived."""
        found = update(t.connections).where(t.connections.c.key == key)
        with self._database.transaction() as database:
            database.execute(found.values(knock=nonce, knocked_at=at))

    def last_knock(self, key: str) -> tuple[str | None, datetime | None]:
        """Return the last test delivery that arrived, and when."""
        query = select(t.connections.c.knock, t.connections.c.knocked_at)
        with self._database.transaction() as database:
            row = database.execute(query.where(t.connections.c.key == key)).first()
        return (row.knock, row.knocked_at) if row else (None, None)

    def _connection(self, row: Any) -> Connection:
        secrets = self._vault.open(row.secrets)
        return Connection(
            key=row.key,
            vendor=row.vendor,
            base_url=row.base_url,
            credentials=secrets["credentials"],
            webhook_secrets=tuple(
                WebhookSecret(kid=kid, value=value) for kid, value in secrets["webhook"]
            ),
            settings=row.settings,
        )
