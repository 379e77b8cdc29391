"""One budget an account: shared by all, never overdrawn, live work first, a 429 obeyed by all."""

import multiprocessing
import threading
import time

import psycopg
import pytest
import responses

from connectors.base import Connection
from connectors.errors import RateLimited
from connectors.freshdesk.limits import FreshdeskLimits
from connectors.pace import Charge, Reading
from connectors.registry import VENDORS
from connectors.zendesk.limits import ZendeskLimits
from plugin.pacing import AccountPace, bulk_work
from plugin.secrets import Vault
from plugin.store import Store, StoreUnavailable
from plugin.store.migrate import migrate
from plugin.store.pacing import Draw, Rhythm

ACME = Connection(key="acme", vendor="zendesk", base_url="https://acme.zendesk.com")


@pytest.fixture
def store(database_url):
    migrate(database_url)
    with psycopg.connect(database_url, autocommit=True) as database:
        database.execute("truncate budgets")
    store = Store(database_url, Vault("a passphrase"), pool_size=10)
    yield store
    store.close()


def a_pace(store, **settings):
    return AccountPace(store.budgets, Connection(**{**_fields(ACME), "settings": settings}))


def _fields(connection):
    return {name: getattr(connection, name) for name in ("key", "vendor", "base_url")}


def a_charge(**changes):
    return Charge(**{"bucket": "account", "limit": 200, **changes})


def most_in_any_window(instants, seconds):
    """The most requests that fall into any half-open window of that length."""
    instants = sorted(instants)
    return max(
        sum(1 for at in instants[i:] if at < one + seconds) for i, one in enumerate(instants)
    )


@pytest.mark.parametrize(
    ("limit", "seconds", "burst", "largest"),
    [(1, 60, None, 1), (10, 60, None, 1), (20, 60, None, 1), (30, 600, 10, 1), (50, 60, None, 7),
     (400, 60, None, 1), (700, 60, None, 7), (2500, 60, None, 1)],
)  # fmt: skip
def test_no_window_wherever_it_begins_holds_more_than_the_limit(limit, seconds, burst, largest):
    rhythm = Rhythm.of(limit, seconds, burst=burst, largest=largest)
    at, free_at, taken = 0.0, 0.0, []
    while at < 2 * seconds:  # as fast as the row's statement allows, the dearest request first
        cost = largest if not taken else 1
        ahead = max(0.0, rhythm.slack - (cost - 1) * rhythm.spacing)
        at = max(at, free_at - ahead)
        free_at = max(free_at, at) + cost * rhythm.spacing
        taken += [at] * cost
    assert most_in_any_window(taken, seconds) <= limit


def test_the_budget_is_used_to_within_five_percent():
    assert 60 / Rhythm.of(400, 60).spacing >= 400 / 1.05
    assert 60 / Rhythm.of(10, 60).spacing >= 10 / 1.05


