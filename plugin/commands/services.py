"""What a command works with that is typed beside the running service: its database and secrets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from plugin.pipeline import Services


@contextmanager
def open_services(pool_size: int = 2) -> Iterator[Services]:
    """The service as it is found here, closed at the end; what can be mended is one sentence."""
    from connectors.addresses import AddressError
    from connectors.errors import ConnectorError
    from plugin.bootstrap import build_services
    from plugin.connect import ConnectError
    from plugin.here import service_settings
    from plugin.secrets import SecretsError

    services = build_services(service_settings(), pool_size=pool_size)
    try:
        if not services.store.is_migrated():
            raise click.ClickException(
                "the tables are not this version's: run `regiondo-sla migrate`, or start `serve` "
                "anew where it runs its own database"
            )
        yield services
    except (ConnectError, ConnectorError, AddressError, SecretsError) as error:
        raise click.ClickException(str(error)) from error
    finally:
        services.store.close()
