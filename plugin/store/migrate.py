"""Brings the tables to this version; several hosts may try at once, one does it.

The steps are in `migrations/versions/`.
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection as Database
from sqlalchemy import text

from plugin.store.database import make_engine

_LOCK = 8_231_604_417


def migrate(database_url: str) -> None:
    """Run the missing steps in one transaction under a lock."""
    engine = make_engine(database_url, pool_size=1)
    with engine.begin() as database:
        database.execute(text("select pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        config = _config()
        config.attributes["connection"] = database
        command.upgrade(config, "head")
    engine.dispose()


def is_current(database: Database) -> bool:
    """Say whether the newest step has run."""
    newest = ScriptDirectory.from_config(_config()).get_current_head()
    return MigrationContext.configure(database).get_current_revision() == newest


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    return config
