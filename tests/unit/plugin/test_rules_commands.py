"""The commands that need no helpdesk, run as a user runs them."""

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import responses
from click.testing import CliRunner

from plugin.calendars import Calendars
from plugin.cli import cli
from sla_rules.engine import decide
from sla_rules.errors import PolicyError
from sla_rules.policy_file import DEFAULT_POLICY, load_policy, read_policy
from sla_rules.policy_schema import SCHEMA_FILE, schema_text
from sla_rules.ticket_json import ticket_from_json

TEXT = DEFAULT_POLICY.read_text("utf-8")
FULL = Path("/dev/full")
NOW = ("--now", "2026-11-27T16:00:00Z")
GOOD = {
    "id": 1,
    "channel": "email",
    "created_at": "2026-11-27T15:55:00Z",
    "organization": {"tier": "Enterprise"},
}
ICS = (
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:1\r\n"
    "DTSTART;VALUE=DATE:20261130\r\nSUMMARY:Closed\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
)


def run(*arguments, given=b""):
    return CliRunner().invoke(cli, list(arguments), input=given, env={"LC_ALL": "", "LANG": "C"})


def evaluated(*lines):
    result = run("evaluate", *NOW, given=b"\n".join(lines) + b"\n")
    return result.exit_code, [json.loads(line) for line in result.stdout.splitlines()]


def test_evaluate_prints_the_documented_keys_and_values():
    code, (out,) = evaluated(json.dumps(GOOD).encode())
    assert code == 0
    reasons = out.pop("reasons")
    assert all(set(reason) == {"rule", "text", "clause"} for reason in reasons)
    assert out == {
        "id": 1,
        "kind": "question",
        "environment": "unknown",
        "impact": "none",
        "tier": "enterprise",
        "covered": True,
        "exclusion": None,
        "starts_at": "2026-11-27T15:55:00Z",
        "targets": [
            {
                "metric": "first_response",
                "business_minutes": 240,
                "commitment": "guaranteed",
                "due_at": "2026-11-30T13:55:00Z",
                "state": "open",
            }
        ],
        "priority": "normal",
        "add_tags": ["sla_enterprise", "sla_priority_normal"],
        "remove_tags": [],
        "assignee": None,
        "group": None,
        "policy": {"name": "regiondo", "version": "2026-11-01"},
    }


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        (b"\xff\xfe", "not UTF-8"),
        (b'{"id": "b\xff"}', "not UTF-8"),
        (b"{", "line 2: not JSON: Expecting property name enclosed in double quotes (column 2)"),
        (b"[1]", "expected a JSON object"),
        (b'{"id": NaN}', "NaN is no number"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"id": {}}', "id: expected"),
        (b'{"id": true}', "id: expected"),
        (b'{"id": 1e999}', "line 2: id: the number is too large"),
        (b'{"id": 2, "x": ' + b"9" * 5000 + b"}", "a number has more than 1000 digits"),
        (b'{"id": 2}', "created_at: expected"),
        (b'{"id": 2, "created_at": "2026-11-27T15:55:00Z", "status": "gone"}', "status: expected"),
        (
            b'{"id": 2, "created_at": "2026-11-27T15:55:00Z", "organization": {"tier": 3}}',
            "organization.tier: expected a text",
        ),
        (
            b'{"id": 2, "created_at": "2026-11-27T15:55:00Z", "organization": {"id": []}}',
            "organization.id: expected a text or a number",
        ),
        (
            b'{"id": 2, "created_at": "2026-11-27T15:55:00Z", "due_at": "0001-01-01T00:00+14:00"}',
            "due_at: the instant 0001-01-01T00:00+14:00 lies outside",
        ),
        (b'{"id": 2, "created_at": "2026-11-27T15:55:00"}', "no offset"),
        (b'{"id": 2, "created_at": "0001-01-01T00:00:00Z", "channel": "email"}', "1970"),
        (b'{"id": 2, "created_at": 7}', "created_at"),
        (b'{"id": 2, "created_at": "2026-11-27T15:55:00Z", "channel": "fax"}', "channel"),
        (b'{"id": 2, "created_at": "2026-11-27T15:55:00Z", "tags": "vip"}', "tags"),
        (b'{"id": 2, "created_at": "2026-11-27T15:55:00Z", "organization": 7}', "organization"),
        (b" " * (17 * 1024 * 1024) + b"{}", "longer than"),
    ],
)
def test_a_bad_line_is_reported_and_its_neighbours_go_on(bad, error):
    good = json.dumps(GOOD).encode()
    code, out = evaluated(good, bad, b"", good)
    assert code == 1
    assert [set(one) == {"id", "error"} for one in out] == [False, True, False]
    assert error in out[1]["error"]
    assert out[1]["error"].startswith("line 2: ") == (out[1]["id"] is None)


