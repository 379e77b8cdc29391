"""The one place where concrete classes meet: settings in, `Services` out."""

from __future__ import annotations

import threading

from connectors.base import Connection, Connector
from connectors.registry import VENDORS
from plugin.pacing import AccountPace
from plugin.pipeline import Services, utc_now
from plugin.secrets import Vault
from plugin.settings import Settings
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
