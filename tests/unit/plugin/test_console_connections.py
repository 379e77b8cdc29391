"""Connections and deliveries in the console: what viewers may do, and what is never shown."""

from datetime import timedelta

import pytest

from connectors.base import Connection, WebhookSecret
from plugin.store import AuditEntry
from plugin.store.errands import ErrandState
from plugin.store.people import Role


@pytest.fixture
def account(console):
    console.store.connections.save(
        Connection(
            key="acme",
            vendor="zendesk",
            base_url="https://acme.zendesk.com",
            credentials={"client_id": "an-identifier", "client_secret": "very-secret"},
            webhook_secrets=(WebhookSecret(kid="1", value="also-secret"),),
            settings={"public_url": "https://sla.example.com"},
        )
    )


def test_no_page_shows_a_secret(console, account):
    admin = console.browser(Role.ADMIN)
    for path in ("/connections", "/connections/acme", "/connections/acme/change", "/actions"):
        text = admin.get(path).text
        assert "very-secret" not in text
        assert "also-secret" not in text
    assert "an-identifier" in admin.get("/connections/acme/change").text


def test_a_viewer_sees_an_account_but_changes_nothing(console, account, send):
    viewer = console.browser(Role.VIEWER)
    assert viewer.get("/connections/acme").status_code == 200
    for path in ("change", "disconnect"):
        assert viewer.get(f"/connections/acme/{path}").status_code == 403
    for path in ("pause", "rotate", "test", "disconnect"):
        assert send(viewer, f"/connections/acme/{path}", at="/account").status_code == 403
    assert console.store.circuits.every() == []
    assert errands(console) == []


def test_only_an_admin_sees_the_token_to_type_into_freshdesk(console):
    console.store.connections.save(
        Connection(
            key="fresh",
            vendor="freshdesk",
            base_url="https://acme.freshdesk.com",
            webhook_secrets=(WebhookSecret(kid="1", value="also-secret" * 4),),
        )
    )
    assert "Bearer ey" in console.browser(Role.ADMIN).get("/connections/fresh").text
    assert "Bearer ey" not in console.browser(Role.VIEWER).get("/connections/fresh").text


def test_pausing_is_kept_with_who_did_it(console, account, send):
    admin = console.browser(Role.ADMIN)
    assert send(admin, "/connections/acme/pause", at="/account").status_code == 302
    assert "Paused by admin@example.com" in admin.get("/connections/acme").text
    rows = console.query("select email, action, subject from admin_actions order by id desc")
    assert rows[0] == ("admin@example.com", "connections.pause", "acme")


def test_a_wrong_address_is_told_and_the_secret_is_asked_for_again(console, send):
    admin = console.browser(Role.ADMIN)
    form = {
        "vendor": "zendesk",
        "address": "https://evil.example",
        "public_url": "https://sla.example.com",
        "client_id": "x",
        "client_secret": "a-typed-secret",
    }
    answer = send(admin, "/connections/plan", form, at="/account")
    assert answer.status_code == 422
    assert "a-typed-secret" not in answer.text
    assert "https://evil.example" in answer.text


PLAN = {
    "vendor": "zendesk",
    "address": "acme",
    "public_url": "https://sla.example.com",
    "client_id": "an-identifier",
    "client_secret": "a-typed-secret",
}


def errands(console):
    return console.query("select id, kind, state from errands order by asked_at")


def test_a_plan_is_asked_of_a_worker_and_its_credentials_are_kept_sealed(console, send):
    admin = console.browser(Role.ADMIN)
    answer = send(admin, "/connections/plan", PLAN, at="/account")
    ((number, kind, state),) = errands(console)
    assert (kind, state) == ("plan", "waiting")
    assert answer.location.endswith(f"/errands/{number}")
    page = admin.get(answer.location).text
    assert "Waiting for a worker" in page
    assert "a-typed-secret" not in page
    ((kept,),) = console.query("select errands::text from errands")
    assert "a-typed-secret" not in kept
    assert console.query("select count(*) from procrastinate_jobs where task_name = 'run_errand'")