@pytest.mark.parametrize(
    ("given", "state"),
    [
        ({"id": None}, "open"),
        ({"first_response_at": "", "due_at": ""}, "open"),
        ({"status": "Resolved"}, "cancelled"),
        ({"status": "on-hold"}, "open"),
        ({"status": "Waiting on Customer"}, "open"),
        ({"channel": " EMAIL "}, "open"),
        ({"created_at": " 2026-11-27t15:55:00.000000000z"}, "open"),
        ({"created_at": "2026-11-27T16:55:00+0100"}, "open"),
    ],
)
def test_other_spellings_of_the_same_ticket_are_read(given, state):
    code, (out,) = evaluated(json.dumps(GOOD | given).encode())
    assert code == 0
    assert out["id"] == (GOOD | given)["id"]
    assert out["starts_at"] == "2026-11-27T15:55:00Z"
    assert [target["state"] for target in out["targets"]] == [state]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (b'{"id": "\xff"}', "not UTF-8"),
        (b"[" * 100_000, "nested too deeply"),
        (b" ", "there is no ticket in it"),
        (b'{"id": 1,\n"x"}', "not JSON: Expecting ':' delimiter (line 2, column 4)"),
        (json.dumps(GOOD).encode() * 2, "not JSON: Extra data"),
        (b'{"id": 1}', "created_at: expected"),
        (json.dumps(GOOD | {"created_at": "2200-01-01T00:00:00Z"}).encode(), "1970 to 2099"),
    ],
)
def test_explain_says_in_one_sentence_why_a_file_holds_no_ticket(given, says, tmp_path):
    file = tmp_path / "ticket.json"
    file.write_bytes(given)
    result = run("explain", str(file))
    assert result.exit_code == 1
    assert result.output.startswith(f"Error: {file}: ")
    assert says in result.output


@pytest.mark.skipif(not FULL.exists(), reason="there is no device that is full")
def test_help_says_of_each_command_in_a_line_what_it_does():
    for group in ((), ("policy",), ("console",)):
        _, commands = run(*group, "--help").output.split("Commands:")
        assert "..." not in commands


def test_a_full_disk_is_one_sentence():
    with FULL.open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "plugin.cli", "evaluate"],
            input=json.dumps(GOOD).encode(), stdout=full, stderr=subprocess.PIPE, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith(b"Error: the output could not be written")
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize(
    "typed", ["evaluate <&-", "classify <&-", "explain <&-", "evaluate >&-", "classify >&-"]
)
def test_a_closed_stream_is_one_sentence(typed):
    command = ["sh", "-c", f"exec {sys.executable} -m plugin.cli {typed}"]
    done = subprocess.run(command, input=b"{}", stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr) == (1, b"Error: standard input or output is closed\n")


def test_a_reader_that_has_enough_ends_it_without_a_word():
    lines = b"\n".join([json.dumps(GOOD).encode()] * 200)
    command = ["sh", "-c", f"{sys.executable} -m plugin.cli evaluate | head -1"]
    done = subprocess.run(command, input=lines, capture_output=True, check=False)
    assert (done.stdout.count(b"\n"), done.stderr) == (1, b"")


def test_explain_reads_a_file_with_a_byte_order_mark(tmp_path):
    file = tmp_path / "ticket.json"
    file.write_text(json.dumps(GOOD, indent=2), "utf-8-sig")
    assert run("explain", str(file), *NOW).exit_code == 0


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({"DATABASE_URL": "mysql://x/y"}, "DATABASE_URL is no address of a PostgreSQL"),
        ({"DATABASE_URL": "nonsense"}, "DATABASE_URL is no address of a PostgreSQL"),
        ({"PORT": "http"}, "PORT: "),
        ({"SLA_SWEEP_MINUTES": "0"}, "SLA_SWEEP_MINUTES: "),
        ({"DATABASE_URL": "postgresql://x@127.0.0.1:1/x"}, "the database does not answer"),
    ],
)
@pytest.mark.parametrize("command", [("migrate",), ("backfill", "acme"), ("report",)])
def test_a_wrong_setting_is_one_sentence(command, environment, says):
    settings = {"SLA_SECRET_KEY": "a long passphrase", **environment}
    result = CliRunner().invoke(cli, list(command), env=settings)
    assert result.exit_code in {1, 2}
    assert result.output.startswith("Error: ")
    assert says in result.output


