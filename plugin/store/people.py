"""Who may use the console, and the one-time links that let them in.

Keeps hashes of passwords and tokens only; checks no password (`console/sign_in.py` does).
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Column, Connection, RowMapping, func, select
from sqlalchemy.dialects.postgresql import insert

from plugin.store import tables as t
from plugin.store.database import Database


class Role(StrEnum):
    """What a person may do: look, or also act."""

    VIEWER = "viewer"
    ADMIN = "admin"


class Purpose(StrEnum):
    """What a one-time link is for."""

    FIRST_ADMIN = "first_admin"  # dies as soon as there is anybody
    INVITE = "invite"
    NEW_PASSWORD = "new_password"  # noqa: S105  (a purpose, no secret)
    SIGN_IN = "sign_in"


class EmailTaken(Exception):
    """Somebody has this address already."""


class LastAdmin(Exception):
    """Without this person nobody could act any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One person. `sessions` counts the sign-ins that are still kept."""

    id: int
    email: str
    role: Role
    created_at: datetime
    disabled_at: datetime | None
    sessions: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A one-time link that can still be used."""

    purpose: Purpose
    role: Role | None
    person_id: int | None


class People:
    """The tables `people` and `one_time_links`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def has_any(self) -> bool:
        """Say whether anybody can sign in."""
        with self._database.transaction() as database:
            return _has_any(database)

    def everybody(self) -> list[Person]:
        """Return all of them, by address."""
        table, sessions = t.people, t.console_sessions
        count = (
            select(func.count()).where(sessions.c.person_id == table.c.id).scalar_subquery()
        ).label("sessions")
        query = select(*columns(), count).order_by(table.c.email)
        with self._database.transaction() as database:
            return [to_person(row) for row in database.execute(query).mappings()]

    def find(self, email: str) -> tuple[Person, str] | None:
        """Return the person of that address with the hash of the password."""
        query = select(*columns(), t.people.c.password).where(t.people.c.email == _same(email))
        with self._database.transaction() as database:
            row = database.execute(query).mappings().first()
        return (to_person(row), row["password"]) if row else None

    def add(self, email: str, password: str, role: Role, now: datetime) -> int:
        """Add a person; `password` is its hash. Raises `EmailTaken`."""
        with self._database.transaction() as database:
            return _add(database, email, password, role, now)

    def change(
        self, person_id: int, *, role: Role | None = None, disabled_at: datetime | None = None
    ) -> None:
        """Give a role, or (without one) shut out since `disabled_at`; None lets in again.

        Ends the person's sessions. Raises `LastAdmin` where no other admin would be left.
        """
        table = t.people
        values = {"role": role.value} if role else {"disabled_at": disabled_at}
        with self._database.transaction() as database:
            database.execute(table.update().where(table.c.id == person_id).values(values))
            admins = select(func.count()).where(
                table.c.role == Role.ADMIN.value, table.c.disabled_at.is_(None)
            )
            if not database.execute(admins).scalar_one():
                raise LastAdmin
            _end_sessions(database, person_id)

    def set_password(self, person_id: int, password: str) -> None:
        """Replace the hash of the password and end the person's sessions."""
        with self._database.transaction() as database:
            _set_password(database, person_id, password)

    def make_link(
        self,
        purpose: Purpose,
        now: datetime,
        *,
        valid: timedelta,
        role: Role | None = None,
        person_id: int | None = None,
    ) -> str:
        """Return the token of a new link, usable once within `valid`."""
        token = secrets.token_urlsafe(32)
        row = {
            "token": digest(token),
            "purpose": purpose.value,
            "role": role.value if role else None,
            "person_id": person_id,
            "created_at": now,
            "expires_at": now + valid,
        }
        with self._database.transaction() as database:
            database.execute(insert(t.one_time_links).values(row))
        return token

    def link(self, token: str, now: datetime) -> Link | None:
        """Return what an unused link is for; None where it is used, old or unknown."""
        with self._database.transaction() as database:
            return _link(database, token, now)

    def use_link(
        self, token: str, now: datetime, *, email: str = "", password: str = ""
    ) -> int | None:
        """Use a link up and return the person it lets in, None where it cannot be used.

        `password` is a hash; it and `email` are needed where the link makes or changes them.
        Raises `EmailTaken`, which leaves the link as it was.
        """
        with self._database.transaction() as database:
            link = _link(database, token, now, lock=True)
            if link is None:
                return None
            table = t.one_time_links
            database.execute(
                table.update().where(table.c.token == digest(token)).values(used_at=now)
            )
            if link.person_id is None:
                return _add(database, email, password, link.role or Role.VIEWER, now)
            if link.purpose is Purpose.NEW_PASSWORD:
                _set_password(database, link.person_id, password)
            return link.person_id


def digest(token: str) -> bytes:
    """Return what is kept of a token, so that a copy of the database opens nothing."""
    return hashlib.sha256(token.encode()).digest()


def columns() -> list[Column[Any]]:
    """Return the columns of which `to_person` makes a person."""
    return [t.people.c[name] for name in ("id", "email", "role", "created_at", "disabled_at")]


def to_person(row: RowMapping) -> Person:
    """Return the person in a row."""
    return Person(
        id=row["id"],
        email=row["email"],
        role=Role(row["role"]),
        created_at=row["created_at"],
        disabled_at=row["disabled_at"],
        sessions=row.get("sessions", 0),
    )


def _has_any(database: Connection) -> bool:
    return database.execute(select(t.people.c.id).limit(1)).first() is not None


def _add(database: Connection, email: str, password: str, role: Role, now: datetime) -> int:
    row = {"email": _same(email), "password": password, "role": role.value, "created_at": now}
    added = database.execute(
        insert(t.people).values(row).on_conflict_do_nothing().returning(t.people.c.id)
    ).scalar()
    if added is None:
        raise EmailTaken
    return int(added)


def _set_password(database: Connection, person_id: int, password: str) -> None:
    database.execute(t.people.update().where(t.people.c.id == person_id).values(password=password))
    _end_sessions(database, person_id)


def _end_sessions(database: Connection, person_id: int) -> None:
    table = t.console_sessions
    database.execute(table.delete().where(table.c.person_id == person_id))


def _link(database: Connection, token: str, now: datetime, *, lock: bool = False) -> Link | None:
    table = t.one_time_links
    query = select(table.c.purpose, table.c.role, table.c.person_id).where(
        table.c.token == digest(token), table.c.used_at.is_(None), table.c.expires_at > now
    )
    row = database.execute(query.with_for_update() if lock else query).first()
    if row is None or (row.purpose == Purpose.FIRST_ADMIN and _has_any(database)):
        return None
    return Link(
        purpose=Purpose(row.purpose),
        role=Role(row.role) if row.role else None,
        person_id=row.person_id,
    )


def _same(email: str) -> str:
    return email.strip().lower()
