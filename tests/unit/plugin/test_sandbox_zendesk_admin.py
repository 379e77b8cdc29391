"""Zendesk's admin side of the sandbox: what connecting an account reads and creates."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import requests
from sandbox_http import Json, Target, ZendeskApi

from plugin.sandbox.clock import SetClock
from plugin.sandbox.server import create_sandbox, serving
from plugin.sandbox.webhooks import Attempt

NOW = datetime(2026, 11, 23, 8, 30, tzinfo=UTC)


@pytest.fixture
def clock() -> SetClock:
    return SetClock(NOW)


@pytest.fixture
def api(clock: SetClock) -> Iterator[ZendeskApi]:
    sandbox = create_sandbox(clock)
    with serving(sandbox) as address:
        client = ZendeskApi(address, sandbox)
        client.account.create_organization(
            "Alpen Tours", "enterprise", domains=["alpen.test"], external_id="A-1"
        )
        client.account.receive_email("Checkout is down", "Error 500", "eva@alpen.test", "Eva")
        yield client


@pytest.fixture
def target() -> Iterator[Target]:
    receiver = Target()
    yield receiver
    receiver.close()


def basic(api: ZendeskApi, login: str, path: str) -> requests.Response:
    return requests.get(f"{api.base}/api/v2/{path}", auth=(login, "sandbox-token"), timeout=5)


def events(target: Target, subject: str) -> list[str]:
    kinds = [body["type"].removeprefix("zen:event-type:") for body in target.bodies()]
    return [kind for kind in kinds if kind.startswith(subject)]


def subscribe(api: ZendeskApi, target: Target, *kinds: str, **more: object) -> Json:
    body = {"name": "sla", "endpoint": target.url, "http_method": "POST", "status": "active",
            "request_format": "json", **more,
            "subscriptions": [f"zen:event-type:{kind}" for kind in kinds]}  # fmt: skip
    return dict(api("POST", "webhooks", {"webhook": body}).json()["webhook"])


def test_an_api_token_acts_as_the_person_it_names(api: ZendeskApi) -> None:
    me = basic(api, "agent@sandbox.test/token", "users/me.json").json()["user"]
    assert me["role"] == "agent"
    assert basic(api, "nobody@sandbox.test/token", "tickets/1").status_code == 401
    assert basic(api, "agent@sandbox.test", "tickets/1").status_code == 401
    api.account.configure(api_tokens=False)
    assert basic(api, "agent@sandbox.test/token", "tickets/1").status_code == 401


def test_an_agent_may_not_read_the_export_nor_webhooks(api: ZendeskApi) -> None:
    for path in ("incremental/tickets/cursor?start_time=1", "webhooks", "slas/policies"):
        assert basic(api, "agent@sandbox.test/token", path).status_code == 403


def test_a_token_lives_as_long_as_it_was_asked_to(api: ZendeskApi, clock: SetClock) -> None:
    assert api.sign_in(expires_in=600)["expires_in"] == 600
    clock.advance(599)
    assert api("GET", "tickets/1").ok
    clock.advance(2)
    assert api("GET", "tickets/1").status_code == 401
    assert api.sign_in(expires_in=300)["error"] == "invalid_request"


def test_a_refresh_token_replaces_its_pair_once(api: ZendeskApi) -> None:
    first = api.sign_in()
    given = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    assert api.sign_in(**given)["access_token"] != first["access_token"]
    assert api.sign_in(**given)["error"] == "invalid_grant"


def test_all_tokens_die_before_their_time_where_a_test_wants_it(api: ZendeskApi) -> None:
    api.account.expire_tokens()
    assert api("GET", "tickets/1").status_code == 401


def test_a_plan_sets_the_limits_that_the_headers_tell(api: ZendeskApi) -> None:
    api.account.configure(plan="growth")
    answer = api("GET", "tickets/1")
    assert answer.headers["x-rate-limit"] == answer.headers["ratelimit-limit"] == "400"
    assert 1 <= int(answer.headers["ratelimit-reset"]) <= 61
    api.account.configure(plan="trial")
    header = api.update(1, priority="high").headers["zendesk-ratelimit-tickets-update"]
    assert header.startswith("total=20; remaining=19; resets=")
    api.account.configure(plan="team", high_volume=True)
    assert api("GET", "tickets/1").headers["x-rate-limit"] == "2500"
    with pytest.raises(ValueError, match="plan must be one of"):
        api.account.configure(plan="gold")


def test_organizations_are_created_found_and_changed(api: ZendeskApi) -> None:
    given = {"name": "Bergbahn", "external_id": "B-2", "domain_names": ["berg.test"],
             "organization_fields": {"sla_tier": "starter"}, "tags": ["vip"]}  # fmt: skip
    made = api("POST", "organizations.json", {"organization": given})
    assert made.status_code == 201
    number = made.json()["organization"]["id"]
    again = api("POST", "organizations", {"organization": {"name": "BERGBAHN"}})
    assert again.status_code == 422
    for path in (
        "search?external_id=b-2",
        "search?name=bergbahn",
        f"show_many?ids={number},5",
        "show_many?external_ids=B-2",
        "autocomplete?name=berg",
    ):
        found = api.get(f"organizations/{path}")["organizations"]
        assert [o["id"] for o in found] == [number]
    change = {"organization": {"organization_fields": {"sla_named_contact": "x@y.test"}}}
    changed = api("PUT", f"organizations/{number}.json", change).json()["organization"]
    expected = {"sla_tier": "starter", "sla_named_contact": "x@y.test"}
    assert changed["organization_fields"] == expected
    ticket = api.account.receive_email("Hi", "Help", "new@berg.test")
    assert ticket["organization_id"] == number
    assert api("DELETE", f"organizations/{number}").status_code == 204
    assert api.ticket(ticket["id"])["organization_id"] is None


def test_one_organization_takes_five_updates_a_minute(api: ZendeskApi) -> None:
    number = api.get("organizations")["organizations"][0]["id"]
    change = {"organization": {"notes": "x"}}
    statuses = [api("PUT", f"organizations/{number}", change).status_code for _ in range(6)]
    assert statuses == [200] * 5 + [429]


def test_a_changed_tier_is_an_event_of_the_organization(api: ZendeskApi, target: Target) -> None:
    subscribe(api, target, "organization.custom_field_changed", "organization.created",
              "organization.name_changed", "organization.deleted")  # fmt: skip
    api.account.update_organization("Alpen Tours", tier="free", name="Alpen Reisen")
    api.account.create_organization("Neu")
    assert api.sandbox.wait_idle()
    assert sorted(events(target, "organization")) == [
        "organization.created", "organization.custom_field_changed", "organization.name_changed",
    ]  # fmt: skip
    (changed,) = target.named("custom_field_changed", "organization")
    assert changed["subject"].startswith("zen:organization:")
    assert changed["detail"]["id"].isdigit()
    assert changed["event"]["custom_field"]["key"] == "sla_tier"
    assert changed["event"]["current"] == {"value": "free"}


def test_a_user_s_new_organization_is_an_event(api: ZendeskApi, target: Target) -> None:
    subscribe(api, target, "user.organization_membership_created",
              "user.organization_membership_deleted")  # fmt: skip
    other = api.account.create_organization("Bergbahn")["id"]
    user = api.get("users/search?query=email:eva@alpen.test")["users"][0]["id"]
    api("PUT", f"users/{user}", {"user": {"organization_id": other}})
    assert api.sandbox.wait_idle()
    assert sorted(events(target, "user")) == [
        "user.organization_membership_created", "user.organization_membership_deleted",
    ]  # fmt: skip


def test_ticket_fields_are_created_changed_and_deleted(api: ZendeskApi) -> None:
    options = [{"name": "North", "value": "region_north"}]
    given = {"type": "tagger", "title": "Region", "custom_field_options": options}
    made = api("POST", "ticket_fields", {"ticket_field": given})
    assert made.status_code == 201
    number = made.json()["ticket_field"]["id"]
    taken = api("POST", "ticket_fields", {"ticket_field": {**given, "title": "Other"}})
    assert taken.status_code == 422
    more = [*options, {"name": "South", "value": "region_south"}]
    api("PUT", f"ticket_fields/{number}", {"ticket_field": {"custom_field_options": more}})
    api.update(1, custom_fields=[{"id": number, "value": "region_south"}])
    assert api.ticket()["tags"] == ["region_south"]
    assert api("DELETE", f"ticket_fields/{number}").status_code == 204
    assert api("GET", f"ticket_fields/{number}").status_code == 404
    subject = api.get("ticket_fields")["ticket_fields"][0]["id"]
    assert api("DELETE", f"ticket_fields/{subject}").status_code == 403


def test_organization_fields_are_created_once_a_key(api: ZendeskApi) -> None:
    given = {"organization_field": {"key": "region", "title": "Region", "type": "text"}}
    made = api("POST", "organization_fields", given)
    assert made.status_code == 201
    assert api("POST", "organization_fields", given).status_code == 422
    number = made.json()["organization_field"]["id"]
    assert api("DELETE", f"organization_fields/{number}").status_code == 204


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("ticket_forms", "ticket_forms"), ("custom_statuses", "custom_statuses"),
        ("brands", "brands"), ("groups", "groups"), ("group_memberships", "group_memberships"),
        ("trigger_categories", "trigger_categories"), ("automations", "automations"),
        ("views", "views"), ("slas/policies", "sla_policies"), ("oauth/tokens", "tokens"),
        ("users", "users"), ("deleted_tickets", "deleted_tickets"),
    ],
)  # fmt: skip
def test_what_an_account_has_is_listed_in_pages_of_both_kinds(
    api: ZendeskApi, path: str, name: str
) -> None:
    by_number, by_cursor = api.get(path), api.get(f"{path}.json?page[size]=1")
    assert by_number["count"] == len(by_number[name])
    assert len(by_cursor[name]) <= 1
    assert by_cursor["meta"]["has_more"] is (by_number["count"] > 1)


def test_custom_statuses_follow_the_category_where_they_are_on(api: ZendeskApi) -> None:
    assert api.ticket()["custom_status_id"] is None
    api.account.configure(custom_statuses=True)
    statuses = {s["status_category"]: s["id"] for s in
                api.get("custom_statuses")["custom_statuses"]}  # fmt: skip
    made = api.update(1, status="pending").json()["ticket"]
    assert made["custom_status_id"] == statuses["pending"]
    made = api.update(1, custom_status_id=statuses["hold"]).json()["ticket"]
    assert (made["status"], made["custom_status_id"]) == ("hold", statuses["hold"])


@pytest.mark.parametrize("kind", ["automations", "views", "triggers"])
def test_rules_are_created_changed_and_deleted(api: ZendeskApi, kind: str) -> None:
    one = kind.removesuffix("s")
    given = {"title": "SLA", "all": [{"field": "status", "operator": "less_than",
             "value": "solved"}], "actions": [{"field": "priority", "value": "high"}]}  # fmt: skip
    made = api("POST", kind, {one: given})
    assert made.status_code == (200 if kind == "views" else 201)
    number = made.json()[one]["id"]
    assert made.json()[one]["conditions"]["all"] == given["all"]
    changed = api("PUT", f"{kind}/{number}", {one: {"active": False}}).json()[one]
    assert (changed["active"], changed["title"]) == (False, "SLA")
    assert api.get(f"{kind}/active")[kind] == []
    assert api("DELETE", f"{kind}/{number}").status_code == 204
    assert api("GET", f"{kind}/{number}").status_code == 404


def test_a_view_shows_the_tickets_that_meet_its_conditions(api: ZendeskApi) -> None:
    api.account.receive_email("Other", "Help")
    api.update(2, tags=["sla_at_risk"])
    conditions = {
        "all": [{"field": "current_tags", "operator": "includes", "value": "sla_at_risk"}]
    }
    made = api("POST", "views", {"view": {"title": "At risk", **conditions,
               "output": {"columns": ["subject", "due_date"]}}}).json()["view"]  # fmt: skip
    assert [t["id"] for t in api.get(f"views/{made['id']}/tickets")["tickets"]] == [2]
    assert api.get(f"views/{made['id']}/count")["view_count"]["value"] == 1
    assert [c["id"] for c in made["execution"]["columns"]] == ["subject", "due_date"]


def test_webhooks_refuse_what_zendesk_refuses(api: ZendeskApi, target: Target) -> None:
    good = {"name": "x", "endpoint": target.url, "http_method": "POST",
            "subscriptions": ["zen:event-type:ticket.created"]}  # fmt: skip
    for wrong in ({"subscriptions": ["zen:event-type:ticket.updated"]}, {"http_method": "PUT"},
                  {"endpoint": None},
                  {"subscriptions": ["conditional_ticket_events",
                                     "zen:event-type:ticket.created"]}):  # fmt: skip
        answer = api("POST", "webhooks", {"webhook": {**good, **wrong}})
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["code"]
    number = api("POST", "webhooks", {"webhook": good}).json()["webhook"]["id"]
    other_kind = {"webhook": {"subscriptions": ["conditional_ticket_events"]}}
    assert api("PATCH", f"webhooks/{number}", other_kind).status_code == 400


def test_a_reset_secret_signs_the_next_call(api: ZendeskApi, target: Target) -> None:
    number = subscribe(api, target, "ticket.priority_changed")["id"]
    before = api.get(f"webhooks/{number}/signing_secret")["signing_secret"]["secret"]
    reset = api("POST", f"webhooks/{number}/signing_secret")
    secret = reset.json()["signing_secret"]["secret"]
    assert (reset.status_code, secret != before) == (201, True)
    api.update(1, priority="high")
    assert api.sandbox.wait_idle()
    ((headers, body),) = target.received
    stamp = headers["X-Zendesk-Webhook-Signature-Timestamp"].encode()
    digest = hmac.new(secret.encode(), stamp + body, hashlib.sha256).digest()
    assert headers["X-Zendesk-Webhook-Signature"] == base64.b64encode(digest).decode()


def test_a_webhook_s_own_login_is_sent_and_never_read_back(api: ZendeskApi, target: Target) -> None:
    login = {"type": "bearer_token", "data": {"token": "t0p"}, "add_position": "header"}
    made = subscribe(api, target, "ticket.priority_changed", authentication=login)
    assert "t0p" not in str(made)
    assert "t0p" not in str(api.get(f"webhooks/{made['id']}"))
    api.update(1, priority="high")
    assert api.sandbox.wait_idle()
    assert target.received[0][0]["Authorization"] == "Bearer t0p"


def test_the_activity_log_tells_each_attempt(
    api: ZendeskApi, target: Target, clock: SetClock
) -> None:
    number = subscribe(api, target, "ticket.priority_changed")["id"]
    target.answers = [409, 200]
    api.update(1, priority="high")
    assert api.sandbox.wait_idle()
    clock.advance(5)
    assert api.sandbox.wait_idle()
    (one,) = api.get(f"webhooks/{number}/invocations")["invocations"]
    assert (one["status"], one["status_code"]) == ("successful", 200)
    tried = api.get(f"webhooks/{number}/invocations/{one['id']}/attempts")["attempts"]
    assert [attempt["status_code"] for attempt in tried] == [409, 200]
    assert api.get(f"webhooks/{number}/invocations?filter[status]=terminated")["invocations"] == []


@pytest.mark.parametrize(
    ("answer", "retry_after", "attempts"),
    [(409, "1", 4), (429, "59", 4), (429, "60", 1), (503, "1", 4), (500, "1", 1), (502, "1", 1),
     (403, "1", 1)],
)  # fmt: skip
def test_a_webhook_is_repeated_as_its_answer_asks(
    api: ZendeskApi, target: Target, clock: SetClock, answer: int, retry_after: str, attempts: int
) -> None:
    target.answers, target.retry_after = [answer] * 9, retry_after
    subscribe(api, target, "ticket.priority_changed")
    api.update(1, priority="high")
    for _ in range(8):
        assert api.sandbox.wait_idle()
        clock.advance(61)
    assert api.sandbox.wait_idle()
    assert len(target.received) == attempts


def test_the_breaker_cuts_a_webhook_off_that_mostly_fails(
    api: ZendeskApi, target: Target, clock: SetClock
) -> None:
    api.account.configure(breaker_minimum=10)
    number = subscribe(api, target, "ticket.priority_changed")["id"]
    target.answers = [500] * 10
    for turn in range(11):
        api.account.agent_edits(1, {"priority": ("high", "low")[turn % 2]})
        assert api.sandbox.wait_idle()
    assert len(target.received) == 10
    first = api.get(f"webhooks/{number}/invocations?page[size]=100")["invocations"][0]
    assert first["status"] == "circuit broken"
    clock.advance(301)
    api.account.agent_edits(1, {"priority": "urgent"})
    assert api.sandbox.wait_idle()
    assert len(target.received) == 11


def test_a_trial_account_throttles_its_webhooks(
    api: ZendeskApi, target: Target, clock: SetClock
) -> None:
    api.account.configure(plan="trial")
    subscribe(api, target, "ticket.priority_changed")
    for turn in range(62):
        api.account.agent_edits(1, {"priority": ("high", "low")[turn % 2]})
    assert api.sandbox.wait_idle()
    assert len(target.received) == 60
    clock.advance(62)
    assert api.sandbox.wait_idle()
    assert len(target.received) == 62


def test_a_test_call_before_a_webhook_exists_is_signed_with_the_published_secret(
    api: ZendeskApi, target: Target
) -> None:
    body = {"request": {"endpoint": target.url, "payload": '{"x": 1}'}}
    assert api("POST", "webhooks/test", body).json()["response"]["status_code"] == 200
    ((headers, sent),) = target.received
    stamp = headers["X-Zendesk-Webhook-Signature-Timestamp"].encode()
    key = b"dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ=="
    digest = hmac.new(key, stamp + b'{"x": 1}', hashlib.sha256).digest()
    assert sent == b'{"x": 1}'
    assert headers["X-Zendesk-Webhook-Signature"] == base64.b64encode(digest).decode()


def test_the_account_tells_its_settings(api: ZendeskApi) -> None:
    told = api.get("account/settings.json")["settings"]
    assert told["active_features"]["ticket_forms"] is True
    assert told["api"]["api_token_access"] == "true"


def test_a_time_out_is_repeated_five_times(api: ZendeskApi) -> None:
    history = api.account.events.history
    lost = Attempt("timeout", {}, {}, "")
    again = [history.add("hook", "invocation", lost, "{}") for _ in range(7)]
    assert [seconds is not None for seconds in again] == [True] * 5 + [False] * 2
    tried = history.attempts("invocation")
    assert {attempt["status_code"] for attempt in tried} == {504}
