"""Signing in and out, one-time links, one's own password, language and theme.

What a signed-in person may do is `access.py`; who there is, `people.py`.
"""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlsplit

from flask import Blueprint, Response, make_response, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from plugin.console import access
from plugin.console.frame import THEMES, dress, reader, section, services, show
from plugin.console.passwords import SHORTEST, hashed, is_acceptable, is_right
from plugin.console.reader import LANGUAGES
from plugin.store.people import EmailTaken, Purpose

FREE_TRIES = {"person": 5, "address": 50}  # an address may be a whole office
FIRST_PAUSE = timedelta(seconds=10)
LONGEST_PAUSE = timedelta(minutes=15)
_YEAR = 365 * 24 * 3600

blueprint = Blueprint("sign_in", __name__)
dress(blueprint)
mine = section("account")


@blueprint.before_request
def _no_forgery() -> None:
    if request.method == "POST":
        access.csrf.protect()


@blueprint.get("/sign-in")
def form() -> str | AnyResponse:
    """Show the form; who is signed in goes on."""
    if access.find_person():
        return redirect(_onward())
    first = not services().store.people.has_any()
    return show("sign_in.html", wanted=request.args.get("next", ""), first=first)


@blueprint.post("/sign-in")
def sign_in() -> AnyResponse:
    """Let a person in, or say no the same way whatever was wrong."""
    store, now = services().store, services().clock()
    email = request.form.get("email", "").strip().lower()[:320]
    subjects = {"person": f"person {email}", "address": f"address {request.remote_addr}"}
    wait = max(_pause(kind, subject) for kind, subject in subjects.items())
    if wait:
        return _refused(429, "sign_in.wait", time=reader().span(wait))
    found = store.people.find(email)
    if not is_right(request.form.get("password", ""), found[1] if found else None) or not found:
        for subject in subjects.values():
            store.sessions.note_refusal(subject, now)
        _keep("sign_in_refused", found[0].email if found else None, 401)
        return _refused(401, "sign_in.wrong")
    person = found[0]
    if person.disabled_at:
        _keep("sign_in_refused", person.email, 403)
        return _refused(401, "sign_in.wrong")
    store.sessions.forgive(subjects["person"])
    access.begin_session(person.id)
    _keep("sign_in", person.email, 200)
    return redirect(_onward())


@blueprint.get("/welcome/<token>")
def welcome(token: str) -> AnyResponse | str:
    """Open a one-time link: a form for a new person or password, or straight in."""
    link = services().store.people.link(token, services().clock())
    if link is None:
        return make_response(show("error.html", code=404, known="link"), 404)
    if link.purpose is Purpose.SIGN_IN:
        return _let_in(token, "", "")
    return show("welcome.html", link=link, shortest=SHORTEST, email="", fault=None)


@blueprint.post("/welcome/<token>")
def accept(token: str) -> AnyResponse:
    """Use a one-time link up: make the person, or give the new password."""
    link = services().store.people.link(token, services().clock())
    if link is None:
        return make_response(show("error.html", code=404, known="link"), 404)
    email = request.form.get("email", "").strip()
    password = request.form.get("password", "")
    fault = None
    if link.person_id is None and ("@" not in email or len(email) > 320):
        fault = "welcome.no_email"
    elif not is_acceptable(password):
        fault = "welcome.too_short"
    if fault is None:
        try:
            return _let_in(token, email, hashed(password))
        except EmailTaken:
            fault = "welcome.taken"
    page = show("welcome.html", link=link, shortest=SHORTEST, email=email, fault=fault)
    return make_response(page, 422)


@mine.post("/sign-out")
@access.open_to_viewers
def sign_out() -> AnyResponse:
    """End this session."""
    access.end_session()
    return redirect(url_for("sign_in.form"))


@mine.get("/account")
def account() -> str:
    """Show one's own account."""
    return show("account.html", shortest=SHORTEST, fault=request.args.get("fault"))


@mine.post("/account/password")
@access.open_to_viewers
def change_password() -> AnyResponse:
    """Change one's own password: every other session ends."""
    person = access.find_person()
    store = services().store
    found = store.people.find(person.email) if person else None
    if not found or not is_right(request.form.get("old", ""), found[1]):
        return redirect(url_for("account.account", fault="account.wrong"))
    if not is_acceptable(request.form.get("new", "")):
        return redirect(url_for("account.account", fault="welcome.too_short"))
    store.people.set_password(found[0].id, hashed(request.form["new"]))
    access.begin_session(found[0].id)
    return redirect(url_for("account.account", fault="account.changed"))


@blueprint.post("/preferences")
def prefer() -> Response:
    """Keep language and theme in cookies, and go back to the page."""
    answer = make_response(redirect(_onward()))
    for name, choices in (("language", tuple(LANGUAGES)), ("theme", THEMES)):
        chosen = request.form.get(name)
        if chosen in choices:
            answer.set_cookie(f"sla_{name}", chosen, max_age=_YEAR, samesite="Lax", httponly=True)
    return answer


def _let_in(token: str, email: str, password: str) -> AnyResponse:
    store, now = services().store, services().clock()
    person_id = store.people.use_link(token, now, email=email, password=password)
    if person_id is None:
        return make_response(show("error.html", code=404, known="link"), 404)
    access.begin_session(person_id)
    person = access.find_person()
    _keep("one_time_link", person.email if person else None, 200)
    return redirect(url_for("overview.page"))


def _pause(kind: str, subject: str) -> timedelta:
    """How long a subject must wait before the next try; it doubles with each refusal."""
    count, last_at = services().store.sessions.refused(subject, services().clock())
    beyond = count - FREE_TRIES[kind]
    if last_at is None or beyond < 0:
        return timedelta(0)
    pause = min(LONGEST_PAUSE, FIRST_PAUSE * (1 << min(beyond, 10)))
    return max(timedelta(0), last_at + pause - services().clock())


def _refused(status: int, key: str, **values: object) -> Response:
    page = show(
        "sign_in.html",
        wanted=request.form.get("next", ""),
        fault=reader().t(key, **values),
        email=request.form.get("email", ""),
        first=False,
    )
    return make_response(page, status)


def _keep(action: str, email: str | None, status: int) -> None:
    services().store.admin_actions.begin(
        f"sign_in.{action}",
        services().clock(),
        email=email,
        address=request.remote_addr,
        status=status,
    )


def _onward() -> str:
    """Where to go on: a place of ours only."""
    wanted = request.values.get("next", "")
    parts = urlsplit(wanted)
    ours = wanted.startswith("/") and not wanted.startswith(("//", "/\\"))
    return wanted if ours and not parts.netloc else url_for("overview.page")
