"""Brings the tables to this version; several hosts may try at once, one does it.

The steps are in `migrations/versions/`.
"""

from __future__ import annotations

import time
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from psycopg.errors import LockNotAvailable
from sqlalchemy import Connection as Database
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from plugin.store.database import make_engine

_LOCK = 8_231_604_417
_ATTEMPTS = 20


class MigrationBlockedError(Exception):
    """Somebody else's transaction kept a table for too long."""


def migrate(database_url: str) -> None:
    """Run the missing steps in one transaction under a lock, while an older version may still run.

    A step that does not get its table within seconds lets the others pass and tries again: who
    waits for a table's lock holds up everyone who comes after. Raises `MigrationBlockedError`.
    """
    engine = make_engine(database_url, pool_size=1)
    try:
        for attempt in range(_ATTEMPTS):
            try:
                with engine.begin() as database:
                    _upgrade(database)
            except OperationalError as error:
                if not isinstance(error.orig, LockNotAvailable):
                    raise
                time.sleep(0.5 * (attempt + 1))
            else:
                return
        raise MigrationBlockedError("a table stayed locked; see pg_stat_activity for who holds it")
    finally:
        engine.dispose()


def _upgrade(database: Database) -> None:
    database.execute(text("select pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    database.execute(text("set local lock_timeout = '3s'"))
    config = _config()
    config.attributes["connection"] = database
    command.upgrade(config, "head")


def is_current(database: Database) -> bool:
    """Say whether the newest step has run."""
    newest = ScriptDirectory.from_config(_config()).get_current_head()
    return MigrationContext.configure(database).get_current_revision() == newest


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    return config
