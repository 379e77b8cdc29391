"""A real PostgreSQL for the tests: TEST_DATABASE_URL, else one in a temporary folder."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from plugin.embedded import EmbeddedPostgres

os.environ["SLA_SANDBOX"] = "1"  # the tests' helpdesks are sandboxes on this machine


@pytest.fixture(scope="session")
def database_url():
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
