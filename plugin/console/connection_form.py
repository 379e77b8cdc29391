"""The form for a new account or a changed one; sent, it asks a worker for the plan.

What was typed is kept sealed under SLA_SECRET_KEY until the plan was carried out, never in clear.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask import make_response, request
from werkzeug.wrappers import Response

from connectors.base import Connection, Vendor
from connectors.setup import FIELD_TITLES
from plugin.connect import AccountRequest, check_request
from plugin.console import access
from plugin.console.connections import blueprint, queue_errand, the_account, the_vendor
from plugin.console.frame import services, show
from plugin.errands import MENDABLE, ErrandKind, faults, request_to_stored

VISIBLE = {"client_id", "email"}  # credentials that are no secrets
_SETTINGS = ("time_zone", "tier_field", "named_contact_field", "due_date")


@blueprint.get("/connections/new/<vendor>")
def new(vendor: str) -> str:
    """Ask for a new account."""
    access.admins_only()
    return form(the_vendor(vendor), {"public_url": request.url_root.rstrip("/")})


@blueprint.get("/connections/<key>/change")
def change(key: str) -> str:
    """Ask for changes to an account."""
    access.admins_only()
    account = the_account(key)
    return form(the_vendor(account.vendor), _given_by(account), account)


@blueprint.post("/connections/plan")
def plan() -> Response:
    """Have a worker look at the account; nothing is written yet."""
    vendor = the_vendor(request.form.get("vendor", ""))
    known = request.form.get("known")
    account = the_account(known) if known else None
    access.note(account=request.form.get("address", ""))
    asked = _request(vendor, request.form, account)
    try:
        check_request(services(), asked)
    except MENDABLE as error:
        given = {**request.form.to_dict(), **dict.fromkeys(_secret_names(vendor), "")}
        return make_response(form(vendor, given, account, faults(error)), 422)
    key = account.key if account else None
    return queue_errand(ErrandKind.PLAN, vendor.name, key, request_to_stored(asked))


def form(
    vendor: Vendor,
    given: Mapping[str, Any],
    account: Connection | None = None,
    said: Sequence[Mapping[str, Any]] = (),
) -> str:
    """Return the form, filled with what is `given`, and what is wrong with that."""
    return show(
        "connection_form.html",
        vendor=vendor,
        given=given,
        account=account,
        faults=said,
        visible=VISIBLE,
        titles=FIELD_TITLES,
    )


def given_by_request(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the form shows of a request; never a secret."""
    return {
        **_shown(asked["settings"], asked["titles"], asked["credentials"]),
        "address": asked["address"],
        "key": asked["key"] or "",
        "public_url": asked["public_url"] or "",
        "via": asked["via"] or "",
    }


def _given_by(account: Connection) -> dict[str, Any]:
    titles: Any = account.settings.get("titles") or {}
    return {
        **_shown(account.settings, titles, account.credentials),
        "address": account.base_url,
        "key": account.key,
        "public_url": account.settings.get("public_url") or "",
        "via": account.settings.get("via") or "",
    }


def _shown(
    settings: Mapping[str, Any], titles: Mapping[str, str], credentials: Mapping[str, str]
) -> dict[str, Any]:
    return {
        **{name: settings.get(name) or "" for name in _SETTINGS},
        "counted_channels": ", ".join(settings.get("counted_channels") or ()),
        **{name: credentials.get(name, "") for name in VISIBLE},
        **{f"title_{name}": titles.get(name, "") for name in FIELD_TITLES},
    }


def _request(vendor: Vendor, form: Mapping[str, str], account: Connection | None) -> AccountRequest:
    """What the form asks for; credentials that were left empty stay as they are."""
    credentials = {name: form.get(name, "").strip() for name in _credential_names(vendor)}
    credentials = {name: value for name, value in credentials.items() if value}
    if account and credentials and not _secret_names(vendor) & credentials.keys():
        credentials = {}  # only what the form showed again
    settings = {name: form[name].strip() for name in _SETTINGS if form.get(name, "").strip()}
    channels = form.get("counted_channels", "").replace(" ", "")
    return AccountRequest(
        vendor=vendor.name,
        address=form.get("address", ""),
        public_url=form.get("public_url") or None,
        key=account.key if account else (form.get("key", "").strip() or None),
        credentials=credentials,
        settings=settings | ({"counted_channels": channels.split(",")} if channels else {}),
        titles={n: form[f"title_{n}"].strip() for n in FIELD_TITLES if form.get(f"title_{n}")},
        via=form.get("via") or None,
    )


def _credential_names(vendor: Vendor) -> list[str]:
    return list(dict.fromkeys(name for names in vendor.credential_sets for name in names))


def _secret_names(vendor: Vendor) -> set[str]:
    return set(_credential_names(vendor)) - VISIBLE
