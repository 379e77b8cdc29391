"""Who may do what in the console: signed in to look, admin to act, and every act is kept.

How one signs in is `sign_in.py`; the pages name only what viewers may do besides looking.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from flask import (
    Blueprint,
    Flask,
    Response,
    abort,
    current_app,
    g,
    make_response,
    redirect,
    request,
    session,
    url_for,
)
from flask.sessions import SecureCookieSessionInterface
from flask_wtf.csrf import CSRFProtect
from werkzeug.wrappers import Response as AnyResponse

from plugin.pipeline import Services
from plugin.store.people import Person, Role

csrf = CSRFProtect()
_SAFE = {"GET", "HEAD", "OPTIONS"}
_SESSION = "signed_in"
View = TypeVar("View", bound=Callable[..., object])
_for_viewers: set[Callable[..., object]] = set()


def guard(blueprint: Blueprint) -> None:
    """Let only signed-in people see a blueprint's pages and only admins act in it."""
    blueprint.before_request(check)
    blueprint.after_request(keep_outcome)


def open_to_viewers(view: View) -> View:
    """Mark a view through which viewers too may act (on what is their own)."""
    _for_viewers.add(view)
    return view


def protect(app: Flask) -> None:
    """Make forgery protection available; `guard` applies it, webhooks never see it."""
    app.config["WTF_CSRF_CHECK_DEFAULT"] = False
    app.config["WTF_CSRF_TIME_LIMIT"] = None  # the session ends, the token with it
    app.config["WTF_CSRF_SSL_STRICT"] = False  # our pages send no referrer
    app.config["SESSION_COOKIE_NAME"] = "sla_console"
    app.config["SESSION_COOKIE_SAMESITE"] = "Lax"  # links from the helpdesk arrive signed in
    app.session_interface = _Cookies()
    csrf.init_app(app)


class _Cookies(SecureCookieSessionInterface):
    """The session's cookie goes over https only wherever the browser came by https."""

    def get_cookie_secure(self, app: Flask) -> bool:
        del app
        return request.is_secure or request.headers.get("X-Forwarded-Proto") == "https"


def check() -> AnyResponse | None:
    """Turn away who is not signed in or may not act; begin the record of an action."""
    person = find_person()
    if person is None:
        return _to_sign_in()
    if request.method in _SAFE:
        return None
    csrf.protect()
    view = current_app.view_functions[request.endpoint or ""]
    allowed = person.role is Role.ADMIN or view in _for_viewers
    g.action = _services().store.admin_actions.begin(
        request.endpoint or "",
        _services().clock(),
        email=person.email,
        subject="/".join(str(value) for value in (request.view_args or {}).values()) or None,
        address=request.remote_addr,
    )
    if not allowed:
        abort(403)
    return None


def find_person() -> Person | None:
    """Return who is signed in."""
    if "person" not in g:
        token = session.get(_SESSION)
        services = _services()
        g.person = services.store.sessions.person(token, services.clock()) if token else None
    found: Person | None = g.person
    return found


def my_email() -> str:
    """Return by what address the person on the page is named in what is kept of their acts."""
    person = find_person()
    return person.email if person else ""


def is_admin() -> bool:
    """Say whether the person on the page may act."""
    person = find_person()
    return person is not None and person.role is Role.ADMIN


def admins_only() -> None:
    """Answer 403 to everybody else: for pages that viewers may not even see."""
    if not is_admin():
        abort(403)


def note(**detail: object) -> None:
    """Add to the record of the running action what it was about; never a secret."""
    g.setdefault("detail", {}).update(detail)


def begin_session(person_id: int) -> None:
    """Sign a person in on this browser; what the browser held before is forgotten."""
    services = _services()
    session.clear()
    session[_SESSION] = services.store.sessions.begin(person_id, services.clock())
    g.pop("person", None)


def end_session() -> None:
    """Sign out on this browser; the session ends on the server too."""
    token = session.get(_SESSION)
    if token:
        _services().store.sessions.end(token)
    session.clear()
    g.person = None


def keep_outcome(response: Response) -> Response:
    """Complete the record of an action with the answer that it got."""
    action = g.pop("action", None)
    if action is not None:
        _services().store.admin_actions.finish(action, response.status_code, g.pop("detail", {}))
    return response


def _to_sign_in() -> AnyResponse:
    if request.headers.get("HX-Request"):
        answer = make_response("", 401)
        answer.headers["HX-Refresh"] = "true"
        return answer
    wanted = request.full_path.rstrip("?") if request.method == "GET" else None
    return redirect(url_for("sign_in.form", next=wanted if wanted != "/" else None))


def _services() -> Services:
    services: Services = current_app.extensions["services"]
    return services