def test_the_page_renews_itself_only_where_something_is_new(console, send):
    admin = console.browser(Role.ADMIN)
    send(admin, "/connections/plan", PLAN, at="/account")
    (number, _, _) = errands(console)[0]
    at = f"/errands/{number}/progress"
    assert admin.get(at, query_string={"seen": "waiting-0-0-0"}).status_code == 204
    console.later(seconds=20)
    late = admin.get(at, query_string={"seen": "waiting-0-0-0"}).text
    assert "No worker has taken it up yet" in late
    console.later(minutes=5)
    quiet = admin.get(at, query_string={"seen": "waiting-0-1-0"}).text
    assert "Nothing has happened for some minutes" in quiet
    assert "hx-get" not in quiet
    console.store.errands.begin(number, console.now)
    done = {"connection": None, "forget": False}
    console.store.errands.end(number, ErrandState.FAILED, {"faults": []}, console.now, **done)
    assert admin.get(at).headers["HX-Refresh"] == "true"


def test_a_plan_is_carried_out_only_for_a_quarter_of_an_hour(console, send):
    admin = console.browser(Role.ADMIN)
    assert send(admin, "/errands/unknown/connect", at="/account").status_code == 404
    send(admin, "/connections/plan", PLAN, at="/account")
    (number, _, _) = errands(console)[0]
    console.later(minutes=16)
    assert send(admin, f"/errands/{number}/connect", at="/account").status_code == 400
    assert [kind for _, kind, _ in errands(console)] == ["plan"]


def test_connecting_is_told_in_the_reader_s_language(console, account, send):
    admin = console.browser(Role.ADMIN)
    german, french = ({"Accept-Language": language} for language in ("de", "fr"))
    page = admin.get("/connections/acme", headers=german).text
    assert "Legen Sie die Textfelder <code>SLA due</code>" in page
    assert "add the text fields" not in page
    form = {**PLAN, "key": "Not a key"}
    refused = send(admin, "/connections/plan", form, at="/account", headers=french)
    assert "ne peut contenir que a-z" in refused.text


def test_what_would_be_removed_is_listed_before_an_account_is_disconnected(console, send):
    made = {"id": "1", "made": True, "number": 1}
    things = {
        "ticket_field:due": made,
        "webhook": {**made, "number": 2},
        "organization_field:sla_tier": {**made, "made": False},
    }
    console.store.connections.save(
        Connection(
            key="acme",
            vendor="zendesk",
            base_url="https://acme.zendesk.com",
            settings={"provisioned": things},
        )
    )
    admin = console.browser(Role.ADMIN)
    page = admin.get("/connections/acme/disconnect").text
    assert "Ticket field due" in page
    assert "Webhook" in page
    assert "sla_tier" not in page
    for wrong in ({}, {"remove": "everything"}):
        answer = send(admin, "/connections/acme/disconnect", wrong, at="/account")
        assert answer.status_code == 400
    form = {"remove": "but_fields"}
    assert send(admin, "/connections/acme/disconnect", form, at="/account").status_code == 302
    ((number, kind, _),) = errands(console)
    assert kind == "disconnect"
    assert console.store.errands.request(number) == {"keep_fields": True, "forget": False}
    assert "Under way: Disconnecting" in admin.get("/connections/acme").text


def test_who_disconnects_what_is_gone_already_is_led_to_the_accounts(console, send):
    admin = console.browser(Role.ADMIN)
    form = {"remove": "nothing"}
    answer = send(admin, "/connections/acme/disconnect", form, at="/account")
    assert (answer.status_code, answer.location) == (302, "/connections")
    assert errands(console) == []