@pytest.mark.parametrize(
    ("bad", "key"),
    [
        (b'{"id": 2, "status": "open", "status": "spam"}', "'status'"),
        (b'{"id": 2, "organization": {"tier": "Free", "tier": "Enterprise"}}', "'tier'"),
    ],
)
@pytest.mark.parametrize("command", [("evaluate", *NOW), ("classify",)])
def test_a_key_that_is_given_twice_is_a_bad_line_that_names_ticket_and_key(command, bad, key):
    result = run(*command, given=bad)
    assert result.exit_code == 1
    assert json.loads(result.stdout) == {"id": 2, "error": f"the key {key} is given twice"}


@pytest.mark.parametrize("odd", ["\ud83d", "a\u2028b", "a\u0085b", "\x0bb"])
def test_an_id_of_any_characters_comes_back_in_one_line(odd):
    """Half an emoji is no UTF-8, and to some readers U+2028 begins a new line."""
    code, (out,) = evaluated(json.dumps(GOOD | {"id": odd}).encode())
    assert (code, out["id"], out["targets"][0]["state"]) == (0, odd, "open")


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ({"body": 5}, "body: expected a text, got 5"),
        ({"subject": False}, "subject: expected a text, got False"),
        ({"lang": 5}, "lang: expected a text, got 5"),
        ({"id": [1]}, "id: expected a text or a number, got [1]"),
    ],
)
def test_classify_names_the_key_that_is_no_text(bad, says):
    result = run("classify", given=json.dumps(bad))
    assert result.exit_code == 1
    assert json.loads(result.stdout) == {"id": None, "error": f"line 1: {says}"}


def test_a_policy_of_ours_goes_by_its_name():
    saturday = GOOD | {"created_at": "2026-11-28T09:00:00Z", "language": "en"}
    result = run(
        *("evaluate", "--policy", "regiondo-editions.toml", *NOW), given=json.dumps(saturday)
    )
    (target,) = json.loads(result.stdout)["targets"]
    assert target["due_at"] == "2026-11-28T13:00:00Z"
    assert "cannot be read" in run("policy", "show", "other/regiondo-editions.toml").output
    assert "cannot be read" in run("policy", "show", "regiondo-other.toml").output


def test_several_policies_are_versions_by_their_effective_from(tmp_path):
    newer = tmp_path / "newer.toml"
    newer.write_text(
        'extends = "regiondo.toml"\nversion = "2"\neffective_from = 2026-11-28T00:00:00Z\n'
    )
    older, later = GOOD, GOOD | {"id": 2, "created_at": "2026-11-30T08:00:00Z"}
    result = run(
        *("evaluate", "--policy", str(newer), "--policy", str(DEFAULT_POLICY)),
        *("--now", "2026-11-30T09:00:00Z"),
        given="\n".join(map(json.dumps, (older, later))),
    )
    versions = [json.loads(line)["policy"]["version"] for line in result.stdout.splitlines()]
    assert versions == ["2026-11-01", "2"]
    twice = run("evaluate", "--policy", str(newer), "--policy", str(newer))
    assert twice.exit_code == 1
    assert "two policies are named regiondo 2" in twice.output


def test_explain_counts_the_hours_day_by_day_and_says_what_did_not_match():
    result = run("explain", "-", *NOW, given=json.dumps(GOOD))
    assert "Fri 2026-11-27  16:55-17:00: 5 min" in result.output
    assert "Sat 2026-11-28  closed" in result.output
    assert "Mon 2026-11-30  09:00-12:00: 3 h; 14:00-14:55: 55 min" in result.output
    assert "Total: 4 h" in result.output
    assert "Not left out as a test system: the system is unknown. (contract §1)" in result.output


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("fr", ("lun. 2026-11-30  09:00-12:00: 3 h", "Règles qui ne s'appliquent pas", "fermé")),
        ("de", ("Mo 2026-11-30  09:00-12:00: 3 h", "Regeln, die nicht zutreffen", "geschlossen")),
    ],
)
def test_explain_speaks_the_reader_s_language(language, said):
    result = run("explain", "-", *NOW, "--lang", language, given=json.dumps(GOOD))
    for text in said:
        assert text in result.output


