"""Who may read the metrics: this machine, or whoever sends the token. The console has sign-in."""

from __future__ import annotations

import hmac
from ipaddress import ip_address

from flask import Blueprint, Response, current_app, jsonify, request

from plugin.settings import Settings


def guard(blueprint: Blueprint) -> None:
    """Answer a blueprint's pages only to those who may see them."""
    blueprint.before_request(_check)


def _check() -> tuple[Response, int] | None:
    settings: Settings = current_app.extensions["settings"]
    if settings.console_token:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
        if hmac.compare_digest(given.encode(), settings.console_token.encode()):
            return None
    elif _is_loopback() and not request.headers.get("X-Forwarded-For"):
        return None
    message = (
        "This answers on this machine only; elsewhere set SLA_CONSOLE_TOKEN and send it as bearer."
    )
    return jsonify(error="forbidden", message=message), 403


def _is_loopback() -> bool:
    """The peer is this machine, and it asked for this machine (a page elsewhere cannot rebind)."""
    host = request.host.rsplit(":", 1)[0].strip("[]")
    try:
        return ip_address(request.remote_addr or "").is_loopback and (
            host == "localhost" or ip_address(host).is_loopback
        )
    except ValueError:
        return False
