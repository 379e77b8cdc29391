"""A sandbox, a web process and the services in one process: for the tests of connecting.

Holds no test.
"""

import threading
import uuid

from sqlalchemy import text
from werkzeug.serving import make_server

from plugin.app import create_app
from plugin.bootstrap import build_services
from plugin.connect import AccountRequest
from plugin.sandbox.server import create_sandbox
from plugin.settings import Settings
from plugin.store.database import make_engine
from plugin.store.migrate import migrate

CREDENTIALS = {
    "zendesk": {"client_id": "sandbox-client", "client_secret": "sandbox-secret"},
    "freshdesk": {"api_key": "sandbox-key"},
}
SECRET_KEY = "a secret of the tests"


def make_database(server_url):
    """Return the address of a new, migrated database, so that no other test's accounts are seen."""
    name = f"connect_{uuid.uuid4().hex[:12]}"
    engine = make_engine(server_url, pool_size=1)
    with engine.connect() as server:
        server.execution_options(isolation_level="AUTOCOMMIT").execute(
            text(f"create database {name}")
        )
    engine.dispose()
    url = engine.url.set(database=name, drivername="postgresql")
    migrate(url.render_as_string(hide_password=False))
    return url.render_as_string(hide_password=False)


def serve(app):
    """Serve an application on a free port of this machine."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    soon = {"poll_interval": 0.02}  # so that it also stops soon
    threading.Thread(target=server.serve_forever, kwargs=soon, daemon=True).start()
    return server


class Installation:
    """What an admin has who connects accounts, with two helpdesks to connect."""

    def __init__(self, url):
        self.settings = Settings(database_url=url, secret_key=SECRET_KEY)
        self.services = build_services(self.settings)
        with self.services.store.database.transaction() as database:
            tables = "connections, inbox, dedupe_keys, tickets, audit_entries, sweeps"
            tables += ", circuits, waiting_tickets, dead_letters, errands"
            database.execute(text(f"truncate {tables}"))
        self.sandbox = create_sandbox()
        self.helpdesks = serve(self.sandbox.app)
        self.web = serve(create_app(self.settings, self.services))
        self.public_url = f"http://127.0.0.1:{self.web.port}"

    def close(self):
        for server in (self.web, self.helpdesks):
            server.shutdown()
            server.server_close()
        self.sandbox.close()
        self.services.store.close()

    def account(self, vendor, name="acme"):
        """The sandbox's account as one finds it: without anything of ours."""
        account = getattr(self.sandbox, vendor).account(name)
        account.strip()
        return account

    def address(self, vendor, name="acme"):
        return f"http://127.0.0.1:{self.helpdesks.port}/{vendor}/{name}"

    def request(self, vendor, name="acme", **given):
        values = {
            "vendor": vendor,
            "address": self.address(vendor, name),
            "public_url": self.public_url,
            "credentials": CREDENTIALS[vendor],
        }
        return AccountRequest(**{**values, **given})

    def writes(self):
        """The requests that changed something in a helpdesk, since the last call."""
        calls = [
            call
            for call in self.sandbox.calls
            if call["method"] != "GET"
            and not call["path"].endswith("/oauth/tokens")
            and call["status"] < 400
        ]
        self.sandbox.journal.clear()
        return [f"{call['method']} {call['path'].split('/api/v2')[1]}" for call in calls]

    def connected(self, key="acme"):
        return self.services.store.connections.get(key)
