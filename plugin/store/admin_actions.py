"""What people did in the console: kept before it is done, and its outcome after."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from plugin.store import tables as t
from plugin.store.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminAction:
    """One action. `status` is the HTTP answer, None where the process died before it gave one."""

    id: int
    at: datetime
    email: str | None
    action: str
    subject: str | None
    detail: Mapping[str, Any]
    status: int | None
    address: str | None


class AdminActions:
    """The table `admin_actions`. Rows are never changed but for their outcome, never deleted."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(
        self,
        action: str,
        at: datetime,
        *,
        email: str | None,
        subject: str | None = None,
        address: str | None = None,
        detail: Mapping[str, Any] | None = None,
        status: int | None = None,
    ) -> int:
        """Keep an action and return its number."""
        row = {
            "action": action,
            "at": at,
            "email": email,
            "subject": subject,
            "address": address,
            "detail": dict(detail or {}),
            "status": status,
        }
        table = t.admin_actions
        with self._database.transaction() as database:
            return int(
                database.execute(insert(table).values(row).returning(table.c.id)).scalar_one()
            )

    def finish(self, number: int, status: int, detail: Mapping[str, Any]) -> None:
        """Keep an action's outcome."""
        table = t.admin_actions
        with self._database.transaction() as database:
            database.execute(
                table.update()
                .where(table.c.id == number)
                .values(status=status, detail=dict(detail))
            )

    def newest(self, limit: int, before: int | None = None) -> list[AdminAction]:
        """Return actions, the newest first; those before the one numbered `before`, if given."""
        table = t.admin_actions
        query = select(table).order_by(table.c.id.desc()).limit(limit)
        if before is not None:
            query = query.where(table.c.id < before)
        with self._database.transaction() as database:
            return [AdminAction(**row) for row in database.execute(query).mappings()]
