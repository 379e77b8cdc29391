"""Sends deliveries as the helpdesks do, signed, and again until they are taken.

Holds no test. The sandbox sends webhooks too, but gives up as the vendors do; this one does not.
"""

import json
import random
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import requests

from connectors.freshdesk.webhook_token import mint_token
from connectors.zendesk.signature import sign


class Sender:
    """Deliveries to one service; `answers` counts the statuses that came back (0: no answer)."""

    def __init__(self, running, threads=4):
        self._running = running
        self._connections = {}
        self._sessions = threading.local()
        self._pool = ThreadPoolExecutor(threads)
        self._lock = threading.Lock()
        self.answers = {}
        self.latencies = []

    def _connection(self, vendor, key):
        key = key or self._running.names[vendor]
        with self._lock:
            if key not in self._connections:
                self._connections[key] = self._running.services.store.connections.get(key)
            return self._connections[key]

    def post(self, vendor, ticket, invocation=None, key=None):
        """Send one delivery once; the status, 0 where there was no answer."""
        session = self._sessions.__dict__.setdefault("session", requests.Session())
        connection = self._connection(vendor, key)
        secret = connection.webhook_secrets[-1]
        body = json.dumps({"ticket_id": str(ticket)}).encode()
        headers = {"Content-Type": "application/json"}
        if vendor == "zendesk":
            timestamp = datetime.now(UTC).isoformat()
            headers["X-Zendesk-Webhook-Signature"] = sign(secret.value, timestamp, body)
            headers["X-Zendesk-Webhook-Signature-Timestamp"] = timestamp
            headers["X-Zendesk-Webhook-Invocation-Id"] = invocation or uuid.uuid4().hex
        else:
            token = mint_token(
                secret.value, kid=secret.kid, audience=connection.key, issued_at=datetime.now(UTC)
            )
            headers["Authorization"] = f"Bearer {token}"
        url = f"{self._running.address}/webhooks/{vendor}/{connection.key}"
        began = time.perf_counter()
        try:
            status = session.post(url, data=body, headers=headers, timeout=15).status_code
        except requests.RequestException:
            status = 0
        with self._lock:
            self.answers[status] = self.answers.get(status, 0) + 1
            self.latencies.append(time.perf_counter() - began)
        return status

    def post_until_taken(self, vendor, ticket, delay=0.0):
        """Send one delivery until it is answered with 2xx."""
        time.sleep(delay)
        invocation = uuid.uuid4().hex
        while not 200 <= self.post(vendor, ticket, invocation) < 300:
            time.sleep(random.uniform(0.1, 0.4))

    def start(self, tickets, each=1, delay=0.0):
        """Send `each` deliveries for every ticket in any order; returns what is being sent."""
        order = [ticket for ticket in tickets for _ in range(each)]
        random.shuffle(order)
        return [
            self._pool.submit(self.post_until_taken, vendor, ticket, random.uniform(0, delay))
            for vendor, ticket in order
        ]

    def close(self):
        """Wait for what is being sent."""
        self._pool.shutdown()
