"""Many Zendesk tickets in one call: bulk updates, jobs, the export, searches; how tickets end."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import requests
from sandbox_http import Json, Target, ZendeskApi

from plugin.sandbox.clock import SetClock
from plugin.sandbox.server import create_sandbox, serving
from plugin.sandbox.zendesk.load import load_past

NOW = datetime(2026, 11, 23, 8, 30, tzinfo=UTC)


@pytest.fixture
def clock() -> SetClock:
    return SetClock(NOW)


@pytest.fixture
def api(clock: SetClock) -> Iterator[ZendeskApi]:
    sandbox = create_sandbox(clock)
    with serving(sandbox) as address:
        client = ZendeskApi(address, sandbox)
        for number in range(3):
            client.account.receive_email(f"Mail {number + 1}", "Help", f"p{number}@alpen.test")
        yield client


@pytest.fixture
def target() -> Iterator[Target]:
    receiver = Target()
    yield receiver
    receiver.close()


def batch(api: ZendeskApi, *tickets: Json) -> requests.Response:
    return api("PUT", "tickets/update_many.json", {"tickets": list(tickets)})


def finish(api: ZendeskApi, clock: SetClock, job: requests.Response) -> Json:
    clock.advance(1)
    number = job.json()["job_status"]["id"]
    return dict(api.get(f"job_statuses/{number}.json")["job_status"])


def test_a_job_is_queued_and_done_a_moment_later(api: ZendeskApi, clock: SetClock) -> None:
    job = batch(api, {"id": 1, "priority": "high"}, {"id": 2, "priority": "low"})
    assert job.json()["job_status"]["status"] == "queued"
    assert api.ticket(1)["priority"] is None
    done = finish(api, clock, job)
    assert (done["status"], done["progress"], done["total"]) == ("completed", 2, 2)
    assert done["results"][0] == {"action": "update", "status": "Updated", "success": True, "id": 1}
    assert [api.ticket(n)["priority"] for n in (1, 2)] == ["high", "low"]
    both = api.get(f"job_statuses/show_many?ids={done['id']},none")["job_statuses"]
    assert [one["id"] for one in both] == [done["id"]]


def test_a_batch_reports_each_refusal_and_does_the_rest(api: ZendeskApi, clock: SetClock) -> None:
    api.update(2, status="closed")
    stale = {"updated_stamp": "2026-11-20T00:00:00Z", "safe_update": True}
    job = batch(api, {"id": 1, "priority": "high", **stale}, {"id": 2, "priority": "high"},
                {"id": 3, "priority": "high", "safe_update": True,
                 "updated_stamp": api.ticket(3)["updated_at"]},
                {"id": 99, "priority": "high"})  # fmt: skip
    results = finish(api, clock, job)["results"]
    assert [r["success"] for r in results] == [False, False, True, False]
    assert [r.get("error") for r in results] == ["UpdateConflict", "RecordInvalid", None,
                                                 "RecordNotFound"]  # fmt: skip
    assert "closed prevents ticket update" in results[1]["details"]


def test_more_than_a_hundred_are_refused(api: ZendeskApi) -> None:
    ids = ",".join(map(str, range(1, 102)))
    for answer in (api("GET", f"tickets/show_many?ids={ids}"),
                   api("PUT", f"tickets/update_many?ids={ids}", {"ticket": {"priority": "low"}}),
                   batch(api, *({"id": n} for n in range(1, 102)))):  # fmt: skip
        assert answer.status_code == 400
        assert answer.json()["error"] == "TooManyValues"
        assert answer.json()["max_count"] == 100


def test_the_thirty_first_job_is_one_too_many(api: ZendeskApi, clock: SetClock) -> None:
    api.account.configure(job_seconds=10)
    answers = [batch(api, {"id": 1, "priority": "high"}) for _ in range(31)]
    assert [answer.ok for answer in answers] == [True] * 30 + [False]
    assert answers[30].json()["error"] == "TooManyJobs"
    assert (
        answers[29].headers["zendesk-ratelimit-inflight-jobs"].startswith("total=30; remaining=0")
    )
    clock.advance(11)
    assert batch(api, {"id": 1, "priority": "low"}).ok


def test_additional_tags_are_honoured_in_bulk_and_by_setting_in_a_batch(
    api: ZendeskApi, clock: SetClock
) -> None:
    api.update(1, tags=["a", "b"])
    change = {"additional_tags": ["c"], "remove_tags": ["a"]}
    finish(api, clock, api("PUT", "tickets/update_many?ids=1", {"ticket": change}))
    assert api.ticket()["tags"] == ["b", "c"]
    finish(api, clock, batch(api, {"id": 1, "additional_tags": ["d"]}))
    assert api.ticket()["tags"] == ["b", "c", "d"]
    api.account.configure(batch_additional_tags=False)
    finish(api, clock, batch(api, {"id": 1, "additional_tags": ["e"]}))
    assert api.ticket()["tags"] == ["b", "c", "d"]


def test_show_many_leaves_out_what_does_not_exist_and_brings_people(api: ZendeskApi) -> None:
    told = api.get("tickets/show_many.json?ids=1,3,99&include=users,organizations")
    assert [t["id"] for t in told["tickets"]] == [1, 3]
    assert len(told["users"]) == 2


def test_the_export_goes_on_from_its_cursor_to_the_end_of_the_stream(
    api: ZendeskApi, clock: SetClock
) -> None:
    load_past(api.account, tickets=50, organizations=5)
    clock.advance(61)
    path = "incremental/tickets/cursor.json?start_time=1000000000&per_page=20&include=users"
    seen, ends = [], []
    while not ends or not ends[-1]:
        answer = api.get(path)
        seen += [t["id"] for t in answer["tickets"]]
        ends.append(answer["end_of_stream"])
        path = answer["after_url"].split("/api/v2/")[1]
        assert answer["users"]
    assert ends == [False, False, True]
    assert sorted(seen) == list(range(1, 54))


def test_the_export_lags_a_minute_takes_ten_calls_a_minute_and_shows_deleted_tickets(
    api: ZendeskApi, clock: SetClock
) -> None:
    api.account.spam(2)
    path = "incremental/tickets/cursor.json?start_time=1000000000"
    assert api.get(path)["tickets"] == []
    recent = f"incremental/tickets/cursor?start_time={int(NOW.timestamp())}"
    assert api("GET", recent).status_code == 400
    clock.advance(61)
    assert [t["status"] for t in api.get(path)["tickets"]] == ["new", "deleted", "new"]
    statuses = [api("GET", path).status_code for _ in range(10)]
    assert statuses == [200] * 9 + [429]


def test_searches_find_by_tag_status_organization_and_time(api: ZendeskApi) -> None:
    api.update(2, tags=["vip"], status="pending")
    for query, found in (("type:ticket tags:vip", [2]), ("status:pending", [2]),
                         ("status<pending", [1, 3]), ('"Mail 3"', [3]),
                         ("created>2026-11-24", []),
                         ("created>=2026-11-23 status:new", [1, 3])):  # fmt: skip
        rows = requests.get(f"{api.base}/api/v2/search.json", params={"query": query},
                            headers=dict(api.session.headers), timeout=5).json()  # fmt: skip
        assert [row["id"] for row in rows["results"]] == found, query
    people = api.get("search?query=type:user p1@alpen.test")["results"]
    assert [row["result_type"] for row in people] == ["user"] * len(people)


def test_the_search_export_wants_its_type_apart_and_pages_by_cursor(api: ZendeskApi) -> None:
    assert api("GET", "search/export?query=status:new").status_code == 422
    path = "search/export.json?query=status:new&filter[type]=ticket&page[size]=2"
    first = api.get(path)
    assert len(first["results"]) == 2
    assert first["meta"]["has_more"]
    second = api.session.get(first["links"]["next"], timeout=5).json()
    assert [row["id"] for row in second["results"]] == [3]


def test_audits_and_comments_bring_their_authors(api: ZendeskApi) -> None:
    api.account.agent_replies(1, "On it")
    for name in ("audits", "comments"):
        told = api.get(f"tickets/1/{name}.json?include=users")
        assert {u["id"] for u in told["users"]} == {row["author_id"] for row in told[name]}
    newest = api.get("tickets/1/comments?sort_order=desc")["comments"][0]
    assert newest["body"] == "On it"
    paged = api.get("tickets/1/audits?page[size]=1")
    assert paged["meta"]["has_more"]


def test_a_merge_a_spam_mark_and_a_deletion_are_events(api: ZendeskApi, target: Target) -> None:
    api.account.webhook_target(target.url)
    api("POST", "tickets/1/merge", {"ids": [2]})
    api.sandbox.clock.advance(1)
    assert api.ticket(2)["status"] == "closed"
    api("PUT", "tickets/3/mark_as_spam")
    api("DELETE", "tickets/1")
    assert api.sandbox.wait_idle()
    assert target.named("merged")[0]["event"]["target_ticket_id"] == "1"
    (spam,), (deleted,) = target.named("marked_as_spam"), target.named("soft_deleted")
    assert (spam["detail"]["id"], spam["detail"]["status"]) == ("3", "DELETED")
    assert deleted["subject"] == "zen:ticket:1"
    assert api("PUT", "deleted_tickets/1/restore").ok
    assert api.ticket(1)["status"] == "new"
    assert api.sandbox.wait_idle()
    assert target.named("undeleted")


@pytest.mark.parametrize(
    ("setting", "status", "due"),
    [("ignore", 200, None), ("clear", 200, None), ("refuse", 422, None),
     ("keep", 200, "2026-11-25T10:00:00Z")],
)  # fmt: skip
def test_what_becomes_of_a_due_date_on_a_ticket_that_is_no_task_is_a_setting(
    api: ZendeskApi, setting: str, status: int, due: str | None
) -> None:
    api.account.configure(due_on_other_types=setting)
    answer = api.update(1, type="incident", due_at="2026-11-25T10:00:00Z")
    assert answer.status_code == status
    assert api.ticket()["due_at"] == due


def test_wrong_values_are_refused_by_name(api: ZendeskApi) -> None:
    for fields, name in (({"priority": "blocker"}, "priority"), ({"group_id": 5}, "group"),
                         ({"assignee_id": 5}, "assignee"), ({"type": "bug"}, "type")):  # fmt: skip
        answer = api.update(1, **fields)
        assert answer.status_code == 422
        assert list(answer.json()["details"]) == [name]
    bad = api.update(1, type="task", due_at="tomorrow")
    assert bad.status_code == 400
    assert bad.json()["error"]["title"] == "Invalid attribute"


def test_the_export_by_time_goes_on_a_second_after_its_last_change(
    api: ZendeskApi, clock: SetClock
) -> None:
    api.account.create_organization("Alpen Tours", "enterprise")
    clock.advance(61)
    for name, count in (("tickets", 3), ("organizations", 1), ("users", 5)):
        told = api.get(f"incremental/{name}.json?start_time=1000000000")
        assert (len(told[name]), told["count"], told["end_of_stream"]) == (count, count, True)
        assert told["end_time"] == int(NOW.timestamp())
        rest = api.session.get(told["next_page"], timeout=5).json()
        assert rest[name] == []
