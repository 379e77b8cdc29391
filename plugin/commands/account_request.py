"""What an admin asks for when connecting: from options, environment, or questions at a terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from connectors.base import Vendor
    from plugin.connect import AccountRequest
    from plugin.pipeline import Services

_VISIBLE = {"client_id", "email"}  # credentials that are no secrets
_TYPES = {"incident", "problem", "question"}
_OPTIONS_OF = {
    "zendesk": ("client_id", "email", "due_date", "types_to_task", "via"),
    "freshdesk": (
        "engine",
        "timer_off",
        "status_without_timer",
        "webhook_header",
        "token_days",
        "test_ticket",
    ),
}


def split_list(
    _context: click.Context, _parameter: click.Parameter, value: str | None
) -> list[str] | None:
    """Read a list separated by commas."""
    return [one.strip() for one in value.split(",") if one.strip()] if value else None


def split_numbers(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> list[int] | None:
    """Read a list of numbers separated by commas."""
    try:
        return [int(one) for one in split_list(context, parameter, value) or ()] or None
    except ValueError:
        raise click.BadParameter(f"{value!r} is no list of numbers such as 3,4,5") from None


def split_types(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> list[str] | None:
    """Read a list of Zendesk's ticket types."""
    given = split_list(context, parameter, value)
    if given and not set(given) <= _TYPES:
        raise click.BadParameter(f"expected some of {', '.join(sorted(_TYPES))}, got {value!r}")
    return given


def refuse_options_of_others(vendor: Vendor, given: Mapping[str, Any]) -> None:
    """Refuse what only another vendor's accounts have. Raises `click.UsageError`."""
    for name, options in _OPTIONS_OF.items():
        for option in options if name != vendor.name else ():
            if given[option] not in {None, False}:
                flag = f"--{option.replace('_', '-')}"
                raise click.UsageError(f"{flag} is not for {vendor.title}")


def read_titles(
    _context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]
) -> dict[str, str]:
    """Read `NAME=TITLE`, given any number of times."""
    from connectors.setup import FIELD_TITLES

    found = {}
    for value in values:
        name, _, title = value.partition("=")
        if name not in FIELD_TITLES or not title.strip():
            raise click.BadParameter(f"expected one of {', '.join(FIELD_TITLES)} = a title")
        found[name] = title.strip()
    return found


def asks(given: Mapping[str, Any]) -> bool:
    """Say whether a person sits at the terminal who may be asked."""
    return sys.stdin.isatty() and not given["yes"]


def account_request(services: Services, vendor: Vendor, given: Mapping[str, Any]) -> AccountRequest:
    """What was given, and what is asked where a person sits at the terminal."""
    from plugin.connect import AccountRequest

    known = services.store.connections.get(given["key"]) if given["key"] else None
    may_ask = asks(given)
    address = given["base_url"] or (known.base_url if known else None)
    if not address:
        address = _ask(may_ask, f"{vendor.title} account (name or address)", "--account")
    public_url = given["public_url"]
    if not public_url and not known:
        public_url = _ask(may_ask, "Public address of this service", "--public-url")
    credentials = _credentials(vendor, given)
    if not credentials and not known:
        credentials = _ask_credentials(vendor, may_ask)
    settings = {
        name: given[option]
        for name, option in (
            ("due_date", "due_date"),
            ("types_to_task", "types_to_task"),
            ("engine", "engine"),
            ("timer_off", "timer_off"),
            ("status_without_timer", "status_without_timer"),
            ("webhook_header", "webhook_header"),
            ("match_domains", "match_domains"),
            ("time_zone", "time_zone"),
            ("counted_channels", "counted_channels"),
            ("tier_field", "tier_field"),
            ("named_contact_field", "contact_field"),
        )
        if given[option] is not None
    }
    if may_ask and not known:
        settings |= _ask_answers(services, settings)
    days = given["token_days"]
    return AccountRequest(
        vendor=vendor.name,
        address=address,
        public_url=public_url,
        key=given["key"],
        credentials=credentials,
        settings=settings,
        titles=given["titles"],
        via=given["via"],
        views=given["views"],
        token_lasts=timedelta(days=days) if days else None,
    )


def has_credentials(services: Services, vendor: Vendor, given: Mapping[str, Any]) -> bool:
    """Say whether credentials are at hand without asking for them."""
    known = services.store.connections.get(given["key"]) if given["key"] else None
    return known is not None or bool(_credentials(vendor, given))


def _credentials(vendor: Vendor, given: Mapping[str, Any]) -> dict[str, str]:
    """From the file descriptor, else from options and environment."""
    names = {name for names in vendor.credential_sets for name in names}
    if given["credentials_fd"] is not None:
        try:
            with os.fdopen(given["credentials_fd"]) as lines:
                pairs = [line.strip().partition("=") for line in lines if "=" in line]
        except (OSError, ValueError) as error:
            raise click.UsageError(f"--credentials-fd cannot be read ({error})") from error
        return {name.strip(): value.strip() for name, _, value in pairs if name.strip() in names}
    found = {name: os.environ.get(f"{vendor.name}_{name}".upper()) for name in names}
    found |= {name: given[name] for name in _VISIBLE if given.get(name)}
    return {name: value for name, value in found.items() if value and name in names}


def _ask_credentials(vendor: Vendor, may_ask: bool) -> dict[str, str]:
    names = vendor.credential_sets[0]
    if not may_ask:
        wanted = " and ".join(f"{vendor.name}_{name}".upper() for name in names)
        raise click.UsageError(f"no credentials: set {wanted}, or use --credentials-fd")
    return {
        name: click.prompt(name.replace("_", " ").capitalize(), hide_input=name not in _VISIBLE)
        for name in names
    }


def _ask(may_ask: bool, question: str, option: str) -> str:
    if not may_ask:
        raise click.UsageError(f"{option} is missing")
    return str(click.prompt(question))


def _ask_answers(services: Services, settings: Mapping[str, object]) -> dict[str, object]:
    """The two questions that the contract leaves open; Enter keeps the policy's answer."""
    policy = services.policies().current(services.clock())
    answers: dict[str, object] = {}
    if "time_zone" not in settings:
        usual = policy.zone.key
        zone = click.prompt(
            "The contract names no time zone. Its opening hours are by the clocks of", default=usual
        )
        if zone != usual:
            answers["time_zone"] = zone
    if "counted_channels" not in settings:
        counted = sorted(channel.value for channel in policy.clock.counted_channels)
        if counted == ["email"] and click.confirm(
            "The clock starts with an e-mail. Do messages by portal and web form count too?",
            default=False,
        ):
            answers["counted_channels"] = ["email", "portal", "web"]
    return answers
