"""What admins asked for in a helpdesk account, how far it came, and what came of it.

Knows nothing of helpdesks; what an errand does is in `plugin/errands.py`.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import func, literal, select
from sqlalchemy.dialects.postgresql import JSONB, insert

from plugin.jobs import enqueue_errand, requeue_failed_errands
from plugin.secrets import Vault
from plugin.store import tables as t
from plugin.store.database import Database

_LONGEST_LOCK = 200  # characters: an index holds no long ones


class ErrandState(StrEnum):
    """How far an errand is."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """One errand. `lines` tell what was done so far, `result` what came of it, as plain JSON."""

    id: str
    kind: str
    vendor: str
    connection: str | None
    asked_by: str
    asked_at: datetime
    moved_at: datetime
    state: ErrandState
    lines: Sequence[Mapping[str, Any]]
    result: Mapping[str, Any] | None

    @property
    def is_under_way(self) -> bool:
        """Whether there is something to wait for."""
        return self.state in {ErrandState.WAITING, ErrandState.RUNNING}


class Errands:
    """The table `errands`."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault

    def ask(
        self,
        kind: str,
        vendor: str,
        connection: str | None,
        request: Mapping[str, Any],
        *,
        by: str,
        at: datetime,
    ) -> str:
        """Keep an errand and queue it, both or neither; returns its id. `request` is sealed.

        Those of one account run one after another, also where it has no connection yet.
        """
        number = secrets.token_urlsafe(12)
        row: dict[str, Any] = {
            "id": number,
            "kind": kind,
            "vendor": vendor,
            "connection": connection,
            "asked_by": by,
            "asked_at": at,
            "moved_at": at,
            "state": ErrandState.WAITING,
            "request": self._vault.seal(request),
            "lines": [],
        }
        with self._database.transaction() as database:
            database.execute(insert(t.errands).values(row))
            lock = connection or str(request["address"])[:_LONGEST_LOCK]
            enqueue_errand(database, number, lock)
        return number

    def requeue_failed(self) -> int:
        """Queue each errand that its worker could not end once more; returns how many."""
        with self._database.transaction() as database:
            return requeue_failed_errands(database)

    def get(self, number: str) -> Errand | None:
        """Return an errand, None where there is none (any more)."""
        return next(iter(self._find(t.errands.c.id == number)), None)

    def under_way(self, connection: str) -> Errand | None:
        """Return the errand of an account that was asked for last and is not at its end."""
        c = t.errands.c
        waits = c.state.in_([ErrandState.WAITING, ErrandState.RUNNING])
        return next(iter(self._find(c.connection == connection, waits)), None)

    def request(self, number: str) -> dict[str, Any] | None:
        """Return what was asked for, None where that was forgotten. Raises `SecretsError`."""
        query = select(t.errands.c.request).where(t.errands.c.id == number)
        with self._database.transaction() as database:
            sealed = database.execute(query).scalar()
        return self._vault.open(sealed) if sealed else None

    def begin(self, number: str, at: datetime) -> bool:
        """Note that an errand is being run, from its start; False where it has ended already."""
        ended = t.errands.c.state.in_([ErrandState.DONE, ErrandState.FAILED])
        return self._change(number, ended, state=ErrandState.RUNNING, lines=[], moved_at=at)

    def tell(self, number: str, line: Mapping[str, Any], at: datetime) -> None:
        """Add a line to what was done."""
        lines = t.errands.c.lines + func.cast(literal([dict(line)], JSONB), JSONB)
        self._change(number, None, lines=lines, moved_at=at)

    def end(
        self,
        number: str,
        state: ErrandState,
        result: Mapping[str, Any],
        at: datetime,
        *,
        connection: str | None,
        forget: bool,
    ) -> None:
        """Note what came of an errand; with `forget` what was asked for is not kept."""
        more: dict[str, Any] = {"request": None} if forget else {}
        self._change(
            number,
            None,
            state=state,
            result=dict(result),
            moved_at=at,
            connection=func.coalesce(literal(connection), t.errands.c.connection),
            **more,
        )

    def _find(self, *conditions: Any) -> list[Errand]:
        names = list(Errand.__dataclass_fields__)
        query = (
            select(*(t.errands.c[name] for name in names))
            .where(*conditions)
            .order_by(t.errands.c.asked_at.desc())
            .limit(1)
        )
        with self._database.transaction() as database:
            rows = database.execute(query).mappings().all()
        return [Errand(**{**row, "state": ErrandState(row["state"])}) for row in rows]

    def _change(self, number: str, unless: Any, **values: Any) -> bool:
        change = t.errands.update().where(t.errands.c.id == number).values(values)
        if unless is not None:
            change = change.where(~unless)
        with self._database.transaction() as database:
            return database.execute(change).rowcount > 0
