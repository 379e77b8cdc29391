"""What both halves of the sandbox share: the clock, faults, the journal, a made-up past."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import requests
from click.testing import CliRunner
from sandbox_http import FreshdeskApi, Target, ZendeskApi

from plugin.commands.run import sandbox as sandbox_command
from plugin.sandbox.clock import Clock, SetClock
from plugin.sandbox.faults import Fault, Faults, read_faults
from plugin.sandbox.freshdesk.load import load_past as load_freshdesk_past
from plugin.sandbox.server import Sandbox, create_sandbox, serving
from plugin.sandbox.state import RateWindow
from plugin.sandbox.zendesk.load import load_past as load_zendesk_past

NOW = datetime(2026, 11, 23, 8, 30, tzinfo=UTC)


@pytest.fixture
def clock() -> SetClock:
    return SetClock(NOW)


@pytest.fixture
def sandbox(clock: SetClock) -> Sandbox:
    return create_sandbox(clock)


@pytest.fixture
def address(sandbox: Sandbox) -> Iterator[str]:
    with serving(sandbox) as found:
        yield found


@pytest.fixture
def target() -> Iterator[Target]:
    receiver = Target()
    yield receiver
    receiver.close()


def test_a_fast_clock_hurries_durations_and_leaves_the_calendar(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ticks = [100.0]
    monkeypatch.setattr("plugin.sandbox.clock.time.monotonic", lambda: ticks[0])
    clock = Clock(lambda: NOW, speed=60)
    window = RateWindow(clock, limit=1)
    assert (window.take(), window.take()) == (True, False)
    assert window.resets_in == 2  # a client waits in its own seconds
    ticks[0] += 1
    assert window.take()
    assert clock.elapsed() == 60
    assert clock() == NOW


def test_a_set_clock_moves_its_calendar_and_its_seconds_together(clock: SetClock) -> None:
    clock.advance(90)
    assert (clock.elapsed(), clock()) == (90, NOW + timedelta(seconds=90))
    with pytest.raises(ValueError, match="back"):
        clock.advance(-1)


def test_the_clock_is_moved_through_the_control_plane(address: str, clock: SetClock) -> None:
    told = requests.post(f"{address}/sandbox/clock", json={"advance": 60}, timeout=5).json()
    assert told["now"] == "2026-11-23T08:31:00+00:00"
    assert (
        requests.post(f"{address}/sandbox/clock", json={"advance": -5}, timeout=5).status_code
        == 400
    )


def test_one_advance_ends_rate_windows_tokens_and_waits(
    address: str, sandbox: Sandbox, clock: SetClock, target: Target
) -> None:
    api = ZendeskApi(address, sandbox)
    api.account.receive_email("Hello", "Help")
    api.account.configure(rate_limit=1)
    assert [api("GET", "tickets/1").status_code for _ in range(2)] == [200, 429]
    clock.advance(61)
    assert api("GET", "tickets/1").ok
    api.account.webhook_target(target.url)
    target.answers = [429]
    target.retry_after = "50"
    api.account.agent_edits(1, {"priority": "high"})
    assert sandbox.wait_idle()
    assert len(target.received) == 1
    clock.advance(51)
    assert sandbox.wait_idle()
    assert len(target.received) == 2
    clock.advance(1800)
    assert api("GET", "tickets/1").status_code == 401


def test_faults_come_as_often_as_their_rate_says_and_the_same_for_a_seed() -> None:
    def run(seed: int) -> list[bool]:
        faults = Faults(seed)
        faults.add(Fault("429", rate=0.2))
        return [faults.take(("429",), "zendesk") is not None for _ in range(2000)]

    assert run(1) == run(1)
    assert run(1) != run(2)
    assert 0.15 < sum(run(1)) / 2000 < 0.25


def test_a_fault_without_a_rate_comes_once() -> None:
    faults = Faults()
    faults.add(Fault("503"))
    assert [faults.take(("503",), "zendesk") is not None for _ in range(2)] == [True, False]


def test_faults_are_read_from_one_line() -> None:
    found = [(fault.kind, fault.rate) for fault in read_faults("429, 503:0.5,drop")]
    assert found == [("429", 0.05), ("503", 0.5), ("drop", 0.05)]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--fault", "fire"], "unknown fault 'fire'"),
        (["--fault", "429:2"], "from 0 to 1, not 2.0"),
        (["--fault", "429:x"], "from 0 to 1, not 'x'"),
        (["--speed", "0"], "more than 0"),
        (["--root", "acme"], "--root must name an account"),
    ],
)
def test_the_command_refuses_in_one_sentence(arguments: list[str], words: str) -> None:
    result = CliRunner().invoke(sandbox_command, [*arguments, "--port", "0"])
    assert result.exit_code == 1
    assert words in result.output
    assert result.output.count("\n") == 1


def test_faults_with_a_rate_hit_requests_over_http(address: str, sandbox: Sandbox) -> None:
    api = FreshdeskApi(address, sandbox)
    api.account.receive_email("Hello", "Help")
    fault = {"kind": "503", "vendor": "freshdesk", "rate": 0.5}
    assert requests.post(f"{address}/sandbox/faults?seed=3", json=fault, timeout=5).ok
    statuses = Counter(api("GET", "tickets/1").status_code for _ in range(60))
    assert set(statuses) == {200, 503}
    assert 15 < statuses[503] < 45


def test_the_journal_counts_calls_and_writes_by_ticket(address: str, sandbox: Sandbox) -> None:
    api = ZendeskApi(address, sandbox)
    for number in range(2):
        api.account.receive_email(f"Mail {number}", "Help")
    api("GET", "tickets/1.json")
    api("GET", "tickets/1/audits.json")
    api.update(1, priority="high")
    api("PUT", "tickets/update_many.json?ids=1,2", {"ticket": {"additional_tags": ["x"]}})
    api.account.configure(rate_limit=1)
    assert api("GET", "tickets/2").status_code == 429
    told = requests.get(f"{address}/sandbox/summary?vendor=zendesk", timeout=5).json()
    assert told["calls_per_ticket"] == {"1": 3, "2": 1}
    assert told["writes_per_ticket"] == {"1": 2, "2": 1}
    assert (told["too_many_requests"], told["bulk"]) == (1, 1)
    freshdesk = requests.get(f"{address}/sandbox/summary?vendor=freshdesk", timeout=5).json()
    assert freshdesk["calls"] == 0


def test_a_zendesk_account_is_given_a_past_that_the_export_shows(
    address: str, sandbox: Sandbox, target: Target
) -> None:
    api = ZendeskApi(address, sandbox)
    api.account.webhook_target(target.url)
    assert load_zendesk_past(api.account, tickets=500, organizations=20, spam=0.05) == {
        "tickets": 500, "organizations": 20,
    }  # fmt: skip
    assert sandbox.wait_idle()
    assert target.received == []
    start = int((NOW - timedelta(days=70)).timestamp())
    told = api.get(f"incremental/tickets/cursor.json?start_time={start}&include=organizations")
    assert len(told["tickets"]) == 500
    assert len(told["organizations"]) == 20
    assert max(t["updated_at"] for t in told["tickets"]) < "2026-11-23T08:30:00Z"
    statuses = Counter(t["status"] for t in told["tickets"])
    assert statuses["solved"] > 100
    assert statuses["new"] > 100
    assert statuses["deleted"] > 5
    half = told["tickets"][250]["generated_timestamp"]
    later = api.get(f"incremental/tickets/cursor.json?start_time={half}")["tickets"]
    assert 200 < len(later) < 300


def test_a_freshdesk_account_is_given_a_past_that_its_list_shows(
    address: str, sandbox: Sandbox
) -> None:
    api = FreshdeskApi(address, sandbox)
    told = requests.post(
        f"{address}/sandbox/freshdesk/acme/load",
        json={"tickets": 300, "organizations": 10, "spam": 0.05},
        timeout=10,
    )
    assert told.json() == {"tickets": 300, "companies": 10}
    listed = api("GET", "tickets?updated_since=2026-01-01T00:00:00Z&per_page=100&include=stats")
    assert len(listed.json()) == 100
    assert "page=2" in listed.links["next"]["url"]
    spam = api("GET", "tickets?updated_since=2026-01-01T00:00:00Z&filter=spam").json()
    assert 5 <= len(spam) <= 30
    load_freshdesk_past(api.account, tickets=10, organizations=1)
    assert len(api.account.companies) == 11


def test_one_account_is_also_served_without_its_path() -> None:
    sandbox = create_sandbox(root="zendesk/acme")
    with serving(sandbox) as address:
        me = requests.get(f"{address}/api/v2/users/me.json", timeout=5).json()
    assert me["user"]["name"] == "Anonymous user"
