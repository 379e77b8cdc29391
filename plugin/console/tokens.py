"""The tokens of the API: made, shown once, revoked. For admins only."""

from __future__ import annotations

from flask import abort, redirect, request, url_for
from werkzeug.wrappers import Response

from plugin.console import access
from plugin.console.frame import section, services, show

LONGEST_NAME = 80

blueprint = section("tokens")
blueprint.before_request(access.admins_only)


@blueprint.get("/tokens")
def listing() -> str:
    """Show the tokens."""
    return show("tokens.html", tokens=services().store.api_tokens.everything(), made=None)


@blueprint.post("/tokens")
def make() -> str:
    """Make a token and show it once."""
    name = " ".join(request.form.get("name", "").split())[:LONGEST_NAME] or abort(400)
    access.note(name=name)
    made = services().store.api_tokens.make(name, by=access.my_email(), at=services().clock())
    return show("tokens.html", tokens=services().store.api_tokens.everything(), made=made)


@blueprint.post("/tokens/<int:number>/revoke")
def revoke(number: int) -> Response:
    """End a token for good."""
    services().store.api_tokens.revoke(number, services().clock())
    return redirect(url_for("tokens.listing"))
