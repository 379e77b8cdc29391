"""One vendor's account in the sandbox, its people, our connector to it and our service over it."""

from dataclasses import replace
from datetime import UTC, datetime

from connectors.base import Connection
from connectors.freshdesk import account as freshdesk_account
from connectors.registry import VENDORS
from plugin.bootstrap import build_services
from plugin.pipeline import look_at_ticket
from plugin.settings import Settings

CREDENTIALS = {
    "zendesk": {"client_id": "sandbox-client", "client_secret": "sandbox-secret"},
    "freshdesk": {"api_key": "sandbox-key"},
}


class Account:
    """One vendor's sandbox account, and our connector to it."""

    def __init__(self, vendor, sandbox, port):
        self.vendor = vendor
        self.sandbox = sandbox
        self.people = getattr(sandbox, vendor).account("acme")
        self.connection = Connection(
            key="acme",
            vendor=vendor,
            base_url=f"http://127.0.0.1:{port}/{vendor}/acme",
            credentials=CREDENTIALS[vendor],
        )
        self.connector = VENDORS[vendor].connect(self.connection)
        self.people.create_agent("Anna", "anna@support.example")
        make = getattr(self.people, "create_organization", None) or self.people.create_company
        make("Alpentour", tier="enterprise", named_contact="anna@support.example")

    def mail(self, **given):
        values = {"subject": "Erreur", "body": "Le paiement ne fonctionne plus."}
        values |= {"sender": "luc@alpentour.example", "organization": "Alpentour"}
        return str(self.people.receive_email(**{**values, **given})["id"])

    def writes(self):
        return [call for call in self.sandbox.calls if call["method"] == "PUT"]

    def reads(self):
        """The paths read of this account since the last `forget_calls`, tokens left out."""
        return [
            call["path"].split("?")[0].split("/api/v2")[-1]
            for call in self.sandbox.calls
            if call["method"] == "GET"
        ]

    def forget_calls(self):
        self.sandbox.journal.clear()


class Desk(Account):
    """An account with our service over it: `look` is what a job does for one event."""

    def __init__(self, vendor, sandbox, port, database_url, **settings):
        super().__init__(vendor, sandbox, port)
        self.now = None
        self.connection = replace(
            self.connection, key=f"{vendor}-{port}", settings=self.connection.settings | settings
        )
        services = build_services(
            Settings(database_url=database_url, secret_key="a secret of the tests"), pool_size=2
        )
        connector = VENDORS[vendor].connect(self.connection)  # without the pace of real accounts
        self.services = replace(
            services,
            clock=lambda: self.now or datetime.now(UTC),
            connector=lambda _connection: connector,
        )
        self.services.store.connections.save(self.connection)

    def look(self, number):
        return look_at_ticket(self.services, self.connection.key, number)

    def entry(self, number):
        """What the last look did."""
        return self.services.store.tickets.audit_trail(self.connection.key, number)[-1]

    def calls(self, number):
        """Look, and return how many requests that took."""
        self.look(number)
        return self.entry(number).calls

    def forget_cached(self):
        """As if the short lives of what is cached had passed."""
        freshdesk_account._companies.forget()

    def memory(self, number):
        return self.services.store.tickets.memory(self.connection.key, number)

    def ticket(self, number):
        return self.people.ticket(int(number))
