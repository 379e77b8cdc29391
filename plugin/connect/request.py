"""What an admin asks for, checked and completed: addresses, key, credentials, answers.

Asks no helpdesk; `plan.py` does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import ip_address
from urllib.parse import urlsplit

from connectors.addresses import AddressError
from connectors.base import Connection, Vendor
from connectors.http import check_address
from connectors.sentences import say
from connectors.setup import FIELD_TITLES, Setup, Wishes, with_settings
from plugin.jobs import OLD_QUEUE, UPKEEP
from plugin.pipeline import Services, adapted_to
from sla_rules.errors import PolicyError

_KEY = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_QUEUES = {UPKEEP, OLD_QUEUE}  # an account's key names its queue


class ConnectError(Exception):
    """Something that the admin can mend; `sentences` are mostly one."""

    def __init__(self, *sentences: str) -> None:
        super().__init__("; ".join(sentences))
        self.sentences = sentences


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
        host = parts.netloc.lower().removesuffix(":443")
        given = f"{parts.scheme}://{host}"  # a page of the account will do
    try:
        check_address(given, vendor.domain)
    except (AddressError, ValueError) as error:
        raise ConnectError(say("request.address", detail=error)) from None
    return given


def account_key(text: str) -> str:
    """Return an account's key. Raises `ConnectError` for what no account may be named."""
    if not _KEY.fullmatch(text):
        raise ConnectError(say("request.bad_key", key=text))
    if text in _QUEUES:
        raise ConnectError(say("request.reserved_key", key=text))
    return text


def public_address(text: str, base_url: str) -> str:
    """Return where the helpdesk at `base_url` reaches us. Raises `ConnectError`.

    One in the cloud reaches https addresses on the internet, and nothing else.
    """
    given = text.strip().rstrip("/")
    parts = urlsplit(given)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConnectError(say("request.no_address", given=text))
    if _is_local(urlsplit(base_url).hostname or ""):
        return given
    if parts.scheme != "https" or _is_local(parts.hostname):
        raise ConnectError(say("request.unreachable", given=given))
    return given


def require(services: Services, key: str) -> Connection:
    """Return the account of that key. Raises `ConnectError`."""
    connection = services.store.connections.get(key)
    if connection is None:
        known = ", ".join(services.store.connections.keys()) or "none"
        raise ConnectError(say("request.unknown_key", key=key, known=known))
    return connection


def open_setup(
    services: Services, connection: Connection, *, token_lasts: timedelta | None = None
) -> Setup:
    """Return the administration of an account as it was connected. Raises `AddressError`."""
    wishes = wishes_of(services, connection, token_lasts)
    return services.setup(connection, wishes)


def check_request(services: Services, request: AccountRequest) -> None:
    """Raise `ConnectError` for what can be told of a request without asking the helpdesk."""
    requested(services, vendor_of(services, request), request)


def vendor_of(services: Services, request: AccountRequest) -> Vendor:
    """Return the vendor that a request names. Raises `ConnectError`."""
    vendor = services.vendors.get(request.vendor)
    if vendor is None:
        raise ConnectError(f"{request.vendor!r} is not one of {', '.join(services.vendors)}")
    return vendor


def requested(
    services: Services, vendor: Vendor, request: AccountRequest
) -> tuple[Connection, bool]:
    """Return the account as it would be saved, and whether it is known. Raises `ConnectError`."""
    base_url = account_address(vendor, request.address)
    accounts = services.store.connections.every()
    key = account_key(request.key or _free_key(accounts, vendor, base_url))
    known = next((one for one in accounts if one.key == key), None)
    given_url = request.public_url or (known.settings.get("public_url") if known else None)
    public_url = public_address(str(given_url or ""), base_url)
    twin = next((one for one in accounts if one.base_url == base_url and one.key != key), None)
    if twin:
        raise ConnectError(say("request.twin", address=base_url, key=twin.key))
    if known and (known.vendor, known.base_url) != (vendor.name, base_url):
        raise ConnectError(say("request.key_taken", key=key, address=known.base_url))
    credentials = request.credentials or (known.credentials if known else {})
    complete = [s for s in vendor.credential_sets if all(credentials.get(name) for name in s)]
    if not complete:
        sets = " / ".join(" + ".join(names) for names in vendor.credential_sets)
        raise ConnectError(say("request.credentials", vendor=vendor.title, needed=sets))
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
    try:
        adapted_to(services.policies(), settings)
    except PolicyError as error:
        raise ConnectError(say("request.answer", detail=error)) from None


def _titles_of(connection: Connection | None) -> dict[str, str]:
    titles = connection.settings.get("titles") if connection else None
    return {str(k): str(v) for k, v in titles.items()} if isinstance(titles, dict) else {}


def wishes_of(services: Services, connection: Connection, token_lasts: timedelta | None) -> Wishes:
    """Return what is to be made for an account, by its settings and the policy of now."""
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
