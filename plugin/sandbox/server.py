"""The sandbox as one WSGI application: both vendors, the control plane, a server to run it.

Holds no vendor behaviour.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Generic, TypeVar

from flask import Blueprint, Flask, Response, jsonify, request
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from plugin.sandbox.clock import Clock
from plugin.sandbox.control import register_control
from plugin.sandbox.faults import Faults
from plugin.sandbox.freshdesk import routes as freshdesk_routes
from plugin.sandbox.freshdesk.account import FreshdeskAccount
from plugin.sandbox.gate import Gate
from plugin.sandbox.journal import Journal
from plugin.sandbox.state import Json
from plugin.sandbox.webhooks import Sender
from plugin.sandbox.zendesk import routes as zendesk_routes
from plugin.sandbox.zendesk.account import ZendeskAccount

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


AccountT = TypeVar("AccountT", bound="ZendeskAccount | FreshdeskAccount")


class Accounts(Generic[AccountT]):
    """One vendor's accounts, made on first use."""

    def __init__(self, make: Callable[[str], AccountT], lock: threading.RLock) -> None:
        self._make = make
        self._lock = lock
        self._accounts: dict[str, AccountT] = {}

    def account(self, name: str) -> AccountT:
        """Return the account of that name."""
        with self._lock:
            if name not in self._accounts:
                self._accounts[name] = self._make(name)
            return self._accounts[name]


class Sandbox:
    """Both vendors in memory: `app` is the WSGI application, the rest is for tests."""

    def __init__(self, clock: Clock, seed: int = 0, root: str | None = None) -> None:
        self.clock = clock
        self._root = root
        self.lock = threading.RLock()
        self.journal = Journal()
        self.faults = Faults(seed)
        self.sender = Sender(self.journal, self.faults, clock)
        self.zendesk: Accounts[ZendeskAccount] = Accounts(
            lambda name: ZendeskAccount(name, clock, self.lock, self.sender), self.lock
        )
        self.freshdesk: Accounts[FreshdeskAccount] = Accounts(
            lambda name: FreshdeskAccount(name, clock, self.lock, self.sender), self.lock
        )
        self.app = self._build()

    @property
    def calls(self) -> list[Json]:
        return self.journal.calls

    @property
    def deliveries(self) -> list[Json]:
        return self.journal.deliveries

    def wait_idle(self, timeout: float = 10) -> bool:
        """Wait until every webhook due within five seconds has been sent."""
        return self.sender.wait_idle(timeout)

    def close(self) -> None:
        """Stop sending webhooks."""
        self.sender.close()

    def _build(self) -> Flask:
        app = Flask("regiondo-sla-sandbox")
        zendesk = Blueprint("zendesk", __name__, url_prefix="/zendesk/<account_name>")
        gate = Gate(zendesk, self.zendesk.account, self.lock, self.faults, self.journal, self.clock)
        zendesk_routes.register(gate)
        freshdesk = Blueprint("freshdesk", __name__, url_prefix="/freshdesk/<account_name>")
        gate = Gate(
            freshdesk, self.freshdesk.account, self.lock, self.faults, self.journal, self.clock
        )
        freshdesk_routes.register(gate)
        app.register_blueprint(zendesk)
        app.register_blueprint(freshdesk)
        app.register_error_handler(404, _no_such_path)
        register_control(app, self)
        app.wsgi_app = _routed(app.wsgi_app, self._root)  # type: ignore[method-assign,assignment]
        return app


def _no_such_path(_error: Exception) -> tuple[Response, int]:
    """Zendesk says so in JSON, Freshdesk with an empty body."""
    zendesk = request.path.startswith("/zendesk/")
    said = {"error": "InvalidEndpoint", "description": "Not found"}
    return (jsonify(said) if zendesk else Response(b"")), 404


class _Handler(WSGIRequestHandler):
    """Keeps connections open, as the vendors do, and logs nothing: the journal does."""

    protocol_version = "HTTP/1.1"

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        del code, size


def _routed(app: WSGIApplication, root: str | None) -> WSGIApplication:
    """Serve Zendesk's routes with and without `.json`, and one account at the root.

    `root` is that account, as `zendesk/acme`: some clients take a host and no path.
    """

    def serve(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if root and path.startswith(("/api/", "/oauth/")):
            path = f"/{root}{path}"
        if path.startswith("/zendesk/"):
            path = path.removesuffix(".json")
        environ["PATH_INFO"] = path
        return app(environ, start_response)

    return serve


def create_sandbox(
    clock: Clock | Callable[[], datetime] | None = None,
    *,
    seed: int = 0,
    root: str | None = None,
) -> Sandbox:
    """Build a sandbox; `clock` is its clock, or a calendar to go by, default the machine's.

    The same `seed` gives the same faults for the same requests. `root` names an account, as
    `zendesk/acme`, that is also served without its path.
    """
    return Sandbox(clock if isinstance(clock, Clock) else Clock(clock), seed, root)


def make_sandbox_server(sandbox: Sandbox, host: str, port: int) -> BaseWSGIServer:
    """Bind a server for the sandbox; port 0 is any free one, then at `server.port`."""
    return make_server(host, port, sandbox.app, threaded=True, request_handler=_Handler)


@contextmanager
def serving(sandbox: Sandbox) -> Iterator[str]:
    """Serve the sandbox from a thread on a free port, for tests; gives its address."""
    server = make_sandbox_server(sandbox, "127.0.0.1", 0)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        sandbox.close()
