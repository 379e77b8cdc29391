"""The web process: blueprints, limits, errors in JSON."""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from itertools import chain

import structlog
from flask import Flask, Response, abort, g, jsonify, request
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import IntegerConverter, Map

from plugin import api, console, health, webhooks
from plugin.api import access
from plugin.console import frame
from plugin.pipeline import Services
from plugin.rate_limit import RateLimit
from plugin.secrets import split_passphrases
from plugin.settings import Settings

LARGEST_BODY = 256 * 1024


def create_app(settings: Settings, services: Services) -> Flask:
    """Return the application."""
    app = Flask("plugin", static_folder=None)
    app.url_map.converters["int"] = _StoredNumber
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY
    first, *older = map(_cookie_key, split_passphrases(settings.require_secret_key()))
    app.secret_key = first
    app.config["SECRET_KEY_FALLBACKS"] = older
    if settings.proxies:
        forwarded = {f"x_{name}": settings.proxies for name in ("for", "proto", "host")}
        app.wsgi_app = ProxyFix(app.wsgi_app, **forwarded)  # type: ignore[method-assign]
    app.before_request(_name_request)
    app.before_request(_refuse_nul)
    app.extensions["settings"] = settings
    app.extensions["services"] = services
    app.extensions["refusals_limit"] = RateLimit(count=webhooks.REFUSALS_A_MINUTE, seconds=60)
    app.extensions["wrong_tokens_limit"] = RateLimit(count=access.REFUSALS_A_MINUTE, seconds=60)
    for blueprint in (webhooks.blueprint, health.blueprint, health.metrics, api.blueprint):
        app.register_blueprint(blueprint)
    console.mount(app)
    app.register_error_handler(HTTPException, _http_error)
    app.after_request(_headers)
    return app


class _StoredNumber(IntegerConverter):
    """A number as the database counts them; a larger one names nothing and is not found."""

    def __init__(self, url_map: Map) -> None:
        super().__init__(url_map, max=2**63 - 1)


def _cookie_key(passphrase: str) -> bytes:
    return hashlib.sha256(b"cookies:" + passphrase.encode()).digest()


def _name_request() -> None:
    """Give the request an id, the router's own where it names one, for the logs and the answer."""
    g.arrived = time.perf_counter()
    given = request.headers.get("X-Request-Id", "")
    g.request_id = given if re.fullmatch(r"[\w.-]{1,64}", given) else secrets.token_hex(8)
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=g.request_id)


def _refuse_nul() -> None:
    """Refuse a NUL: PostgreSQL takes no text with one, and no browser or helpdesk sends it.

    A webhook's body is left to its own reader, which needs the raw bytes.
    """
    texts = [request.path, *chain.from_iterable(request.args.lists())]
    if request.blueprint != "webhooks":
        texts += chain.from_iterable(request.form.lists())
    if any("\0" in text for one in texts for text in ([one] if isinstance(one, str) else one)):
        abort(400, "A NUL character is in the request.")


def _http_error(error: HTTPException) -> tuple[Response, int]:
    if request.accept_mimetypes.best_match(("application/json", "text/html")) == "text/html":
        return frame.error_page(error), error.code or 500
    code = (error.name or "error").lower().replace(" ", "_")
    return jsonify(error=code, message=error.description), error.code or 500


def _headers(response: Response) -> Response:
    response.headers.setdefault("Content-Security-Policy", "default-src 'none'")
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "no-referrer")
    response.headers.setdefault("X-Frame-Options", "DENY")
    response.headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    response.headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
    if not (request.endpoint or "").endswith("static"):
        response.headers.setdefault("Cache-Control", "no-store")
    if request.is_secure:
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    if "request_id" in g:
        response.headers["X-Request-Id"] = g.request_id
    return response
