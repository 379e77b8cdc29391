"""A feature with its weight and its evidence, and the queries that count them. Changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import CTE, ColumnElement, Select, exists, func, or_, select, text

from plugin.store import tables as t


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """A feature with its weight: distinct organisations, persons and tickets that ask for it.

    `tiers` counts organisations by the tier they had when they asked. `status` is a
    `FeatureStatus`. Withdrawn, merged, spam and test tickets do not count, nor do candidates.
    """

    id: int
    title: str
    status: str
    merged_into: int | None
    created_at: datetime
    last_asked_at: datetime | None
    organizations: int
    persons: int
    tickets: int
    tiers: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One ticket that asks for a feature, with the sentence that does."""

    connection: str
    ticket_id: str
    feature_id: int | None
    organization_name: str | None
    requester_id: str | None
    tier: str
    quote: str | None
    language: str | None
    confirmed: bool
    recorded_at: datetime
    withdrawn_at: datetime | None
    url: str | None


def family(*conditions: ColumnElement[bool]) -> CTE:
    """Each feature that meets the conditions, with itself and all merged into it, at any depth."""
    base = select(t.features.c.id, t.features.c.id.label("member")).where(*conditions)
    found = base.cte("family", recursive=True)
    deeper = t.features.alias("deeper")
    return found.union(
        select(found.c.id, deeper.c.id).join(deeper, deeper.c.merged_into == found.c.member)
    )


def select_features(*conditions: ColumnElement[bool]) -> Select[Any]:
    """Return a query for `Feature` rows that meet conditions on the table `features`.

    Only confirmed requests that nobody withdrew count. Nothing is counted for other features.
    """
    requests, members = t.feature_requests.c, family(*conditions)
    asked = (
        select(
            members.c.id,
            requests.recorded_at,
            requests.tier,
            _named(requests.connection, requests.organization_id).label("organization"),
            _named(requests.connection, requests.requester_id).label("person"),
        )
        .join_from(members, t.feature_requests, requests.feature_id == members.c.member)
        .where(requests.confirmed, requests.withdrawn_at.is_(None))
        .cte("asked")
    )
    organizations = func.count(asked.c.organization.distinct())
    by_tier = (
        select(asked.c.id, asked.c.tier, organizations.label("number"))
        .where(asked.c.organization.is_not(None))
        .group_by(asked.c.id, asked.c.tier)
        .cte("by_tier")
    )
    tiers = (
        select(by_tier.c.id, func.jsonb_object_agg(by_tier.c.tier, by_tier.c.number).label("tiers"))
        .group_by(by_tier.c.id)
        .cte("tiers")
    )
    weights = (
        select(
            asked.c.id,
            func.max(asked.c.recorded_at).label("last_asked_at"),
            organizations.label("organizations"),
            func.count(asked.c.person.distinct()).label("persons"),
            func.count().label("tickets"),
        )
        .group_by(asked.c.id)
        .cte("weights")
    )
    numbers = (
        func.coalesce(weights.c[n], 0).label(n) for n in ("organizations", "persons", "tickets")
    )
    return (
        select(
            *t.features.c,
            weights.c.last_asked_at,
            *numbers,
            func.coalesce(tiers.c.tiers, text("'{}'::jsonb")).label("tiers"),
        )
        .join(weights, weights.c.id == t.features.c.id, isouter=True)
        .join(tiers, tiers.c.id == t.features.c.id, isouter=True)
        .where(*conditions)
    )


def select_listed(*conditions: ColumnElement[bool]) -> Select[Any]:
    """Return a query for the features that stand in the list.

    Not those that nobody asks for, as candidates, except where a person has edited them.
    """
    query = select_features(*conditions)
    edited = exists().where(t.feature_events.c.feature_id == t.features.c.id)
    return query.where(or_(query.selected_columns.tickets > 0, edited))


def _named(connection: ColumnElement[Any], number: ColumnElement[Any]) -> ColumnElement[Any]:
    """What tells one account's numbers from another's; null where there is no number."""
    return connection + "/" + number


def select_evidence() -> Select[Any]:
    """Return a query for `Evidence` rows."""
    requests, tickets = t.feature_requests, t.tickets
    names = [name for name in Evidence.__dataclass_fields__ if name != "url"]
    same = (tickets.c.connection == requests.c.connection) & (
        tickets.c.ticket_id == requests.c.ticket_id
    )
    return (
        select(*(requests.c[name] for name in names), tickets.c.url)
        .select_from(requests)
        .join(tickets, same, isouter=True)
    )