def test_explain_says_why_a_schedule_rule_was_passed_over_and_which_days_are_holidays(tmp_path):
    mine = tmp_path / "mine.toml"
    mine.write_text(
        'extends = "regiondo-editions.toml"\n'.replace("-editions", "")
        + "[schedules.support]\nholidays = [2026-11-30]\n"
        + '[[schedule_rules]]\nschedule = "support"\nlanguage = ["de"]\n'
        + '[[schedule_rules]]\nschedule = "support"\n'
    )
    ticket = GOOD | {"language": "fr"}
    result = run("explain", "-", *NOW, "--policy", str(mine), given=json.dumps(ticket))
    assert "Schedule rule 1 (language de) does not match: this ticket has language fr." in (
        result.output
    )
    assert "Mon 2026-11-30  holiday" in result.output


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('default_tier = "starter"', 'default_teir = "starter"', r"default_teir: there is no such"),
        ('"8h"', '"eight"', r"tiers\.starter\.first_response: expected business hours"),
        ('"8h"', '"99999999999h"', r"tiers\.starter\.first_response: expected business hours"),
        ('"8h"', '"0h"', r"tiers\.starter\.first_response: a target must be longer than zero"),
        ("09:00-12:00,14:00-17:00", "09:00+", r"schedules\.support"),
        ("09:00-12:00,14:00-17:00", "09:00-12:00; Mo-Fr 14:00-17:00", r"schedules\.support"),
        ("09:00-12:00,14:00-17:00", "off", r"schedules\.support"),
        ('"Europe/Berlin"', '"Europe/Regiondo"', r"schedules\.support"),
        ('aliases = ["Starter"]', 'aliases = ["Free"]', r"tiers\.\w+\.aliases: 'free' is"),
        ('minor = "low", none = "low"', 'minor = "low"', r"priority\.matrix\.free"),
        ('commitment = "best_effort"', "", r"tiers\.free\.commitment: is missing"),
        (
            'minor = "low", none = "low"',
            'minor = "low", none = "high"',
            r"priority\.matrix\.free: none \(high\) is more urgent than minor \(low\)",
        ),
        ('version = "2026-11-01"', 'version = ""', r"version: .* at least 1 character"),
        (
            "[[schedule_rules]]",
            '[[schedule_rules]]\nschedule = "support"\n[[schedule_rules]]',
            r"schedule_rules\.0: it matches every ticket, those below never count",
        ),
        ('tag = "sla_free"', 'tag = "sla_met"', r"two tags have the same name"),
        ('["email"]', "[]", r"clock\.counted_channels"),
        ('schedule = "support"', 'schedule = "shop"', r"schedule_rules.*'shop' is not one of"),
        ("holiday_calendars = []", 'holiday_calendars = ["XX"]', r"'XX' is not known"),
        ("holiday_calendars = []", 'holiday_calendars = ["DE-"]', r"'DE-' is not known"),
        ("holiday_calendars = []", 'holiday_calendars = ["a.ics"]', r"a\.ics is not beside"),
        ('files = ["words.toml"]', 'files = ["/etc/passwd"]', r"'/etc/passwd' is neither beside"),
        ('files = ["words.toml"]', 'files = ["../x/words.toml"]', r"is neither beside the policy"),
        ("[tags]", "[tags", r"not TOML"),
        ("[tags]", f"x = {'[' * 9000}", r"not TOML: nested too deeply"),
    ],
)
def test_policy_check_names_file_line_key_and_what_was_expected(tmp_path, old, new, fault):
    assert old in TEXT
    mine = tmp_path / "mine.toml"
    mine.write_text(TEXT.replace(old, new, 1), "utf-8")
    result = run("policy", "check", str(mine))
    assert result.exit_code == 1
    found = re.search(rf"mine\.toml:(\d+): .*{fault}", result.output)
    assert found
    wrong = TEXT[: TEXT.index(old)].count("\n") + 1
    of_the_value = "8h" in old or "default" in old or "email" in old
    assert int(found[1]) == wrong if of_the_value else 1 <= int(found[1]) <= TEXT.count("\n")


def test_a_policy_that_an_editor_saved_with_a_byte_order_mark_is_read(tmp_path):
    mine = tmp_path / "mine.toml"
    mine.write_text(TEXT, "utf-8-sig")
    assert run("policy", "check", str(mine)).exit_code == 0


def test_policy_check_names_all_faults_at_once(tmp_path):
    mine = tmp_path / "mine.toml"
    mine.write_text(TEXT.replace('"8h"', '"eight"').replace('"6h"', '"six"'), "utf-8")
    output = run("policy", "check", str(mine)).output
    assert "tiers.starter" in output
    assert "tiers.advanced" in output


