"""The numbers of the reports, counted in the database from judged tickets."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Date, cast, func, select, text

from plugin.store.database import Database
from plugin.store.tables import tickets as t
from sla_rules.decision import State
from sla_rules.policy_sections import Commitment

# percentiles sort every clock of the period; PostgreSQL's usual 4 MB would send that to the disk
_SORT_IN_MEMORY = text("set local work_mem = '32MB'")


class Grouping(StrEnum):
    """What a report has a line for."""

    TIER = "tier"
    ORGANIZATION = "organization"
    MONTH = "month"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attainment:
    """How the first-response promises of one group of tickets were kept.

    `met` and `breached` count promises only, never best-effort goals. The times until the first
    response are of all answered tickets: `business_*` in business time, `calendar_*` by the clock
    on the wall; None where none was answered. `group` is None for tickets without an organisation.
    """

    group: str | None
    tickets: int
    met: int
    breached: int
    open: int
    best_effort: int
    cancelled: int
    business_median: timedelta | None
    business_p90: timedelta | None
    calendar_median: timedelta | None
    calendar_p90: timedelta | None

    @property
    def share(self) -> float | None:
        """The part of judged promises that was met, 0 to 1; None where none was judged."""
        judged = self.met + self.breached
        return self.met / judged if judged else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """How many promises of the clocks that started in one month (named by its first day) held."""

    month: date
    met: int
    breached: int

    @property
    def share(self) -> float:
        """The part that was met, 0 to 1."""
        return self.met / (self.met + self.breached)


@dataclass(frozen=True, slots=True, kw_only=True)
class Excluded:
    """How many tickets had no clock, and why (`Exclusion`), by tier."""

    exclusion: str
    tier: str
    tickets: int


class Reports:
    """Counts over the table `tickets`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def attainment(
        self, by: Grouping, since: datetime, until: datetime, time_zone: str
    ) -> list[Attainment]:
        """Return a line for each group of the clocks that started in [since, until).

        Months are those of `time_zone` (IANA), written `2026-11`.
        """
        groups: dict[Grouping, ColumnElement[Any]] = {
            Grouping.TIER: t.c.tier,
            Grouping.ORGANIZATION: t.c.organization_name,
            Grouping.MONTH: func.to_char(func.timezone(time_zone, t.c.starts_at), "YYYY-MM"),
        }
        group = groups[by].label("group")
        promised = t.c.commitment == Commitment.GUARANTEED.value
        calendar = t.c.response_at - t.c.starts_at
        query = (
            select(
                group,
                func.count().label("tickets"),
                _count(t.c.state == State.MET.value, promised).label("met"),
                _count(t.c.state == State.BREACHED.value, promised).label("breached"),
                _count(t.c.state == State.OPEN.value).label("open"),
                _count(t.c.commitment == Commitment.BEST_EFFORT.value).label("best_effort"),
                _count(t.c.state == State.CANCELLED.value).label("cancelled"),
                _percentile(0.5, t.c.response_after).label("business_median"),
                _percentile(0.9, t.c.response_after).label("business_p90"),
                _percentile(0.5, calendar).label("calendar_median"),
                _percentile(0.9, calendar).label("calendar_p90"),
            )
            .where(t.c.starts_at >= since, t.c.starts_at < until, t.c.exclusion.is_(None))
            .group_by(group)
            .order_by(group)
        )
        with self._database.transaction() as connection:
            connection.execute(_SORT_IN_MEMORY)
            return [Attainment(**row) for row in connection.execute(query).mappings()]

    def kept(self, since: datetime, until: datetime, time_zone: str) -> list[Kept]:
        """Return each month with judged promises of the clocks that started in [since, until).

        Months are those of `time_zone` (IANA). Counts only: far quicker than `attainment`.
        """
        month = func.date_trunc("month", func.timezone(time_zone, t.c.starts_at)).label("month")
        judged = (State.MET.value, State.BREACHED.value)
        query = (
            select(
                cast(month, Date).label("month"),
                _count(t.c.state == State.MET.value).label("met"),
                _count(t.c.state == State.BREACHED.value).label("breached"),
            )
            .where(
                t.c.starts_at >= since,
                t.c.starts_at < until,
                t.c.exclusion.is_(None),
                t.c.commitment == Commitment.GUARANTEED.value,
                t.c.state.in_(judged),
            )
            .group_by(month)
            .order_by(month)
        )
        with self._database.transaction() as connection:
            return [Kept(**row) for row in connection.execute(query).mappings()]

    def exclusions(self, since: datetime, until: datetime) -> list[Excluded]:
        """Return how many tickets looked at in [since, until) the contract leaves out, and why."""
        at = func.coalesce(t.c.starts_at, t.c.updated_at)
        query = (
            select(t.c.exclusion, t.c.tier, func.count().label("tickets"))
            .where(t.c.exclusion.is_not(None), at >= since, at < until)
            .group_by(t.c.exclusion, t.c.tier)
            .order_by(t.c.exclusion, t.c.tier)
        )
        with self._database.transaction() as connection:
            return [Excluded(**row) for row in connection.execute(query).mappings()]


def _count(*conditions: ColumnElement[bool]) -> ColumnElement[int]:
    return func.count().filter(*conditions)


def _percentile(part: float, times: ColumnElement[Any]) -> ColumnElement[Any]:
    return func.percentile_cont(part).within_group(times.asc())
