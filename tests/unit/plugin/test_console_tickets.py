"""The tickets' pages: what is found, what the clock's picture shows, what a re-check asks for."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from connectors.freshdesk.updates import Update
from connectors.sentences import to_stored
from plugin.console.clock_picture import Clock, Mark, draw
from plugin.console.reader import Reader
from plugin.console.ticket_view import story
from plugin.pipeline import plain
from plugin.store import AuditEntry
from plugin.store.people import Role
from plugin.store.ticket_search import RUNNING, Filter, Place
from sla_rules.engine import NO_MEMORY, decide
from sla_rules.memory import remember
from sla_rules.patch import patch_for
from sla_rules.schedule import Schedule
from sla_rules.ticket import (
    Channel,
    Hand,
    Kind,
    Organization,
    Priority,
    Ticket,
    TicketPatch,
    Traits,
)

BERLIN = ZoneInfo("Europe/Berlin")
HOURS = Schedule.parse("Mo-Fr 09:00-12:00,14:00-17:00", "Europe/Berlin")


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN).astimezone(UTC)


def keep(console, number, *, start, answer=None, tier="Enterprise", name="Alpentour", **given):
    """Keep a ticket as a look at the console's present does."""
    ticket = Ticket(
        id=str(number),
        body="Le paiement ne fonctionne plus, erreur 500.",
        channel=Channel.EMAIL,
        created_at=at(start),
        first_response_at=at(answer) if answer else None,
        organization=Organization(id=name, name=name, tier=tier),
        **given,
    )
    policy = console.services.policies().current(console.now)
    decision = decide(ticket, policy, console.now)
    patch = patch_for(ticket, decision, NO_MEMORY, Traits(), console.now)
    entry = AuditEntry(connection="acme", ticket_id=ticket.id, at=console.now, outcome="applied")
    console.store.tickets.record(
        ticket,
        decision,
        lambda memory: remember(memory, ticket, decision, patch, None),
        entry,
        "https://acme.example/1",
    )


def a_picture(start, due, *, stopped=None, **marks):
    """The picture of a clock; instants are local texts."""
    named = tuple(Mark(kind, at(when), kind) for kind, when in marks.items())
    clock = Clock(
        schedule=HOURS,
        zone=BERLIN,
        starts_at=at(start),
        due_at=at(due),
        stopped_at=at(stopped) if stopped else None,
        marks=(Mark("start", at(start), "start"), Mark("due", at(due), "due"), *named),
    )
    return draw(clock, width=640, labels=88, totals=76, every=1)


def counted(picture):
    return [row.counted for row in picture.rows]


def test_a_week_end_between_start_and_due_is_one_closed_row():
    picture = a_picture("2026-11-27T16:55", "2026-11-30T14:55")
    assert [(row.first.day, row.last.day, row.shut) for row in picture.rows] == [
        (27, 27, False),
        (28, 29, True),
        (30, 30, False),
    ]
    minutes = [5, 0, 235]
    assert counted(picture) == [timedelta(minutes=n) for n in minutes]


def test_what_is_counted_lies_inside_the_open_hours():
    picture = a_picture("2026-11-27T16:55", "2026-11-30T14:55")
    for row in picture.rows:
        hours = [(b.x, b.x + b.width) for b in row.bands if b.kind == "hours"]
        for band in row.bands:
            assert any(a <= band.x and band.x + band.width <= b + 1e-6 for a, b in hours)


def test_time_after_the_due_date_is_overdue_and_not_counted():
    picture = a_picture("2026-11-24T09:00", "2026-11-24T15:00", stopped="2026-11-25T10:00")
    kinds = [{band.kind for band in row.bands} for row in picture.rows]
    assert kinds == [{"hours", "used", "overdue"}, {"hours", "overdue"}]
    assert sum(counted(picture), timedelta(0)) == timedelta(hours=4)


