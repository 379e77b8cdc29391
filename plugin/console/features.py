"""The register of feature requests, as product people read it: weight, evidence, merges, review."""

from __future__ import annotations

from dataclasses import asdict

from flask import Response, abort, jsonify, make_response, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from plugin.console import access
from plugin.console.frame import policy, section, services, show
from plugin.reports import to_csv
from plugin.store.feature_requests import FeatureStatus, RegisterError
from plugin.store.feature_weights import Evidence, Feature
from sla_rules.decision import instant
from sla_rules.ticket import Kind

MOST = 100
SUGGESTED = 5

blueprint = section("features")


@blueprint.get("/features")
def listing() -> str:
    """Show the features, the one that most organisations want first."""
    status, search = _status(request.args.get("status", "")), request.args.get("text", "").strip()
    register = services().store.feature_requests
    return show(
        "features.html",
        features=register.features(status=status, search=search, limit=MOST),
        candidates=register.count_candidates(MOST),
        asked={"status": status, "text": search} if status or search else {},
        statuses=list(FeatureStatus),
        policy=policy(),
        most=MOST,
    )


@blueprint.get("/features/<int:number>")
def page(number: int) -> str:
    """Show one feature with its evidence, what is like it, and what was merged into it."""
    feature = _feature(number)
    register = services().store.feature_requests
    return show(
        "feature.html",
        feature=feature,
        evidence=register.evidence(number),
        similar=register.similar(number, SUGGESTED),
        merged=register.merged(number),
        events=register.events(number),
        statuses=list(FeatureStatus),
        policy=policy(),
    )


@blueprint.post("/features/<int:number>/status")
def set_status(number: int) -> AnyResponse:
    """Say where a feature stands."""
    status = _status(request.form.get("status", "")) or abort(400)
    access.note(status=status)
    register = services().store.feature_requests
    register.set_status(number, status, by=access.my_email(), at=services().clock())
    return _to(number)


@blueprint.post("/features/<int:number>/title")
def rename(number: int) -> AnyResponse:
    """Give a feature a better title."""
    register = services().store.feature_requests
    register.rename(
        number, request.form.get("title", ""), by=access.my_email(), at=services().clock()
    )
    return _to(number)


@blueprint.post("/features/<int:number>/merge")
def merge(number: int) -> AnyResponse:
    """Merge a feature into the one that the form names, and show that one."""
    into = request.form.get("into", type=int) or abort(400)
    access.note(into=into)
    services().store.feature_requests.merge(
        number, into, by=access.my_email(), at=services().clock()
    )
    return _to(into)


@blueprint.post("/features/<int:number>/unmerge")
def unmerge(number: int) -> AnyResponse:
    """Undo a merge, and show the feature that stands alone again."""
    services().store.feature_requests.unmerge(number, by=access.my_email(), at=services().clock())
    return _to(number)


@blueprint.get("/features/review")
def review() -> str:
    """Show the tickets that may ask for a feature and that nobody has reviewed."""
    return show(
        "review.html",
        candidates=services().store.feature_requests.candidates(MOST),
        policy=policy(),
    )


@blueprint.post("/features/review/<connection>/<ticket_id>")
def judge(connection: str, ticket_id: str) -> AnyResponse:
    """Keep a person's word on a candidate; the look that is queued writes it to the helpdesk."""
    kinds = {
        "confirm": Kind.FEATURE_REQUEST,
        "error": Kind.ERROR_REPORT,
        "question": Kind.QUESTION,
    }
    kind = kinds.get(request.form.get("verdict", "")) or abort(400)
    access.note(kind=kind.value)
    services().store.feature_requests.review(
        connection, ticket_id, kind, by=access.my_email(), at=services().clock()
    )
    return redirect(url_for("features.review"))


@blueprint.get("/features/export.<any(csv, json):form>")
def export(form: str) -> Response:
    """Give every recorded request as a file, withdrawn ones too."""
    register = services().store.feature_requests
    rows = [_exported(one) for one in register.all_evidence()]
    if form == "json":
        return jsonify(feature_requests=rows)
    columns = tuple(_exported_names())
    texts = [["" if row[name] is None else str(row[name]) for name in columns] for row in rows]
    answer = make_response(to_csv(columns, texts))
    answer.headers["Content-Type"] = "text/csv; charset=utf-8"
    answer.headers["Content-Disposition"] = "attachment; filename=feature-requests.csv"
    return answer


@blueprint.errorhandler(RegisterError)
def _makes_no_sense(error: RegisterError) -> Response:
    return make_response(show("features_error.html", message=str(error)), 409)


def _exported(one: Evidence) -> dict[str, object]:
    values = asdict(one)
    at = {name: instant(values[name]) for name in ("recorded_at", "withdrawn_at")}
    return values | at


def _exported_names() -> list[str]:
    return list(Evidence.__dataclass_fields__)


def _feature(number: int) -> Feature:
    return services().store.feature_requests.feature(number) or abort(404)


def _status(given: str) -> FeatureStatus | None:
    return FeatureStatus(given) if given in list(FeatureStatus) else None


def _to(number: int) -> AnyResponse:
    return redirect(url_for("features.page", number=number))
