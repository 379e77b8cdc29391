"""The control plane under `/sandbox/`: what people do in the accounts, faults, the journal.

Each verb is the account's method of the same name; nothing is decided here.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from flask import Flask, Response, jsonify, request

from plugin.sandbox.faults import Fault
from plugin.sandbox.freshdesk.load import load_past as load_freshdesk_past
from plugin.sandbox.state import ApiError, Json
from plugin.sandbox.zendesk.load import load_past as load_zendesk_past

if TYPE_CHECKING:
    from plugin.sandbox.server import Accounts, Sandbox

_VERBS = {
    "organizations": "create_organization",
    "companies": "create_company",
    "organization_edits": "update_organization",
    "company_edits": "update_company",
    "agents": "create_agent",
    "requesters": "create_requester",
    "emails": "receive_email",
    "replies": "agent_replies",
    "notes": "agent_notes",
    "edits": "agent_edits",
    "merge": "merge",
    "spam": "spam",
    "delete": "delete",
    "statuses": "create_status",
    "webhook_target": "webhook_target",
    "settings": "configure",
    "strip": "strip",
    "undelete": "undelete",
    "restore": "restore",
    "expire_tokens": "expire_tokens",
    "ticket": "ticket",
}
_LOADERS: dict[str, Callable[..., Json]] = {
    "zendesk": load_zendesk_past,
    "freshdesk": load_freshdesk_past,
}


def register_control(app: Flask, sandbox: Sandbox) -> None:
    """Add the control plane's routes."""

    vendors: dict[str, Accounts[Any]] = {
        "zendesk": sandbox.zendesk,
        "freshdesk": sandbox.freshdesk,
    }

    def act(vendor: str, account_name: str, verb: str) -> tuple[Response, int]:
        accounts = vendors.get(vendor)
        if accounts is None or verb not in (*_VERBS, "load"):
            return jsonify(error=f"no such action: {vendor} {verb}"), 404
        account = accounts.account(account_name)
        action = getattr(account, _VERBS.get(verb, ""), None)
        if verb == "load":
            action = partial(_LOADERS[vendor], account)
        if action is None:
            return jsonify(error=f"{vendor} has no {verb}"), 404
        given: Json = dict(request.get_json(silent=True) or {})
        if "from" in given:
            given["sender"] = given.pop("from")
        try:
            return jsonify(action(**given)), 200
        except ApiError as error:
            return jsonify(error=error.body), error.status
        except (TypeError, ValueError) as error:
            return jsonify(error=str(error)), 400

    def faults() -> tuple[Response, int]:
        if request.method == "DELETE":
            sandbox.faults.clear()
            return jsonify(faults=0), 200
        given: Any = request.get_json(silent=True)
        try:
            wanted = [Fault(**one) for one in (given if isinstance(given, list) else [given])]
        except (TypeError, ValueError) as error:
            return jsonify(error=str(error)), 400
        for fault in wanted:
            sandbox.faults.add(fault)
        if request.args.get("seed", "").isdigit():
            sandbox.faults.seed(int(request.args["seed"]))
        return jsonify(faults=len(wanted)), 200

    def journal() -> Response:
        if request.method == "DELETE":
            sandbox.journal.clear()
        vendor = request.args.get("vendor")
        rows = sandbox.calls if request.path.endswith("calls") else sandbox.deliveries
        return jsonify([row for row in list(rows) if vendor in (None, row["vendor"])])

    def summary() -> Response:
        return jsonify(
            sandbox.journal.summary(request.args.get("vendor"), request.args.get("account"))
        )

    def clock() -> tuple[Response, int]:
        if request.method == "POST":
            given: Json = dict(request.get_json(silent=True) or {})
            try:
                sandbox.clock.advance(float(given.get("advance", 0)))
            except (TypeError, ValueError) as error:
                return jsonify(error=str(error)), 400
        now = sandbox.clock().isoformat()
        return jsonify(now=now, speed=sandbox.clock.speed, elapsed=sandbox.clock.elapsed()), 200

    def idle() -> Response:
        return jsonify(idle=sandbox.wait_idle(float(request.args.get("timeout", 10))))

    add = app.add_url_rule
    add("/sandbox/<vendor>/<account_name>/<verb>", "act", act, methods=["POST"])
    add("/sandbox/faults", "faults", faults, methods=["POST", "DELETE"])
    add("/sandbox/calls", "calls", journal, methods=["GET", "DELETE"])
    add("/sandbox/deliveries", "deliveries", journal, methods=["GET", "DELETE"])
    add("/sandbox/summary", "summary", summary)
    add("/sandbox/clock", "clock", clock, methods=["GET", "POST"])
    add("/sandbox/idle", "idle", idle)
    add("/sandbox/", "ready", lambda: jsonify(sandbox="ready"))
