"""A sandbox of both vendors over real HTTP, and our service over each vendor's account."""

import threading

import pytest
from contract.accounts import Account, Desk
from werkzeug.serving import make_server

from connectors.registry import VENDORS
from plugin.sandbox.server import create_sandbox
from plugin.store.migrate import migrate


@pytest.fixture
def sandbox():
    sandbox = create_sandbox()
    server = make_server("127.0.0.1", 0, sandbox.app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield sandbox, server.port
    server.shutdown()
    server.server_close()
    sandbox.close()


@pytest.fixture(params=sorted(VENDORS))
def account(request, sandbox):
    return Account(request.param, *sandbox)


@pytest.fixture(scope="module")
def migrated(database_url):
    migrate(database_url)
    return database_url


@pytest.fixture
def desks(sandbox, migrated):
    """Make a vendor's account with our service over it."""
    made = []

    def make(vendor, **settings):
        made.append(Desk(vendor, *sandbox, migrated, **settings))
        return made[-1]

    yield make
    for desk in made:
        desk.services.store.close()


@pytest.fixture(params=sorted(VENDORS))
def desk(request, desks):
    return desks(request.param)
