"""The routes of the API: tickets with their decisions, reports, the register, and the tester."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from enum import Enum
from importlib.resources import files
from typing import Any

from flask import Blueprint, Response, abort, current_app, jsonify, request
from werkzeug.exceptions import HTTPException

from plugin import reports
from plugin.api.access import guard
from plugin.pipeline import Services
from plugin.store import StoreUnavailable
from plugin.store.feature_requests import FeatureStatus
from plugin.store.reports import Grouping
from plugin.store.ticket_search import Filter, Place
from sla_rules.decision import instant
from sla_rules.engine import decide
from sla_rules.memory import Memory
from sla_rules.ticket_json import TicketError, ticket_from_json

LARGEST_PAGE = 200
TRAIL = 200

blueprint = Blueprint("api", __name__, url_prefix="/api/v1")
_data = Blueprint("data", __name__)
guard(_data)


@blueprint.get("/openapi.json")
def description() -> Response:
    """Describe the API (OpenAPI 3.1); needs no token."""
    text = files("plugin.api").joinpath("openapi.json").read_text("utf-8")
    return Response(text, mimetype="application/json")


@_data.get("/tickets")
def tickets() -> Response:
    """List tickets, the one looked at last first."""
    limit = min(max(1, _number("limit", 50)), LARGEST_PAGE)
    given, connection = request.args, request.args.get("connection")
    wanted = Filter(
        connections=[connection] if connection else None,
        organization=given.get("organization") or None,
        tier=given.get("tier") or None,
        state=given.get("state") or None,
        kind=given.get("kind") or None,
        tag=given.get("tag") or None,
    )
    rows = _services().store.ticket_search.find(wanted, limit + 1, _after())
    more = rows[limit - 1] if len(rows) > limit else None
    return jsonify(
        tickets=[_values(row) for row in rows[:limit]],
        next=Place.of(more).text() if more else None,
    )


@_data.get("/tickets/<connection>/<ticket_id>")
def ticket(connection: str, ticket_id: str) -> Response:
    """Show one ticket with its decision and what was done to it, the newest first."""
    search = _services().store.ticket_search
    found = search.one(connection, ticket_id) or abort(404, "There is no such ticket.")
    trail = search.trail(connection, ticket_id, TRAIL)
    names = ("at", "outcome", "patch", "calls", "error")
    entries = [{name: _plain(getattr(entry, name)) for name in names} for entry in trail]
    return jsonify({**_values(found[0]), "audit": entries})


@_data.get("/reports/attainment")
def attainment() -> Response:
    """Report how promises were kept; durations are in seconds."""
    by = _choice(Grouping, "by", Grouping.TIER)
    since, until = _period()
    zone = _services().policies().current(_services().clock()).zone
    lines = _services().store.reports.attainment(by, since, until, zone.key)
    return jsonify(lines=[_values(line) | {"share": line.share} for line in lines])


@_data.get("/reports/exclusions")
def exclusions() -> Response:
    """Report which tickets had no clock, and why."""
    found = _services().store.reports.exclusions(*_period())
    return jsonify(lines=[_values(line) for line in found])


@_data.get("/feature-requests")
def features() -> Response:
    """List features by the number of organisations that ask for them."""
    status = _choice(FeatureStatus, "status", None)
    found = _services().store.feature_requests.features(
        status=status, search=request.args.get("text", ""), limit=LARGEST_PAGE
    )
    return jsonify(features=[_values(one) for one in found])


@_data.get("/feature-requests/<int:number>")
def feature(number: int) -> Response:
    """Show one feature with the evidence for it."""
    register = _services().store.feature_requests
    found = register.feature(number) or abort(404, "There is no such feature.")
    evidence = [_values(one) for one in register.evidence(number)]
    return jsonify({**_values(found), "evidence": evidence})


@_data.post("/decisions")
def test_decision() -> Response:
    """Decide a ticket that exists nowhere, as `regiondo-sla evaluate` does; nothing is kept.

    The body is a ticket, with `now` (an instant) where another time than the present is meant.
    """
    body: Any = request.get_json(silent=True)
    if not isinstance(body, dict):
        abort(400, "The body is no JSON object.")
    now = _services().clock()
    if body.get("now") is not None:
        now = _instant(str(body["now"]))
    try:
        given = ticket_from_json({"id": "test", **body})
    except TicketError as error:
        abort(422, str(error))
    policy = _services().policies().for_ticket(given, Memory(), now)
    return jsonify(decide(given, policy, now).to_json())


blueprint.register_blueprint(_data)


@blueprint.errorhandler(HTTPException)
def _refused(error: HTTPException) -> tuple[Response, int]:
    code = (error.name or "error").lower().replace(" ", "_")
    return jsonify(error=code, message=error.description), error.code or 500


@blueprint.errorhandler(StoreUnavailable)
def _unavailable(error: StoreUnavailable) -> tuple[Response, int]:
    del error
    return jsonify(error="unavailable", message="The database does not answer; try again."), 503


def _services() -> Services:
    services: Services = current_app.extensions["services"]
    return services


def _values(record: Any) -> dict[str, Any]:
    return {name: _plain(value) for name, value in asdict(record).items()}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return instant(value)
    if isinstance(value, timedelta):
        return value.total_seconds()
    return value.value if isinstance(value, Enum) else value


def _choice(kind: Any, name: str, default: Any) -> Any:
    given = request.args.get(name)
    if not given:
        return default
    try:
        return kind(given)
    except ValueError:
        abort(400, f"{name}: expected one of {', '.join(kind)}.")


def _number(name: str, default: int) -> int:
    try:
        return int(request.args.get(name, default))
    except ValueError:
        abort(400, f"{name}: expected a number.")


def _after() -> Place | None:
    given = request.args.get("after")
    try:
        return Place.read(given) if given else None
    except ValueError:
        abort(400, "after: expected what `next` gave.")


def _period() -> tuple[datetime, datetime]:
    now, given = _services().clock(), request.args
    zone = _services().policies().current(now).zone
    try:
        asked = reports.read_period(given.get("from"), given.get("to"), now, zone)
    except ValueError as error:
        abort(400, f"from, to: {error}.")
    return asked.since, asked.until


def _instant(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        abort(422, "now: expected an ISO 8601 instant with an offset.")
    if at.tzinfo is None:
        abort(422, "now: the instant has no offset; add Z for UTC.")
    return at.astimezone(UTC)
