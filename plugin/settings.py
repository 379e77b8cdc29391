"""The settings, read from the environment once.

Holds no defaults for secrets: without them a process refuses to start.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import AliasChoices, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict


class SettingsError(Exception):
    """A setting is missing or wrong; the message is one sentence for the operator."""


class Settings(BaseSettings):
    """What the environment says. Seconds where a time, counts where a number."""

    model_config = SettingsConfigDict(env_prefix="SLA_", populate_by_name=True, extra="ignore")

    database_url: str | None = Field(
        default=None, validation_alias=AliasChoices("database_url", "DATABASE_URL"), repr=False
    )
    secret_key: str | None = Field(default=None, repr=False)
    console_token: str | None = Field(default=None, repr=False)
    policy: Path | None = None
    var: Path = Path("var")
    host: str = "127.0.0.1"
    port: int = Field(default=8080, validation_alias=AliasChoices("port", "PORT", "SLA_PORT"))
    web_workers: int = Field(
        default=2, validation_alias=AliasChoices("web_workers", "WEB_CONCURRENCY")
    )
    worker_concurrency: int = 8
    keep_days: dict[str, int] = Field(default_factory=dict)
    log_level: str = "INFO"
    sweep_minutes: float = Field(default=5, gt=0)
    evidence_days: int = Field(default=730, ge=1)
    sandbox: bool = False
    proxies: int = Field(default=0, ge=0)
    metrics_port: int = 0
    notify_url: str | None = Field(default=None, repr=False)
    notify_secret: str | None = Field(default=None, repr=False)
    notify_format: Literal["events", "slack"] = "events"

    def __init__(self, **given: Any) -> None:
        """Read the environment. Raises `SettingsError`, which shows no value."""
        try:
            super().__init__(**given)
        except ValidationError as error:
            fault = error.errors(include_input=False)[0]
            name = _in_the_environment(str(fault["loc"][0]))
            raise SettingsError(f"{name}: {fault['msg']}.") from None

    def secrets(self) -> tuple[str, ...]:
        """Return the values that no log line may hold."""
        password = urlsplit(self.database_url or "").password
        keys = [one.strip() for one in (self.secret_key or "").split(",")]
        found = (password, *keys, self.console_token, self.notify_secret, self.notify_url)
        return tuple(value for value in found if value)

    def require_database(self) -> str:
        """Return the database's address or raise `SettingsError`."""
        if not self.database_url:
            raise SettingsError(
                "DATABASE_URL is not set: name the PostgreSQL that web and worker share, "
                "or use `regiondo-sla serve`, which runs its own."
            )
        if urlsplit(self.database_url).scheme not in _POSTGRES:
            raise SettingsError(
                "DATABASE_URL is no address of a PostgreSQL: "
                "expected one such as postgresql://user:password@host/name."
            )
        return self.database_url

    def require_secret_key(self) -> str:
        """Return the passphrase for stored secrets or raise `SettingsError`."""
        if not (self.secret_key or "").strip(", "):
            raise SettingsError(
                "SLA_SECRET_KEY is not set: choose a long random passphrase; "
                "the accounts' secrets are encrypted with it."
            )
        return self.secret_key or ""


_POSTGRES = {"postgres", "postgresql", "postgresql+psycopg"}


def _in_the_environment(name: str) -> str:
    alias = Settings.model_fields[name].validation_alias if name in Settings.model_fields else None
    names = alias.choices if isinstance(alias, AliasChoices) else (name,)
    return next((str(one) for one in names if str(one).isupper()), f"SLA_{name.upper()}")
