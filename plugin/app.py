"""The web process: blueprints, limits, errors in JSON."""

from __future__ import annotations

import hashlib

from flask import Flask, Response, jsonify, request
from werkzeug.exceptions import HTTPException

from plugin import api, console, health, webhooks
from plugin.console import frame
from plugin.pipeline import Services
from plugin.settings import Settings

LARGEST_BODY = 256 * 1024


def create_app(settings: Settings, services: Services) -> Flask:
    """Return the application."""
    app = Flask("plugin", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY
    app.secret_key = hashlib.sha256(b"cookies:" + settings.require_secret_key().encode()).digest()
    app.extensions["settings"] = settings
    app.extensions["services"] = services
    for blueprint in (webhooks.blueprint, health.blueprint, health.metrics, api.blueprint):
        app.register_blueprint(blueprint)
    console.mount(app)
    app.register_error_handler(HTTPException, _http_error)
    app.after_request(_headers)
    return app


def _http_error(error: HTTPException) -> tuple[Response, int]:
    if request.accept_mimetypes.best_match(("application/json", "text/html")) == "text/html":
        return frame.error_page(error), error.code or 500
    code = (error.name or "error").lower().replace(" ", "_")
    return jsonify(error=code, message=error.description), error.code or 500


def _headers(response: Response) -> Response:
    response.headers.setdefault(
        "Content-Security-Policy", "default-src 'self'; img-src 'self' data:"
    )
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "no-referrer")
    response.headers.setdefault("X-Frame-Options", "DENY")
    return response
