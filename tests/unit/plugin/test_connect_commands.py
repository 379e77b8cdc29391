"""The commands of connecting, as an admin types them."""

import json
import os

import pytest
from click.testing import CliRunner
from installation import SECRET_KEY
from sqlalchemy import text

from plugin.cli import cli
from plugin.connect import connect_account


@pytest.fixture
def type_in(here, own_database):
    """Type a command beside the running installation."""

    def type_in(*arguments, stdin="", **environment):
        given = {
            "DATABASE_URL": own_database,
            "SLA_SECRET_KEY": SECRET_KEY,
            "ZENDESK_CLIENT_ID": "sandbox-client",
            "ZENDESK_CLIENT_SECRET": "sandbox-secret",
            "FRESHDESK_API_KEY": "sandbox-key",
        }
        runner = CliRunner(env={**given, **environment})
        return runner.invoke(cli, [str(one) for one in arguments], input=stdin)

    return type_in


def test_connecting_says_each_step_and_that_the_test_delivery_arrived(here, type_in):
    here.account("zendesk")
    where = ("--account", here.address("zendesk"), "--public-url", here.public_url)
    plan = type_in("connect", "zendesk", *where, "--dry-run")
    assert plan.exit_code == 0
    assert "Nothing was written" in plan.output
    assert "make       Ticket field 'SLA due' (text)" in plan.output
    assert here.connected() is None

    first = type_in("connect", "zendesk", *where)
    assert first.exit_code == 0, first.output
    assert "made       Ticket field 'SLA due' (text)" in first.output
    assert "arrived: acme is connected." in first.output
    assert "sandbox-secret" not in first.output

    again = type_in("connect", "zendesk", "--key", "acme")
    assert again.exit_code == 0
    assert "nothing was changed" in again.output


def test_freshdesk_with_a_test_ticket(here, type_in):
    here.account("freshdesk")
    where = ("--account", here.address("freshdesk"), "--public-url", here.public_url)
    done = type_in("connect", "freshdesk", *where, "--key", "fd", "--test-ticket")
    assert done.exit_code == 0, done.output
    assert "Test ticket 1 was opened" in done.output
    assert "arrived: fd is connected." in done.output


def test_a_delivery_that_does_not_arrive_is_an_error_with_the_next_thing_to_do(here, type_in):
    here.account("freshdesk")
    where = ("--account", here.address("freshdesk"), "--public-url", here.public_url)
    done = type_in("connect", "freshdesk", *where, "--key", "fd", "--wait", "0")
    assert done.exit_code == 1
    assert "send an e-mail to your support address" in done.output
    assert "Nothing arrived at" in done.output


