"""The connected accounts: how each stands, pause and resume.

Adding and changing one is `connection_form.py`; what asks the helpdesk is `errands.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from flask import abort, redirect, request, url_for
from werkzeug.wrappers import Response

from connectors.base import Connection, Vendor
from connectors.setup import FIELD_TITLES
from plugin.console import access
from plugin.console.frame import reader, section, services, show
from plugin.errands import ErrandKind
from plugin.store.circuits import Circuit

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


@blueprint.get("/connections/<key>")
def page(key: str) -> str:
    """Show one account."""
    account = the_account(key)
    vendor = the_vendor(account.vendor)
    public_url = str(account.settings.get("public_url") or request.url_root.rstrip("/"))
    activity = services().store.overview.activity(reader().now - timedelta(days=1))
    return show(
        "connection.html",
        account=account,
        vendor=vendor,
        activity=next((one for one in activity if one.connection == key), None),
        circuit=_circuits().get(key),
        errand=services().store.errands.under_way(key),
        webhook=f"{public_url}/webhooks/{vendor.name}/{key}",
        steps=vendor.manual_steps(_for_reader(account), public_url),
        mapping=_mapping(account),
    )


@blueprint.post("/connections/<key>/pause")
def pause(key: str) -> Response:
    """Let the account's tickets wait; events are still taken in."""
    services().store.circuits.pause(the_account(key).key, access.my_email())
    return redirect(url_for("connections.page", key=key))


@blueprint.post("/connections/<key>/resume")
def resume(key: str) -> Response:
    """Let the account's tickets be worked off."""
    services().store.circuits.resume(the_account(key).key)
    return redirect(url_for("connections.page", key=key))


def the_vendor(name: str) -> Vendor:
    """Return a vendor; 404 where there is none of that name."""
    return services().vendors.get(name) or abort(404)


def the_account(key: str) -> Connection:
    """Return an account; 404 where there is none of that key."""
    return services().store.connections.get(key) or abort(404)


def queue_errand(
    kind: ErrandKind, vendor: str, key: str | None, wanted: Mapping[str, Any]
) -> Response:
    """Have a worker do something in the helpdesk, and go to the page that shows how far it came."""
    number = services().store.errands.ask(
        kind, vendor, key, wanted, by=access.my_email(), at=reader().now
    )
    return redirect(url_for("connections.errand", number=number))


def _for_reader(account: Connection) -> Connection:
    """A viewer does not see the token that a helpdesk proves itself by."""
    return account if access.is_admin() else replace(account, webhook_secrets=())


def _mapping(account: Connection) -> list[tuple[str, str]]:
    """Which field holds what, as (text key, the field's name)."""
    settings = account.settings
    titles = settings.get("titles")
    named = titles if isinstance(titles, dict) else {}
    usual = "sla_tier" if account.vendor == "zendesk" else "cf_sla_tier"
    contact = usual.replace("tier", "named_contact")
    return [
        ("connections.map_tier", str(settings.get("tier_field") or usual)),
        ("connections.map_contact", str(settings.get("named_contact_field") or contact)),
        *(
            (f"connections.map_{name}", str(named.get(name) or title))
            for name, title in FIELD_TITLES.items()
        ),
    ]


def _circuits() -> dict[str, Circuit]:
    return {one.connection: one for one in services().store.circuits.every()}
