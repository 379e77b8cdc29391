"""The Zendesk half of the sandbox, over HTTP, held against the vendor's documented behaviour."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import requests
from sandbox_http import Json, Target, ZendeskApi

from plugin.sandbox.server import create_sandbox, serving


class Watch:
    """A clock that tests set."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 23, 8, 30, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def api(watch: Watch) -> Iterator[ZendeskApi]:
    sandbox = create_sandbox(clock=watch)
    with serving(sandbox) as address:
        client = ZendeskApi(address, sandbox)
        client.account.create_organization("Alpen Tours", "enterprise", "agent@sandbox.test")
        client.account.receive_email(
            "Checkout is down", "Error 500", "eva@alpen.test", "Eva", "Alpen Tours", language="fr"
        )
        yield client


@pytest.fixture
def target() -> Iterator[Target]:
    receiver = Target()
    yield receiver
    receiver.close()


def field_id(api: ZendeskApi, title: str) -> int:
    fields = api("GET", "ticket_fields.json").json()["ticket_fields"]
    return int(next(f["id"] for f in fields if f["title"] == title))


def test_a_partner_email_becomes_a_ticket_with_its_people(api: ZendeskApi) -> None:
    answer = api("GET", "tickets/1?include=users,organizations").json()
    ticket = answer["ticket"]
    assert (ticket["via"]["channel"], ticket["status"], ticket["type"]) == ("email", "new", None)
    assert ticket["created_at"] == "2026-11-23T08:30:00Z"
    assert len(ticket["custom_fields"]) == 5
    assert answer["organizations"][0]["organization_fields"]["sla_tier"] == "enterprise"
    assert {"name": "Eva", "locale": "fr"}.items() <= answer["users"][0].items()
    first = api("GET", "tickets/1/audits.json").json()["audits"][0]
    assert {event["type"] for event in first["events"]} == {"Comment", "Create"}


def test_without_a_token_reads_are_refused_but_users_me_answers_an_anonymous_user(
    api: ZendeskApi,
) -> None:
    refused = requests.get(f"{api.base}/api/v2/tickets/1.json", timeout=5)
    assert refused.status_code == 401
    assert refused.json() == {"error": "Couldn't authenticate you"}
    me = requests.get(f"{api.base}/api/v2/users/me.json", timeout=5)
    assert (me.status_code, me.json()["user"]["name"]) == (200, "Anonymous user")
    assert api("GET", "users/me.json").json()["user"]["role"] == "admin"


def test_a_wrong_client_secret_gets_no_token(api: ZendeskApi) -> None:
    body = {"grant_type": "client_credentials", "client_id": "sandbox-client", "client_secret": "x"}
    assert requests.post(f"{api.base}/oauth/tokens", json=body, timeout=5).status_code == 401


def test_only_a_task_keeps_a_due_date(api: ZendeskApi) -> None:
    due = "2026-11-23T12:30:00Z"
    assert api.update(1, due_at=due).json()["ticket"]["due_at"] is None
    assert api.update(1, type="task", due_at=due).json()["ticket"]["due_at"] == due
    assert api.update(1, type="question").json()["ticket"]["due_at"] is None


def test_an_update_answers_with_an_audit_that_carries_our_metadata(api: ZendeskApi) -> None:
    audit = api.update(1, priority="high", metadata={"stamp": "abc"}).json()["audit"]
    assert audit["metadata"]["custom"] == {"stamp": "abc"}
    assert audit["events"][0].items() >= {
        "type": "Change", "field_name": "priority", "value": "high", "previous_value": None,
    }.items()  # fmt: skip


def test_an_update_that_changes_nothing_moves_neither_stamp_nor_audits(
    api: ZendeskApi, watch: Watch
) -> None:
    api.update(1, priority="high")
    before = api.ticket()["updated_at"]
    watch.now += timedelta(minutes=1)
    assert api.update(1, priority="high").json()["audit"]["events"] == []
    assert api.ticket()["updated_at"] == before
    assert len(api("GET", "tickets/1/audits").json()["audits"]) == 2


