"""The policy in the console: read, tried, and changed by versions that are checked first."""

import io
import os
import re
import socket
from datetime import timedelta
from html import unescape

import pytest
import responses
from unit.plugin.looked_at import look

from connectors.base import Connection
from plugin.calendars import Calendars
from plugin.policies import ASKED_EVERY, Policies
from plugin.store.people import Role
from plugin.upkeep import follow_calendars

STRICTER = """extends = "regiondo.toml"
version = "{version}"
{more}
[tiers.starter]
first_response = "2h"
"""

CALENDAR = "https://calendars.example.com/closed.ics"
ICS = (
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:1\r\n"
    "DTSTART;VALUE=DATE:20261130\r\nSUMMARY:Closed\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
)


@pytest.fixture
def admin(console):
    console.query("truncate policies")
    console.services.policies.forget()
    yield console.browser(Role.ADMIN)
    console.query("truncate policies")


def stricter(version="test-2", more=""):
    return STRICTER.format(version=version, more=more)


def publish(send, admin, text, **form):
    return send(admin, "/policy/publish", {"text": text, **form}, at="/policy/new")


def test_the_policy_in_force_is_shown_with_its_hours_tiers_and_clauses(console, admin):
    page = console.browser(Role.VIEWER).get("/policy").text
    for shown in ("Mo-Fr 09:00-12:00,14:00-17:00", "Europe/Berlin", "10 h", "09:00–12:00", "§1"):
        assert shown in page
    assert "New version" not in page


def test_a_message_is_tried_with_its_picture_and_nothing_is_kept(console, admin, send):
    form = {
        "subject": "Panne",
        "body": "Le paiement ne fonctionne plus, erreur 500.",
        "tier": "enterprise",
        "channel": "email",
        "at": "2026-11-27T16:55",
    }
    viewer = console.browser(Role.VIEWER)
    page = send(viewer, "/policy/test", form, at="/policy/test").text
    assert "Mon 30 Nov, 14:55" in page
    assert "Error report" in page
    assert 'role="img"' in page
    assert console.query("select count(*) from tickets") == [(0,)]
    (detail,) = console.query("select detail::text from admin_actions order by id desc limit 1")[0]
    assert "paiement" not in detail


def test_a_bad_policy_is_refused_with_line_and_key_and_changes_nothing(console, admin, send):
    bad = stricter().replace('"2h"', '"soon"')
    page = unescape(publish(send, admin, bad).text)
    assert "policy:5: tiers.starter.first_response" in page
    assert console.query("select count(*) from policies") == [(0,)]


def test_a_new_version_is_compared_and_tried_on_stored_clocks_before_it_is_published(
    console, admin, send
):
    look(console.store, 1, "How do I do it?")
    page = send(admin, "/policy/check", {"text": stricter()}, at="/policy/new").text
    assert "Clocks tried: 1" in page
    assert re.search(r"<b>1</b><span>due dates earlier", page)
    assert "tiers.starter" in page
    assert console.query("select count(*) from policies") == [(0,)]


def test_a_file_can_be_uploaded(admin, send):
    file = (io.BytesIO(stricter("from-a-file").encode()), "policy.toml")
    page = send(admin, "/policy/check", {"file": file}, at="/policy/new").text
    assert "Publish version from-a-file" in page


def test_a_published_version_governs_the_tickets_that_start_from_then_on(console, admin, send):
    before = look(console.store, 1, "How do I do it?")
    publish(send, admin, stricter())
    history = console.services.policies()
    assert history.current(console.now).version == "test-2"
    assert history.governing(before.starts_at, console.now).version == before.policy_version
    assert "in force" in admin.get("/policy").text


def test_open_tickets_are_looked_at_again_where_the_version_moves_them(console, admin, send):
    look(console.store, 1, "How do I do it?")
    publish(send, admin, stricter(more="applies_to_open = true"))
    assert planned(console) == [("acme/1/backfill", -2)]


def planned(console):
    """The jobs, below live work, of the looks that are planned for these minutes."""
    console.store.deadlines.enqueue_planned(console.now + timedelta(minutes=1))
    return console.query("select queueing_lock, priority from procrastinate_jobs")


def test_looks_at_many_running_clocks_are_queued_by_and_by(console, admin, send):
    console.query(
        "insert into tickets"
        " (connection, ticket_id, state, memory, decision, kind, tier, updated_at, starts_at)"
        " select 'acme', n::text, 'open', '{}', '{}', 'question', 'free', now(), now()"
        " from generate_series(1, 450) n"
        " returning 1"
    )
    publish(send, admin, stricter(more="applies_to_open = true"))
    queue = console.store.deadlines.enqueue_planned
    soon = console.now + timedelta(minutes=1)
    assert [queue(soon) for _ in range(4)] == [200, 200, 50, 0]


def test_a_version_that_holds_later_waits_without_holding_up_another_look(console):
    look(console.store, 1, "How do I do it?")
    store, later = console.store, console.now + timedelta(days=30)
    given = {"text": stricter(), "name": "n", "version": "v", "by": "an admin"}
    assert store.policies.publish(**given, effective_from=later, at=console.now, moves_open=True)
    store.deadlines.enqueue_planned(console.now)
    store.inbox.look_again("acme", "1", attempt=1, wait=5)
    jobs = "select queueing_lock, scheduled_at < now() + interval '1 hour' from procrastinate_jobs"
    assert console.query(jobs) == [("acme/1/retry", True)]
    console.query("delete from procrastinate_jobs returning 1")
    console.now = later
    assert planned(console) == [("acme/1/backfill", -2)]


