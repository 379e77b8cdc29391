"""What asks the helpdesk: connecting, test delivery, change of secret, disconnecting.

A worker does each (`plugin/errands.py`); the errand's page shows how far it came and can be loaded
anew at any time.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from flask import abort, make_response, redirect, request, url_for
from werkzeug.wrappers import Response

from plugin.connect import removable
from plugin.console import access
from plugin.console.connection_form import form, given_by_request
from plugin.console.connections import blueprint, queue_errand, the_account, the_vendor
from plugin.console.frame import reader, services, show
from plugin.errands import ErrandKind
from plugin.store.errands import Errand, ErrandState

NO_WORKER_AFTER = timedelta(seconds=15)
QUIET_AFTER = timedelta(minutes=3)  # far above the longest answer of a helpdesk
PLAN_VALID = timedelta(minutes=15)


@blueprint.post("/connections/<key>/test")
def test(key: str) -> Response:
    """Have the helpdesk send a delivery and say whether it arrived."""
    return _ask(ErrandKind.TEST, key, {"with_ticket": request.form.get("with_ticket") == "yes"})


@blueprint.post("/connections/<key>/rotate")
def rotate(key: str) -> Response:
    """Change the webhook secret; the old one stays accepted until it is finished."""
    finish = request.form.get("finish") == "yes"
    access.note(finish=finish)
    return _ask(ErrandKind.ROTATE, key, {"finish": finish})


@blueprint.get("/connections/<key>/disconnect")
def confirm_disconnect(key: str) -> str:
    """Show what would be removed."""
    access.admins_only()
    account = the_account(key)
    return show(
        "disconnect.html",
        account=account,
        vendor=the_vendor(account.vendor),
        things=removable(account, keep_fields=True),
    )


@blueprint.post("/connections/<key>/disconnect")
def disconnect(key: str) -> Response:
    """Remove what connecting made, as far as the form says, and forget the account."""
    chosen = request.form.get("remove")
    if chosen not in {"all", "but_fields", "nothing"}:
        abort(400)
    access.note(remove=chosen)
    if services().store.connections.get(key) is None:  # somebody was quicker
        return redirect(url_for("connections.listing"))
    wanted = {"keep_fields": chosen == "but_fields", "forget": chosen == "nothing"}
    return _ask(ErrandKind.DISCONNECT, key, wanted)


@blueprint.get("/errands/<number>")
def errand(number: str) -> Response | str:
    """Show how far an errand came, or what came of it."""
    access.admins_only()
    found = _errand(number)
    vendor = the_vendor(found.vendor)
    if found.kind == ErrandKind.PLAN and not found.is_under_way:
        asked = services().store.errands.request(number) or abort(404)
        if found.state is ErrandState.FAILED:
            account = services().store.connections.get(asked["key"]) if found.connection else None
            said = (found.result or {})["faults"]
            return make_response(form(vendor, given_by_request(asked), account, said), 422)
        return show("connection_plan.html", errand=found, vendor=vendor)
    return show("errand.html", errand=found, vendor=vendor, **_progress(found))


@blueprint.get("/errands/<number>/progress")
def progress(number: str) -> Response | str:
    """Show what is new since `seen`; at the end the page shows itself anew."""
    access.admins_only()
    found = _errand(number)
    if not found.is_under_way:
        answer = make_response("")
        answer.headers["HX-Refresh"] = "true"
        return answer
    shown = _progress(found)
    if shown["seen"] == request.args.get("seen"):
        return make_response("", 204)
    return show("_errand.html", errand=found, **shown)


@blueprint.post("/errands/<number>/connect")
def run(number: str) -> Response:
    """Carry out the plan that was shown, or what stopped on the way once more."""
    found = _errand(number)
    asked = services().store.errands.request(number)
    too_old = found.asked_at < reader().now - PLAN_VALID
    if asked is None or found.kind not in {ErrandKind.PLAN, ErrandKind.CONNECT} or too_old:
        abort(400)
    access.note(account=asked["address"])
    return queue_errand(ErrandKind.CONNECT, found.vendor, found.connection, asked)


def _ask(kind: ErrandKind, key: str, wanted: Mapping[str, Any]) -> Response:
    account = the_account(key)
    return queue_errand(kind, account.vendor, key, wanted)


def _errand(number: str) -> Errand:
    return services().store.errands.get(number) or abort(404)


def _progress(found: Errand) -> dict[str, Any]:
    """What the page says besides the lines; `seen` is the same as long as nothing is new."""
    rests = reader().now - found.moved_at
    is_waiting = found.state is ErrandState.WAITING
    quiet = rests > QUIET_AFTER
    no_worker = is_waiting and rests > NO_WORKER_AFTER
    seen = f"{found.state}-{len(found.lines)}-{no_worker:d}-{quiet:d}"
    return {"seen": seen, "no_worker": no_worker, "quiet": quiet}
