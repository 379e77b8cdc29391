"""The one place where concrete classes meet: settings in, `Services` out."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from connectors.base import Connection
from connectors.registry import VENDORS
from plugin import outgoing
from plugin.calendars import Calendars
from plugin.notify import Notifier, signing_key
from plugin.pacing import ADMIN_PATIENCE, AccountPace
from plugin.pipeline import Services, utc_now
from plugin.policies import Policies
from plugin.secrets import Vault
from plugin.settings import Settings, SettingsError
from plugin.store import Store
from plugin.store.database import Patience


def build_services(
    settings: Settings, *, pool_size: int = 5, patience: Patience | None = None
) -> Services:
    """Return what the pipeline works with. Raises `SettingsError` and `PolicyError`."""
    store = Store(
        settings.require_database(),
        Vault(settings.require_secret_key()),
        pool_size=pool_size,
        patience=patience,
    )
    return Services(
        store=store,
        vendors=VENDORS,
        connector=_PerThread(lambda c: VENDORS[c.vendor].connect(c, AccountPace(store.budgets, c))),
        bulk=_PerThread(lambda c: VENDORS[c.vendor].bulk(c, AccountPace(store.budgets, c))),
        setup=lambda c, wishes: VENDORS[c.vendor].setup(
            c, wishes, AccountPace(store.budgets, c, patience=ADMIN_PATIENCE)
        ),
        policies=Policies(settings.policy, store.policies, Calendars(settings.var)),
        clock=utc_now,
        sweep_minutes=settings.sweep_minutes,
        notifier=_notifier(settings),
    )


def _notifier(settings: Settings) -> Notifier | None:
    """Return where notices go, None where nobody asked for them. Raises `SettingsError`."""
    if not settings.notify_url:
        return None
    if not settings.notify_secret and settings.notify_format == "events":
        raise SettingsError(
            "SLA_NOTIFY_SECRET is not set: the receiver at SLA_NOTIFY_URL verifies with it."
        )
    try:
        outgoing.check_url(settings.notify_url)
        secret = signing_key(settings.notify_secret or "")
    except ValueError as error:
        raise SettingsError(f"SLA_NOTIFY_URL or SLA_NOTIFY_SECRET: {error}") from None
    return Notifier(
        url=settings.notify_url, secret=secret, form=settings.notify_format, post=outgoing.post
    )


Made = TypeVar("Made")


class _PerThread(Generic[Made]):
    """One of what `make` gives for each thread and account; a changed account gets a new one."""

    def __init__(self, make: Callable[[Connection], Made]) -> None:
        self._make = make
        self._here = threading.local()

    def __call__(self, connection: Connection) -> Made:
        known: dict[str, tuple[Connection, Made]] = self._here.__dict__.setdefault("known", {})
        found = known.get(connection.key)
        if found is None or found[0] != connection:
            found = (connection, self._make(connection))
            known[connection.key] = found
        return found[1]