def test_no_look_comes_before_every_worker_knows_of_the_version(console, admin, send):
    soonest = "select min(look_at) from planned_looks"
    look(console.store, 1, "How do I do it?")
    publish(send, admin, stricter(more="applies_to_open = true"))
    ((published,),) = console.query(soonest)
    console.query("delete from planned_looks returning 1")
    (number,) = console.query("select id from policies")[0]
    send(admin, f"/policy/{number}/withdraw", at="/policy")
    ((rolled_back,),) = console.query(soonest)
    assert min(published, rolled_back) - console.now > timedelta(seconds=ASKED_EVERY)


@responses.activate
def test_running_clocks_follow_a_holiday_calendar_that_somebody_else_changes(
    console, admin, send, monkeypatch, tmp_path
):
    monkeypatch.setattr(console.services.policies, "_calendars", Calendars(tmp_path))
    public = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.215.14", 443))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: public)
    monkeypatch.setattr("plugin.policies.ASKED_EVERY", 0.0)
    monkeypatch.setattr("plugin.policies.READ_EVERY", 0.0)
    responses.add(responses.GET, CALENDAR, body=ICS)
    look(console.store, 1, "How do I do it?")
    look(console.store, 2, "How do I do it?", first_response_at=console.now)
    assert follow_calendars(console.services) == 0  # the policy subscribes to none
    more = f'[schedules.support]\nholiday_calendars = ["{CALENDAR}"]'
    publish(send, admin, stricter(more=more))
    console.query("delete from planned_looks returning 1")

    def closed():
        policy = console.services.policies().current(console.now)
        return {str(on) for on in policy.schedules["support"].closed}

    assert closed() == {"2026-11-30"}
    responses.replace(responses.GET, CALENDAR, body=ICS.replace("20261130", "20261201"))
    (kept,) = (tmp_path / "calendars").iterdir()
    os.utime(kept, (0, 0))  # yesterday's copy
    assert follow_calendars(console.services) == 1
    assert planned(console) == [("acme/1/backfill", -2)]
    assert closed() == {"2026-12-01"}


def test_a_version_can_be_rolled_back(console, admin, send):
    file_version = console.services.policies().current(console.now).version
    publish(send, admin, stricter())
    (number,) = console.query("select id from policies")[0]
    send(admin, f"/policy/{number}/withdraw", at="/policy")
    assert console.services.policies().current(console.now).version == file_version
    assert "rolled back by admin@example.com" in admin.get("/policy").text
    publish(send, admin, stricter())
    assert console.services.policies().current(console.now).version == "test-2"


def test_a_version_to_come_holds_from_its_instant_and_none_holds_from_the_past(
    console, admin, send
):
    past = publish(send, admin, stricter("test-3"), **{"from": "2026-11-01T00:00"})
    assert "lies in the past" in past.text
    publish(send, admin, stricter(), **{"from": "2026-12-01T00:00"})
    assert console.services.policies().current(console.now).version != "test-2"
    console.later(days=8)
    assert console.services.policies().current(console.now).version == "test-2"


def test_two_versions_of_one_name_are_refused(admin, send):
    publish(send, admin, stricter())
    assert "two policies are named" in unescape(publish(send, admin, stricter()).text)


def test_another_process_notices_what_was_published(console, admin, send, monkeypatch):
    monkeypatch.setattr("plugin.policies.ASKED_EVERY", 0.0)
    other = Policies(None, console.store.policies, console.services.policies._calendars)
    publish(send, admin, stricter())
    assert other().current(console.now).version == "test-2"


def test_viewers_cannot_publish(console, admin, send):
    viewer = console.browser(Role.VIEWER)
    assert viewer.get("/policy/new").status_code == 403
    answer = send(viewer, "/policy/publish", {"text": stricter()}, at="/policy/test")
    assert answer.status_code == 403


LONGER_DAYS = """extends = "regiondo.toml"
version = "long"
[schedules.support]
hours = "Mo-Fr 07:00-20:00"
"""
DAY_BY_DAY = re.compile(r"\d\d:\d\d–\d\d:\d\d")


def counted_hours(client, number=1):
    """The hours that a ticket's page says were counted."""
    return DAY_BY_DAY.findall(client.get(f"/tickets/acme/{number}").text)


def judged_by_longer_days(console, admin, send):
    publish(send, admin, LONGER_DAYS)
    look(console.store, 2, "How do I do it?", policy=console.services.policies().versions[-1])


def test_the_clock_is_drawn_by_the_version_that_judged_the_ticket(console, admin, send):
    look(console.store, 1, "How do I do it?")
    before = counted_hours(admin)
    judged_by_longer_days(console, admin, send)
    assert counted_hours(admin) == before
    assert counted_hours(admin, 2) == ["10:00–18:00"]
    assert before[0] == "10:00–12:00"


def test_the_clock_is_drawn_by_the_version_that_judged_even_after_it_was_rolled_back(
    console, admin, send
):
    judged_by_longer_days(console, admin, send)
    before = counted_hours(admin, 2)
    (number,) = console.query("select id from policies")[0]
    send(admin, f"/policy/{number}/withdraw", at="/policy")
    assert counted_hours(admin, 2) == before
    assert "is not at hand any more" not in admin.get("/tickets/acme/2").text


def test_a_version_whose_text_is_gone_is_named_beside_the_picture(console, admin, send):
    judged_by_longer_days(console, admin, send)
    console.query("truncate policies")
    console.services.policies.forget()
    assert "Judged by version long, which is not at hand" in admin.get("/tickets/acme/2").text


def test_the_clock_is_drawn_in_the_time_zone_that_the_account_has(console, admin):
    look(console.store, 1, "How do I do it?")
    in_berlin = counted_hours(admin)
    console.store.connections.save(
        Connection(
            key="acme",
            vendor="zendesk",
            base_url="https://acme.zendesk.com",
            settings={"time_zone": "Europe/London"},
        )
    )
    assert counted_hours(admin) != in_berlin
