"""The main job over real HTTP: sandbox, web and worker as processes, a real database.

Every due date is computed a second time here, minute by minute, from the contract's text alone.
"""

import socket
import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import requests

from connectors.base import Connection
from connectors.freshdesk.provision import provision as provision_freshdesk
from connectors.zendesk.provision import provision as provision_zendesk
from plugin.bootstrap import build_services
from plugin.settings import Settings
from plugin.supervisor import Service, spawn

BERLIN = ZoneInfo("Europe/Berlin")
HOURS = {"enterprise": 4, "advanced": 6, "starter": 8, "free": 10}
TICKETS = 50
NEXT_WEEK = datetime.now(BERLIN).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(7)


def due_by_walking(starts_at, hours):
    """Walk minute by minute through the contract's hours: Mon-Fri 9-12 and 14-17."""
    at, left = starts_at.astimezone(UTC), hours * 60
    while left:
        local = at.astimezone(BERLIN)
        if local.weekday() < 5 and local.hour in {9, 10, 11, 14, 15, 16}:
            left -= 1
        at += timedelta(minutes=1)
    return at


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(holds, within=60.0, what="it"):
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        try:
            if holds():
                return
        except requests.RequestException:
            pass
        time.sleep(1)
    pytest.fail(f"{what} did not happen within {within} s")


class Running:
    """The whole thing, with two connected accounts."""

    def __init__(self, database_url, tmp_path):
        self.service = Service(
            Settings(
                database_url=database_url,
                secret_key="a secret of the tests",
                port=free_port(),
                web_workers=1,
                log_level="ERROR",
                var=tmp_path,
            )
        )
        self.service.start()
        port = free_port()
        arguments = ["sandbox", "--port", str(port)]
        self.process = spawn(arguments, self.service.environment, quiet=True)
        self.sandbox = f"http://127.0.0.1:{port}"
        self.address = f"http://127.0.0.1:{self.service.settings().port}"
        wait_until(lambda: requests.get(f"{self.sandbox}/sandbox/", timeout=2).ok)
        wait_until(lambda: requests.get(f"{self.address}/readyz", timeout=2).ok)
        self.services = build_services(self.service.settings(), pool_size=2)
        name = f"t{port}"
        self.names = {"zendesk": f"{name}-z", "freshdesk": f"{name}-f"}
        self.account = name
        for vendor, key in self.names.items():
            credentials = {
                "client_id": "sandbox-client",
                "client_secret": "sandbox-secret",
                "api_key": "sandbox-key",
            }
            connection = Connection(
                key=key,
                vendor=vendor,
                base_url=f"{self.sandbox}/{vendor}/{name}",
                credentials=credentials,
            )
            if vendor == "zendesk":
                connection = provision_zendesk(connection, self.address)
            else:
                connection = provision_freshdesk(connection, self.address, datetime.now(UTC))
            self.services.store.connections.save(connection)
            verb = "organizations" if vendor == "zendesk" else "companies"
            for tier in HOURS:
                self.act(vendor, verb, name=tier, tier=tier)

    def act(self, vendor, verb, **given):
        url = f"{self.sandbox}/sandbox/{vendor}/{self.account}/{verb}"
        answer = requests.post(url, json=given, timeout=10)
        assert answer.ok, answer.text
        return answer.json()

    def due(self, vendor, ticket):
        """The due date that stands in the helpdesk, read through its own API."""
        base = f"{self.sandbox}/{vendor}/{self.account}"
        if vendor == "freshdesk":
            answer = requests.get(
                f"{base}/api/v2/tickets/{ticket}", auth=("sandbox-key", "X"), timeout=10
            )
            return answer.json()["fr_due_by"]
        token = requests.post(
            f"{base}/oauth/tokens",
            json={
                "grant_type": "client_credentials",
                "client_id": "sandbox-client",
                "client_secret": "sandbox-secret",
            },
            timeout=10,
        ).json()["access_token"]
        answer = requests.get(
            f"{base}/api/v2/tickets/{ticket}",
            headers={"Authorization": f"Bearer {token}"},
            timeout=10,
        )
        return answer.json()["ticket"]["due_at"]

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.services.store.close()
        self.service.stop()


@pytest.fixture
def running(database_url, tmp_path):
    running = Running(database_url, tmp_path)
    yield running
    running.stop()


def send_mails(running, count):
    """Partner e-mails over both vendors, all tiers, at awkward times and out of order."""
    sent = {}
    for number in range(count):
        vendor = ("zendesk", "freshdesk")[number % 2]
        tier = list(HOURS)[number // 2 % 4]
        at = NEXT_WEEK + timedelta(minutes=(number * 397) % (7 * 24 * 60))
        ticket = running.act(
            vendor,
            "emails",
            **{"from": f"{tier}@{tier}.example"},
            name=tier,
            organization=tier,
            subject="Erreur",
            body="Le paiement ne fonctionne plus, erreur 500.",
            at=at.isoformat(),
        )
        sent[vendor, ticket["id"]] = due_by_walking(at, HOURS[tier])
    return sent


def wrong_dates(running, sent):
    wrong = {}
    for (vendor, ticket), expected in sent.items():
        found = running.due(vendor, ticket)
        if found is None or datetime.fromisoformat(found) != expected:
            wrong[vendor, ticket] = (found, expected)
    return wrong


def test_every_ticket_ends_with_the_due_date_of_the_contract_though_the_worker_is_killed(running):
    sent = send_mails(running, TICKETS // 2)
    running.service.kill("worker")
    sent |= send_mails(running, TICKETS // 2)
    for (vendor, ticket), _ in list(sent.items())[:10]:
        later = (NEXT_WEEK + timedelta(days=8)).isoformat()
        reply = {"from": "a@b.example", "subject": "", "body": "?", "at": later}
        running.act(vendor, "emails", **reply, ticket=ticket)
    running.service.restart_ended()
    wait_until(lambda: not wrong_dates(running, sent), within=120, what="the last due date")


def test_a_forged_delivery_is_refused_and_leaves_no_row(running):
    url = f"{running.address}/webhooks/zendesk/{running.names['zendesk']}"
    forged = requests.post(
        url,
        data=b'{"ticket_id": 1}',
        headers={
            "X-Zendesk-Webhook-Signature": "bm8=",
            "X-Zendesk-Webhook-Signature-Timestamp": datetime.now(UTC).isoformat(),
        },
        timeout=10,
    )
    assert forged.status_code == 401
    assert forged.json()["error"] == "not_verified"
    assert (
        requests.post(f"{running.address}/webhooks/zendesk/nobody", timeout=10).status_code == 404
    )
    too_large = requests.post(url, data=b"x" * 300_000, timeout=10)
    assert too_large.status_code == 413
    assert running.services.store.tickets.audit_trail(running.names["zendesk"], "1") == []


def test_an_agent_s_priority_is_left_alone(running):
    running.act("zendesk", "agents", name="Anna", email="anna@support.example")
    sent = send_mails(running, 1)
    wait_until(lambda: not wrong_dates(running, sent), what="the due date")
    ((_, ticket),) = sent
    running.act("zendesk", "edits", ticket=ticket, fields={"priority": "low"}, agent="Anna")
    trail = lambda: running.services.store.tickets.audit_trail(  # noqa: E731
        running.names["zendesk"], str(ticket)
    )
    wait_until(lambda: "sla_manual" in trail()[-1].decision["add_tags"], what="the look")
    assert all(entry.patch.get("priority") != "urgent" for entry in trail()[1:])
