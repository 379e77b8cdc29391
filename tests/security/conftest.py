"""The real application on a real PostgreSQL, with an account of each vendor."""

import psycopg
import pytest
from security.accounts import CREDENTIALS, SECRETS, Service

from connectors.base import Connection, WebhookSecret
from plugin.app import create_app
from plugin.bootstrap import build_services
from plugin.settings import Settings
from plugin.store.migrate import migrate


@pytest.fixture(scope="module")
def running(database_url):
    migrate(database_url)
    settings = Settings(database_url=database_url, secret_key="the passphrase of these tests")
    services = build_services(settings)
    with psycopg.connect(database_url, autocommit=True) as database:
        yield Service(create_app(settings, services), services, database)
    services.store.close()


@pytest.fixture
def service(running):
    running.empty()
    secrets = tuple(WebhookSecret(kid=kid, value=value) for kid, value in SECRETS.items())
    for vendor, credentials in CREDENTIALS.items():
        running.services.store.connections.save(
            Connection(
                key=vendor,
                vendor=vendor,
                base_url=f"https://acme.{vendor}.com",
                credentials=credentials,
                webhook_secrets=secrets,
            )
        )
    return running