def test_replaying_asks_for_one_look_a_ticket(console, send):
    for number in ("7", "7", "8"):
        console.query(
            "insert into inbox (connection, ticket_id, name, received_at) "
            "values ('acme', %s, 'created', now())",
            number,
        )
    ids = [row[0] for row in console.query("select id from inbox")]
    admin = console.browser(Role.ADMIN)
    answer = send(admin, "/deliveries/replay", {"id": ids}, at="/account")
    assert answer.location.endswith("replayed=2")
    locks = console.query("select lock from procrastinate_jobs order by lock")
    assert locks == [("acme/7",), ("acme/8",)]
    assert send(admin, "/deliveries/replay", at="/account").status_code == 400


def test_the_inbox_goes_on_after_its_page_and_finds_by_ticket(console):
    console.query(
        "insert into inbox (connection, ticket_id, name, received_at) "
        "select 'acme', mod(n, 3)::text, 'created', now() - n * interval '1 minute' "
        "from generate_series(1, 120) n"
    )
    viewer = console.browser(Role.VIEWER)
    first = viewer.get("/deliveries").text
    assert first.count("<tr>") == 51
    assert "after=" in first
    assert viewer.get("/deliveries?ticket=2").text.count("<tr>") == 41


def arrive(console, number, connection="acme", outcome="accepted", days_ago=0):
    console.query(
        "insert into inbox (connection, ticket_id, name, received_at, outcome) "
        "values (%s, %s, 'created', %s, %s)",
        *(connection, number, console.now - timedelta(days=days_ago), outcome),
    )


def queued(console):
    return console.query("select lock, priority from procrastinate_jobs order by lock")


def test_all_that_match_are_replayed_after_their_number_was_shown(console, send):
    for number, days_ago in (("7", 0), ("7", 0), ("8", 0), ("9", 5)):
        arrive(console, number, days_ago=days_ago)
    arrive(console, "1", connection="other")
    arrive(console, None, outcome="ignored")
    admin = console.browser(Role.ADMIN)
    wanted = {"connection": "acme", "since": "2026-11-24"}
    page = admin.get("/deliveries/replay-all", query_string=wanted).text
    assert "Replay tickets: 2" in page
    assert queued(console) == []
    answer = send(admin, "/deliveries/replay-all", wanted, at="/account")
    assert "replayed=2" in answer.location
    assert "connection=acme" in answer.location
    assert queued(console) == [("acme/7", -2), ("acme/8", -2)]  # below what arrives live
    ((detail,),) = console.query("select detail from admin_actions order by id desc limit 1")
    assert detail == {**wanted, "tickets": 2}


def test_more_than_a_request_can_queue_is_not_begun(console, send, monkeypatch):
    monkeypatch.setattr("plugin.console.deliveries.MOST_REPLAYED", 1)
    for number in ("7", "8"):
        arrive(console, number)
    admin = console.browser(Role.ADMIN)
    page = admin.get("/deliveries/replay-all").text
    assert "more than 1" in page
    assert "Replay tickets" not in page
    assert send(admin, "/deliveries/replay-all", at="/account").status_code == 302
    assert queued(console) == []


def test_a_viewer_replays_nothing(console, send):
    arrive(console, "7")
    viewer = console.browser(Role.VIEWER)
    assert viewer.get("/deliveries/replay-all").status_code == 403
    assert send(viewer, "/deliveries/replay-all", at="/account").status_code == 403
    assert "Replay all" not in viewer.get("/deliveries").text
    assert queued(console) == []


def look_failed(console, error):
    console.store.tickets.record_failure(
        AuditEntry(connection="acme", ticket_id="7", at=console.now, outcome="failed", error=error)
    )


def test_a_look_that_waited_for_the_request_limit_is_no_failure(console, account):
    arrive(console, "7")
    look_failed(console, "RateLimited: the budget of acme is used up for 2 s")
    viewer = console.browser(Role.VIEWER)
    assert "failed in 24 h" not in viewer.get("/connections").text
    assert "failed looks" not in viewer.get("/deliveries").text
    look_failed(console, "VendorUnavailable: Zendesk 502")
    assert "1 failed in 24 h" in viewer.get("/connections").text
    assert "failed looks: 1" in viewer.get("/deliveries").text
