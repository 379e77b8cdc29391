"""The register of feature requests (clause 4): with their evidence, without any date promised.

A request is one ticket's evidence; a feature is what one or more of them ask for. Features are
merged by pointing one at another, so that a merge can be undone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from rapidfuzz import fuzz, process, utils
from sqlalchemy import ColumnElement, Connection, Select, func, select, text
from sqlalchemy.dialects.postgresql import insert

from plugin.jobs import enqueue_look
from plugin.store import tables as t
from plugin.store.database import Database
from plugin.store.feature_titles import LONGEST_TITLE
from plugin.store.feature_weights import (
    Evidence,
    Feature,
    family,
    select_evidence,
    select_features,
    select_listed,
)
from sla_rules.ticket import Kind

_ALIKE = 60  # of 100, by token_set_ratio


class FeatureStatus(StrEnum):
    """Where a feature stands. There is no due date: the contract promises none (clause 4)."""

    NEW = "new"
    UNDER_REVIEW = "under_review"
    PLANNED = "planned"
    SHIPPED = "shipped"
    DECLINED = "declined"


class RegisterError(ValueError):
    """A change of the register that makes no sense; the message is for the person who asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureEvent:
    """What a person did to a feature: `merged`, `unmerged`, `status` or `renamed`."""

    at: datetime
    by: str
    what: str
    detail: Mapping[str, Any]


