"""What every page shares: the navigation, the reader, the errors, and the way a page is made.

A page is a module with `blueprint = section(...)`; how to add one is told in docs/console.md.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import cast

from flask import (
    Blueprint,
    Flask,
    Response,
    current_app,
    g,
    make_response,
    render_template,
    request,
    url_for,
)
from markupsafe import Markup, escape
from werkzeug.exceptions import HTTPException

from plugin.console.access import guard, is_admin, protect
from plugin.console.reader import DEFAULT_LANGUAGE, LANGUAGES, Reader
from plugin.pipeline import Services
from plugin.policies import Policies
from plugin.store import StoreUnavailable
from sla_rules.policy import Policy

THEMES = ("auto", "light", "dark")


@dataclass(frozen=True, slots=True)
class Entry:
    """One place in the navigation. Its name is the text `nav.<section>`."""

    section: str
    endpoint: str
    icon: str
    for_admins: bool = False


NAVIGATION = (
    Entry("overview", "overview.page", "gauge"),
    Entry("tickets", "tickets.listing", "ticket"),
    Entry("policies", "policies.page", "book"),
    Entry("features", "features.listing", "idea"),
    Entry("reports", "reports.page", "chart"),
    Entry("deliveries", "deliveries.listing", "inbox"),
    Entry("connections", "connections.listing", "plug"),
    Entry("tokens", "tokens.listing", "key", for_admins=True),
    Entry("people", "people.listing", "people", for_admins=True),
    Entry("actions", "people.actions", "shield", for_admins=True),
)

blueprint = Blueprint(
    "console",
    __name__,
    template_folder="templates",
    static_folder="static",
    static_url_path="/static",
)


def section(name: str) -> Blueprint:
    """Return a part of the console: signed-in people see it, admins act in it, acts are kept."""
    part = Blueprint(name, __name__)
    guard(part)
    dress(part)
    return part


def dress(part: Blueprint) -> None:
    """Give a blueprint the console's errors and headers, but nobody's permission."""
    part.after_request(_keep_private)
    part.register_error_handler(HTTPException, error_page)
    part.register_error_handler(StoreUnavailable, _no_database)


def mount(app: Flask, *parts: Blueprint) -> None:
    """Put the console's parts into the application."""
    protect(app)
    for part in (blueprint, *parts):
        app.register_blueprint(part)
    app.context_processor(_context)
    app.jinja_env.filters |= {
        "pair": lambda value: (value, value),
        "titled": lambda vendor: (vendor.name, vendor.title),
        "labelled": lambda item: (item[0], item[1].label),
        "code": _code,
        "in_group": lambda value, group: (value, reader().label(group, value)),
    }
    app.config["SEND_FILE_MAX_AGE_DEFAULT"] = timedelta(days=365)  # their address names a version
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True


def _code(text: str) -> Markup:
    """What stands between backticks is typed or read as it is."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return escape(text)
    code = Markup("<code>{}</code>")
    return Markup("").join(
        code.format(part) if number % 2 else escape(part) for number, part in enumerate(parts)
    )


def show(template: str, **values: object) -> str:
    """Render a page of `templates/console/`."""
    return render_template(f"console/{template}", **values)


def services() -> Services:
    """Return what the service works with."""
    found: Services = current_app.extensions["services"]
    return found


def policies() -> Policies:
    """Return the versions of the policy."""
    return cast("Policies", services().policies)


def policy() -> Policy:
    """Return the version of the policy that is in force now."""
    return services().policies().current(services().clock())


def reader() -> Reader:
    """Return who reads this page: language by cookie, else by what the browser asks for."""
    if "reader" not in g:
        wanted = request.cookies.get("sla_language", "")
        if wanted not in LANGUAGES:
            wanted = request.accept_languages.best_match(LANGUAGES) or DEFAULT_LANGUAGE
        now = services().clock()
        g.reader = Reader(wanted, policy().zone, now)
    found: Reader = g.reader
    return found


@cache
def asset(name: str) -> str:
    """Return the address of a static file; it changes with the file's content."""
    content = (Path(__file__).parent / "static" / name).read_bytes()
    version = hashlib.sha256(content).hexdigest()[:10]
    return url_for("console.static", filename=name, v=version)


def wants_fragment() -> bool:
    """Say whether htmx asks, for a part of a page."""
    return request.headers.get("HX-Request") == "true"


def error_page(error: HTTPException) -> Response:
    """Answer an error as a page of the console."""
    return make_response(_error(error.code or 500), error.code or 500)


def _no_database(error: StoreUnavailable) -> Response:
    del error
    g.person = None
    return make_response(_error(503), 503)


def _error(code: int) -> str:
    known = code if code in {400, 403, 404, 409, 413, 429, 503} else 500
    return show("error.html", code=code, known=known)


def _keep_private(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    response.vary.update(("Cookie", "Accept-Language"))
    response.headers["Content-Security-Policy"] = (
        "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; "
        "img-src 'self' data:; connect-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    )
    return response


def _context() -> dict[str, object]:
    me = g.get("person") if "person" in g else None
    who = reader()
    theme = request.cookies.get("sla_theme", "auto")
    return {
        "t": who.t,
        "reader": who,
        "me": me,
        "is_admin": me is not None and is_admin(),
        "asset": asset,
        "languages": LANGUAGES,
        "themes": THEMES,
        "theme": theme if theme in THEMES else "auto",
        "navigation": [
            entry for entry in NAVIGATION if me and (not entry.for_admins or is_admin())
        ],
        "here": (request.endpoint or "").partition(".")[0],
        "endpoint": request.endpoint,
    }
