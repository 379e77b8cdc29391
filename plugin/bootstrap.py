"""The one place where concrete classes meet: settings in, `Services` out."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

import structlog

from connectors.base import Connection
from connectors.registry import VENDORS
from plugin import outgoing
from plugin.calendars import FRESH, Calendars
from plugin.notify import Notifier, signing_key
from plugin.pacing import AccountPace
from plugin.pipeline import Services, utc_now
from plugin.secrets import Vault
from plugin.settings import Settings, SettingsError
from plugin.store import Store
from plugin.store.database import Patience
from sla_rules.errors import PolicyError
from sla_rules.policy_file import load_policy
from sla_rules.policy_history import PolicyHistory

log = structlog.get_logger()


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
        policies=_Policies(settings),
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


class _Policies:
    """The versions of the policy, read again once a day for the calendars that they subscribe to.

    Where that fails the ones that were read last go on.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._calendars = Calendars(settings.var)
        self._lock = threading.Lock()
        self._read_at = time.monotonic()
        self._history = self._read()

    def __call__(self) -> PolicyHistory:
        with self._lock:
            if time.monotonic() - self._read_at > FRESH.total_seconds():
                self._read_at = time.monotonic()
                try:
                    self._history = self._read()
                except PolicyError as error:
                    log.warning("policy not read again: the last one counts", error=str(error))
            return self._history

    def _read(self) -> PolicyHistory:
        path = self._settings.policy
        calendars = self._calendars.of_file(path) if path else {}
        return PolicyHistory([load_policy(path, calendars)])


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
