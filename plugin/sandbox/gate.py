"""The door every API request passes: faults, rate limit, credentials, the lock, the log.

Knows no route and no vendor; each vendor's account says how it authenticates and what it sends
along.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

from flask import Blueprint, Response, request

from plugin.sandbox.clock import Clock
from plugin.sandbox.faults import API_FAULTS, Fault, Faults
from plugin.sandbox.journal import Journal
from plugin.sandbox.state import ApiError, Json, Reply, iso


class Account(Protocol):
    """What the gate needs of a vendor's account."""

    vendor: str
    name: str

    def admit(self, path: str) -> Json | None:
        """Count the request, check its credentials, return who calls. Raises `ApiError`."""

    def rate_headers(self) -> dict[str, str]:
        """Return the headers that tell what is left of the limit."""

    def too_many_requests(self, retry_after: int) -> ApiError:
        """Return the vendor's 429."""


View = Callable[..., object]


class Gate:
    """Registers views so that each runs behind the door.

    A view takes the account, the caller and the route's own arguments, and returns a `Reply` or a
    body. It runs under the sandbox's one lock unless registered with `unlocked`.
    """

    def __init__(
        self,
        blueprint: Blueprint,
        find: Callable[[str], Account],
        lock: threading.RLock,
        faults: Faults,
        journal: Journal,
        clock: Clock,
    ) -> None:
        self._blueprint = blueprint
        self._find = find
        self._lock = lock
        self._faults = faults
        self._journal = journal
        self._clock = clock

    def route(self, methods: str, rule: str, view: View, *, unlocked: bool = False) -> None:
        """Serve `view` at `rule` for the methods named, separated by spaces."""

        def serve(account_name: str, **arguments: Any) -> Response:
            account = self._find(account_name)
            return self._serve(account, view, arguments, unlocked)

        self._blueprint.add_url_rule(
            rule, f"{methods} {rule}".replace(".", "_"), serve, methods=methods.split()
        )

    def _serve(self, account: Account, view: View, arguments: Json, unlocked: bool) -> Response:
        fault = self._faults.take(API_FAULTS, account.vendor, request.method, request.path)
        reply = self._lost(account, fault) if fault and not fault.after else None
        if reply is None:
            reply = self._answer(account, view, arguments, unlocked)
            if fault and fault.after:
                reply = self._lost(account, fault) or reply
        headers = {**account.rate_headers(), **reply.headers}
        self._journal.add_call(
            {
                "vendor": account.vendor,
                "account": account.name,
                "method": request.method,
                "path": request.full_path.rstrip("?"),
                "body": request.get_json(silent=True),
                "status": reply.status,
                "fault": fault.kind if fault else None,
                "at": iso(self._clock()),
            }
        )
        return _response(reply, headers)

    def _answer(self, account: Account, view: View, arguments: Json, unlocked: bool) -> Reply:
        try:
            with self._lock:
                caller = account.admit(request.path)
                if not unlocked:
                    return _as_reply(view(account, caller, **arguments))
            return _as_reply(view(account, caller, **arguments))
        except ApiError as error:
            return Reply(error.body, error.status, error.headers)

    def _lost(self, account: Account, fault: Fault) -> Reply | None:
        """Do what the fault says; None means the request goes on."""
        if fault.kind == "429":
            error = account.too_many_requests(fault.retry_after)
            return Reply(error.body, error.status, error.headers)
        if fault.kind == "503":
            return Reply("Service Unavailable", 503, {"Retry-After": str(fault.retry_after)})
        if fault.kind == "slow":
            time.sleep(fault.seconds if fault.seconds is not None else 1)
            return None
        if fault.kind == "timeout":
            time.sleep(fault.seconds if fault.seconds is not None else 30)
            return Reply("Gateway Timeout", 504)
        _reset_connection()
        return Reply("connection reset", 502)


def _reset_connection() -> None:
    """Cut the connection as a broken network does: whatever is written now reaches nobody."""
    connection = request.environ.get("werkzeug.socket")
    if isinstance(connection, socket.socket):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.shutdown(socket.SHUT_RDWR)


def _as_reply(answer: object) -> Reply:
    return answer if isinstance(answer, Reply) else Reply(answer)


def _response(reply: Reply, headers: dict[str, str]) -> Response:
    if reply.body is None:
        response = Response(b"", status=reply.status)
    elif isinstance(reply.body, str):
        response = Response(reply.body, status=reply.status, mimetype="text/plain")
    else:
        response = Response(
            json.dumps(reply.body), status=reply.status, mimetype="application/json"
        )
    for name, value in headers.items():
        response.headers[name] = value
    return response


def request_json() -> Json:
    """Return the request's JSON object; an empty one where there is none."""
    body = request.get_json(silent=True)
    return body if isinstance(body, dict) else {}
