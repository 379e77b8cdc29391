"""A sandbox served for tests, a client for each of its accounts, and a receiver of webhooks."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import requests

from plugin.sandbox.server import Sandbox

Json = dict[str, Any]


class Target:
    """A webhook receiver that keeps what it got and answers the statuses given, then 200."""

    def __init__(self) -> None:
        self.received: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[int] = []
        self.retry_after = "1"
        target = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                target.received.append((dict(self.headers), body))
                self.send_response(target.answers.pop(0) if target.answers else 200)
                self.send_header("Retry-After", target.retry_after)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def bodies(self) -> list[Json]:
        return [json.loads(body) for _, body in self.received]

    def named(self, kind: str, subject: str = "ticket") -> list[Json]:
        """Return the Zendesk events of a kind."""
        return [e for e in self.bodies() if e.get("type") == f"zen:event-type:{subject}.{kind}"]

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class ZendeskApi:
    """The account `acme`, as a signed-in client sees it."""

    def __init__(self, address: str, sandbox: Sandbox) -> None:
        self.root = address
        self.base = f"{address}/zendesk/acme"
        self.sandbox = sandbox
        self.account = sandbox.zendesk.account("acme")
        self.session = requests.Session()
        self.sign_in()

    def sign_in(self, **given: object) -> Json:
        body = {"grant_type": "client_credentials", "client_id": "sandbox-client",
                "client_secret": "sandbox-secret", "scope": "read write", **given}  # fmt: skip
        token = requests.post(f"{self.base}/oauth/tokens", json=body, timeout=10).json()
        self.session.headers["Authorization"] = f"Bearer {token.get('access_token')}"
        return dict(token)

    def __call__(self, method: str, path: str, body: Json | None = None) -> requests.Response:
        return self.session.request(method, f"{self.base}/api/v2/{path}", json=body, timeout=10)

    def get(self, path: str) -> Json:
        return dict(self("GET", path).json())

    def update(self, ticket_id: int, **fields: object) -> requests.Response:
        return self("PUT", f"tickets/{ticket_id}.json", {"ticket": fields})

    def ticket(self, ticket_id: int = 1) -> Json:
        return dict(self.get(f"tickets/{ticket_id}.json")["ticket"])


class FreshdeskApi:
    """The account `acme`, as a client with the account's key sees it."""

    def __init__(self, address: str, sandbox: Sandbox) -> None:
        self.root = address
        self.base = f"{address}/freshdesk/acme"
        self.sandbox = sandbox
        self.account = sandbox.freshdesk.account("acme")
        self.session = requests.Session()
        self.session.auth = ("sandbox-key", "X")

    def __call__(self, method: str, path: str, body: Json | None = None) -> requests.Response:
        return self.session.request(method, f"{self.base}/api/v2/{path}", json=body, timeout=10)

    def update(self, ticket_id: int, **fields: object) -> requests.Response:
        return self("PUT", f"tickets/{ticket_id}", dict(fields))

    def ticket(self, ticket_id: int = 1) -> Json:
        return dict(self("GET", f"tickets/{ticket_id}").json())


def first_error(answer: requests.Response) -> tuple[int, str, str]:
    """Return status, field and code of a Freshdesk refusal."""
    body = answer.json()
    return answer.status_code, body["errors"][0]["field"], body["errors"][0]["code"]
