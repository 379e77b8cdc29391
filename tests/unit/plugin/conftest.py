"""The console over a real database, with people who are signed in and a clock that can be set."""

import dataclasses
import re
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from installation import Installation, make_database

from plugin.app import create_app
from plugin.bootstrap import build_services
from plugin.console.passwords import hashed
from plugin.settings import Settings
from plugin.store.migrate import migrate
from plugin.store.people import Purpose, Role

PASSWORD = "a long enough sentence"
TABLES = (
    "people", "one_time_links", "console_sessions", "refused_sign_ins", "admin_actions",
    "tickets", "audit_entries", "inbox", "connections", "circuits", "errands", "procrastinate_jobs",
)  # fmt: skip


class Console:
    """The application, its database and its clock."""

    def __init__(self, database_url):
        self.now = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
        settings = Settings(database_url=database_url, secret_key="a secret of the tests")
        services = build_services(settings)
        self.services = dataclasses.replace(services, clock=lambda: self.now)
        self.store = services.store
        self.app = create_app(settings, self.services)
        self.database_url = database_url

    def later(self, **given):
        self.now += timedelta(**given)

    def person(self, email, role=Role.ADMIN):
        """Add a person with the tests' password."""
        return self.store.people.add(email, hashed(PASSWORD), role, self.now)

    def browser(self, role=None, email=None):
        """A browser; with a role, one in which a new person of it is signed in."""
        client = self.app.test_client()
        if role is not None:
            person = self.person(email or f"{role.value}@example.com", role)
            token = self.store.people.make_link(
                Purpose.SIGN_IN, self.now, valid=timedelta(hours=1), person_id=person
            )
            assert client.get(f"/welcome/{token}").status_code == 302
        return client

    def query(self, text, *given):
        with psycopg.connect(self.database_url, autocommit=True) as database:
            cursor = database.execute(text, given)
            return cursor.fetchall() if cursor.description else []


@pytest.fixture
def console(database_url):
    migrate(database_url)
    with psycopg.connect(database_url, autocommit=True) as database:
        for table in TABLES:
            database.execute(f"truncate {table} cascade")
    console = Console(database_url)
    yield console
    console.store.close()


@pytest.fixture
def send():
    """Send a form as a page does: with the token that the page `at` carries."""

    def send(client, path, data=None, *, at="/sign-in", **given):
        page = client.get(at, follow_redirects=True).text
        token = re.search(r'name="csrf_token" value="([^"]+)"', page)
        form = {**(data or {}), "csrf_token": token[1] if token else ""}
        return client.post(path, data=form, **given)

    return send


@pytest.fixture(scope="module")
def own_database(database_url):
    """A database of the module's own, so that it sees no other test's accounts."""
    return make_database(database_url)


@pytest.fixture
def here(own_database):
    """An installation of the plugin, with a sandbox whose accounts can be connected."""
    installation = Installation(own_database)
    yield installation
    installation.close()