def _draw_for(address, seconds, answer):
    store = Store(address, Vault("a passphrase"), pool_size=4)
    taken = []

    def draw():
        until = time.time() + seconds
        while time.time() < until:
            if not store.budgets.take("acme", [Draw(bucket="account")]):
                taken.append(time.time())

    threads = [threading.Thread(target=draw) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store.close()
    answer.put(taken)


def test_two_processes_that_share_a_budget_never_exceed_it_together(database_url, store):
    limit, window = 60, 1.0
    store.budgets.declare("acme", "account", Rhythm.of(limit, window), by_setting=False)
    spawn = multiprocessing.get_context("spawn")
    answer = spawn.Queue()
    processes = [
        spawn.Process(target=_draw_for, args=(database_url, 3.0, answer)) for _ in range(2)
    ]
    for process in processes:
        process.start()
    by_process = [answer.get(timeout=60) for _ in processes]
    for process in processes:
        process.join()
    taken = [at for one in by_process for at in one]
    with psycopg.connect(database_url) as database:
        slack, spacing, ahead = database.execute(
            "select slack, spacing, extract(epoch from free_at) from budgets"
        ).fetchone()
    # by the database's own account: each take moved the bucket by its spacing, none was given twice
    lasted = max(taken) - min(taken)
    assert all(by_process), "both processes had their turn"
    assert len(taken) <= (lasted + slack) / float(spacing) + 1.5
    assert float(ahead) - max(taken) <= slack + spacing + 0.5


def test_bulk_work_leaves_the_last_part_to_live_work(store):
    store.budgets.declare("acme", "account", Rhythm.of(100, 60, burst=100), by_setting=False)
    bulk = 0
    while not store.budgets.take("acme", [Draw(bucket="account", share=0.7)]):
        bulk += 1
    live = 0
    while not store.budgets.take("acme", [Draw(bucket="account")]):
        live += 1
    assert (bulk, live) == (pytest.approx(70, abs=2), pytest.approx(30, abs=2))


def test_a_request_takes_from_all_its_buckets_or_from_none(store):
    for name in ("account", "tickets-update"):
        store.budgets.declare("acme", name, Rhythm.of(1, 60), by_setting=False)
    assert store.budgets.take("acme", [Draw(bucket="tickets-update")]) == 0
    both = [Draw(bucket="account"), Draw(bucket="tickets-update")]
    assert store.budgets.take("acme", both) == pytest.approx(61, abs=2)
    assert store.budgets.take("acme", [Draw(bucket="account")]) == 0


def test_a_long_wait_is_put_off_and_holds_no_worker(store):
    pace = a_pace(store, limits={"account": 1})
    pace.take([a_charge()])
    started_at = time.monotonic()
    with pytest.raises(RateLimited) as refused:
        pace.take([a_charge()])
    assert time.monotonic() - started_at < 1
    assert refused.value.retry_after > 50
    assert refused.value.retryable


def test_a_short_wait_is_waited(store):
    pace = a_pace(store, limits={"account": 1})
    charge = a_charge(seconds=0.5)
    started_at = time.monotonic()
    pace.take([charge])
    pace.take([charge])
    assert 0.4 < time.monotonic() - started_at < 2


def test_a_429_is_obeyed_by_everyone_at_once(store):
    first, second = a_pace(store), a_pace(store)
    second.take([a_charge()])
    first.take([a_charge()])
    first.learn([a_charge()], [], blocked=34)
    with pytest.raises(RateLimited) as refused:
        second.take([a_charge()])
    assert 33 < refused.value.retry_after < 55
    first.learn([a_charge()], [], blocked=300)
    with bulk_work(), pytest.raises(RateLimited):
        first.take([a_charge()])


def test_a_used_up_sub_limit_stops_only_what_draws_from_it(store):
    pace = a_pace(store)
    charges = ZendeskLimits().charges("PUT", "/api/v2/tickets/7.json")
    pace.take(charges)
    headers = {
        "X-Rate-Limit-Remaining": "600",
        "zendesk-ratelimit-per-ticket-updates": "total=30; remaining=0; resets=468",
    }
    pace.learn(charges, ZendeskLimits().readings(headers, charges), blocked=468)
    with pytest.raises(RateLimited):
        pace.take(charges)
    pace.take(ZendeskLimits().charges("GET", "/api/v2/tickets/7.json"))


def test_the_plan_s_limit_is_learned_and_a_lower_setting_wins(store):
    def allowed():
        with store.database.transaction() as database:
            return database.exec_driver_sql("select allowed from budgets").scalar()

    pace = a_pace(store)
    pace.take([a_charge()])
    assert allowed() == 200
    pace.learn([a_charge()], [Reading(bucket="account", limit=700)], blocked=None)
    assert allowed() == 700
    a_pace(store).take([a_charge()])
    assert allowed() == 700, "another worker's start forgets nothing"
    a_pace(store, limits={"account": 400}).take([a_charge()])
    assert allowed() == 400


def test_a_dear_first_request_is_counted_anew_when_the_plan_s_limit_is_learned(store):
    pace, charge = a_pace(store), a_charge(limit=50, cost=7, largest=7)
    with bulk_work():
        pace.take([charge])
    pace.learn([charge], [Reading(bucket="account", limit=2000)], blocked=None)
    began = time.monotonic()
    with bulk_work():
        pace.take([charge])
    assert time.monotonic() - began < 2, "seven of fifty a minute would be eight seconds and more"


def test_what_others_leave_of_the_budget_is_spread_over_the_rest_of_the_window(store):
    pace = a_pace(store)
    pace.take([a_charge()])
    pace.learn(
        [a_charge()],
        [Reading(bucket="account", limit=200, remaining=0, resets_in=20)],
        blocked=None,
    )
    with pytest.raises(RateLimited) as refused:
        pace.take([a_charge()])
    assert 15 < refused.value.retry_after < 31


def test_the_last_of_a_window_whose_end_nobody_names_is_left_to_those_who_draw_beside_us(store):
    pace, charge = a_pace(store), a_charge(limit=2000, cost=4, largest=7)
    pace.take([charge])
    pace.learn([charge], [Reading(bucket="account", limit=2000, remaining=40)], blocked=None)
    pace.take([charge])
    pace.learn([charge], [Reading(bucket="account", limit=2000, remaining=39)], blocked=None)
    with pytest.raises(RateLimited) as refused:
        pace.take([charge])
    assert 4 < refused.value.retry_after < 9


def test_bulk_work_stops_while_others_use_what_is_kept_for_live_work(store):
    pace = a_pace(store)
    pace.take([a_charge()])
    reading = Reading(bucket="account", limit=200, remaining=50, resets_in=600)
    pace.learn([a_charge()], [reading], blocked=None)
    assert store.budgets.take("acme", [Draw(bucket="account", share=0.7)]) > 500
    assert store.budgets.take("acme", [Draw(bucket="account")]) < 20


def test_a_database_that_fails_stops_the_request_but_loses_no_answer(store):
    class Failing:
        def __getattr__(self, name):
            def fail(*given, **named):
                raise StoreUnavailable("OperationalError")

            return fail

    pace = AccountPace(Failing(), ACME)
    pace.learn([a_charge()], [Reading(bucket="account", limit=1, remaining=0)], blocked=5)
    with pytest.raises(StoreUnavailable):
        pace.take([a_charge()])


def test_freshdesk_counts_embeds_and_follows_the_plan_s_sub_limits():
    limits = FreshdeskLimits()
    path = "/api/v2/tickets?updated_since=2026-01-01&include=stats,requester,description"
    account, lists = limits.charges("GET", path)
    assert (account.cost, lists.bucket) == (7, "ticket-list")
    assert limits.charges("GET", "/api/v2/tickets/5?include=stats,company")[0].cost == 3
    headers = {"X-Ratelimit-Total": "400", "X-Ratelimit-Remaining": "399"}
    readings = limits.readings(headers, limits.charges("PUT", "/api/v2/tickets/5"))
    assert {reading.bucket: reading.limit for reading in readings} == {
        "account": 400,
        "ticket-update": 160,
    }


@pytest.mark.parametrize(
    "name", ["zendesk-rate-limit-tickets-update", "Zendesk-Ratelimit-Tickets-Update"]
)
def test_zendesk_s_headers_are_read_in_both_spellings(name):
    charges = ZendeskLimits().charges("PUT", "/api/v2/tickets/5")
    headers = {name: "total=20; remaining=19; resets=60", "rate-limit": "400"}
    readings = ZendeskLimits().readings(headers, charges)
    assert [(r.bucket, r.limit) for r in readings] == [("account", 400), ("tickets-update", 20)]


@responses.activate
def test_a_connector_s_429_is_learned_before_the_next_request_is_sent(store):
    connection = Connection(
        key="acme",
        vendor="freshdesk",
        base_url="https://acme.freshdesk.com",
        credentials={"api_key": "k"},
    )
    responses.get(
        "https://acme.freshdesk.com/api/v2/tickets/5", status=429, headers={"Retry-After": "40"}
    )
    connect = VENDORS["freshdesk"].connect
    for _ in range(3):
        with pytest.raises(RateLimited):
            connect(connection, AccountPace(store.budgets, connection)).fetch("5")
    assert len(responses.calls) == 1


def test_jobs_in_flight_are_no_rate_and_hold_nobody_while_some_are_left():
    charges = ZendeskLimits().charges("PUT", "/api/v2/tickets/update_many.json")
    name = "zendesk-ratelimit-inflight-jobs"
    left = {name: "total=30; remaining=26; resets=60"}
    assert ZendeskLimits().readings(left, charges) == []
    none = {name: "total=30; remaining=0; resets=60"}
    assert [r.remaining for r in ZendeskLimits().readings(none, charges)] == [0]