def test_a_safe_update_of_an_outdated_ticket_is_a_conflict(api: ZendeskApi, watch: Watch) -> None:
    stamp = api.ticket()["updated_at"]
    watch.now += timedelta(seconds=5)
    api.account.agent_edits(1, {"priority": "low"})
    answer = api.update(1, priority="high", updated_stamp=stamp, safe_update=True)
    assert (answer.status_code, answer.json()["error"]) == (409, "UpdateConflict")
    fresh = api.ticket()["updated_at"]
    assert api.update(1, priority="high", updated_stamp=fresh, safe_update=True).ok


def test_a_closed_ticket_refuses_updates(api: ZendeskApi) -> None:
    api.update(1, status="closed")
    answer = api.update(1, priority="high")
    assert answer.status_code == 422
    assert answer.json()["details"]["status"][0]["description"] == (
        "Status: closed prevents ticket update"
    )


def test_unknown_keys_are_accepted_and_named_in_a_header(api: ZendeskApi) -> None:
    answer = api.update(1, id=1, nonsense=True, priority="low")
    assert answer.ok
    assert '"ticket.id", "ticket.nonsense"' in answer.headers["x-zendesk-api-warn"]


def test_tags_are_replaced_by_a_ticket_update_and_added_by_the_tags_route(api: ZendeskApi) -> None:
    api.update(1, tags=["a", "b"])
    assert api.update(1, tags=["c"]).json()["ticket"]["tags"] == ["c"]
    assert api("PUT", "tickets/1/tags.json", {"tags": ["d"]}).json()["tags"] == ["c", "d"]


def test_a_dropdown_field_and_its_tag_follow_each_other(api: ZendeskApi) -> None:
    kind = field_id(api, "SLA kind")
    api.update(1, custom_fields=[{"id": kind, "value": "sla_kind_error"}])
    assert api.ticket()["tags"] == ["sla_kind_error"]
    api.update(1, tags=["other"])
    values = {f["id"]: f["value"] for f in api.ticket()["custom_fields"]}
    assert values[kind] is None


def test_missing_and_deleted_tickets_are_not_found(api: ZendeskApi) -> None:
    api.account.delete(1)
    for number in (1, 99):
        answer = api("GET", f"tickets/{number}.json")
        assert answer.status_code == 404
        assert answer.json() == {"error": "RecordNotFound", "description": "Not found"}


def test_an_agents_edit_is_that_persons_audit(api: ZendeskApi) -> None:
    api.account.create_agent("Jo", "jo@sandbox.test")
    api.account.agent_edits(1, {"priority": "low", "SLA kind": "sla_kind_question"}, "Jo")
    audit = api("GET", "tickets/1/audits").json()["audits"][-1]
    assert audit["via"]["channel"] == "web"
    found = api("GET", f"users/show_many.json?ids={audit['author_id']},99").json()["users"]
    assert [user["email"] for user in found] == ["jo@sandbox.test"]


def test_a_merge_closes_one_ticket_and_comments_on_the_other(api: ZendeskApi) -> None:
    api.account.receive_email("Again", "Still down", "eva@alpen.test")
    api.account.merge(2, 1)
    assert api.ticket(2)["status"] == "closed"
    assert "closed_by_merge" in api.ticket(2)["tags"]
    assert "#2" in api("GET", "tickets/1/comments").json()["comments"][-1]["body"]


def test_the_export_leaves_out_the_last_minute(api: ZendeskApi, watch: Watch) -> None:
    path = f"incremental/tickets/cursor.json?start_time={int(watch.now.timestamp()) - 3600}"
    assert api("GET", path).json()["tickets"] == []
    watch.now += timedelta(seconds=90)
    first = api("GET", path).json()
    assert [t["id"] for t in first["tickets"]] == [1]
    assert first["end_of_stream"] is True
    cursor = first["after_cursor"]
    assert api("GET", f"incremental/tickets/cursor?cursor={cursor}").json()["tickets"] == []


def test_update_many_runs_as_a_job(api: ZendeskApi) -> None:
    job = api("PUT", "tickets/update_many.json?ids=1,99", {"ticket": {"additional_tags": ["x"]}})
    assert job.headers["zendesk-ratelimit-inflight-jobs"].startswith("total=30; remaining=29;")
    assert job.json()["job_status"]["status"] == "queued"
    status = finished(api, job)
    assert [r["success"] for r in status["results"]] == [True, False]
    assert api.ticket()["tags"] == ["x"]


