"""The whole service as processes over the sandbox: what the end-to-end tests start and ask.

Holds no test. `Running` is one service with two connected accounts in a sandbox of its own.
"""

import socket
import time

import pytest
import requests

from plugin.bootstrap import build_services
from plugin.connect import AccountRequest, connect_account
from plugin.settings import Settings
from plugin.supervisor import Service, spawn

TIERS = ("enterprise", "advanced", "starter", "free")
CREDENTIALS = {
    "client_id": "sandbox-client",
    "client_secret": "sandbox-secret",
    "api_key": "sandbox-key",
}


def free_port():
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(holds, within=60.0, what="it", every=0.5):
    """Wait for a condition; a server that does not answer yet counts as not holding."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        try:
            if holds():
                return
        except requests.RequestException:
            pass
        time.sleep(every)
    pytest.fail(f"{what} did not happen within {within} s")


class Running:
    """The whole thing, with two connected accounts.

    `programs` are what the service runs; `settings` override its settings.
    """

    def __init__(self, database_url, home, *, programs=("web", "worker"), **settings):
        given = {
            "database_url": database_url,
            "secret_key": "a secret of the tests",
            "port": free_port(),
            "web_workers": 1,
            "log_level": "ERROR",
            "var": home,
        }
        self.service = Service(Settings(**{**given, **settings}), programs=programs)
        self.service.start()
        port = free_port()
        arguments = ["sandbox", "--port", str(port)]
        self.process = spawn(arguments, self.service.environment, quiet=True)
        self.sandbox = f"http://127.0.0.1:{port}"
        self.address = f"http://127.0.0.1:{self.service.settings().port}"
        wait_until(lambda: requests.get(f"{self.sandbox}/sandbox/", timeout=2).ok)
        if "web" in programs:
            wait_until(lambda: requests.get(f"{self.address}/readyz", timeout=2).ok)
        self.services = build_services(self.service.settings(), pool_size=2)
        self.account = f"t{port}"
        self.names = {"zendesk": f"{self.account}-z", "freshdesk": f"{self.account}-f"}
        for vendor, key in self.names.items():
            self.connect(vendor, key)
            verb = "organizations" if vendor == "zendesk" else "companies"
            for tier in TIERS:
                self.act(vendor, verb, name=tier, tier=tier)

    def connect(self, vendor, key, account=None):
        """Connect an account of the sandbox, with limits that no test meets by the way."""
        wide = {"rate_limit": 100_000, "ticket_update_limit": 100_000}
        self.act(vendor, "settings", account=account, **wide)
        request = AccountRequest(
            vendor=vendor,
            key=key,
            address=f"{self.sandbox}/{vendor}/{account or self.account}",
            public_url=self.address,
            credentials=CREDENTIALS,
            settings={} if vendor == "zendesk" else {"engine": "legacy"},
        )
        connect_account(self.services, request)
        return self.services.store.connections.get(key)

    def act(self, vendor, verb, *, account=None, **given):
        """Do what a person does in an account of the sandbox."""
        url = f"{self.sandbox}/sandbox/{vendor}/{account or self.account}/{verb}"
        answer = requests.post(url, json=given, timeout=10)
        assert answer.ok, answer.text
        return answer.json()

    def fault(self, **given):
        """Let something go wrong in the sandbox, see `plugin/sandbox/faults.py`."""
        requests.post(f"{self.sandbox}/sandbox/faults", json=given, timeout=10).raise_for_status()

    def ticket(self, vendor, ticket, account=None):
        """A ticket as it stands in the helpdesk, read beside the API and its rate limit."""
        return self.act(vendor, "ticket", account=account, ticket_id=ticket)

    def due(self, vendor, ticket):
        """The due date that stands in the helpdesk."""
        return self.ticket(vendor, ticket)["fr_due_by" if vendor == "freshdesk" else "due_at"]

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.services.store.close()
        self.service.stop()
