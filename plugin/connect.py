"""Connects accounts: checks, a plan, the steps carried out, a test delivery; and undoes it.

Command line and console call this. It knows no vendor: what an account needs is in the vendor's
`provision.py`, what is looked at in its `checks.py`.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import ip_address
from urllib.parse import urlsplit

from connectors.addresses import AddressError
from connectors.base import Connection, Vendor
from connectors.errors import Rejected
from connectors.http import check_address
from connectors.setup import (
    FIELD_TITLES,
    Identity,
    Inspection,
    Setup,
    Step,
    Wishes,
    provisioned,
    with_settings,
)
from plugin.pipeline import Services
from sla_rules.errors import PolicyError

TRIAL_WAIT = 60.0  # seconds
_KEY = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_MAKING = "making"  # what was about to be made when the process ended


class ConnectError(Exception):
    """Something that the admin can mend; the message is one sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRequest:
    """What an admin asks for; what is not named stays as it was connected.

    Without `key` one is made from the address. `settings` are the vendor's own, and the answers
    for this account (`time_zone`, `counted_channels`).
    """

    vendor: str
    address: str
    public_url: str | None = None
    key: str | None = None
    credentials: Mapping[str, str] = field(default_factory=dict, repr=False)
    settings: Mapping[str, object] = field(default_factory=dict)
    titles: Mapping[str, str] = field(default_factory=dict)
    via: str | None = None
    views: bool | None = None
    token_lasts: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What connecting would do: nothing was written yet."""

    connection: Connection
    known: bool
    identity: Identity
    inspection: Inspection
    steps: tuple[Step, ...]


class Did(StrEnum):
    """What became of a step."""

    KEPT = "kept"
    MADE = "made"
    RENEWED = "renewed"
    REMOVED = "removed"
    GONE = "gone"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class StepDone:
    """One step carried out."""

    name: str
    title: str
    did: Did
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """What became of a test delivery; `text` is one sentence."""

    arrived: bool
    text: str


def plan_account(services: Services, request: AccountRequest) -> Plan:
    """Check address and credentials, look at the account, and return what would be made.

    Raises `ConnectError` and `VendorError`; writes nothing, here or there.
    """
    vendor = services.vendors.get(request.vendor)
    if vendor is None:
        raise ConnectError(f"{request.vendor!r} is not one of {', '.join(services.vendors)}")
    connection, known = _connection(services, vendor, request)
    wishes = _wishes(services, connection, request.token_lasts)
    setup = vendor.setup(connection, wishes)
    identity = setup.identify()
    if identity.refusal:
        raise ConnectError(
            f"{vendor.title} knows the credentials as {_who(identity)}: {identity.refusal}"
        )
    inspection = setup.inspect()
    connection = with_settings(
        connection,
        **{**inspection.settings, **request.settings},
        acting_user_id=identity.id,
        acting_user_name=identity.name,
    )
    setup = vendor.setup(connection, wishes)
    return Plan(
        connection=connection,
        known=known,
        identity=identity,
        inspection=inspection,
        steps=tuple(setup.steps()),
    )


def carry_out(services: Services, plan: Plan) -> Iterator[StepDone]:
    """Save the account and make what is missing, one step after the other.

    The connection is saved after each step, so that what failed in the middle goes on at the next
    attempt. Raises `ConnectError` before the first step where one conflicts, and `VendorError`.
    """
    conflicts = [step.conflict for step in plan.steps if step.conflict and not step.optional]
    if conflicts:
        raise ConnectError("; ".join(conflicts))
    connection = plan.connection
    services.store.connections.save(connection)
    for step in plan.steps:
        connection, done = _carry_out(services, connection, step)
        yield done


def connect_account(services: Services, request: AccountRequest) -> list[StepDone]:
    """Plan and carry out at once, as for an account whose plan nobody needs to see."""
    return list(carry_out(services, plan_account(services, request)))


def _carry_out(
    services: Services, connection: Connection, step: Step
) -> tuple[Connection, StepDone]:
    """One step. What we were making when a process died is ours when it is found."""
    mine = bool(provisioned(connection).get(step.name, {}).get("made"))
    mine = mine or connection.settings.get(_MAKING) == step.name
    if step.conflict:
        return connection, _done(step, Did.REFUSED, step.conflict)
    vendor_id = step.found
    did = Did.KEPT
    save = services.store.connections.save
    try:
        if vendor_id is None:
            save(with_settings(connection, **{_MAKING: step.name}))
            vendor_id, did, mine = step.make(connection), Did.MADE, True
        elif step.stale and step.renew:
            step.renew(connection, vendor_id)
            did = Did.RENEWED
        connection = step.settle(connection, vendor_id)
    except Rejected as error:
        save(with_settings(connection, **{_MAKING: None}))  # it was not made
        if not step.optional:
            raise
        return connection, _done(step, Did.REFUSED, str(error))
    known = provisioned(connection)
    number = known.get(step.name, {}).get("number") or len(known) + 1
    known[step.name] = {"id": vendor_id, "made": mine, "number": number}
    connection = with_settings(connection, provisioned=known, **{_MAKING: None})
    save(connection)
    return connection, _done(step, did, step.stale or "" if did is Did.RENEWED else "")


def try_delivery(
    services: Services,
    key: str,
    *,
    with_ticket: bool = False,
    wait: float = TRIAL_WAIT,
    tell: Callable[[str], None] | None = None,
) -> Arrival:
    """Have the vendor send a delivery and wait up to `wait` seconds until it has arrived here.

    `tell` gets what was sent, or what a person has to do, while it waits. Raises `VendorError`.
    """
    connection = require(services, key)
    vendor = services.vendors[connection.vendor]
    setup = open_setup(services, connection)
    began = services.clock()
    nonce = secrets.token_hex(8)
    trial = setup.trial(nonce, with_ticket=with_ticket)
    if tell:
        tell(trial.sent or trial.ask)
    deadline = time.monotonic() + (0 if trial.fault else wait)
    try:
        while True:
            if _has_arrived(services, key, nonce, began):
                return Arrival(arrived=True, text=f"The test delivery of {vendor.title} arrived")
            if time.monotonic() >= deadline:
                break
            time.sleep(0.25)
    finally:
        trial.finish()
    where = f"{connection.settings.get('public_url')}/webhooks/{vendor.name}/{key}"
    if trial.fault:
        return Arrival(arrived=False, text=_fault(trial.fault, where))
    return Arrival(
        arrived=False,
        text=f"Nothing arrived at {where} within {wait:.0f} s: see that the web process runs on "
        "this database, and that the address is reached from the internet",
    )


def disconnect(
    services: Services, key: str, *, keep_fields: bool = False, forget: bool = False
) -> Iterator[StepDone]:
    """Remove what we made in the account, the newest first, then forget the account.

    What was there before stays. `keep_fields` leaves fields with what stands in them; `forget`
    only forgets. Repeat it after a failure. Raises `ConnectError` and `VendorError`.
    """
    connection = require(services, key)
    setup = None if forget else open_setup(services, connection)
    known = provisioned(connection)
    for name in sorted(known, key=lambda name: known[name].get("number", 0), reverse=True):
        if not known[name].get("made"):
            continue
        vendor_id = str(known[name]["id"])
        if forget or (keep_fields and "_field:" in name):
            yield StepDone(name=name, title=_title(name), did=Did.KEPT)
            continue
        assert setup is not None  # noqa: S101  (for the type checker)
        there = setup.remove(name, vendor_id)
        connection = _without(connection, name)
        services.store.connections.save(connection)
        if name != "token":
            did = Did.REMOVED if there else Did.GONE
            yield StepDone(name=name, title=_title(name), did=did)
    services.store.connections.delete(key)


def rotate(
    services: Services, key: str, *, finish: bool = False, token_lasts: timedelta | None = None
) -> str:
    """Change the webhook secret; the old one is accepted until `finish`. Returns one sentence.

    Raises `ConnectError` and `VendorError`.
    """
    connection = require(services, key)
    if finish:
        if len(connection.webhook_secrets) < 2:
            raise ConnectError(f"{key} has one webhook secret: there is nothing to finish")
        newest = connection.webhook_secrets[:1]
        services.store.connections.save(replace(connection, webhook_secrets=newest))
        return "The old webhook secret is no longer accepted."
    if not connection.webhook_secrets:
        raise ConnectError(f"{key} has no webhook secret yet: connect it first")
    setup = open_setup(services, connection, token_lasts=token_lasts)
    for changed in setup.rotate():
        services.store.connections.save(changed)
    return (
        "A new webhook secret is in use; the old one is accepted until "
        f"`regiondo-sla rotate {key} --finish`."
    )


def require(services: Services, key: str) -> Connection:
    """Return the account of that key. Raises `ConnectError`."""
    connection = services.store.connections.get(key)
    if connection is None:
        known = ", ".join(one.key for one in services.store.connections.every()) or "none"
        raise ConnectError(f"there is no connection {key!r} (there are: {known})")
    return connection


def open_setup(
    services: Services, connection: Connection, *, token_lasts: timedelta | None = None
) -> Setup:
    """Return the administration of an account as it was connected. Raises `AddressError`."""
    wishes = _wishes(services, connection, token_lasts)
    return services.vendors[connection.vendor].setup(connection, wishes)


def account_address(vendor: Vendor, text: str) -> str:
    """Return an account's base URL from what an admin types: a name, a host or a page's address.

    Raises `ConnectError` for anything but the vendor's own hosts, https, or this machine.
    """
    given = text.strip().rstrip("/")
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9-]*", given):
        given = f"https://{given.lower()}.{vendor.domain}"
    elif "://" not in given:
        given = f"https://{given}"
    parts = urlsplit(given)
    if (parts.hostname or "").endswith("." + vendor.domain):
        given = f"{parts.scheme}://{parts.netloc.lower()}"  # a page of the account will do
    try:
        check_address(given, vendor.domain)
    except (AddressError, ValueError) as error:
        raise ConnectError(str(error)) from None
    return given


def _connection(
    services: Services, vendor: Vendor, request: AccountRequest
) -> tuple[Connection, bool]:
    base_url = account_address(vendor, request.address)
    accounts = services.store.connections.every()
    key = request.key or _free_key(accounts, vendor, base_url)
    if not _KEY.fullmatch(key):
        raise ConnectError(f"the key {key!r} may hold a-z, 0-9, - and _, 40 at most")
    known = next((one for one in accounts if one.key == key), None)
    given_url = request.public_url or (known.settings.get("public_url") if known else None)
    public_url = _public_address(str(given_url or ""), base_url)
    twin = next((one for one in accounts if one.base_url == base_url and one.key != key), None)
    if twin:
        raise ConnectError(f"{base_url} is connected already, as {twin.key!r}")
    if known and (known.vendor, known.base_url) != (vendor.name, base_url):
        raise ConnectError(f"the key {key!r} is taken by {known.base_url}: choose another --key")
    credentials = request.credentials or (known.credentials if known else {})
    complete = [s for s in vendor.credential_sets if all(credentials.get(name) for name in s)]
    if not complete:
        sets = " or ".join(" and ".join(names) for names in vendor.credential_sets)
        raise ConnectError(f"{vendor.title} needs {sets}")
    titles = {**FIELD_TITLES, **_titles_of(known), **request.titles}
    connection = Connection(
        key=key,
        vendor=vendor.name,
        base_url=base_url,
        credentials={name: credentials[name] for name in complete[0]},
        webhook_secrets=known.webhook_secrets if known else (),
        settings=known.settings if known else {},
    )
    _check_answers(services, request.settings)
    answers: dict[str, object] = {**request.settings, "public_url": public_url}
    if titles != FIELD_TITLES:
        answers["titles"] = titles
    if request.via is not None:
        answers["via"] = request.via
    if request.views is not None:
        answers["views"] = request.views
    connection = with_settings(connection, **answers)
    return connection, known is not None


def _check_answers(services: Services, settings: Mapping[str, object]) -> None:
    zone, channels = settings.get("time_zone"), settings.get("counted_channels")
    try:
        services.policies().adapted(
            time_zone=str(zone) if zone else None,
            counted_channels=map(str, channels) if isinstance(channels, list) else None,
        )
    except PolicyError as error:
        raise ConnectError(str(error)) from None


def _titles_of(connection: Connection | None) -> dict[str, str]:
    titles = connection.settings.get("titles") if connection else None
    return {str(k): str(v) for k, v in titles.items()} if isinstance(titles, dict) else {}


def _wishes(services: Services, connection: Connection, token_lasts: timedelta | None) -> Wishes:
    policy, settings = services.policies().current(services.clock()), connection.settings
    return Wishes(
        public_url=str(settings.get("public_url") or ""),
        now=services.clock(),
        tiers=tuple((key, tier.label) for key, tier in policy.tiers.items()),
        tags=policy.tags.model_dump(),
        tier_tags=tuple(tier.tag for tier in policy.tiers.values()),
        titles={**FIELD_TITLES, **_titles_of(connection)},
        via=str(settings.get("via") or "events"),
        views=settings.get("views") is not False,
        token_lasts=token_lasts,
    )


def _public_address(text: str, base_url: str) -> str:
    """A helpdesk in the cloud reaches https addresses on the internet, and nothing else."""
    given = text.strip().rstrip("/")
    parts = urlsplit(given)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConnectError(
            f"the public URL {text!r} is not an address such as https://sla.example.com"
        )
    if _is_local(urlsplit(base_url).hostname or ""):
        return given
    if parts.scheme != "https" or _is_local(parts.hostname):
        raise ConnectError(
            f"the helpdesk cannot reach {given}: the public URL must be https and on the internet"
        )
    return given


def _is_local(host: str) -> bool:
    try:
        return not ip_address(host).is_global
    except ValueError:
        return host == "localhost" or "." not in host


def _free_key(accounts: list[Connection], vendor: Vendor, base_url: str) -> str:
    """The account's own name, with the vendor's where another account has it."""
    same = next((one.key for one in accounts if one.base_url == base_url), None)
    if same:
        return same
    parts = urlsplit(base_url)
    name = parts.path.rsplit("/", 1)[-1] or (parts.hostname or "").split(".")[0]
    name = re.sub(r"[^a-z0-9_-]+", "-", name.lower()).strip("-")[:30] or vendor.name
    taken = {one.key for one in accounts}
    return name if name not in taken else f"{name}-{vendor.name}"


def _has_arrived(services: Services, key: str, nonce: str, began: datetime) -> bool:
    if services.store.connections.last_knock(key)[0] == nonce:
        return True
    received = services.store.inbox.last_received_at(key)
    return received is not None and received >= began


def _fault(fault: str, where: str) -> str:
    if fault.endswith(("401", "403")):
        why = "its signature was refused: see that the web process has this SLA_SECRET_KEY"
    elif fault.endswith("404"):
        why = "the web process does not know the account: see that it runs on this database"
    else:
        why = "see that the web process runs and that the address is reached from the internet"
    return f"{fault} from {where}: {why}"


def _without(connection: Connection, name: str) -> Connection:
    known = {key: value for key, value in provisioned(connection).items() if key != name}
    return with_settings(connection, provisioned=known)


def _done(step: Step, did: Did, note: str = "") -> StepDone:
    return StepDone(name=step.name, title=step.title, did=did, note=note)


def _title(name: str) -> str:
    kind, _, what = name.partition(":")
    return f"{kind.replace('_', ' ')} {what}".strip().capitalize()


def _who(identity: Identity) -> str:
    role = f" ({identity.role})" if identity.role else ""
    return f"{identity.name or identity.email}{role}"