def finished(api: ZendeskApi, job: requests.Response) -> Json:
    number = job.json()["job_status"]["id"]
    while (status := api("GET", f"job_statuses/{number}.json").json()["job_status"])[
        "status"
    ] != "completed":
        time.sleep(0.05)
    return dict(status)


def test_the_rate_limit_is_told_and_kept(api: ZendeskApi) -> None:
    api.account.configure(rate_limit=2)
    assert api("GET", "tickets/1").headers["x-rate-limit-remaining"] == "1"
    assert api("GET", "tickets/1").ok
    refused = api("GET", "tickets/1")
    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 61


def test_one_ticket_takes_thirty_updates_in_ten_minutes(api: ZendeskApi) -> None:
    answers = [api.update(1, priority=p) for p in ("low", "high") * 15]
    assert all(answer.ok for answer in answers)
    header = answers[-1].headers["zendesk-ratelimit-per-ticket-updates"]
    assert header.startswith("total=30; remaining=0; resets=")
    assert api.update(1, priority="low").status_code == 429


def test_events_are_signed_and_shaped_as_zendesk_sends_them(
    api: ZendeskApi, target: Target
) -> None:
    api.account.webhook_target(target.url, "s3cret")
    api.update(1, priority="high", type="task", due_at="2026-11-23T12:30:00Z", tags=["vip"])
    assert api.sandbox.wait_idle()
    assert len(target.received) == 4
    for headers, body in target.received:
        stamp = headers["X-Zendesk-Webhook-Signature-Timestamp"]
        digest = hmac.new(b"s3cret", stamp.encode() + body, hashlib.sha256).digest()
        assert headers["X-Zendesk-Webhook-Signature"] == base64.b64encode(digest).decode()
        assert body.startswith(b'{\n   "account_id"')
        assert body.endswith(b"}\n")
    change = target.named("priority_changed")[0]
    assert change["event"].items() >= {"current": "HIGH", "previous": None}.items()
    assert change["detail"].items() >= {"id": "1", "status": "NEW", "type": "TASK"}.items()
    assert len(change["time"]) == len("2026-11-23T08:30:00.000000030Z")
    assert target.named("task_due_at_changed")
    assert target.named("tags_changed")[0]["event"]["tags_added"] == ["vip"]
    events = [json.loads(body)["event"] for _, body in target.received]
    assert len({e["meta"]["sequence"]["id"] for e in events}) == 1
    invocations = {h["X-Zendesk-Webhook-Invocation-Id"] for h, _ in target.received}
    assert len(invocations) == 4


def test_a_new_ticket_without_tags_says_null(api: ZendeskApi, target: Target) -> None:
    api.account.webhook_target(target.url)
    api.account.receive_email("Hi", "Question")
    assert api.sandbox.wait_idle()
    assert target.named("created")[0]["detail"]["tags"] is None


def test_a_webhook_answered_429_comes_again_under_the_same_invocation(
    api: ZendeskApi, target: Target
) -> None:
    api.account.configure(retry_scale=0.01)
    target.answers = [429]
    api.account.webhook_target(target.url)
    api.update(1, priority="high")
    assert api.sandbox.wait_idle()
    names = [h["X-Zendesk-Webhook-Invocation-Id"] for h, _ in target.received]
    assert len(names) == 2
    assert len(set(names)) == 1
    assert [d["status"] for d in api.sandbox.deliveries] == [429, 200]


def test_a_webhook_answered_500_is_not_repeated(api: ZendeskApi, target: Target) -> None:
    target.answers = [500]
    api.account.webhook_target(target.url)
    api.update(1, priority="high")
    assert api.sandbox.wait_idle()
    assert len(target.received) == 1


def test_a_trigger_posts_its_own_body_and_its_tags_are_a_rules_audit(
    api: ZendeskApi, target: Target
) -> None:
    made = api("POST", "webhooks", {"webhook": {
        "name": "t", "endpoint": target.url, "http_method": "POST", "status": "active",
        "request_format": "json", "subscriptions": ["conditional_ticket_events"]}})  # fmt: skip
    webhook = made.json()["webhook"]
    secret = api("GET", f"webhooks/{webhook['id']}/signing_secret").json()["signing_secret"]
    assert secret["algorithm"] == "SHA256"
    made = api("POST", "triggers", {"trigger": {
        "title": "tell", "all": [{"field": "update_type", "operator": "is", "value": "Change"}],
        "actions": [
            {"field": "notification_webhook", "value": [webhook["id"], '{"id": {{ticket.id}}}']},
            {"field": "current_tags", "value": "seen"}]}})  # fmt: skip
    assert made.json()["trigger"]["conditions"]["all"]
    api.update(1, priority="high")
    assert api.sandbox.wait_idle()
    assert [body for _, body in target.received] == [b'{"id": 1}']
    last = api("GET", "tickets/1/audits").json()["audits"][-1]
    assert (last["via"]["channel"], api.ticket()["tags"]) == ("rule", ["seen"])


