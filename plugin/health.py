"""What monitors ask: alive, ready."""

from __future__ import annotations

from flask import Blueprint, Response, current_app, jsonify

from plugin.pipeline import Services
from plugin.store import StoreUnavailable

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def alive() -> Response:
    """Say that the process answers."""
    return jsonify(status="ok")


@blueprint.get("/readyz")
def ready() -> tuple[Response, int]:
    """Say whether the database answers and has this version's tables."""
    services: Services = current_app.extensions["services"]
    try:
        migrated = services.store.is_migrated()
    except StoreUnavailable:
        return jsonify(status="not ready", database="does not answer"), 503
    if not migrated:
        return jsonify(status="not ready", database="run `regiondo-sla migrate`"), 503
    return jsonify(status="ready"), 200
