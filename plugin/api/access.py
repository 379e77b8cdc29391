"""Who may use the API: whoever sends a token that an admin made and nobody revoked."""

from __future__ import annotations

from flask import Blueprint, Response, current_app, jsonify, request

from plugin.pipeline import Services
from plugin.rate_limit import RateLimit, source_of

REFUSALS_A_MINUTE = 20  # for each source and web process


def guard(blueprint: Blueprint) -> None:
    """Answer a blueprint's routes only to those who send a token."""
    blueprint.before_request(_check)


def _check() -> Response | None:
    services: Services = current_app.extensions["services"]
    refusals: RateLimit = current_app.extensions["wrong_tokens_limit"]
    source = source_of(request.remote_addr)
    if wait := refusals.wait(source):
        answer = _refused("too_many_requests", "Too many wrong tokens; wait a little.", 429)
        answer.headers["Retry-After"] = str(int(wait) + 1)
        return answer
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and services.store.api_tokens.use(token, services.clock()):
        return None
    refusals.take(source)
    answer = _refused(
        "unauthorized", "Send a token of this console as `Authorization: Bearer`.", 401
    )
    answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


def _refused(code: str, message: str, status: int) -> Response:
    answer = jsonify(error=code, message=message)
    answer.status_code = status
    return answer