def test_webhooks_can_be_listed_tested_changed_and_deleted(api: ZendeskApi, target: Target) -> None:
    made = api("POST", "webhooks", {"webhook": {
        "name": "sla", "endpoint": target.url,
        "subscriptions": ["zen:event-type:ticket.created"]}})  # fmt: skip
    assert made.status_code == 201
    number = made.json()["webhook"]["id"]
    listed = api("GET", "webhooks?filter[name_contains]=SL").json()["webhooks"]
    assert [w["id"] for w in listed] == [number]
    tried = api("POST", f"webhooks/test?webhook_id={number}", {"request": {}})
    assert tried.json()["response"]["status_code"] == 200
    change = {"webhook": {"status": "inactive"}}
    assert api("PUT", f"webhooks/{number}", change).status_code == 204
    assert api("DELETE", f"webhooks/{number}").status_code == 204
    assert api("GET", f"webhooks/{number}").status_code == 404


def test_a_fault_loses_the_answer_of_an_update_that_was_done(api: ZendeskApi) -> None:
    root = api.base.removesuffix("/zendesk/acme")
    fault = {"vendor": "zendesk", "kind": "reset", "method": "PUT", "after": True}
    assert requests.post(f"{root}/sandbox/faults", json=[fault], timeout=5).ok
    with pytest.raises(requests.ConnectionError):
        api.update(1, priority="urgent")
    assert api.ticket()["priority"] == "urgent"


def test_faults_of_the_api_and_of_webhooks(api: ZendeskApi, target: Target) -> None:
    api.account.webhook_target(target.url)
    root = api.base.removesuffix("/zendesk/acme")
    faults = [{"kind": "503"}, {"kind": "429", "retry_after": 7}, {"kind": "duplicate"}]
    requests.post(f"{root}/sandbox/faults", json=faults, timeout=5)
    assert api("GET", "tickets/1").status_code == 503
    assert api("GET", "tickets/1").headers["Retry-After"] == "7"
    api.update(1, priority="low")
    assert api.sandbox.wait_idle()
    ids = [h["X-Zendesk-Webhook-Invocation-Id"] for h, _ in target.received]
    assert len(ids) == 2
    assert len(set(ids)) == 1
    calls = requests.get(f"{root}/sandbox/calls?vendor=zendesk", timeout=5).json()
    assert [c["status"] for c in calls[-3:]] == [503, 429, 200]
    assert calls[-1]["body"] == {"ticket": {"priority": "low"}}


def test_the_control_plane_speaks_http(api: ZendeskApi) -> None:
    root = api.base.removesuffix("/zendesk/acme")
    mail = {
        "subject": "Hello",
        "body": "Help",
        "from": "bo@alpen.test",
        "organization": "Alpen Tours",
        "at": "2026-11-20T15:55:00Z",
        "channel": "email",
        "language": "de",
    }
    made = requests.post(f"{root}/sandbox/zendesk/acme/emails", json=mail, timeout=5)
    assert made.json()["created_at"] == "2026-11-20T15:55:00Z"
    number = made.json()["id"]
    note = {"ticket": number, "body": "Looking", "at": "2026-11-20T15:58:00Z"}
    assert requests.post(f"{root}/sandbox/zendesk/acme/notes", json=note, timeout=5).ok
    assert requests.post(f"{root}/sandbox/zendesk/acme/replies", json=note, timeout=5).ok
    comments = api("GET", f"tickets/{number}/comments").json()["comments"]
    assert [c["public"] for c in comments] == [True, False, True]
    wrong = requests.post(f"{root}/sandbox/zendesk/acme/emails", json={"oops": 1}, timeout=5)
    assert wrong.status_code == 400
