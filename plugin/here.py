"""Finds the service that runs on this machine, for commands typed beside `regiondo-sla serve`."""

from __future__ import annotations

from plugin.embedded import EmbeddedPostgres
from plugin.settings import Settings, SettingsError


def service_settings(settings: Settings | None = None) -> Settings:
    """Return the settings with the database and passphrase of the running service.

    DATABASE_URL and SLA_SECRET_KEY are taken where they are set, else what `serve` keeps under
    var/. Raises `SettingsError`.
    """
    settings = settings or Settings()
    found: dict[str, str] = {}
    if not settings.database_url:
        url = EmbeddedPostgres(settings.var).running() if settings.var.is_dir() else None
        if url is None:
            raise SettingsError(
                f"DATABASE_URL is not set and no service runs on {settings.var.resolve()}: set it, "
                "or start `regiondo-sla serve` here first."
            )
        found["database_url"] = url
    kept = settings.var / "secret.key"
    if not settings.secret_key and not settings.database_url and kept.is_file():
        found["secret_key"] = kept.read_text("utf-8").strip()
    settings = settings.model_copy(update=found)
    settings.require_secret_key()
    return settings
