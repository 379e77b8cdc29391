"""The people of the console and what they did. For admins only."""

from __future__ import annotations

from datetime import timedelta

from flask import abort, redirect, request, url_for
from werkzeug.wrappers import Response

from plugin.console import access
from plugin.console.frame import section, services, show
from plugin.store.people import LastAdmin, Purpose, Role

LINK_VALID = timedelta(days=3)
PAGE = 50

blueprint = section("people")
blueprint.before_request(access.admins_only)


@blueprint.get("/people")
def listing() -> str:
    """Show who may use the console."""
    return show("people.html", people=services().store.people.everybody(), link=None)


@blueprint.post("/people/invite")
def invite() -> str:
    """Make a link with which a new person comes in, and show it once."""
    role = _role()
    access.note(role=role.value)
    token = services().store.people.make_link(
        Purpose.INVITE, services().clock(), valid=LINK_VALID, role=role
    )
    return _with_link(token, "people.invited")


@blueprint.post("/people/<int:person>/link")
def new_password(person: int) -> str:
    """Make a link with which a person chooses a new password, and show it once."""
    token = services().store.people.make_link(
        Purpose.NEW_PASSWORD, services().clock(), valid=LINK_VALID, person_id=person
    )
    return _with_link(token, "people.password_link")


@blueprint.post("/people/<int:person>/role")
def change_role(person: int) -> Response:
    """Make a person viewer or admin; they sign in anew."""
    role = _role()
    access.note(role=role.value)
    try:
        services().store.people.change(person, role=role)
    except LastAdmin:
        abort(409)
    return redirect(url_for("people.listing"))


@blueprint.post("/people/<int:person>/access")
def change_access(person: int) -> Response:
    """Shut a person out, or let them in again."""
    shut_out = request.form.get("access") == "shut_out"
    access.note(access="shut_out" if shut_out else "let_in")
    try:
        services().store.people.change(person, disabled_at=services().clock() if shut_out else None)
    except LastAdmin:
        abort(409)
    return redirect(url_for("people.listing"))


@blueprint.post("/people/<int:person>/sessions")
def end_sessions(person: int) -> Response:
    """End every session of a person."""
    services().store.sessions.end_all(person)
    return redirect(url_for("people.listing"))


@blueprint.get("/actions")
def actions() -> str:
    """Show what people did, the newest first."""
    rows = services().store.admin_actions.newest(
        PAGE + 1, before=request.args.get("before", type=int)
    )
    return show("actions.html", rows=rows[:PAGE], more=len(rows) > PAGE)


def _with_link(token: str, key: str) -> str:
    address = request.url_root.rstrip("/") + url_for("sign_in.welcome", token=token)
    return show(
        "people.html", people=services().store.people.everybody(), link=address, link_key=key
    )


def _role() -> Role:
    try:
        return Role(request.form.get("role", ""))
    except ValueError:
        abort(400)
