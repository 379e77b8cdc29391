"""A ticket as its page shows it: the clock to draw, the days counted, what happened.

Turns stored rows into what templates need; asks no database.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from plugin.console.clock_picture import Clock, Mark, Picture, draw
from plugin.console.reader import Reader
from plugin.store import AuditEntry, TicketRow
from plugin.store.deliveries import WAITED
from plugin.store.ticket_search import Event
from sla_rules.policy import Policy
from sla_rules.schedule_text import ScheduleText


@dataclass(frozen=True, slots=True)
class Drawn:
    """The clock's picture for a wide and a narrow page, and what it says in one sentence."""

    wide: Picture
    narrow: Picture
    said: str
    kinds: tuple[str, ...]


def hours_of(row: TicketRow, policy: Policy) -> ScheduleText:
    """Return the hours that counted for a ticket; where they are not known, the usual ones."""
    usual = policy.schedule_rules[-1].schedule
    return policy.schedules.get(row.schedule or usual) or policy.schedules[usual]


def time_left(row: TicketRow, policy: Policy, now: datetime) -> timedelta | None:
    """Return the business time until the deadline, negative after it; None without one."""
    return hours_of(row, policy).schedule.elapsed(now, row.due_at) if row.due_at else None


def drawn(row: TicketRow, policy: Policy, reader: Reader) -> Drawn | None:
    """Return the picture of a ticket's clock, None where it has none."""
    if row.starts_at is None or row.due_at is None:
        return None
    hours = hours_of(row, policy)
    zone = ZoneInfo(hours.time_zone)
    waits = row.response_at is None and row.state in {"open", "best_effort", "breached"}
    stopped_at = row.response_at or (max(reader.now, row.starts_at) if waits else None)
    marks = [Mark("start", row.starts_at, ""), Mark("due", row.due_at, "")]
    marks += [Mark("warning", at, "") for at in warnings_of(row, policy)]
    if row.response_at:
        marks.append(Mark("response", row.response_at, ""))
    elif waits and row.starts_at <= reader.now:
        marks.append(Mark("now", reader.now, ""))
    named = tuple(
        Mark(m.kind, m.at, f"{reader.t('clock.' + m.kind)} {m.at.astimezone(zone):%H:%M}")
        for m in marks
    )
    clock = Clock(
        schedule=hours.schedule,
        zone=zone,
        starts_at=row.starts_at,
        due_at=row.due_at,
        stopped_at=stopped_at,
        marks=named,
    )
    said = reader.t(
        "clock.said",
        start=reader.at(row.starts_at),
        due=reader.at(row.due_at),
        counted=reader.span(hours.schedule.elapsed(row.starts_at, row.due_at)),
    )
    if row.response_at:
        said += " " + reader.t("clock.said_response", at=reader.at(row.response_at))
    return Drawn(
        wide=draw(clock, width=640, labels=88, totals=76, every=1),
        narrow=draw(clock, width=340, labels=62, totals=52, every=3),
        said=said,
        kinds=_kinds(clock),
    )


def _kinds(clock: Clock) -> tuple[str, ...]:
    """What the picture shows, for its legend."""
    stopped = clock.stopped_at or clock.starts_at
    shown = {"start": True, **{mark.kind: True for mark in clock.marks}}
    shown |= {
        "used": stopped > clock.starts_at,
        "left": stopped < clock.due_at,
        "overdue": stopped > clock.due_at,
        "hours": True,
    }
    order = ("used", "left", "overdue", "hours", "start", "warning", "response", "due", "now")
    return tuple(kind for kind in order if shown.get(kind))


@dataclass(frozen=True, slots=True)
class Counted:
    """A day of the count in words: its open stretches, their sum; none where it is closed."""

    on: date
    stretches: tuple[str, ...]
    total: timedelta
    holiday: bool


