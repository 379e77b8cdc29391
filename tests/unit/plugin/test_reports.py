"""How the promises were kept: counted from judged tickets, in business and calendar time."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import psycopg
import pytest
from click.testing import CliRunner

from plugin.cli import cli
from plugin.reports import ATTAINMENT_COLUMNS, attainment_rows, period, read_period, to_csv
from plugin.secrets import Vault
from plugin.store import AuditEntry, Store
from plugin.store.migrate import migrate
from plugin.store.reports import Grouping
from sla_rules.engine import decide
from sla_rules.policy_file import load_policy
from sla_rules.ticket import Channel, Organization, Ticket

BERLIN = ZoneInfo("Europe/Berlin")
NOVEMBER = period(date(2026, 11, 1), date(2026, 11, 30), BERLIN)
NOW = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def store(database_url):
    migrate(database_url)
    with psycopg.connect(database_url, autocommit=True) as database:
        database.execute("truncate tickets")
    store = Store(database_url, Vault("a passphrase"))
    yield store
    store.close()


def handle(store, number, *, tier="Enterprise", start, answer=None, name="Alpentour", **given):
    """Record a ticket as a look does; instants are local texts."""
    at, answered_at = (
        datetime.fromisoformat(text).replace(tzinfo=BERLIN) if text else None
        for text in (start, answer)
    )
    ticket = Ticket(
        id=str(number),
        channel=given.pop("channel", Channel.EMAIL),
        created_at=at,
        first_response_at=answered_at,
        organization=Organization(name=name, tier=tier),
        **given,
    )
    decision = decide(ticket, load_policy(), NOW)
    entry = AuditEntry(connection="acme", ticket_id=ticket.id, at=NOW, outcome="applied")
    store.tickets.record(ticket, decision, lambda memory: memory, entry, "https://acme.example/1")


def report(store, by=Grouping.TIER):
    return {line.group: line for line in store.reports.attainment(by, *NOVEMBER, BERLIN.key)}


def test_attainment_is_the_share_of_promises_met(store):
    handle(store, 1, start="2026-11-23T09:00", answer="2026-11-23T10:00")
    handle(store, 2, start="2026-11-23T09:00", answer="2026-11-23T15:00")
    handle(store, 3, start="2026-11-23T09:00", answer="2026-11-23T15:01")
    line = report(store)["enterprise"]
    assert (line.met, line.breached, line.tickets) == (2, 1, 3)
    assert line.share == pytest.approx(2 / 3)


def test_response_times_are_in_business_time_and_by_the_clock_on_the_wall(store):
    handle(store, 1, start="2026-11-20T16:55", answer="2026-11-23T09:55")
    line = report(store)["enterprise"]
    assert line.business_median == timedelta(hours=1)
    assert line.calendar_median == timedelta(days=2, hours=17)


def test_median_and_90th_percentile_are_of_all_answered_tickets(store):
    for number in range(11):
        answer = f"2026-11-23T09:{number:02}"
        handle(store, number, start="2026-11-23T09:00", answer=answer)
    line = report(store)["enterprise"]
    assert line.business_median == timedelta(minutes=5)
    assert line.business_p90 == timedelta(minutes=9)


def test_a_best_effort_goal_is_no_promise_and_never_a_breach(store):
    handle(store, 1, tier="Free", start="2026-11-02T09:00")
    handle(store, 2, tier="Free", start="2026-11-02T09:00", answer="2026-11-20T09:00")
    line = report(store)["free"]
    assert (line.met, line.breached, line.best_effort, line.share) == (0, 0, 2, None)


def test_months_are_local_and_organizations_have_their_own_lines(store):
    handle(store, 1, start="2026-11-01T00:30", answer="2026-11-02T09:30", name="Alpentour")
    handle(store, 2, start="2026-10-31T23:30", answer="2026-11-02T09:30", name="Bateaux")
    assert set(report(store, Grouping.MONTH)) == {"2026-11"}
    assert set(report(store, Grouping.ORGANIZATION)) == {"Alpentour"}


def test_the_share_kept_of_each_month_counts_judged_promises_only(store):
    handle(store, 1, start="2026-10-31T23:30", answer="2026-11-02T09:30")
    handle(store, 2, start="2026-11-01T00:30", answer="2026-11-02T09:30")
    handle(store, 3, start="2026-11-23T09:00", answer="2026-11-25T09:00")
    handle(store, 4, tier="Free", start="2026-11-23T09:00", answer="2026-11-25T09:00")
    handle(store, 5, start="2026-11-30T16:59")
    both = period(date(2026, 10, 1), date(2026, 11, 30), BERLIN)
    october, november = store.reports.kept(*both, BERLIN.key)
    assert (october.month, october.met, october.breached) == (date(2026, 10, 1), 1, 0)
    assert (november.met, november.breached, november.share) == (1, 1, 0.5)


def test_what_the_contract_leaves_out_is_counted_apart_with_its_reason(store):
    handle(
        store,
        1,
        start="2026-11-23T09:00",
        subject="It would be useful if Regiondo could export to Excel.",
    )
    handle(store, 2, start="2026-11-23T09:00", channel=Channel.PHONE)
    assert report(store) == {}
    now = period(date(2026, 11, 1), date(2026, 12, 31), BERLIN)
    found = {(one.exclusion, one.tickets) for one in store.reports.exclusions(*now)}
    assert found == {("feature_request", 1), ("no_email", 1)}


def test_csv_has_a_header_and_disarms_formulas(store):
    handle(store, 1, start="2026-11-23T09:00", answer="2026-11-23T10:00", name="=cmd()")
    found = store.reports.attainment(Grouping.ORGANIZATION, *NOVEMBER, BERLIN.key)
    header, row = to_csv(ATTAINMENT_COLUMNS, attainment_rows(found)).splitlines()
    assert header.split(",")[0] == "group"
    assert row == "'=cmd(),1,1,0,100.0,0,0,0,60,60,60,60"


def test_the_command_prints_the_same_numbers(store, database_url, monkeypatch):
    handle(store, 1, start="2026-11-23T09:00", answer="2026-11-23T10:00")
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("SLA_SECRET_KEY", "a passphrase")
    arguments = ["report", "--from", "2026-11-01", "--to", "2026-11-30"]
    printed = CliRunner().invoke(cli, [*arguments, "--csv"])
    assert printed.output.splitlines()[1] == "enterprise,1,1,0,100.0,0,0,0,60,60,60,60"
    shown = CliRunner().invoke(cli, arguments)
    assert "01 Nov 2026 to 30 Nov 2026" in shown.output
    assert "Enterprise: 100.0 % kept (1 met, 0 breached)" in shown.output
    assert "business 60, 60; calendar 60, 60" in shown.output
    left_out = CliRunner().invoke(cli, [*arguments, "--exclusions"])
    assert "01 Nov 2026 to 30 Nov 2026: no ticket." in left_out.output
    wrong = CliRunner().invoke(cli, ["report", "--from", "2026-11-30", "--to", "2026-11-01"])
    assert wrong.exit_code != 0
    assert "ends" in wrong.output


def test_without_days_a_report_covers_the_ninety_days_up_to_today():
    asked = read_period(None, "", NOW, BERLIN)
    assert (asked.first, asked.last) == (date(2026, 9, 2), date(2026, 12, 1))
    assert (asked.since, asked.until) == period(asked.first, asked.last, BERLIN)


def test_today_is_the_local_day():
    late = datetime(2026, 11, 30, 23, 30, tzinfo=UTC)
    assert read_period(None, None, late, BERLIN).last == date(2026, 12, 1)


@pytest.mark.parametrize(
    ("first", "last", "said"),
    [
        ("yesterday", None, "'yesterday' is no day such as 2026-11-01"),
        (None, "2026-11-31", "'2026-11-31' is no day such as 2026-11-01"),
        ("2026-11-30", "2026-11-01", "the period ends"),
        (None, "0001-01-01", "outside the calendar"),
        (None, "9999-12-31", "outside the calendar"),
    ],
)
def test_a_period_that_makes_no_sense_is_refused_with_the_reason(first, last, said):
    with pytest.raises(ValueError, match=said):
        read_period(first, last, NOW, BERLIN)
