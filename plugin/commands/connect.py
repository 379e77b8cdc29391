"""The commands that connect helpdesk accounts, list them, and take them away again.

What they do is in `plugin/connect/`; the questions are in `account_request.py`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from plugin.commands.account_output import (
    has_warnings,
    show_done,
    show_plan,
    show_steps,
    terminal,
)
from plugin.commands.account_request import (
    account_request,
    asks,
    has_credentials,
    read_titles,
    refuse_options_of_others,
    split_list,
    split_numbers,
    split_types,
)
from plugin.commands.services import open_services

if TYPE_CHECKING:
    from rich.console import Console

    from plugin.connect import Plan
    from plugin.pipeline import Services


@click.command()
@click.argument("vendor", type=click.Choice(["zendesk", "freshdesk"]))
@click.option("--base-url", "--account", help="The account: its name, host or address.")
@click.option(
    "--public-url", envvar="SLA_PUBLIC_URL", help="Where the helpdesk reaches us (https)."
)
@click.option("--key", help="Your short name for the account, as in its webhook address.")
@click.option("--client-id", help="Zendesk: the OAuth client's identifier. The secret is asked.")
@click.option("--email", help="Zendesk: the agent's address that goes with an API token.")
@click.option(
    "--credentials-fd",
    type=int,
    help="Read the credentials, one name=value a line, from this file descriptor.",
)
@click.option(
    "--due-date",
    type=click.Choice(["task", "field"]),
    help="Zendesk: write the native due date (and the type task) or only the field.",
)
@click.option(
    "--types-to-task", callback=split_types, help="Zendesk: set types that may become tasks."
)
@click.option(
    "--via",
    type=click.Choice(["events", "triggers"]),
    help="Zendesk: be told by the webhook's events or by triggers.",
)
@click.option(
    "--engine",
    type=click.Choice(["legacy", "recalculating"]),
    help="Freshdesk: the SLA engine, where it is not as detected.",
)
@click.option(
    "--timer-off",
    callback=split_numbers,
    help="Freshdesk: numbers of the statuses whose SLA timer is off.",
)
@click.option(
    "--status-without-timer",
    type=int,
    help="Freshdesk: move feature requests and excluded tickets to this status.",
)
@click.option("--webhook-header", help="Freshdesk: the header that carries the rules' token.")
@click.option(
    "--token-days",
    type=click.IntRange(min=1),
    help="Freshdesk: let the rules' token end after so many days.",
)
@click.option("--time-zone", help="The contract's time zone, where it is not the policy's.")
@click.option(
    "--counted-channels",
    callback=split_list,
    help="Channels that start the clock, such as email,portal,web.",
)
@click.option(
    "--field",
    "titles",
    multiple=True,
    callback=read_titles,
    metavar="NAME=TITLE",
    help="Name a ticket field yourself: due, note, kind, environment or impact.",
)
@click.option("--tier-field", help="The organisation field that holds the package.")
@click.option("--contact-field", help="The organisation field that holds the named contact.")
@click.option(
    "--match-domains/--no-match-domains",
    default=None,
    help="Match a requester without organisation by e-mail domain (default: do).",
)
@click.option("--views/--no-views", default=None, help="Make agents' views (default: make them).")
@click.option("--dry-run", is_flag=True, help="Show the plan and write nothing.")
@click.option("--manual", is_flag=True, help="Print the settings to type in by hand.")
@click.option("--test/--no-test", default=True, help="End with a test delivery (default: do).")
@click.option(
    "--test-ticket", is_flag=True, help="Freshdesk: test with a ticket that is opened and deleted."
)
@click.option(
    "--wait",
    type=click.FloatRange(min=0),
    default=60.0,
    show_default=True,
    help="Seconds to wait for the delivery.",
)
@click.option("--yes", is_flag=True, help="Ask nothing: take what is given, and the defaults.")
def connect(vendor: str, **given: Any) -> None:  # fmt: skip
    """Connect a Zendesk or Freshdesk account.

    Checks it, makes what is missing, tries it. Asks for what is not given. Credentials are asked
    for without showing them, or taken from ZENDESK_CLIENT_ID, ZENDESK_CLIENT_SECRET (or
    ZENDESK_EMAIL, ZENDESK_API_TOKEN), or FRESHDESK_API_KEY. Safe to repeat: what is there already
    is kept.

    \b
    Examples:
      regiondo-sla connect zendesk --account acme --public-url https://sla.example.com
      regiondo-sla connect freshdesk --account acme --public-url https://sla.example.com --dry-run
      regiondo-sla connect zendesk --manual --key acme --account acme \\
        --public-url https://sla.example.com
    """
    from connectors.registry import VENDORS

    refuse_options_of_others(VENDORS[vendor], given)
    if given["manual"] and not _service_is_here():
        _print_manual(vendor, given)
        return
    with open_services() as services:
        console = terminal()
        from plugin.connect import plan_account

        if given["manual"] and not has_credentials(services, services.vendors[vendor], given):
            _print_manual(vendor, given)
            return
        request = account_request(services, services.vendors[vendor], given)
        with console.status(f"Looking at {request.address}"):
            plan = plan_account(services, request)
        show_plan(console, services.vendors[vendor], plan)
        if given["manual"]:
            _print_steps(services, plan)
            return
        if given["dry_run"]:
            show_steps(console, plan)
            return
        if asks(given) and has_warnings(plan):
            click.confirm("Go on?", default=True, abort=True)
        _carry_out(console, services, plan)
        if given["test"]:
            _try(console, services, plan.connection.key, given)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def connections(as_json: bool) -> None:
    """List the connected accounts.

    \b
    Example:
      regiondo-sla connections
    """
    with open_services() as services:
        console = terminal()
        accounts = services.store.connections.every()
        rows = [
            {
                "key": one.key,
                "vendor": one.vendor,
                "account": one.base_url,
                "acts_as": one.settings.get("acting_user_name"),
                "last_event": f"{last:%Y-%m-%dT%H:%M:%SZ}" if last else None,
            }
            for one in accounts
            for last in (_in_utc(services.store.inbox.last_received_at(one.key)),)
        ]
        if as_json:
            for row in rows:
                click.echo(json.dumps(row))
            return
        if not rows:
            console.print("No account is connected yet: `regiondo-sla connect zendesk`.")
            return
        from rich.table import Table

        table = Table(box=None, pad_edge=False)
        for heading in ("Key", "Vendor", "Account", "Acts as", "Last event"):
            table.add_column(heading, overflow="fold")
        for row in rows:
            table.add_row(*(str(value or "none") for value in row.values()))
        console.print(table)


@click.command()
@click.argument("key")
@click.option("--keep-fields", is_flag=True, help="Leave our fields and what stands in them.")
@click.option("--forget", is_flag=True, help="Touch nothing in the helpdesk, only forget it here.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def disconnect(key: str, keep_fields: bool, forget: bool, yes: bool) -> None:
    """Remove what `connect` made, and forget the account.

    What was there before stays, and so do tags and due dates on tickets. Fields that we made are
    removed with the values in them, unless --keep-fields.

    \b
    Example:
      regiondo-sla disconnect acme --keep-fields
    """
    with open_services() as services:
        console = terminal()
        from connectors.errors import CredentialsRejected
        from plugin.connect import Did, removable, require
        from plugin.connect import disconnect as undo

        connection = require(services, key)
        listed = removable(connection, keep_fields=keep_fields)
        going = sum(one.did is Did.REMOVED for one in listed)
        if not yes:
            what = "nothing there" if forget else f"{going} things that connect made there"
            question = f"Disconnect {connection.base_url} and remove {what}?"
            click.confirm(question, abort=True)
        try:
            for done in undo(services, key, keep_fields=keep_fields, forget=forget):
                show_done(console, done)
        except CredentialsRejected as error:
            raise click.ClickException(
                f"{error}. Connect it again with credentials that are accepted, or --forget it."
            ) from error
        console.print(f"{key} is disconnected.")


@click.command()
@click.argument("key")
@click.option("--finish", is_flag=True, help="Stop accepting the old secret.")
@click.option("--token-days", type=click.IntRange(min=1), help="Freshdesk: let the new token end.")
def rotate(key: str, finish: bool, token_days: int | None) -> None:
    """Change an account's webhook secret.

    The old one is accepted until --finish.

    \b
    Examples:
      regiondo-sla rotate acme
      regiondo-sla rotate acme --finish    # some hours later, when no retry is on its way
    """
    with open_services() as services:
        from plugin.connect import rotate as change

        lasts = timedelta(days=token_days) if token_days else None
        click.echo(change(services, key, finish=finish, token_lasts=lasts))


def _in_utc(at: datetime | None) -> datetime | None:
    return at.astimezone(UTC) if at else None


def _print_manual(vendor: str, given: Mapping[str, Any]) -> None:
    from connectors.base import Connection
    from connectors.registry import VENDORS
    from plugin.connect import ConnectError, account_address, account_key, public_address

    for option, name in (("base_url", "--account"), ("public_url", "--public-url")):
        if not given[option]:
            raise click.UsageError(f"--manual needs {name}")
    try:
        base_url = account_address(VENDORS[vendor], given["base_url"])
        public_url = public_address(given["public_url"], base_url)
        key = account_key(given["key"] or "acme")
    except ConnectError as error:
        raise click.ClickException(str(error)) from error
    connection = Connection(key=key, vendor=vendor, base_url=base_url)
    _number(VENDORS[vendor].manual_steps(connection, public_url))


def _print_steps(services: Services, plan: Plan) -> None:
    """The clicks for an account that is kept from now on, with its token."""
    from plugin.connect import keep_account

    connection = keep_account(services, plan)
    public_url = str(connection.settings["public_url"])
    _number(services.vendors[connection.vendor].manual_steps(connection, public_url))


def _service_is_here() -> bool:
    from plugin.here import service_settings
    from plugin.settings import SettingsError

    try:
        service_settings()
    except SettingsError:
        return False
    return True


def _number(steps: list[str]) -> None:
    for number, step in enumerate(steps, start=1):
        click.echo(f"{number:>2}. {step}")


def _carry_out(console: Console, services: Services, plan: Plan) -> None:
    from plugin.connect import Did, carry_out

    changed = 0
    for done in carry_out(services, plan):
        changed += done.did in {Did.MADE, Did.RENEWED}
        show_done(console, done)
    if not changed:
        console.print("Everything was there already: nothing was changed.")


def _try(console: Console, services: Services, key: str, given: Mapping[str, Any]) -> None:
    from plugin.connect import try_delivery

    with console.status("Waiting for a test delivery") as status:

        def tell(text: str) -> None:
            console.print(text, highlight=False)
            status.update(f"Waiting up to {given['wait']:.0f} s for it to arrive")

        arrival = try_delivery(
            services, key, with_ticket=given["test_ticket"], wait=given["wait"], tell=tell
        )
    if not arrival.arrived:
        raise click.ClickException(
            f"{key} is connected, but the test failed. {arrival.text}. Then run this again."
        )
    console.print(f"[green]{arrival.text}: {key} is connected.[/]", highlight=False)
    console.print(
        "Next: choose each partner's package in the helpdesk (field SLA tier), then "
        f"`regiondo-sla doctor {key}`.",
        highlight=False,
        soft_wrap=True,
    )


COMMANDS: tuple[click.Command, ...] = (connect, connections, disconnect, rotate)
