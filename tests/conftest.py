"""A real PostgreSQL for the tests: TEST_DATABASE_URL, else one in a temporary folder."""

import os
import secrets
import shutil
import tempfile
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.engine import make_url

from plugin.embedded import EmbeddedPostgres

os.environ["SLA_SANDBOX"] = "1"  # the tests' helpdesks are sandboxes on this machine


@pytest.fixture(scope="session")
def database_server():
    """The address of an empty database of the server's, from which others are made."""
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        yield given
        return
    home = Path(tempfile.mkdtemp(prefix="sla-pg-"))
    home.chmod(0o755)
    server = EmbeddedPostgres(home)
    yield server.start()
    server.stop()
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="module")
def database_url(database_server):
    """A database of each test module's own: what one leaves behind is nobody else's."""
    name = f"test_{secrets.token_hex(6)}"
    with psycopg.connect(database_server, autocommit=True) as server:
        server.execute(f"create database {name}")
    yield make_url(database_server).set(database=name).render_as_string(hide_password=False)
    with psycopg.connect(database_server, autocommit=True) as server:
        server.execute(f"drop database if exists {name} with (force)")
