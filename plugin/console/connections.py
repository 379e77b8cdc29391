"""The connected accounts: add and change them, try them, change their secret, pause and resume.

The work is `plugin/connect.py`, as for the command line; the plan is shown before anything is
written. Credentials wait for the admin's yes sealed under SLA_SECRET_KEY, never in clear.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import timedelta
from typing import Any

from flask import abort, current_app, make_response, redirect, request, url_for
from werkzeug.wrappers import Response

from connectors.addresses import AddressError
from connectors.base import Connection, Vendor
from connectors.errors import ConnectorError
from connectors.setup import FIELD_TITLES
from plugin import connect
from plugin.connect import AccountRequest, ConnectError
from plugin.console import access
from plugin.console.frame import reader, section, services, show
from plugin.secrets import SecretsError, Vault
from plugin.settings import Settings
from plugin.store.circuits import Circuit

VISIBLE = {"client_id", "email"}  # credentials that are no secrets
PLAN_VALID = timedelta(minutes=15)
TRIAL_WAIT = 15.0  # seconds: an answer must come before the browser gives up
MENDABLE = (ConnectError, ConnectorError, AddressError, SecretsError)

blueprint = section("connections")


@blueprint.get("/connections")
def listing() -> str:
    """Show the accounts."""
    store, who = services().store, reader()
    accounts = {one.key: one for one in store.connections.every()}
    activity = store.overview.activity(who.now - timedelta(days=1))
    return show(
        "connections.html",
        rows=[(accounts[a.connection], a) for a in activity if a.connection in accounts],
        circuits=_circuits(),
        vendors=services().vendors,
    )


@blueprint.get("/connections/new/<vendor>")
def new(vendor: str) -> str:
    """Ask for a new account."""
    access.admins_only()
    return _form(_vendor(vendor), {"public_url": request.url_root.rstrip("/")})


@blueprint.get("/connections/<key>")
def page(key: str) -> str:
    """Show one account."""
    return _page(_account(key))


@blueprint.get("/connections/<key>/change")
def change(key: str) -> str:
    """Ask for changes to an account."""
    access.admins_only()
    account = _account(key)
    return _form(services().vendors[account.vendor], _given_by(account), account)


@blueprint.post("/connections/plan")
def plan() -> Response | str:
    """Look at the account and show what connecting would do; nothing is written yet."""
    vendor = _vendor(request.form.get("vendor", ""))
    key = request.form.get("known") or None
    account = _account(key) if key else None
    access.note(account=request.form.get("address", ""))
    asked = _request(vendor, request.form, account)
    try:
        found = connect.plan_account(services(), asked)
    except MENDABLE as error:
        given = {**request.form.to_dict(), **dict.fromkeys(_secret_names(vendor), "")}
        return make_response(_form(vendor, given, account, fault=str(error)), 422)
    sealed = _vault().seal({**asdict(asked), "token_lasts": None, "at": reader().now.isoformat()})
    return show("connection_plan.html", plan=found, vendor=vendor, draft=sealed.decode())


@blueprint.post("/connections/run")
def run() -> Response | str:
    """Carry out the plan that was shown, and say what became of each step."""
    asked = _draft(request.form.get("draft", ""))
    access.note(account=asked.address)
    done: list[connect.StepDone] = []
    fault = None
    key = asked.key
    try:
        found = connect.plan_account(services(), asked)
        key = found.connection.key
        done.extend(connect.carry_out(services(), found))
    except MENDABLE as error:
        fault = str(error)
    page_ = show(
        "connection_done.html", done=done, fault=fault, key=key, vendor=_vendor(asked.vendor)
    )
    return make_response(page_, 422 if fault else 200)


@blueprint.post("/connections/<key>/test")
def test(key: str) -> Response | str:
    """Have the helpdesk send a delivery and say whether it arrived."""
    account = _account(key)
    said: list[str] = []
    try:
        arrival = connect.try_delivery(services(), key, wait=TRIAL_WAIT, tell=said.append)
    except MENDABLE as error:
        return make_response(_page(account, fault=str(error)), 422)
    access.note(arrived=arrival.arrived)
    if arrival.arrived:
        return _page(account, said=arrival.text)
    return _page(account, fault=" ".join((arrival.text, *said)))


@blueprint.post("/connections/<key>/rotate")
def rotate(key: str) -> Response | str:
    """Change the webhook secret; the old one stays accepted until it is finished."""
    finish = request.form.get("finish") == "yes"
    access.note(finish=finish)
    try:
        connect.rotate(services(), key, finish=finish)
    except MENDABLE as error:
        return make_response(_page(_account(key), fault=str(error)), 422)
    text = "connections.rotated_out" if finish else "connections.rotated"
    return _page(_account(key), said=reader().t(text))


@blueprint.post("/connections/<key>/pause")
def pause(key: str) -> Response:
    """Let the account's tickets wait; events are still taken in."""
    person = access.find_person()
    services().store.circuits.pause(_account(key).key, person.email if person else "")
    return redirect(url_for("connections.page", key=key))


