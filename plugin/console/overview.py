"""The first page: are the promises kept, what is due next, and what needs a person."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from flask import url_for

from plugin.console.frame import policy, reader, section, services, show
from plugin.console.judges import Judges
from plugin.console.ticket_view import time_left
from plugin.store.ticket_search import RUNNING, Filter
from sla_rules.policy import Policy

DUE_NEXT = 8
COUNTED_TO = 1000
HOURS = 24

blueprint = section("overview")


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its name, the page that lists it, and how it should look."""

    key: str
    value: int
    url: str
    look: str = ""


@blueprint.get("/")
def page() -> str:
    """Show the overview."""
    rules, who = policy(), reader()
    local = who.now.astimezone(who.zone)
    today = datetime.combine(local.date(), time(), who.zone)
    week = today - timedelta(days=local.weekday())
    store = services().store
    judges = Judges()
    coming = store.ticket_search.due_next(DUE_NEXT)
    attainment = {
        one.tier: one for one in store.overview.attainment(week, week + timedelta(days=7))
    }
    return show(
        "overview.html",
        policy=rules,
        figures=list(_figures(rules, today)),
        coming=[(row, time_left(row, judges.of(row), who.now)) for row in coming],
        attainment=[(tier, attainment.get(key)) for key, tier in rules.tiers.items()],
        hours=_hours(who.now),
        accounts=store.overview.activity(who.now - timedelta(hours=HOURS)),
        circuits={one.connection: one for one in store.circuits.every()},
        vendors=services().vendors,
        hands=[figure for figure in _hands(rules) if figure.value],
        most=COUNTED_TO,
    )


def _figures(rules: Policy, today: datetime) -> Iterator[Figure]:
    count = services().store.ticket_search.count
    risk = rules.tags.at_risk
    at_risk = count(Filter(state=RUNNING, tag=risk), COUNTED_TO)
    breached = count(
        Filter(state="breached", due_from=today, due_to=today + timedelta(days=1)), COUNTED_TO
    )
    on = today.date().isoformat()
    yield Figure(
        "running",
        count(Filter(state=RUNNING), COUNTED_TO * 100),
        url_for("tickets.listing", state=RUNNING),
    )
    yield Figure(
        "at_risk",
        at_risk,
        url_for("tickets.listing", state=RUNNING, tag=risk),
        "warn" if at_risk else "",
    )
    yield Figure(
        "breached_today",
        breached,
        url_for("tickets.listing", state="breached", due_on=on),
        "bad" if breached else "",
    )
    yield Figure(
        "met_today",
        count(Filter(state="met", due_from=today, due_to=today + timedelta(days=1)), COUNTED_TO),
        url_for("tickets.listing", state="met", due_on=on),
    )


def _hands(rules: Policy) -> Iterator[Figure]:
    """What needs a person, each with the list that shows it."""
    count = services().store.ticket_search.count
    aside = sum(services().store.dead_letters.counts().values())
    yield Figure("dead_letters", aside, url_for("deliveries.set_aside"), "bad")
    for key, tag in (
        ("unknown_tier", rules.tags.tier_unknown),
        ("no_clock", rules.tags.no_email),
        ("candidates", rules.tags.feature_request_candidate),
        ("not_kept", rules.tags.due_not_kept),
        ("overrides", rules.tags.manual),
    ):
        yield Figure(
            key, count(Filter(tag=tag), COUNTED_TO), url_for("tickets.listing", tag=tag), "warn"
        )


def _hours(now: datetime) -> list[tuple[datetime, int]]:
    """The events of each of the last hours, the oldest first."""
    last = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    first = last - timedelta(hours=HOURS - 1)
    counted = services().store.overview.events_by_hour(first)
    return [(at, counted.get(at, 0)) for at in (first + timedelta(hours=n) for n in range(HOURS))]
