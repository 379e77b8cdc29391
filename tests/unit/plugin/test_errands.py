"""What an admin asks of a worker in a helpdesk account: done once, told step by step, mendable."""

import pytest
from sqlalchemy import text

from plugin.errands import ErrandKind, request_to_stored, run_errand
from plugin.retention import prune
from plugin.sandbox.faults import Fault
from plugin.store.errands import ErrandState


def ask(here, kind, request=None, *, vendor="zendesk", key="acme"):
    store = here.services.store
    return store.errands.ask(
        kind, vendor, key, request or {}, by="admin@example.com", at=here.services.clock()
    )


def do(here, kind, request=None, **given):
    """Ask for an errand, do it as a worker does, and return it."""
    number = ask(here, kind, request, **given)
    run_errand(here.services, number)
    return here.services.store.errands.get(number)


@pytest.fixture
def wanted(here):
    here.account("zendesk")
    return request_to_stored(here.request("zendesk"))


def test_a_plan_says_what_would_be_made_and_writes_nothing(here, wanted):
    done = do(here, ErrandKind.PLAN, wanted, key=None)
    assert done.state is ErrandState.DONE
    assert {step["standing"] for step in done.result["steps"]} == {"make"}
    assert done.result["who"] == "Sandbox Admin"
    assert here.writes() == []
    assert here.services.store.errands.request(done.id) == wanted  # for the yes that follows


def test_connecting_tells_each_step_and_forgets_the_credentials(here, wanted):
    done = do(here, ErrandKind.CONNECT, wanted, key=None)
    assert (done.state, done.connection) == (ErrandState.DONE, "acme")
    assert {line["did"] for line in done.lines} == {"made"}
    assert here.connected().webhook_secrets
    assert here.services.store.errands.request(done.id) is None


def test_what_a_worker_began_and_another_one_takes_up_is_made_once(here, wanted):
    number = ask(here, ErrandKind.CONNECT, wanted, key=None)
    errands = here.services.store.errands
    assert errands.begin(number, here.services.clock())
    errands.tell(number, {"title": {"text": "of the dead worker"}}, here.services.clock())
    run_errand(here.services, number)
    assert "of the dead worker" not in str(errands.get(number).lines)
    assert here.writes()
    run_errand(here.services, number)  # the job comes once more: the errand has ended
    assert list(here.sandbox.calls) == []
    assert errands.get(number).state is ErrandState.DONE


def job(here, number):
    """What the engine has of an errand: its lock and queue."""
    query = text(
        "select lock, queue_name from procrastinate_jobs"
        " where task_name = 'run_errand' and status = 'todo' and args->>'number' = :number"
    )
    with here.services.store.database.transaction() as database:
        return database.execute(query, {"number": number}).all()


def test_a_double_click_does_not_connect_an_account_twice_at_once(here, wanted):
    first, second = (ask(here, ErrandKind.CONNECT, wanted, key=None) for _ in range(2))
    assert first != second
    assert job(here, first) == job(here, second)  # those of one lock run one after another


def test_an_errand_that_the_database_cut_short_is_taken_up_again(here, wanted):
    number = ask(here, ErrandKind.PLAN, wanted, key=None)
    errands, before = here.services.store.errands, job(here, number)
    with here.services.store.database.transaction() as database:
        database.execute(text("update procrastinate_jobs set status = 'failed'"))
    assert job(here, number) == []
    assert errands.requeue_failed() >= 1
    assert job(here, number) == before
    assert errands.requeue_failed() == 0


def test_a_test_delivery_that_arrives_is_told(here, wanted):
    do(here, ErrandKind.CONNECT, wanted, key=None)
    done = do(here, ErrandKind.TEST)
    assert done.result["arrived"] is True
    assert "told to call the webhook" in done.lines[0]["title"]["text"]


def test_refused_credentials_are_told_and_can_be_typed_again(here, wanted):
    wrong = {**wanted, "credentials": {"client_id": "x", "client_secret": "y"}}
    done = do(here, ErrandKind.PLAN, wrong, key=None)
    assert done.state is ErrandState.FAILED
    assert "does not accept the credentials" in done.result["faults"][0]["text"]
    assert here.services.store.errands.request(done.id)["address"] == wanted["address"]


def test_a_helpdesk_that_stops_answering_ends_the_errand_and_it_goes_on_when_asked_again(
    here, wanted
):
    here.sandbox.faults.add(Fault(kind="503", method="POST", path="organization_fields", count=1))
    failed = do(here, ErrandKind.CONNECT, wanted, key=None)
    assert failed.state is ErrandState.FAILED
    assert "did not answer well" in failed.result["faults"][0]["text"]
    assert len(failed.lines) == 5  # the ticket fields
    done = do(here, ErrandKind.CONNECT, here.services.store.errands.request(failed.id), key=None)
    assert [line["did"] for line in done.lines[:6]] == ["kept"] * 5 + ["made"]
    assert done.state is ErrandState.DONE


def test_disconnecting_tells_what_was_removed_and_forgets_the_account(here, wanted):
    do(here, ErrandKind.CONNECT, wanted, key=None)
    done = do(here, ErrandKind.DISCONNECT, {"keep_fields": True, "forget": False})
    assert {line["did"] for line in done.lines} == {"removed", "kept"}
    assert here.connected() is None


def test_disconnecting_twice_says_calmly_that_it_is_done_already(here, wanted):
    do(here, ErrandKind.CONNECT, wanted, key=None)
    first, second = (ask(here, ErrandKind.DISCONNECT) for _ in range(2))
    for number in (first, second):
        run_errand(here.services, number)
    done = here.services.store.errands.get(second)
    assert (done.state, done.lines) == (ErrandState.DONE, [])
    assert done.result["text"]["text"].startswith("acme is disconnected already")


def test_errands_are_not_kept_beside_their_credentials(here, wanted):
    number = ask(here, ErrandKind.PLAN, wanted, key=None)
    with here.services.store.database.transaction() as database:
        database.execute(text("update errands set moved_at = moved_at - interval '25 hours'"))
    prune(here.services.store, here.services.clock())
    assert here.services.store.errands.get(number) is None
