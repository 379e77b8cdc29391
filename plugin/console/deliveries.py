"""The deliveries: what arrived and what became of it, what was refused, what was set aside."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from urllib.parse import urlencode

from flask import abort, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from plugin.console import access
from plugin.console.frame import reader, section, services, show
from plugin.store.dead_letters import SetAside, Wanted
from plugin.store.deliveries import Arrived, Sought

PAGE = 50
OUTCOMES = ("accepted", "duplicate", "ignored")
REFUSED_DAYS = 7
MOST_REPLAYED = 20_000  # tickets: what a request queues in a second

blueprint = section("deliveries")


@blueprint.get("/deliveries")
def listing() -> str:
    """Show a page of what arrived."""
    asked = _asked(request.args)
    store, who = services().store, reader()
    rows = store.deliveries.find(_sought(asked), PAGE + 1, _place())
    after = rows[PAGE - 1] if len(rows) > PAGE else None
    return show(
        "deliveries.html",
        asked=asked,
        rows=rows[:PAGE],
        outcomes=OUTCOMES,
        accounts=store.overview.activity(who.now),
        refused=store.refusals.since((who.now - timedelta(days=REFUSED_DAYS)).date()),
        refused_days=REFUSED_DAYS,
        aside=sum(store.dead_letters.counts().values()),
        replayed=request.args.get("replayed", type=int),
        first=_address(asked) if request.args.get("after") else None,
        after=_address({**asked, "after": _token(after)}) if after else None,
    )


@blueprint.post("/deliveries/replay")
def replay() -> AnyResponse:
    """Look at the tickets of the chosen deliveries again."""
    ids = request.form.getlist("id", type=int)
    if not ids:
        abort(400)
    access.note(deliveries=len(ids))
    tickets = services().store.deliveries.replay(ids)
    return redirect(url_for("deliveries.listing", replayed=tickets))


@blueprint.get("/deliveries/replay-all")
def confirm_replay_all() -> str:
    """Show how many tickets the deliveries that match are about, before they are replayed."""
    access.admins_only()
    asked = _asked(request.args)
    return show(
        "deliveries_replay.html",
        asked=asked,
        tickets=services().store.deliveries.replay_all(
            _sought(asked), most=MOST_REPLAYED, count=True
        ),
        most=MOST_REPLAYED,
        back=_address(asked),
    )


@blueprint.post("/deliveries/replay-all")
def replay_all() -> AnyResponse:
    """Look again at the tickets of all deliveries that match."""
    asked = _asked(request.form)
    tickets = services().store.deliveries.replay_all(_sought(asked), most=MOST_REPLAYED)
    access.note(**asked, tickets=tickets)
    if tickets > MOST_REPLAYED:
        return redirect(f"{url_for('deliveries.confirm_replay_all')}?{urlencode(asked)}")
    return redirect(_address({**asked, "replayed": str(tickets)}))


@blueprint.get("/deliveries/set-aside")
def set_aside() -> str:
    """Show the tickets that could not be looked at, each with its reason and what to do."""
    wanted = _wanted(request.args.get("reason"), request.args.get("connection"))
    letters = services().store.dead_letters.find(wanted, limit=PAGE)
    counts = services().store.dead_letters.counts()
    return show(
        "set_aside.html",
        letters=letters,
        counts=counts,
        reasons=[reason for reason in SetAside if counts.get(reason)],
        chosen=wanted.reason,
        replayed=request.args.get("replayed", type=int),
        most=PAGE,
    )


@blueprint.post("/deliveries/set-aside/replay")
def replay_set_aside() -> AnyResponse:
    """Look again at the chosen tickets, or at all of a reason."""
    ids = request.form.getlist("id", type=int)
    reason = request.form.get("reason")
    if not ids and not reason:
        abort(400)
    wanted = Wanted(ids=ids) if ids else _wanted(reason if reason != "all" else None, None)
    access.note(**({"letters": len(ids)} if ids else {"reason": reason}))
    tickets = services().store.dead_letters.replay(wanted)
    return redirect(url_for("deliveries.set_aside", replayed=len(tickets)))


_FIELDS = ("connection", "ticket", "outcome", "since", "until")


def _asked(given: Mapping[str, str]) -> dict[str, str]:
    asked = {name: given.get(name, "").strip() for name in _FIELDS}
    return {name: value for name, value in asked.items() if value}


def _sought(asked: dict[str, str]) -> Sought:
    return Sought(
        connection=asked.get("connection"),
        ticket_id=asked.get("ticket", "").lstrip("#") or None,
        outcome=asked.get("outcome"),
        since=_day(asked.get("since")),
        until=_day(asked.get("until"), 1),
    )


def _day(given: str | None, later: int = 0) -> datetime | None:
    """The midnight that begins a local date, or the one `later` days on."""
    if not given:
        return None
    try:
        on = datetime.fromisoformat(given).date() + timedelta(days=later)
    except ValueError:
        abort(400)
    return datetime.combine(on, time(), reader().zone)


def _wanted(reason: str | None, connection: str | None) -> Wanted:
    if reason and reason not in set(SetAside):
        abort(400)
    return Wanted(reason=reason or None, connection=connection or None)


def _address(values: dict[str, str]) -> str:
    return f"{url_for('deliveries.listing')}?{urlencode(values)}"


def _token(row: Arrived) -> str:
    return f"{row.received_at.isoformat()}~{row.id}"


def _place() -> tuple[datetime, int] | None:
    given = request.args.get("after")
    if not given:
        return None
    try:
        at, number = given.split("~", 1)
        return datetime.fromisoformat(at), int(number)
    except ValueError:
        abort(400)