def test_credentials_may_come_from_a_file_descriptor(here, type_in):
    here.account("freshdesk")
    reading, writing = os.pipe()
    os.write(writing, b"api_key=sandbox-key\n")
    os.close(writing)
    done = type_in(
        "connect", "freshdesk", "--account", here.address("freshdesk"), "--public-url",
        here.public_url, "--no-test", "--credentials-fd", reading, FRESHDESK_API_KEY="wrong",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert here.connected().credentials == {"api_key": "sandbox-key"}


@pytest.mark.parametrize(
    ("arguments", "environment", "words"),
    [
        (("--public-url", "https://sla.example.com"), {}, "--account is missing"),
        (("--account", "acme"), {}, "--public-url is missing"),
        (("--account", "https://evil.example", "--public-url", "https://a.b"), {}, "zendesk.com"),
        (
            ("--account", "acme", "--public-url", "https://a.example"),
            {"ZENDESK_CLIENT_ID": "", "ZENDESK_CLIENT_SECRET": ""},
            "set ZENDESK_CLIENT_ID and ZENDESK_CLIENT_SECRET",
        ),
        (("--field", "colour=Red"), {}, "expected one of due, note, kind, environment"),
        (("--account", "acme"), {"DATABASE_URL": "", "SLA_VAR": "/nowhere"}, "DATABASE_URL"),
        (("--types-to-task", "bug"), {}, "expected some of incident, problem, question"),
        (("--timer-off", "3,on hold"), {}, "'3,on hold' is no list of numbers"),
        (("--wait", "-1"), {}, "--wait"),
        (("--engine", "legacy"), {}, "--engine is not for Zendesk"),
        (
            ("--account", "acme", "--public-url", "https://a.example", "--credentials-fd", "99"),
            {},
            "--credentials-fd cannot be read",
        ),
    ],
)
def test_what_is_missing_or_wrong_is_one_sentence(type_in, arguments, environment, words):
    done = type_in("connect", "zendesk", *arguments, **environment)
    assert done.exit_code != 0
    assert words in done.output + str(done.exception)
    assert "Traceback" not in done.output


def test_refused_credentials_are_one_sentence(here, type_in):
    where = ("--account", here.address("zendesk"), "--public-url", here.public_url)
    done = type_in("connect", "zendesk", *where, ZENDESK_CLIENT_SECRET="wrong")
    assert done.exit_code == 1
    assert done.output == "Error: Zendesk refuses the OAuth client's id or secret\n"


def test_accounts_are_listed_examined_and_disconnected(here, type_in):
    assert "No account is connected yet" in type_in("connections").output
    account = here.account("zendesk")
    connect_account(here.services, here.request("zendesk"))
    listed = json.loads(type_in("connections", "--json").output)
    assert (listed["key"], listed["acts_as"]) == ("acme", "Sandbox Admin")
    assert "Sandbox Admin" in type_in("connections").output

    sound = type_in("doctor", "acme")
    assert sound.exit_code == 0
    assert "All 11 things are there" in sound.output
    account.webhooks.clear()
    ill = type_in("doctor", "--json")
    assert ill.exit_code == 1
    found = [json.loads(line) for line in ill.output.splitlines()]
    assert ("webhook", "broken") in {(one["subject"], one["level"]) for one in found}

    assert type_in("disconnect", "acme", stdin="n\n").exit_code == 1
    assert here.connected() is not None
    gone = type_in("disconnect", "acme", "--yes")
    assert gone.exit_code == 0, gone.output
    assert "gone       Webhook" in gone.output
    assert "acme is disconnected." in gone.output
    missing = type_in("doctor", "acme")
    assert missing.exit_code == 1
    assert "there is no connection 'acme' (there are: none)" in missing.output


def test_a_secret_is_rotated_and_the_old_one_dropped(here, type_in):
    here.account("zendesk")
    connect_account(here.services, here.request("zendesk"))
    words = type_in("rotate", "acme").output
    assert "the old one is accepted until `regiondo-sla rotate acme --finish`" in words
    assert len(here.connected().webhook_secrets) == 2
    assert "no longer accepted" in type_in("rotate", "acme", "--finish").output
    assert type_in("rotate", "acme", "--finish").exit_code == 1


def test_the_clicks_are_printed_without_a_database(type_in):
    done = type_in(
        "connect", "zendesk", "--manual", "--key", "acme", "--account", "acme",
        "--public-url", "https://sla.example.com", DATABASE_URL="",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "https://sla.example.com/webhooks/zendesk/acme" in done.output


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (("--public-url", "http://sla.example.com"), "the public URL must be https"),
        (("--public-url", "sla.example.com"), "sla.example.com"),
        (("--public-url", "https://localhost"), "the public URL must be https"),
        (("--key", "tickets"), "tickets"),
        (("--key", "Acme Inc"), "Acme Inc"),
    ],
)
@pytest.mark.parametrize("how", [(), ("--manual",)])
def test_what_no_helpdesk_could_be_told_is_refused_with_or_without_clicks(
    type_in, how, wrong, words
):
    given = {"--account": "acme", "--public-url": "https://sla.example.com", "--key": "acme"}
    typed = [word for pair in {**given, wrong[0]: wrong[1]}.items() for word in pair]
    bare = {"DATABASE_URL": ""} if how else {}
    done = type_in("connect", "zendesk", *typed, *how, **bare)
    assert done.exit_code == 1
    assert done.output.startswith("Error: ")
    assert words in done.output
    assert "webhook" not in done.output


def test_the_clicks_hold_a_token_that_the_service_accepts(here, type_in):
    account = here.account("freshdesk")
    done = type_in(
        "connect", "freshdesk", "--manual", "--key", "fd", "--account",
        here.address("freshdesk"), "--public-url", here.public_url,
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert here.writes() == []
    token = done.output.split("Authorization: Bearer ")[1].split()[0]
    account.webhook_target(url=f"{here.public_url}/webhooks/freshdesk/fd", token=token)
    account.receive_email("Hello", "Help", sender="a@b.test")
    assert here.sandbox.wait_idle(30)
    assert here.services.store.inbox.last_received_at("fd") is not None


def test_settings_of_a_vendor_are_kept_with_the_account(here, type_in):
    here.account("freshdesk")
    done = type_in(
        "connect", "freshdesk", "--account", here.address("freshdesk"), "--public-url",
        here.public_url, "--no-test", "--status-without-timer", "8", "--no-match-domains",
        "--timer-off", "3,4,5,9", "--engine", "legacy", "--webhook-header", "X-Sla-Token",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    settings = here.connected().settings
    assert settings["status_without_timer"] == 8
    assert settings["match_domains"] is False
    assert settings["timer_off"] == [3, 4, 5, 9]
    assert settings["engine"] == "legacy"
    retried = type_in("connect", "freshdesk", "--key", "acme", "--test-ticket")
    assert "arrived: acme is connected" in retried.output, retried.output


@pytest.mark.parametrize(
    "command",
    [
        ("connections",),
        ("doctor",),
        ("report",),
        ("replay", "--all"),
        ("pause", "acme"),
        ("reconcile",),
        ("backfill", "acme"),
        ("erase", "7"),
        ("console", "invite"),
    ],
)
def test_tables_of_another_version_are_one_sentence(type_in, here, command):
    version = text("update alembic_version set version_num = :now where version_num = :was")
    with here.services.store.database.transaction() as database:
        (current,) = database.execute(text("select version_num from alembic_version")).one()
        database.execute(version, {"was": current, "now": "another"})
    done = type_in(*command)
    with here.services.store.database.transaction() as database:
        database.execute(version, {"was": "another", "now": current})
    assert done.exit_code == 1
    assert done.output.startswith("Error: the tables are not this version's: run `regiondo-sla mig")