def test_marks_close_together_get_lanes_of_their_own():
    picture = a_picture("2026-11-24T09:00", "2026-11-24T15:00", response="2026-11-24T09:02")
    heights = [placed.text_y for placed in picture.rows[0].marks if placed.mark.kind != "due"]
    assert len(set(heights)) == 2
    for placed in picture.rows[0].marks:
        assert 0 <= placed.x <= picture.width


def test_a_start_in_the_night_is_on_the_picture():
    picture = a_picture("2026-11-24T03:10", "2026-11-24T15:00")
    assert picture.hours[0][1] <= 3
    assert picture.rows[0].marks[0].x >= picture.left


def test_a_long_time_overdue_leaves_the_middle_out():
    picture = a_picture("2026-10-01T09:00", "2026-10-01T15:00", stopped="2026-11-24T10:00",
                        now="2026-11-24T10:00")  # fmt: skip
    assert len(picture.rows) < 20
    assert sum(row.left_out for row in picture.rows) == 1


def test_a_ticket_s_page_tells_clock_reasons_and_story(console):
    keep(console, 7, start="2026-11-23T16:55")
    page = console.browser(Role.VIEWER).get("/tickets/acme/7").text
    assert "Starts Mon 23 Nov, 16:55, due Tue 24 Nov, 14:55: 4 h of business time." in page
    assert "contract §1" in page
    assert "Written to the helpdesk" in page
    assert "https://acme.example/1" in page
    assert "Le paiement" not in page


def test_the_reasons_are_told_in_the_reader_s_language(console):
    keep(console, 7, start="2026-11-23T16:55")
    client = console.browser(Role.VIEWER)
    french = client.get("/tickets/acme/7", headers={"Accept-Language": "fr"}).text
    assert "Horaires" in french or "heures" in french
    assert "contrat §1" in french
    assert "first response within" not in french


WRITTEN = TicketPatch(
    priority=Priority.HIGH, kind=Kind.FEATURE_REQUEST, stop_timer=True, due_at=None
)


@pytest.mark.parametrize(
    ("language", "told"),
    [
        (
            "en",
            {
                "Priority": "High",
                "Type": "Feature request",
                "Helpdesk’s own clock stopped": "yes",
                "Due date": "cleared",
            },
        ),
        (
            "fr",
            {
                "Priorité": "Haute",
                "Type": "Demande d’évolution",
                "Horloge du helpdesk arrêtée": "oui",
                "Échéance": "effacé",
            },
        ),
        (
            "de",
            {
                "Priorität": "Hoch",
                "Typ": "Funktionswunsch",
                "Uhr des Helpdesks angehalten": "ja",
                "Frist": "geleert",
            },
        ),
    ],
)
def test_what_was_written_is_told_in_the_words_of_the_reader_s_language(console, language, told):
    look = AuditEntry(
        connection="acme",
        ticket_id="7",
        at=console.now,
        outcome="applied",
        patch=plain(WRITTEN.changes()),
    )
    (happened,) = story([], [look], [], Reader(language, BERLIN, console.now))
    assert dict(happened.changes) == told


def test_a_tag_that_a_person_changed_is_told_by_its_own_name(console):
    hand = Hand(field="tag:feature_request", by="Ana", at=console.now)
    (happened,) = story([], [], [hand], Reader("en", BERLIN, console.now))
    assert happened.title == "A person changed: Tag feature_request"


@pytest.mark.parametrize(
    ("language", "told"),
    [
        ("en", "Freshdesk refuses priority: left out."),
        ("fr", "Freshdesk refuse priority : laissé de côté."),
        ("de", "Freshdesk lehnt priority ab: weggelassen."),
    ],
)
def test_what_a_helpdesk_did_not_take_is_told_in_the_reader_s_language(console, language, told):
    update = Update()
    update.drop("priority")
    look = AuditEntry(
        connection="acme",
        ticket_id="7",
        at=console.now,
        outcome="applied",
        patch={"notes": list(map(to_stored, update.notes))},
    )
    (happened,) = story([], [look], [], Reader(language, BERLIN, console.now))
    assert (happened.note, happened.changes) == (told, ())


