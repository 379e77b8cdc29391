"""The tokens of the API: kept as hashes, revoked for good."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.dialects.postgresql import insert

from plugin.store import tables as t
from plugin.store.database import Database
from plugin.store.people import digest

_NOTED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiToken:
    """A token without its value, which is shown once and never kept."""

    id: int
    name: str
    made_by: str
    made_at: datetime
    used_at: datetime | None
    revoked_at: datetime | None


class ApiTokens:
    """The table `api_tokens`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def make(self, name: str, *, by: str, at: datetime) -> str:
        """Return a new token's value."""
        token = f"sla_{secrets.token_urlsafe(32)}"
        row = {"name": name, "token": digest(token), "made_by": by, "made_at": at}
        with self._database.transaction() as connection:
            connection.execute(insert(t.api_tokens).values(row))
        return token

    def use(self, token: str, now: datetime) -> bool:
        """Say whether a token is good; its use is noted to the minute."""
        table = t.api_tokens
        query = select(table.c.id, table.c.used_at).where(
            table.c.token == digest(token), table.c.revoked_at.is_(None)
        )
        with self._database.transaction() as connection:
            row = connection.execute(query).first()
            if row is None:
                return False
            if row.used_at is None or row.used_at < now - _NOTED_EVERY:
                stale = or_(table.c.used_at.is_(None), table.c.used_at < now)
                note = table.update().where(table.c.id == row.id, stale).values(used_at=now)
                connection.execute(note)
        return True

    def everything(self) -> list[ApiToken]:
        """Return all tokens, revoked ones too, the newest first."""
        names = list(ApiToken.__dataclass_fields__)
        query = select(*(t.api_tokens.c[name] for name in names)).order_by(t.api_tokens.c.id.desc())
        with self._database.transaction() as connection:
            return [ApiToken(**row) for row in connection.execute(query).mappings()]

    def revoke(self, number: int, at: datetime) -> None:
        """End a token; one that is ended stays as it is."""
        table = t.api_tokens
        ended = table.update().where(table.c.id == number, table.c.revoked_at.is_(None))
        with self._database.transaction() as connection:
            connection.execute(ended.values(revoked_at=at))
