"""The command that connects a helpdesk account."""

from __future__ import annotations

import click


@click.command()
@click.argument("vendor", type=click.Choice(["zendesk", "freshdesk"]))
@click.option("--manual", is_flag=True, help="Print the settings to type in by hand.")
@click.option("--key", required=True, help="Your short name for the account, as in its address.")
@click.option("--base-url", required=True, help="The account, such as https://acme.zendesk.com.")
@click.option("--public-url", required=True, help="Where the helpdesk reaches this service.")
def connect(vendor: str, manual: bool, key: str, base_url: str, public_url: str) -> None:
    """Connect a helpdesk account: prints what to type where.

    \b
    Example:
      regiondo-sla connect zendesk --manual --key acme \\
        --base-url https://acme.zendesk.com --public-url https://sla.example.com
    """
    from connectors.base import Connection
    from connectors.registry import VENDORS

    if not manual:
        raise click.UsageError("only --manual is built so far")
    connection = Connection(key=key, vendor=vendor, base_url=base_url.rstrip("/"))
    steps = VENDORS[vendor].manual_steps(connection, public_url.rstrip("/"))
    for number, step in enumerate(steps, start=1):
        click.echo(f"{number:>2}. {step}")


COMMANDS: tuple[click.Command, ...] = (connect,)
