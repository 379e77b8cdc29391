"""What the end-to-end tests share: a running service with two connected accounts."""

import pytest
from e2e.running import Running


@pytest.fixture
def running(database_url, tmp_path):
    running = Running(database_url, tmp_path)
    yield running
    running.stop()
