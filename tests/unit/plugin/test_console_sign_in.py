"""Who gets into the console, what they may do there, and that every act is kept."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner

from plugin.cli import cli
from plugin.console.access import _SESSION
from plugin.store.people import Purpose, Role
from plugin.store.sessions import ENDS_AFTER, ENDS_UNUSED_AFTER

RIGHT = {"email": "anna@example.com", "password": "a long enough sentence"}
PAGES = ("/", "/tickets", "/people", "/actions", "/account")


def sign_in(send, client, **changes):
    return send(client, "/sign-in", {**RIGHT, **changes})


@pytest.mark.parametrize("path", PAGES)
def test_a_stranger_is_sent_to_sign_in(console, path):
    answer = console.browser().get(path)
    assert answer.status_code == 302
    assert answer.location.startswith("/sign-in")


def test_the_right_password_lets_in_and_goes_on_to_the_page_that_was_asked_for(console, send):
    console.person("Anna@Example.com")
    client = console.browser()
    answer = sign_in(send, client, next="/tickets")
    assert (answer.status_code, answer.location) == (302, "/tickets")
    assert client.get("/tickets").status_code == 200


@pytest.mark.parametrize("elsewhere", ["//evil.example", "https://evil.example", "/\\evil.example"])
def test_sign_in_never_leads_elsewhere(console, send, elsewhere):
    console.person("anna@example.com")
    assert sign_in(send, console.browser(), next=elsewhere).location == "/"


def test_a_wrong_password_and_an_unknown_person_look_the_same(console, send):
    console.person("anna@example.com")
    wrong = sign_in(send, console.browser(), password="something else entirely")
    unknown = sign_in(send, console.browser(), email="nobody@example.com")
    assert wrong.status_code == unknown.status_code == 401
    said = [re.search(r'role="alert">([^<]+)', page.text)[1] for page in (wrong, unknown)]
    assert said[0] == said[1]


def test_tries_are_throttled_for_the_person_whatever_the_password(console, send):
    console.person("anna@example.com")
    client = console.browser()
    for _ in range(5):
        assert sign_in(send, client, password="wrong, wrong, wrong").status_code == 401
    assert sign_in(send, client).status_code == 429
    console.later(seconds=11)
    assert sign_in(send, client).status_code == 302


def test_each_refusal_more_makes_the_pause_longer(console, send):
    client = console.browser()
    for _ in range(5):
        sign_in(send, client)
    console.later(seconds=11)
    assert sign_in(send, client).status_code == 401
    console.later(seconds=11)
    assert sign_in(send, client).status_code == 429


def test_a_form_without_its_token_is_refused(console):
    console.person("anna@example.com")
    assert console.browser().post("/sign-in", data=RIGHT).status_code == 400
    admin = console.browser(Role.ADMIN)
    assert admin.post("/people/invite", data={"role": "admin"}).status_code == 400


def test_a_session_ends_when_it_is_not_used_and_after_its_longest_time(console):
    client = console.browser(Role.ADMIN)
    console.later(minutes=90)
    assert client.get("/").status_code == 200
    console.now += ENDS_UNUSED_AFTER + timedelta(seconds=1)
    assert client.get("/").status_code == 302
    client = console.browser(Role.ADMIN, "busy@example.com")
    began = console.now
    while console.now < began + ENDS_AFTER:
        assert client.get("/account").status_code == 200
        console.later(hours=1)
    console.later(seconds=1)
    assert client.get("/account").status_code == 302


def test_signing_out_ends_the_session_on_the_server_too(console, send):
    client = console.browser(Role.VIEWER)
    with client.session_transaction() as kept:
        token = kept[_SESSION]
    assert send(client, "/sign-out", at="/account").status_code == 302
    assert console.store.sessions.person(token, console.now) is None
    assert client.get("/").status_code == 302


def test_an_admin_can_end_another_s_sessions_and_shut_them_out(console, send):
    viewer, admin = console.browser(Role.VIEWER), console.browser(Role.ADMIN)
    (number,) = console.query("select id from people where role = 'viewer'")[0]
    assert send(admin, f"/people/{number}/sessions", at="/people").status_code == 302
    assert viewer.get("/").status_code == 302
    shut = {"access": "shut_out"}
    assert send(admin, f"/people/{number}/access", shut, at="/people").status_code == 302
    refused = send(viewer, "/sign-in", {**RIGHT, "email": "viewer@example.com"})
    assert refused.status_code == 401


def test_the_last_admin_cannot_be_shut_out_or_made_a_viewer(console, send):
    admin = console.browser(Role.ADMIN)
    (number,) = console.query("select id from people")[0]
    for path, form in (("role", {"role": "viewer"}), ("access", {"access": "shut_out"})):
        assert send(admin, f"/people/{number}/{path}", form, at="/people").status_code == 409
    assert admin.get("/people").status_code == 200


def test_a_viewer_looks_but_cannot_act_and_the_try_is_kept(console, send):
    viewer = console.browser(Role.VIEWER)
    assert viewer.get("/tickets").status_code == 200
    assert viewer.get("/people").status_code == 403
    refused = send(viewer, "/people/invite", {"role": "admin"}, at="/account")
    assert refused.status_code == 403
    rows = console.query("select email, action, status from admin_actions order by id desc limit 1")
    assert rows == [("viewer@example.com", "people.invite", 403)]
    assert console.query("select count(*) from one_time_links where purpose = 'invite'") == [(0,)]


def test_every_act_of_an_admin_is_kept_with_what_it_was_about(console, send):
    admin = console.browser(Role.ADMIN)
    send(admin, "/people/invite", {"role": "viewer"}, at="/people")
    rows = console.query("select email, action, detail, status from admin_actions order by id desc")
    assert rows[0] == ("admin@example.com", "people.invite", {"role": "viewer"}, 200)
    assert "Invited someone" in admin.get("/actions").text


def test_an_invitation_makes_one_account_once(console, send):
    token = console.store.people.make_link(
        Purpose.INVITE, console.now, valid=timedelta(days=3), role=Role.VIEWER
    )
    at = f"/welcome/{token}"
    client = console.browser()
    assert send(client, at, {**RIGHT, "password": "short"}, at=at).status_code == 422
    assert send(client, at, RIGHT, at=at).status_code == 302
    assert client.get("/").status_code == 200
    assert console.browser().get(at).status_code == 404
    assert console.query("select role from people") == [("viewer",)]


def test_a_link_is_worthless_once_it_is_old(console):
    token = console.store.people.make_link(
        Purpose.INVITE, console.now, valid=timedelta(days=3), role=Role.ADMIN
    )
    console.later(days=3, seconds=1)
    assert console.browser().get(f"/welcome/{token}").status_code == 404


def test_the_first_admin_s_link_dies_with_the_first_admin(console):
    token = console.store.people.make_link(
        Purpose.FIRST_ADMIN, console.now, valid=timedelta(days=1), role=Role.ADMIN
    )
    assert console.browser().get(f"/welcome/{token}").status_code == 200
    console.person("anna@example.com")
    assert console.browser().get(f"/welcome/{token}").status_code == 404


def test_a_new_password_ends_the_other_sessions(console, send):
    here = console.browser(Role.ADMIN)
    there = console.app.test_client()
    assert sign_in(send, there, email="admin@example.com").status_code == 302
    change = {"old": RIGHT["password"], "new": "another long sentence"}
    assert send(here, "/account/password", change, at="/account").status_code == 302
    assert here.get("/").status_code == 200
    assert there.get("/").status_code == 302


def test_no_secret_is_kept_in_clear(console, send):
    console.person("anna@example.com")
    client = console.browser()
    sign_in(send, client)
    with client.session_transaction() as kept:
        token = kept[_SESSION]
    rows = console.query("select token from console_sessions")
    assert token.encode() not in bytes(rows[0][0])
    assert console.query("select password from people")[0][0].startswith("$argon2id$")


def test_pages_are_private_and_allow_no_script_of_others(console):
    answer = console.browser(Role.ADMIN).get("/")
    assert answer.headers["Cache-Control"] == "no-store"
    policy = answer.headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert " style=" not in answer.text
    assert not re.search(r"<script(?![^>]+src=)", answer.text)


def test_the_command_prints_a_link_that_works(console, monkeypatch, database_url):
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("SLA_SECRET_KEY", "a secret of the tests")
    result = CliRunner().invoke(cli, ["console", "invite", "--role", "viewer"])
    assert result.exit_code == 0
    token = result.output.strip().rpartition("/")[2]
    console.now = datetime.now(UTC)  # the command's clock is the real one
    assert console.browser().get(f"/welcome/{token}").status_code == 200
