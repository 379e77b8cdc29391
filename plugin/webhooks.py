"""The door: a helpdesk's webhook becomes an answer in JSON. What it means is `pipeline.receive`."""

from __future__ import annotations

import math
import time

import structlog
from flask import Blueprint, Response, current_app, g, jsonify, request

from connectors.errors import PayloadError, VerificationError
from plugin.metrics import DELIVERIES, WEBHOOK_SECONDS
from plugin.pipeline import Receipt, Services, UnknownConnection, receive
from plugin.rate_limit import RateLimit, source_of
from plugin.store import StoreUnavailable

log = structlog.get_logger()
blueprint = Blueprint("webhooks", __name__, url_prefix="/webhooks")

_STATUS = {Receipt.ACCEPTED: 202, Receipt.DUPLICATE: 200, Receipt.IGNORED: 200}
RETRY_AFTER = 10  # seconds
REFUSALS_A_MINUTE = 120  # for each source and web process
_RESULTS = {
    400: "unreadable",
    401: "unverified",
    404: "unknown",
    413: "too_large",
    429: "throttled",
    503: "unavailable",
}


@blueprint.post("/<vendor>/<connection>", strict_slashes=False)
def deliver(vendor: str, connection: str) -> tuple[Response, int]:
    """Take one delivery: 2xx only once it is kept."""
    services: Services = current_app.extensions["services"]
    receipt = receive(services, vendor, connection, dict(request.headers), request.get_data())
    g.result = receipt.value
    return jsonify(status=receipt.value), _STATUS[receipt]


@blueprint.before_request
def _note_account() -> None:
    addressed = request.view_args or {}
    structlog.contextvars.bind_contextvars(**addressed)
    g.account = addressed["connection"]


@blueprint.after_request
def _count(response: Response) -> Response:
    services: Services = current_app.extensions["services"]
    vendor = (request.view_args or {}).get("vendor")
    result = g.get("result") or _RESULTS.get(response.status_code, "failed")
    DELIVERIES.labels(vendor if vendor in services.vendors else "unknown", result).inc()
    WEBHOOK_SECONDS.observe(time.perf_counter() - g.arrived)
    if 400 <= response.status_code < 500:
        ours = response.status_code in {400, 401}  # else the account may be a stranger's invention
        services.store.refusals.note(g.get("account", "") if ours else "", result)
    return response


@blueprint.errorhandler(UnknownConnection)
def _unknown(error: UnknownConnection) -> tuple[Response, int]:
    return _refused("unknown_connection", error, 404)


@blueprint.errorhandler(VerificationError)
def _unverified(error: VerificationError) -> tuple[Response, int]:
    return _refused("not_verified", error, 401)


def _refused(code: str, error: Exception, status: int) -> tuple[Response, int]:
    """Refuse; a source that is refused too often hears only that, and no more of why.

    What verifies is taken from any source however often others behind its address were refused.
    """
    limit: RateLimit = current_app.extensions["refusals_limit"]
    wait = limit.take(source_of(request.remote_addr))
    if not wait:
        log.info("refused", reason=code, vendor=(request.view_args or {}).get("vendor"))
        return jsonify(error=code, message=str(error)), status
    response = jsonify(error="too_many_refusals", message="Too many refused requests; wait.")
    response.headers["Retry-After"] = str(math.ceil(wait))
    return response, 429


@blueprint.errorhandler(PayloadError)
def _unreadable(error: PayloadError) -> tuple[Response, int]:
    return jsonify(error="unreadable", message=str(error)), 400


@blueprint.errorhandler(StoreUnavailable)
def _unavailable(error: StoreUnavailable) -> tuple[Response, int]:
    del error
    message = "The database does not answer; send it again."
    response = jsonify(error="unavailable", message=message)
    response.headers["Retry-After"] = str(RETRY_AFTER)
    return response, 503
