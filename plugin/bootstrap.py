"""The one place where concrete classes meet: settings in, `Services` out."""

from __future__ import annotations

import threading

from connectors.base import Connection, Connector
from connectors.registry import VENDORS
from plugin import outgoing
from plugin.notify import Notifier, signing_key
from plugin.pacing import AccountPace
from plugin.pipeline import Services, utc_now
from plugin.secrets import Vault
from plugin.settings import Settings, SettingsError
from plugin.store import Store
from plugin.store.database import Patience
from sla_rules.policy_file import load_policy
from sla_rules.policy_history import PolicyHistory


def build_services(
    settings: Settings, *, pool_size: int = 5, patience: Patience | None = None
) -> Services:
    """Return what the pipeline works with. Raises `SettingsError` and `PolicyError`."""
    policies = PolicyHistory([load_policy(settings.policy)])
    store = Store(
        settings.require_database(),
        Vault(settings.require_secret_key()),
        pool_size=pool_size,
        patience=patience,
    )
    return Services(
        store=store,
        vendors=VENDORS,
        connector=_Connectors(store),
        policies=lambda: policies,
        clock=utc_now,
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


class _Connectors:
    """One connector for each thread and account; a changed account gets a new one."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._here = threading.local()

    def __call__(self, connection: Connection) -> Connector:
        known: dict[str, tuple[Connection, Connector]] = self._here.__dict__.setdefault("known", {})
        found = known.get(connection.key)
        if found is None or found[0] != connection:
            pace = AccountPace(self._store.budgets, connection)
            found = (connection, VENDORS[connection.vendor].connect(connection, pace))
            known[connection.key] = found
        return found[1]