def counted_days(row: TicketRow, policy: Policy) -> list[Counted]:
    """Return each local date from the start to the deadline, closed ones included."""
    if row.starts_at is None or row.due_at is None:
        return []
    hours = hours_of(row, policy)
    zone = ZoneInfo(hours.time_zone)
    by_date: dict[date, list[tuple[datetime, datetime]]] = {}
    for a, b in hours.schedule.segments(row.starts_at, row.due_at):
        by_date.setdefault(a.astimezone(zone).date(), []).append((a, b))
    on, last = (at.astimezone(zone).date() for at in (row.starts_at, row.due_at))
    found = []
    while on <= last:
        spans = by_date.get(on, [])
        found.append(
            Counted(
                on,
                tuple(f"{a.astimezone(zone):%H:%M}–{b.astimezone(zone):%H:%M}" for a, b in spans),
                sum((b - a for a, b in spans), timedelta(0)),
                holiday=on in hours.schedule.holidays,
            )
        )
        on += timedelta(days=1)
    return found


def warnings_of(row: TicketRow, policy: Policy) -> list[datetime]:
    """Return the instants of the warnings before a ticket's deadline."""
    if row.starts_at is None or row.due_at is None:
        return []
    if row.state == "best_effort" and not policy.warnings.best_effort:
        return []
    schedule = hours_of(row, policy).schedule
    whole = schedule.elapsed(row.starts_at, row.due_at)
    found = {
        schedule.add(row.starts_at, whole - level.left_of(whole))
        for level in policy.warnings.levels.values()
        if level.does_something and level.left_of(whole) < whole
    }
    return sorted(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One thing that happened to a ticket. `kind` is event, look, wrote, failed or hand."""

    kind: str
    at: datetime
    title: str
    changes: Sequence[tuple[str, str]] = ()
    note: str | None = None
    calls: int | None = None


def story(
    events: Iterable[Event], trail: Iterable[AuditEntry], hands: Iterable[Any], reader: Reader
) -> list[Happening]:
    """Return what happened, the newest first."""
    found = [_looked(entry, reader) for entry in trail]
    looks = sorted(one.at for one in found)
    for _, together in groupby(events, key=lambda event: bisect_right(looks, event.received_at)):
        found.append(_arrived(list(together), reader))
    found += [
        Happening(
            kind="hand",
            at=hand.at,
            title=reader.t("story.hand", field=reader.field(hand.field)),
            note=reader.t("story.hand_by", by=hand.by) if hand.by else None,
        )
        for hand in hands
        if hand.at
    ]
    return sorted(found, key=lambda one: one.at, reverse=True)


def _arrived(events: Sequence[Event], reader: Reader) -> Happening:
    """Events between two looks, the newest first, as one thing that happened."""
    names = ", ".join(dict.fromkeys(event.name for event in reversed(events)))
    many = len(events) > 1
    title = reader.t("story.events", count=len(events)) if many else reader.t("story.event")
    return Happening(kind="event", at=events[0].received_at, title=title, note=names)


def _looked(entry: AuditEntry, reader: Reader) -> Happening:
    changes = tuple(_changes(entry.patch, reader))
    notes = entry.patch.get("notes") or ()
    outcome = "waited" if (entry.error or "").startswith(WAITED) else entry.outcome
    kind = {"applied": "wrote", "failed": "failed"}.get(outcome, "look")
    return Happening(
        kind=kind,
        at=entry.at,
        title=reader.label("outcome", outcome),
        changes=changes,
        note=entry.error or " ".join(map(reader.said, notes)) or None,
        calls=entry.calls,
    )


def _changes(patch: Mapping[str, Any], reader: Reader) -> Iterable[tuple[str, str]]:
    for name, value in patch.items():
        if name != "notes":
            yield reader.field(name), written(name, value, reader)


def written(field: str, value: object, reader: Reader) -> str:
    """Return what was written to a field as people read it."""
    if value is None:
        return reader.t("story.cleared")
    if field in {"priority", "kind"}:
        return reader.label(field, str(value))
    if isinstance(value, bool):
        return reader.t("story.yes" if value else "story.no")
    if isinstance(value, list):
        return ", ".join(map(str, value))
    try:
        at = datetime.fromisoformat(str(value))
    except ValueError:
        return str(value)
    return reader.at(at) if at.tzinfo else str(value)