class FeatureRequests:
    """The tables `features`, `feature_events` and `feature_requests`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def features(
        self, *, status: FeatureStatus | None = None, search: str = "", limit: int = 100
    ) -> list[Feature]:
        """Return the features that are listed, the one most organisations want first.

        Listed is what somebody asks for or a person has edited, and no candidate; nothing that is
        merged into another. `search` is a part of the title, in any case.
        """
        conditions: list[ColumnElement[bool]] = [t.features.c.merged_into.is_(None)]
        if status:
            conditions.append(t.features.c.status == status.value)
        if search:
            conditions.append(t.features.c.title.icontains(search, autoescape=True))
        order = (text("organizations desc"), text("persons desc"), t.features.c.id)
        return self._read_features(select_listed(*conditions).order_by(*order).limit(limit))

    def feature(self, number: int) -> Feature | None:
        """Return one feature, None where there is none of that number."""
        found = self._read_features(select_features(t.features.c.id == number))
        return found[0] if found else None

    def evidence(self, number: int) -> list[Evidence]:
        """Return the tickets that ask for a feature or one merged into it, newest first."""
        members = family(t.features.c.id == number)
        below = t.feature_requests.c.feature_id == members.c.member
        return self._read_evidence(select_evidence().join(members, below))

    def candidates(self, limit: int = 100) -> list[Evidence]:
        """Return the tickets that may ask for a feature and that nobody has reviewed."""
        return self._read_evidence(self._waiting().limit(limit))

    def count_candidates(self, limit: int) -> int:
        """Return how many tickets wait for a review, at most `limit`."""
        waiting = self._waiting().with_only_columns(t.feature_requests.c.ticket_id).limit(limit)
        with self._database.transaction() as connection:
            query = select(func.count()).select_from(waiting.subquery())
            return connection.execute(query).scalar_one()

    def all_evidence(self) -> list[Evidence]:
        """Return every recorded request, withdrawn ones too, newest first."""
        return self._read_evidence(select_evidence())

    def merged(self, number: int) -> list[Feature]:
        """Return the features that were merged into this one directly."""
        query = select_features(t.features.c.merged_into == number).order_by(t.features.c.id)
        return self._read_features(query)

    def events(self, number: int) -> list[FeatureEvent]:
        """Return what people did to a feature, oldest first."""
        table = t.feature_events
        query = select(table.c.at, table.c.by, table.c.what, table.c.detail)
        query = query.where(table.c.feature_id == number).order_by(table.c.id)
        with self._database.transaction() as connection:
            return [FeatureEvent(**row) for row in connection.execute(query).mappings()]

    def similar(self, number: int, limit: int = 5) -> list[Feature]:
        """Return listed features whose titles share words with this one's, most alike first."""
        query = select(t.features.c.id, t.features.c.title).where(
            t.features.c.merged_into.is_(None)
        )
        with self._database.transaction() as connection:
            titles = {row.id: row.title for row in connection.execute(query)}
        this = titles.pop(number, None)
        if this is None:
            return []
        found = process.extract(
            this,
            titles,
            scorer=fuzz.token_set_ratio,
            processor=utils.default_process,
            score_cutoff=_ALIKE,
            limit=None,
        )
        alike = [key for _, _, key in found]
        listed = {
            one.id: one for one in self._read_features(select_listed(t.features.c.id.in_(alike)))
        }
        return [listed[key] for key in alike if key in listed][:limit]

    def merge(self, number: int, into: int, *, by: str, at: datetime) -> None:
        """Merge a feature into another; `unmerge` undoes it. Raises `RegisterError`."""
        with self._database.transaction() as connection:
            self._lock(connection, number, into)
            query = select(t.features.c.id, t.features.c.merged_into)
            rows = connection.execute(query.where(t.features.c.id.in_([number, into])))
            found = {row.id: row.merged_into for row in rows}
            if number == into:
                raise RegisterError("a feature cannot be merged into itself")
            for one in (number, into):
                if one not in found:
                    raise RegisterError(f"there is no feature {one}")
                if found[one] is not None:
                    raise RegisterError(f"feature {one} is merged into {found[one]} already")
            self._change(connection, number, merged_into=into)
            self._note(connection, number, at, by, "merged", {"into": into})

    def unmerge(self, number: int, *, by: str, at: datetime) -> None:
        """Undo a merge: the feature stands alone again with its evidence.

        Raises `RegisterError`.
        """
        with self._database.transaction() as connection:
            self._lock(connection, number)
            query = select(t.features.c.merged_into).where(t.features.c.id == number)
            into = connection.execute(query).scalar()
            if into is None:
                raise RegisterError(f"feature {number} is not merged into another")
            self._change(connection, number, merged_into=None)
            self._note(connection, number, at, by, "unmerged", {"from": into})

    def set_status(self, number: int, status: FeatureStatus, *, by: str, at: datetime) -> None:
        """Say where a feature stands. Raises `RegisterError`."""
        self._edit(number, by=by, at=at, what="status", column="status", value=status.value)

    def rename(self, number: int, title: str, *, by: str, at: datetime) -> None:
        """Give a feature a better title. Raises `RegisterError`."""
        title = " ".join(title.split())[:LONGEST_TITLE]
        if not title:
            raise RegisterError("a feature needs a title")
        self._edit(number, by=by, at=at, what="renamed", column="title", value=title)

    def review(self, connection: str, ticket_id: str, kind: Kind, *, by: str, at: datetime) -> None:
        """Keep a person's word on what a ticket is, and queue the look that writes it back.

        Raises `RegisterError` where there is no such ticket.
        """
        table = t.tickets
        here = (table.c.connection == connection, table.c.ticket_id == ticket_id)
        values = {"reviewed_kind": kind.value, "reviewed_by": by, "reviewed_at": at}
        with self._database.transaction() as database:
            if not database.execute(table.update().where(*here).values(values)).rowcount:
                raise RegisterError(f"there is no ticket {ticket_id} of {connection}")
            enqueue_look(database, connection=connection, ticket_id=ticket_id)

    def _edit(
        self, number: int, *, by: str, at: datetime, what: str, column: str, value: str
    ) -> None:
        with self._database.transaction() as connection:
            self._lock(connection, number)
            query = select(t.features.c[column]).where(t.features.c.id == number)
            before = connection.execute(query).scalar()
            if before is None:
                raise RegisterError("there is no feature of that number")
            if before != value:
                self._change(connection, number, **{column: value})
                self._note(connection, number, at, by, what, {"from": before, "to": value})

    @staticmethod
    def _waiting() -> Select[Any]:
        return select_evidence().where(
            t.feature_requests.c.confirmed.is_(False),
            t.feature_requests.c.withdrawn_at.is_(None),
            t.tickets.c.reviewed_kind.is_(None),
        )

    @staticmethod
    def _lock(connection: Connection, *numbers: int) -> None:
        query = select(t.features.c.id).where(t.features.c.id.in_(sorted(numbers)))
        connection.execute(query.order_by(t.features.c.id).with_for_update())

    @staticmethod
    def _change(connection: Connection, number: int, **values: Any) -> None:
        connection.execute(t.features.update().where(t.features.c.id == number).values(values))

    @staticmethod
    def _note(
        connection: Connection, number: int, at: datetime, by: str, what: str, detail: object
    ) -> None:
        row = {"feature_id": number, "at": at, "by": by, "what": what, "detail": detail}
        connection.execute(insert(t.feature_events).values(row))

    def _read_features(self, query: Select[Any]) -> list[Feature]:
        with self._database.transaction() as connection:
            return [Feature(**row) for row in connection.execute(query).mappings()]

    def _read_evidence(self, query: Select[Any]) -> list[Evidence]:
        order = (t.feature_requests.c.recorded_at.desc(), t.feature_requests.c.ticket_id.desc())
        with self._database.transaction() as connection:
            rows: Sequence[Any] = connection.execute(query.order_by(*order)).mappings().all()
            return [Evidence(**row) for row in rows]
