"""The commands for looking after what is stored: erase one requester, seal the secrets anew."""

from __future__ import annotations

import click

from plugin.commands.services import open_services


@click.command()
@click.argument("requester")
@click.option("--connection", metavar="KEY", help="Only in this account.")
@click.option("--dry-run", is_flag=True, help="Only say what is held.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def erase(requester: str, connection: str | None, dry_run: bool, yes: bool) -> None:
    """Erase what is stored of one requester.

    REQUESTER is the helpdesk's id or an e-mail address. Erase the person in the helpdesk first: a
    ticket that is still there is looked at again when it changes. An address is looked up in the
    helpdesk, so give the id where it is gone there.

    \b
    Example:
      regiondo-sla erase 8447388090001 --connection acme --dry-run
    """
    from plugin import privacy

    with open_services(pool_size=1) as services:
        try:
            found = privacy.find_requester(services, requester, connection)
        except privacy.PrivacyError as error:
            raise click.ClickException(str(error)) from error
        held = services.store.privacy.holdings(found)
        if not held:
            click.echo("Nothing is stored of this requester.")
            return
        for one in held:
            click.echo(f"{one.rows:>8}  {one.table}")
        if dry_run:
            return
        if not yes:
            click.confirm("Erase these rows for good?", abort=True)
        total = sum(one.rows for one in privacy.erase(services, found))
        click.echo(f"Rows erased: {total}")


@click.command()
def reseal() -> None:
    """Seal every account's secrets with a new SLA_SECRET_KEY.

    To change the passphrase: set SLA_SECRET_KEY=new,old everywhere, run this, then drop the old.

    \b
    Example:
      SLA_SECRET_KEY=new,old regiondo-sla reseal
    """
    from plugin.here import service_settings
    from plugin.secrets import SecretsError, Vault
    from plugin.store import Store

    settings = service_settings()
    vault = Vault(settings.require_secret_key())
    store = Store(settings.require_database(), vault, pool_size=1)
    try:
        count = store.connections.reseal()
    except SecretsError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"Accounts sealed anew: {count}")


COMMANDS: tuple[click.Command, ...] = (erase, reseal)
