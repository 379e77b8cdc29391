"""The command that examines the connected accounts. What is looked at is in `plugin/doctor.py`."""

from __future__ import annotations

import json
import sys

import click

from plugin.commands.account_output import show_finding, terminal
from plugin.commands.services import open_services


@click.command()
@click.argument("key", required=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def doctor(key: str | None, as_json: bool) -> None:
    """Examine one or all connected accounts.

    One line a finding, with what to do about it. Exits with 1 where something is broken. It changes
    nothing.

    \b
    Example:
      regiondo-sla doctor acme
    """
    with open_services() as services:
        console = terminal()
        from plugin.connect import require
        from plugin.doctor import examine, is_broken

        accounts = [require(services, key)] if key else services.store.connections.every()
        if not accounts and not as_json:
            console.print("No account is connected yet: `regiondo-sla connect zendesk`.")
        findings = []
        for account in accounts:
            if not as_json:
                console.print(
                    f"[bold]{account.key}[/] {account.vendor} {account.base_url}", highlight=False
                )
            for finding in examine(services, account):
                findings.append(finding)
                if as_json:
                    click.echo(
                        json.dumps(
                            {
                                "connection": account.key,
                                "level": finding.level.value,
                                "subject": finding.subject,
                                "text": finding.text,
                                "remedy": finding.remedy,
                            }
                        )
                    )
                else:
                    show_finding(console, finding)
        if is_broken(findings):
            sys.exit(1)


COMMANDS: tuple[click.Command, ...] = (doctor,)
