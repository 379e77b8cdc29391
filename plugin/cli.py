"""The command `regiondo-sla`. Each command says in its help what it does, with an example."""

from __future__ import annotations

import sys
from itertools import chain

import click

from plugin.commands import (
    catchup,
    connect,
    console,
    doctor,
    policy,
    replay,
    report,
    rules,
    run,
    upkeep,
)
from plugin.settings import SettingsError
from sla_rules.errors import PolicyError


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="regiondo-sla")
def cli() -> None:
    """Keeps a support contract's first-response promises in Zendesk and Freshdesk."""


for _command in chain(
    run.COMMANDS,
    connect.COMMANDS,
    doctor.COMMANDS,
    console.COMMANDS,
    catchup.COMMANDS,
    rules.COMMANDS,
    policy.COMMANDS,
    report.COMMANDS,
    replay.COMMANDS,
    upkeep.COMMANDS,
):
    cli.add_command(_command)


def main() -> None:
    """Run the command; what the operator can mend is one sentence and a non-zero exit."""
    try:
        cli()
    except (SettingsError, PolicyError) as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
