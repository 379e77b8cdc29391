"""The command `regiondo-sla`. Each command says in its help what it does, with an example."""

from __future__ import annotations

import errno
import sys
from itertools import chain
from typing import Any

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


class _Unusable(click.ClickException):
    """A setting or policy is wrong."""

    exit_code = 2


class _InOneSentence(click.Group):
    """Turns what the operator can mend into one sentence and a non-zero exit."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except (SettingsError, PolicyError) as error:
            raise _Unusable(str(error)) from error
        except (AttributeError, RuntimeError) as error:  # a closed stream is None
            if sys.stdin and sys.stdout:
                raise
            raise click.ClickException("standard input or output is closed") from error
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            raise click.ClickException(f"the output could not be written: {error}") from error
        except Exception as error:
            if not _is_of_the_database(error):
                raise
            name = type(getattr(error, "orig", None) or error).__name__
            told = str(error) if name == "StoreUnavailable" else name
            raise click.ClickException(f"the database does not answer ({told})") from error


def _is_of_the_database(error: Exception) -> bool:
    """Asked only where a command failed: `--help` needs no database driver."""
    from sqlalchemy.exc import OperationalError

    from plugin.store.database import StoreUnavailable

    return isinstance(error, StoreUnavailable | OperationalError)


@click.group(cls=_InOneSentence, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="regiondo-sla")
def cli() -> None:
    """Keeps a support contract's first-response promises in Zendesk and Freshdesk.

    \b
    Example:
      regiondo-sla demo
    """


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
    """Run the command that was typed."""
    cli()


if __name__ == "__main__":
    main()
