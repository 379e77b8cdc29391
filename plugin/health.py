"""What monitors ask: alive, ready, and the metrics.

Metrics are shown as the console is: on this machine, elsewhere with the token.
"""

from __future__ import annotations

from flask import Blueprint, Response, current_app, jsonify
from prometheus_client import CONTENT_TYPE_LATEST

from plugin.gate import guard
from plugin.metrics import exposition
from plugin.pipeline import Services
from plugin.store import StoreUnavailable

blueprint = Blueprint("health", __name__)
metrics = Blueprint("metrics", __name__)
guard(metrics)


@blueprint.get("/healthz")
def alive() -> Response:
    """Say that the process answers."""
    return jsonify(status="ok")


@blueprint.get("/readyz")
def ready() -> tuple[Response, int]:
    """Say whether the database answers and has this version's tables, and how long jobs wait.

    An old queue is told and is no reason to be unready: events are still taken in.
    """
    services: Services = current_app.extensions["services"]
    try:
        migrated = services.store.is_migrated()
        if not migrated:
            return jsonify(status="not ready", database="run `regiondo-sla migrate`"), 503
        figures = services.store.figures.read()
    except StoreUnavailable:
        return jsonify(status="not ready", database="does not answer"), 503
    return jsonify(status="ready", queue_age_seconds=round(figures.queue_age, 1)), 200


@metrics.get("/metrics")
def scrape() -> Response:
    """Return the metrics as Prometheus reads them."""
    services: Services = current_app.extensions["services"]
    return Response(exposition(services.store), content_type=CONTENT_TYPE_LATEST)