def test_an_unknown_ticket_is_a_page_that_says_so(console):
    answer = console.browser(Role.VIEWER).get("/tickets/acme/nobody")
    assert answer.status_code == 404
    assert "There is nothing here" in answer.text


def test_a_re_check_queues_one_look_and_watches_until_it_was_done(console, send):
    keep(console, 7, start="2026-11-23T16:55")
    admin = console.browser(Role.ADMIN)
    htmx = {"HX-Request": "true"}
    for _ in range(2):
        asked = send(admin, "/tickets/acme/7/recheck", at="/account", headers=htmx)
        assert asked.status_code == 200
    assert console.query("select lock, priority from procrastinate_jobs") == [("acme/7", 0)]
    before = console.now.isoformat()
    waiting = admin.get("/tickets/acme/7/looked", query_string={"before": before}, headers=htmx)
    assert "hx-get" in waiting.text
    console.later(minutes=1)
    keep(console, 7, start="2026-11-23T16:55")
    done = admin.get("/tickets/acme/7/looked", query_string={"before": before}, headers=htmx)
    assert done.headers["HX-Refresh"] == "true"


@pytest.fixture
def some(console):
    """Tickets of every standing, as they are on Tuesday 24 November at 11:00."""
    keep(console, 1, start="2026-11-24T10:00")
    keep(console, 2, start="2026-11-23T09:00", answer="2026-11-23T10:00")
    keep(console, 3, start="2026-11-23T09:00", answer="2026-11-24T10:00")
    keep(console, 4, start="2026-11-23T09:00", tier="Gratuit", name="Zip_Forest")
    keep(console, 5, start="2026-11-20T09:00", answer="2026-11-24T10:00", tier="Gratuit")
    return console.store.ticket_search


def found(search, **wanted):
    return sorted(row.ticket_id for row in search.find(Filter(**wanted), 50))


def test_tickets_are_found_by_each_of_their_features(some):
    assert found(some, state=RUNNING) == ["1", "4"]
    assert found(some, state="met") == ["2"]
    assert found(some, tier="free") == ["4", "5"]
    assert found(some, tag="sla_breached") == found(some, state="breached") == ["3"]
    assert found(some, organization="zip_f") == ["4"]
    assert found(some, organization="zip%") == []
    assert found(some, text="3") == ["3"]
    assert found(some, connections=()) == []
    assert found(some, due_from=at("2026-11-24T00:00"), due_to=at("2026-11-25T00:00")) == ["1", "4"]


def test_a_page_goes_on_where_the_one_before_ended(some):
    first = some.find(Filter(), 3)
    last = first[-1]
    rest = some.find(Filter(), 3, Place(last.updated_at, last.connection, last.ticket_id))
    assert sorted(row.ticket_id for row in (*first, *rest)) == ["1", "2", "3", "4", "5"]


def test_counts_stop_at_their_limit(some):
    assert some.count(Filter(), 3) == 3
    assert some.count(Filter(), 100) == 5


def test_only_promises_count_as_kept_or_breached(console, some):
    week = (at("2026-11-23T00:00"), at("2026-11-30T00:00"))
    kept = {one.tier: (one.met, one.breached) for one in console.store.overview.attainment(*week)}
    assert "free" not in kept
    assert kept["enterprise"] == (1, 1)


def test_the_overview_lists_what_is_due_next_first(console, some):
    page = console.browser(Role.VIEWER).get("/").text
    due = page.partition("Due next")[2]
    assert due.index("Zip_Forest") < due.index("Alpentour")
    rows = some.due_next(5)
    assert [row.due_at for row in rows] == sorted(row.due_at for row in rows)
    assert {row.ticket_id for row in rows} == {"1", "4"}
