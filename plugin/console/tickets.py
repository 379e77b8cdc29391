"""The tickets: find them, and see of each the clock, the reasons and all that was done to it."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

from flask import Response, abort, make_response, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from plugin.console.frame import policy, reader, section, services, show, wants_fragment
from plugin.console.judges import Judges
from plugin.console.ticket_view import counted_days, drawn, story, time_left
from plugin.store import TicketRow
from plugin.store.ticket_search import NO_CLOCK, RUNNING, Filter, Place
from sla_rules.decision import State
from sla_rules.memory import Memory
from sla_rules.ticket import Kind

PAGE = 50
STORY = 200
STATES = (RUNNING, *(state.value for state in State), NO_CLOCK)

blueprint = section("tickets")


@blueprint.get("/tickets")
def listing() -> str:
    """Show a page of the tickets that match."""
    asked = {name: request.args.get(name, "").strip() for name in _FIELDS}
    asked = {name: value for name, value in asked.items() if value}
    rules, who, judges = policy(), reader(), Judges()
    rows = services().store.ticket_search.find(_filter(asked), PAGE + 1, _place())
    after = rows[PAGE - 1] if len(rows) > PAGE else None
    accounts = services().store.overview.activity(who.now)
    return show(
        "tickets.html",
        asked=asked,
        rows=[(row, time_left(row, judges.of(row), who.now)) for row in rows[:PAGE]],
        policy=rules,
        states=STATES,
        kinds=list(Kind),
        accounts=accounts,
        vendors=services().vendors,
        tags=sorted(rules.our_tags),
        first=_address(asked) if request.args.get("after") else None,
        after=_address({**asked, "after": Place.of(after).text()}) if after else None,
    )


@blueprint.get("/tickets/<connection>/<ticket_id>")
def page(connection: str, ticket_id: str) -> str:
    """Show one ticket."""
    row, memory = _ticket(connection, ticket_id)
    judges, who = Judges(), reader()
    rules = judges.of(row)
    search = services().store.ticket_search
    trail = search.trail(connection, ticket_id, STORY)
    return show(
        "ticket.html",
        row=row,
        memory=memory,
        policy=rules,
        judge_is_gone=judges.find(row) is None,
        clock=drawn(row, rules, who),
        days=counted_days(row, rules),
        left=time_left(row, rules, who.now),
        story=story(search.events(connection, ticket_id, STORY), trail, memory.overrides, who),
        calls=sum(entry.calls for entry in trail),
        asked_at=None,
    )


@blueprint.post("/tickets/<connection>/<ticket_id>/recheck")
def recheck(connection: str, ticket_id: str) -> AnyResponse | str:
    """Queue a look at the ticket, and watch for it."""
    _ticket(connection, ticket_id)
    before = services().store.ticket_search.looked_at(connection, ticket_id)
    services().store.inbox.look_again(connection, ticket_id, attempt=0, wait=0)
    if not wants_fragment():
        return redirect(url_for("tickets.page", connection=connection, ticket_id=ticket_id))
    return _watching(connection, ticket_id, before.isoformat() if before else "", 0)


@blueprint.get("/tickets/<connection>/<ticket_id>/looked")
def looked(connection: str, ticket_id: str) -> Response | str:
    """Say whether the look that was asked for is done; then the page shows itself anew."""
    before = request.args.get("before", "")
    last = services().store.ticket_search.looked_at(connection, ticket_id)
    if last and last.isoformat() != before:
        answer = make_response("")
        answer.headers["HX-Refresh"] = "true"
        return answer
    return _watching(connection, ticket_id, before, request.args.get("tries", 0, type=int) + 1)


_FIELDS = (
    "vendor", "connection", "organization", "tier", "state", "kind", "tag", "text", "due_on",
)  # fmt: skip


def _filter(asked: dict[str, str]) -> Filter:
    connections: list[str] | None = None
    if asked.get("connection"):
        connections = [asked["connection"]]
    elif asked.get("vendor"):
        accounts = services().store.overview.activity(reader().now)
        connections = [one.connection for one in accounts if one.vendor == asked["vendor"]]
    due: dict[str, Any] = {}
    if asked.get("due_on"):
        try:
            on = datetime.combine(
                datetime.fromisoformat(asked["due_on"]).date(), time(), reader().zone
            )
        except ValueError:
            abort(400)
        due = {"due_from": on, "due_to": on + timedelta(days=1)}
    return Filter(
        connections=connections,
        organization=asked.get("organization"),
        tier=asked.get("tier"),
        state=asked.get("state"),
        kind=asked.get("kind"),
        tag=asked.get("tag"),
        text=asked.get("text", "").lstrip("#") or None,
        **due,
    )


def _address(values: dict[str, str]) -> str:
    return f"{url_for('tickets.listing')}?{urlencode(values)}"


def _place() -> Place | None:
    given = request.args.get("after")
    if not given:
        return None
    try:
        return Place.read(given)
    except ValueError:
        abort(400)


def _ticket(connection: str, ticket_id: str) -> tuple[TicketRow, Memory]:
    found = services().store.ticket_search.one(connection, ticket_id)
    if found is None:
        abort(404)
    return found


def _watching(connection: str, ticket_id: str, before: str, tries: int) -> str:
    return show(
        "_recheck.html",
        row={"connection": connection, "ticket_id": ticket_id},
        before=before,
        tries=tries,
        asked_at=reader().now,
    )