@blueprint.post("/connections/<key>/resume")
def resume(key: str) -> Response:
    """Let the account's tickets be worked off."""
    services().store.circuits.resume(_account(key).key)
    return redirect(url_for("connections.page", key=key))


def _page(account: Connection, *, said: str | None = None, fault: str | None = None) -> str:
    vendor = services().vendors[account.vendor]
    public_url = str(account.settings.get("public_url") or request.url_root.rstrip("/"))
    activity = services().store.overview.activity(reader().now - timedelta(days=1))
    return show(
        "connection.html",
        account=account,
        vendor=vendor,
        activity=next((one for one in activity if one.connection == account.key), None),
        circuit=_circuits().get(account.key),
        webhook=f"{public_url}/webhooks/{vendor.name}/{account.key}",
        steps=vendor.manual_steps(account, public_url),
        mapping=_mapping(account),
        said=said,
        fault=fault,
    )


def _form(
    vendor: Vendor,
    given: Mapping[str, Any],
    account: Connection | None = None,
    fault: str | None = None,
) -> str:
    return show(
        "connection_form.html",
        vendor=vendor,
        given=given,
        account=account,
        fault=fault,
        visible=VISIBLE,
        titles=FIELD_TITLES,
    )


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


_SETTINGS = ("time_zone", "tier_field", "named_contact_field", "due_date")


def _given_by(account: Connection) -> dict[str, Any]:
    """What the form shows of an account; never a secret."""
    titles: Any = account.settings.get("titles") or {}
    channels: Any = account.settings.get("counted_channels") or ()
    settings = {
        name: account.settings.get(name) or "" for name in (*_SETTINGS, "public_url", "via")
    }
    return {
        "address": account.base_url,
        "key": account.key,
        "counted_channels": ", ".join(channels),
        **settings,
        **{name: account.credentials.get(name, "") for name in VISIBLE},
        **{f"title_{name}": titles.get(name, "") for name in FIELD_TITLES},
    }


def _mapping(account: Connection) -> list[tuple[str, str]]:
    """Which field holds what, as (text key, the field's name)."""
    given = _given_by(account)
    usual = "sla_tier" if account.vendor == "zendesk" else "cf_sla_tier"
    contact = usual.replace("tier", "named_contact")
    return [
        ("connections.map_tier", str(given["tier_field"] or usual)),
        ("connections.map_contact", str(given["named_contact_field"] or contact)),
        *(
            (f"connections.map_{name}", str(given[f"title_{name}"] or title))
            for name, title in FIELD_TITLES.items()
        ),
    ]


def _draft(sealed: str) -> AccountRequest:
    """Return the request whose plan was shown; 400 where it is too old or not ours."""
    try:
        kept = _vault().open(sealed.encode())
    except SecretsError:
        abort(400)
    asked = replace(
        AccountRequest(vendor="", address=""), **{k: kept[k] for k in kept if k != "at"}
    )
    if kept.get("at", "") < (reader().now - PLAN_VALID).isoformat():
        abort(400)
    return asked


def _vault() -> Vault:
    settings: Settings = current_app.extensions["settings"]
    return Vault(settings.require_secret_key())


def _vendor(name: str) -> Vendor:
    return services().vendors.get(name) or abort(404)


def _account(key: str) -> Connection:
    return services().store.connections.get(key) or abort(404)


def _circuits() -> dict[str, Circuit]:
    return {one.connection: one for one in services().store.circuits.every()}


def _credential_names(vendor: Vendor) -> list[str]:
    return list(dict.fromkeys(name for names in vendor.credential_sets for name in names))


def _secret_names(vendor: Vendor) -> set[str]:
    return set(_credential_names(vendor)) - VISIBLE