def test_policy_show_tells_assumptions_and_own_choices():
    output = run("policy", "show").output
    assert "zone Europe/Berlin (our choice, not in the contract)" in output
    assert "No package in the helpdesk: Starter (our choice, not in the contract)" in output
    assert "The priorities are our choice" in output


def test_policy_show_calls_nothing_our_choice_that_a_company_s_own_contract_says(tmp_path):
    mine = tmp_path / "mine.toml"
    mine.write_text('extends = "regiondo.toml"\nversion = "2"\nour_choice = []\n')
    assert "our choice" not in run("policy", "show", str(mine)).output
    mine.write_text('extends = "regiondo.toml"\nversion = "2"\nour_choice = ["tier"]\n')
    assert "mine.toml:3: our_choice" in run("policy", "check", str(mine)).output


def test_the_schema_for_editors_is_up_to_date():
    assert SCHEMA_FILE.read_text("utf-8") == schema_text()
    assert DEFAULT_POLICY.read_text("utf-8").startswith("#:schema ./policy.schema.json\n")


# --- subscribed calendars -------------------------------------------------------------------------

ADDRESS = "https://calendars.example.com/closed.ics"
SUBSCRIBED = TEXT.replace("holiday_calendars = []", f'holiday_calendars = ["{ADDRESS}"]')


def due(policy):
    read = ticket_from_json(GOOD)
    return decide(read, policy, read.created_at).target.due_at.isoformat()


def test_a_calendar_file_beside_the_policy_closes_its_days(tmp_path):
    (tmp_path / "closed.ics").write_text(ICS)
    mine = tmp_path / "mine.toml"
    mine.write_text(TEXT.replace("holiday_calendars = []", 'holiday_calendars = ["closed.ics"]'))
    assert due(load_policy(mine)) == "2026-12-01T13:55:00+00:00"


def test_a_subscribed_calendar_s_text_is_handed_in():
    assert due(read_policy(SUBSCRIBED, "x", {ADDRESS: ICS})) == "2026-12-01T13:55:00+00:00"
    with pytest.raises(PolicyError, match=r"x:\d+: schedules.support: .* has not been fetched"):
        read_policy(SUBSCRIBED, "x")
    with pytest.raises(PolicyError, match=r"closed.ics: not an iCalendar text"):
        read_policy(SUBSCRIBED, "x", {ADDRESS: "<html>"})


@pytest.fixture
def public_names(monkeypatch):
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.215.14", 443))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)


@responses.activate
def test_the_last_good_copy_counts_while_a_calendar_cannot_be_had(tmp_path, public_names):
    responses.add(responses.GET, ADDRESS, body=ICS)
    assert Calendars(tmp_path).texts([ADDRESS]) == {ADDRESS: ICS}
    assert Calendars(tmp_path).texts([ADDRESS]) == {ADDRESS: ICS}
    assert len(responses.calls) == 1  # today's copy needs no second fetch
    (kept,) = (tmp_path / "calendars").iterdir()
    os.utime(kept, (0, 0))
    responses.replace(responses.GET, ADDRESS, body="<html>Gone</html>")
    assert Calendars(tmp_path).texts([ADDRESS]) == {ADDRESS: ICS}
    responses.replace(responses.GET, ADDRESS, body=ICS.replace("20261130", "20261201"))
    assert "20261201" in Calendars(tmp_path).texts([ADDRESS])[ADDRESS]


@responses.activate
def test_a_calendar_that_was_never_read_is_a_clear_error(tmp_path, public_names):
    responses.add(responses.GET, ADDRESS, status=404)
    with pytest.raises(PolicyError, match=r"closed.ics cannot be fetched: .* answered 404"):
        Calendars(tmp_path).texts([ADDRESS])
    with pytest.raises(PolicyError, match="is not at an https:// address"):
        Calendars(tmp_path).texts(["http://calendars.example.com/a.ics"])
    with pytest.raises(PolicyError, match="cannot be fetched"):
        Calendars(tmp_path).texts(["https://127.0.0.1/a.ics"])


def _every_command(command, path=()):
    yield path
    for name, one in getattr(command, "commands", {}).items():
        yield from _every_command(one, (*path, name))


@pytest.mark.parametrize("path", list(_every_command(cli)), ids=" ".join)
def test_every_command_has_a_help_with_an_example(path):
    result = run(*path, "--help")
    assert result.exit_code == 0
    typed = " ".join(("regiondo-sla", *path))
    assert typed in result.output.partition("Example")[2]
