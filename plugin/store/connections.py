"""The configured accounts, their secrets sealed."""

from __future__ import annotations

import time

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from connectors.base import Connection, WebhookSecret
from plugin.secrets import Vault
from plugin.store import tables as t
from plugin.store.database import Database

KNOWN_FOR = 2.0  # seconds: a revoked webhook secret is refused after that by every process


class Connections:
    """The table `connections`."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault
        self._known: dict[str, tuple[float, Connection]] = {}

    def save(self, connection: Connection) -> None:
        """Add an account, or replace the one of the same key."""
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
        with self._database.transaction() as database:
            database.execute(
                insert(t.connections)
                .values(row)
                .on_conflict_do_update(index_elements=["key"], set_=row)
            )
        self._known.pop(connection.key, None)

    def known(self, key: str) -> Connection | None:
        """Return the account as it was at most `KNOWN_FOR` seconds ago, without asking each time.

        An account that is not known is always asked for. Raises `SecretsError`.
        """
        read_at, connection = self._known.get(key, (-KNOWN_FOR, None))
        if connection is None or time.monotonic() - read_at >= KNOWN_FOR:
            connection = self.get(key)
            self._known.pop(key, None)
            if connection is not None:
                self._known[key] = (time.monotonic(), connection)
        return connection

    def get(self, key: str) -> Connection | None:
        """Return the account of that key, None where there is none. Raises `SecretsError`."""
        with self._database.transaction() as database:
            row = database.execute(select(t.connections).where(t.connections.c.key == key)).first()
        if row is None:
            return None
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
