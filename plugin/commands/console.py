"""The commands that let people into the console."""

from __future__ import annotations

from datetime import timedelta

import click

from plugin.commands.services import open_services
from plugin.settings import Settings

FIRST_LINK_VALID = timedelta(days=1)
LINK_VALID = timedelta(days=3)


@click.group()
def console() -> None:
    """Let people into the console.

    \b
    Example:
      regiondo-sla console invite --role viewer
    """


@console.command()
@click.option(
    "--role",
    type=click.Choice(["viewer", "admin"]),
    default="admin",
    show_default=True,
    help="Viewers look; admins also act.",
)
@click.option("--email", help="Someone who has an account: a link for a new password instead.")
@click.option(
    "--address",
    help="Where people open the console, such as https://sla.example.com (default: this machine, "
    "at the PORT of this shell).",
)
def invite(role: str, email: str | None, address: str | None) -> None:
    """Print a one-time link to make an account with.

    It is valid for three days.

    \b
    Example:
      regiondo-sla console invite --role viewer
    """
    from plugin.store.people import Purpose, Role

    with open_services(pool_size=1) as services:
        people, now = services.store.people, services.clock()
        if email is None:
            token = people.make_link(Purpose.INVITE, now, valid=LINK_VALID, role=Role(role))
        else:
            found = people.find(email)
            if found is None:
                raise click.ClickException(f"nobody has the address {email}")
            person = found[0].id
            token = people.make_link(Purpose.NEW_PASSWORD, now, valid=LINK_VALID, person_id=person)
    click.echo(f"{address or _here(Settings())}/welcome/{token}")


def first_link(settings: Settings) -> str | None:
    """Return a link for the first admin, None where there is somebody or no database yet."""
    from plugin.bootstrap import build_services
    from plugin.store import StoreUnavailable
    from plugin.store.people import Purpose, Role

    services = build_services(settings, pool_size=1)
    try:
        if not services.store.is_migrated() or services.store.people.has_any():
            return None
        token = services.store.people.make_link(
            Purpose.FIRST_ADMIN, services.clock(), valid=FIRST_LINK_VALID, role=Role.ADMIN
        )
    except StoreUnavailable:
        return None
    finally:
        services.store.close()
    return f"{_here(settings)}/welcome/{token}"


def _here(settings: Settings) -> str:
    return f"http://{settings.host}:{settings.port}"


COMMANDS: tuple[click.Command, ...] = (console,)
