"""The accounts of these tests, with secrets that the tests know, and the service beside them."""

from dataclasses import dataclass
from typing import Any

from psycopg.sql import SQL, Identifier

SECRETS = {
    "1": "first-webhook-secret-" + "f" * 64,
    "2": "second-webhook-secret-" + "s" * 64,
}
CREDENTIALS = {
    "zendesk": {"client_id": "a-client", "client_secret": "the-client-secret-in-plain"},
    "freshdesk": {"api_key": "the-api-key-in-plain"},
}


@dataclass
class Service:
    """The application, and a look into its tables."""

    app: Any
    services: Any
    database: Any

    def counts(self):
        """Rows by table, but for the counts of refusals."""
        names = self.database.execute(
            "select tablename from pg_tables where schemaname = 'public' "
            "and tablename not in ('refusals', 'alembic_version')"
        ).fetchall()
        return {
            name: self.database.execute(
                SQL("select count(*) from {}").format(Identifier(name))
            ).fetchone()[0]
            for (name,) in names
        }

    def empty(self):
        names = ", ".join(f'"{name}"' for name in self.counts())
        self.database.execute(f"truncate {names} cascade")
        self.services.store.connections._known.clear()
