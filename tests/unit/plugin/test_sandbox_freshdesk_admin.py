"""Freshdesk's admin side of the sandbox, its limits, its rules, many tickets in one call."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import requests
from sandbox_http import FreshdeskApi, Json, Target, first_error

from plugin.sandbox.clock import SetClock
from plugin.sandbox.freshdesk.load import load_past
from plugin.sandbox.server import create_sandbox, serving

NOW = datetime(2026, 11, 23, 8, 30, tzinfo=UTC)
FIRST, LAST = "2026-11-23T14:00:00Z", "2026-11-24T16:00:00Z"
NATIVE = "2026-11-24T08:30:00Z"
MINUTE = 60


@pytest.fixture
def clock() -> SetClock:
    return SetClock(NOW)


@pytest.fixture
def api(clock: SetClock) -> Iterator[FreshdeskApi]:
    sandbox = create_sandbox(clock)
    with serving(sandbox) as address:
        client = FreshdeskApi(address, sandbox)
        client.account.create_company("Alpen Tours", "advanced", domains=["alpen.test"])
        for number in range(3):
            client.account.receive_email(f"Mail {number + 1}", "Help", f"p{number}@alpen.test")
        yield client


@pytest.fixture
def target() -> Iterator[Target]:
    receiver = Target()
    yield receiver
    receiver.close()


def webhook_rule(target: Target, **more: object) -> Json:
    action = {"field_name": "trigger_webhook", "request_type": "POST", "content_type": "JSON",
              "content_layout": "2", "url": target.url,
              "content": {"ticket_id": "{{ticket.id}}", "what": "{{triggered_event}}"}}  # fmt: skip
    return {"name": "tell", "performer": {"type": 3}, "events": [], "actions": [action], **more}


def as_agent(api: FreshdeskApi, method: str, path: str) -> requests.Response:
    login = ("sandbox-agent-key", "X")
    return requests.request(method, f"{api.base}/api/v2/{path}", auth=login, json={}, timeout=5)


def finish(clock: SetClock, api: FreshdeskApi, answer: requests.Response) -> Json:
    clock.advance(1)
    return dict(api("GET", f"jobs/{answer.json()['job_id']}").json())


def test_an_agent_s_key_may_not_do_what_admins_do(api: FreshdeskApi) -> None:
    assert as_agent(api, "GET", "agents/me").json()["contact"]["email"] == "agent@sandbox.test"
    for method, path in (("GET", "automations/1/rules"), ("POST", "admin/ticket_fields"),
                         ("GET", "sla_policies"), ("GET", "business_hours")):  # fmt: skip
        refused = as_agent(api, method, path)
        assert (refused.status_code, refused.json()["code"]) == (403, "access_denied")


@pytest.mark.parametrize(
    ("plan", "total", "lists"),
    [("growth", "200", 20), ("pro", "400", 100), ("enterprise", "700", 200)],
)
def test_a_plan_sets_the_limits(api: FreshdeskApi, plan: str, total: str, lists: int) -> None:
    api.account.configure(plan=plan)
    assert api("GET", "tickets/1").headers["X-Ratelimit-Total"] == total
    assert api("GET", "account").json()["tier_type"] == plan.capitalize()
    statuses = [api("GET", "tickets").status_code for _ in range(lists + 1)]
    assert statuses == [200] * lists + [429]
    assert api("GET", "tickets/1").ok


def test_the_free_plan_has_no_api(api: FreshdeskApi) -> None:
    api.account.configure(plan="free")
    assert api("GET", "tickets/1").status_code == 429


def test_embeds_cost_one_on_a_ticket_and_two_on_a_list(api: FreshdeskApi) -> None:
    for path, cost in (("tickets/1", "1"), ("tickets/1?include=stats,company", "3"),
                       ("tickets?include=stats,requester", "5")):  # fmt: skip
        assert api("GET", path).headers["X-Ratelimit-Used-CurrentRequest"] == cost
    assert api("GET", "tickets/1").headers["X-Ratelimit-Remaining"] == str(700 - 10)


def test_invalid_requests_count_too(api: FreshdeskApi) -> None:
    wrong = requests.get(f"{api.base}/api/v2/tickets/1", auth=("no", "X"), timeout=5)
    assert wrong.status_code == 401
    assert wrong.headers["X-Ratelimit-Remaining"] == "699"


def test_companies_are_created_found_and_changed(api: FreshdeskApi) -> None:
    given = {"name": "Bergbahn", "domains": ["berg.test"], "custom_fields": {"sla_tier": "starter"}}
    made = api("POST", "companies", given)
    assert made.status_code == 201
    number = made.json()["id"]
    assert first_error(api("POST", "companies", given))[0] == 409
    assert first_error(api("POST", "companies", {"name": "Neu", "domains": ["berg.test"]})) == (
        409, "domains", "duplicate_value",
    )  # fmt: skip
    assert first_error(api("PUT", f"companies/{number}", {"color": "red"}))[2] == "invalid_field"
    found = api("GET", "companies/autocomplete?name=berg").json()["companies"]
    assert found == [{"id": number, "name": "Bergbahn"}]
    found = api("GET", "search/companies?query=\"domain:'berg.test'\"").json()
    assert [c["id"] for c in found["results"]] == [number]
    changed = api(
        "PUT", f"companies/{number}", {"custom_fields": {"sla_named_contact": "a@b.test"}}
    )
    assert changed.json()["custom_fields"]["sla_tier"] == "starter"
    assert api("DELETE", f"companies/{number}").status_code == 204


def test_company_fields_are_created_with_choices(api: FreshdeskApi) -> None:
    given = {"label": "Region", "type": "custom_dropdown", "choices": [{"value": "North"}]}
    made = api("POST", "company_fields", given)
    assert (made.status_code, made.json()["choices"]) == (201, ["North"])
    number = made.json()["id"]
    assert api("DELETE", f"company_fields/{number}").status_code == 204


def test_ticket_fields_are_changed_and_deleted_by_admins(api: FreshdeskApi) -> None:
    given = {"label": "Region", "label_for_customers": "Region", "type": "custom_dropdown",
             "choices": [{"value": "North", "position": 1}]}  # fmt: skip
    number = api("POST", "admin/ticket_fields", given).json()["id"]
    more = {"choices": [{"value": "South", "position": 2}]}
    changed = api("PUT", f"admin/ticket_fields/{number}", more).json()
    assert [choice["value"] for choice in changed["choices"]] == ["North", "South"]
    assert api.update(1, custom_fields={"cf_region": "South"}).ok
    assert api("DELETE", f"admin/ticket_fields/{number}").status_code == 204
    assert first_error(api.update(1, custom_fields={"cf_region": "South"}))[2] == "invalid_field"
    wrong = api("POST", "admin/ticket_fields", {**given, "type": "custom_datetime"})
    assert first_error(wrong)[:2] == (400, "type")


def test_a_field_that_agents_must_fill_stops_any_update(api: FreshdeskApi) -> None:
    given = {"label": "Region", "label_for_customers": "Region", "type": "custom_text",
             "required_for_agents": True}  # fmt: skip
    api("POST", "admin/ticket_fields", given)
    assert first_error(api.update(1, priority=2)) == (400, "cf_region", "missing_field")
    assert api.update(1, priority=2, custom_fields={"cf_region": "North"}).ok
    assert api.update(1, priority=3).ok


@pytest.mark.parametrize("path", ["agents", "groups", "roles", "contacts", "admin/groups"])
def test_people_are_listed(api: FreshdeskApi, path: str) -> None:
    rows = api("GET", f"{path}?per_page=1").json()
    assert len(rows) == 1
    assert rows[0]["id"]


def test_business_hours_and_sla_policies_are_told_as_freshdesk_does(api: FreshdeskApi) -> None:
    (hours,) = api("GET", "business_hours").json()
    assert hours["business_hours"]["monday"]["start_time"] == "09:00:00 am"
    assert "sunday" not in hours["business_hours"]
    (policy,) = api("GET", "sla_policies").json()
    assert list(policy["sla_target"]) == ["priority_4", "priority_3", "priority_2", "priority_1"]


def test_a_bulk_update_is_a_job(api: FreshdeskApi, clock: SetClock) -> None:
    action = {"bulk_action": {"ids": [1, 2, 99], "properties": {"priority": 3, "tags": ["x"]}}}
    started = api("POST", "tickets/bulk_update", action)
    assert (started.status_code, api.ticket(1)["priority"]) == (202, 1)
    assert api("GET", f"jobs/{started.json()['job_id']}").json()["status"] == "IN PROGRESS"
    done = finish(clock, api, started)
    assert (done["status"], done["progress"]) == ("COMPLETED", 100)
    assert [one["success"] for one in done["data"]] == [True, True, False]
    assert (api.ticket(2)["priority"], api.ticket(2)["tags"]) == (3, ["x"])


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("priority:3", [2]), ("priority:3 OR tag:'vip'", [1, 2]),
        ("(priority:1 OR priority:3) AND tag:'vip'", [1]), ("status:2 AND type:null", [1, 2, 3]),
        ("created_at:>'2026-11-24'", []), ("created_at:'2026-11-23' AND cf_sla_kind:'Error'", [3]),
    ],
)  # fmt: skip
def test_tickets_are_searched_for_by_the_query_language(
    api: FreshdeskApi, query: str, found: list[int]
) -> None:
    api.update(1, tags=["vip"])
    api.update(2, priority=3)
    api.update(3, custom_fields={"cf_sla_kind": "Error"})
    told = api("GET", f'search/tickets?query="{query}"').json()
    assert (told["total"], [t["id"] for t in told["results"]]) == (len(found), found)


def test_queries_that_cannot_be_read_are_refused(api: FreshdeskApi) -> None:
    for path in ("query=priority:3", 'query="priority:"', 'query="colour:3"', 'query="(priority:3"',
                 'query="priority:3"&page=11'):  # fmt: skip
        assert api("GET", f"search/tickets?{path}").status_code == 400


def test_a_list_ends_at_page_three_hundred_and_knows_its_orders(api: FreshdeskApi) -> None:
    assert api("GET", "tickets?page=300").json() == []
    assert api("GET", "tickets?page=301").status_code == 400
    assert api("GET", "tickets?per_page=101").status_code == 400
    assert first_error(api("GET", "tickets?order_by=priority"))[1] == "order_by"


def test_a_sweep_by_updated_since_sees_each_ticket_once(api: FreshdeskApi) -> None:
    load_past(api.account, tickets=250, organizations=5, spam=0)
    url = ("tickets?updated_since=2026-01-01T00:00:00Z&order_by=updated_at&order_type=asc"
           "&per_page=100")  # fmt: skip
    answer, seen = api("GET", url), []
    while True:
        seen += [(t["updated_at"], t["id"]) for t in answer.json()]
        if "next" not in answer.links:
            break
        answer = api.session.get(answer.links["next"]["url"], timeout=5)
    assert len({number for _, number in seen}) == len(seen) == 253
    assert [at for at, _ in seen] == sorted(at for at, _ in seen)


@pytest.mark.parametrize(("keeps", "expected"), [(True, FIRST), (False, NATIVE)])
def test_the_newer_engine_overwrites_seconds_later_on_the_one_clock(
    api: FreshdeskApi, clock: SetClock, keeps: bool, expected: str
) -> None:
    api.account.configure(engine="recalculating", keeps_api_due=keeps)
    assert api.update(1, fr_due_by=FIRST, due_by=LAST).json()["fr_due_by"] == NATIVE
    clock.advance(2)
    assert api.ticket()["fr_due_by"] == FIRST
    clock.advance(2)
    assert api.ticket()["fr_due_by"] == expected


def test_escalation_marks_follow_the_due_dates(api: FreshdeskApi, clock: SetClock) -> None:
    api.update(1, fr_due_by=FIRST, due_by=LAST)
    assert api.ticket()["fr_escalated"] is False
    clock.advance(6 * 60 * MINUTE)
    assert api.ticket()["fr_escalated"] is True
    assert api.ticket(2)["fr_escalated"] is False
    api.account.agent_replies(1)
    assert api.ticket()["fr_escalated"] is False


def test_rules_are_changed_and_deleted_and_hourly_ones_take_no_webhook(
    api: FreshdeskApi, target: Target
) -> None:
    rule = webhook_rule(target)
    assert first_error(api("POST", "automations/3/rules", rule))[:2] == (400, "actions")
    number = api("POST", "automations/4/rules", rule).json()["id"]
    changed = api("PUT", f"automations/4/rules/{number}", {"active": False}).json()
    assert changed["active"] is False
    assert api("GET", "automations/4/rules").json()["meta"]["count"] == 1
    api.update(1, priority=2)
    assert api.sandbox.wait_idle()
    assert target.received == []
    assert api("DELETE", f"automations/4/rules/{number}").status_code == 204
    assert api("GET", f"automations/4/rules/{number}").status_code == 404


@pytest.mark.parametrize(
    ("performer", "heard"),
    [({"type": 1}, ["agent"]), ({"type": 2}, ["requester"]), ({"type": 3}, ["agent", "requester"]),
     ({"type": 4}, []), ({"type": 1, "members": [5]}, [])],
)  # fmt: skip
def test_a_rule_hears_only_its_performers(
    api: FreshdeskApi, target: Target, performer: Json, heard: list[str]
) -> None:
    api("POST", "automations/4/rules", webhook_rule(target, performer=performer))
    api.account.agent_edits(1, {"priority": 3})
    api.account.receive_email("", "More", "p0@alpen.test", ticket=1)
    assert api.sandbox.wait_idle()
    words = {"{priority:{from:1,to:3}}": "agent", "{reply_sent:sent}": "requester"}
    assert sorted(words[body["what"]] for body in target.bodies()) == heard


def test_a_rule_that_sets_fields_sets_off_the_rules_of_the_system(
    api: FreshdeskApi, target: Target
) -> None:
    acting = {"name": "raise", "performer": {"type": 1},
              "events": [{"field_name": "status", "from": "--", "to": "--"}],
              "actions": [{"field_name": "priority", "value": 4},
                          {"field_name": "add_tag", "value": ["raised"]}]}  # fmt: skip
    api("POST", "automations/4/rules", acting)
    api("POST", "automations/4/rules", webhook_rule(target, performer={"type": 4}))
    api.update(1, status=3)
    assert api.sandbox.wait_idle()
    assert (api.ticket()["priority"], api.ticket()["tags"]) == (4, ["raised"])
    assert len(target.received) == 1


def test_whether_a_due_date_sets_off_rules_is_a_setting(api: FreshdeskApi, target: Target) -> None:
    api("POST", "automations/4/rules", webhook_rule(target))
    api.account.configure(due_change_is_event=False)
    api.update(1, fr_due_by=FIRST, due_by=LAST)
    assert api.sandbox.wait_idle()
    assert target.received == []


def test_a_failed_webhook_comes_after_5_30_and_60_minutes(
    api: FreshdeskApi, clock: SetClock, target: Target
) -> None:
    api("POST", "automations/4/rules", webhook_rule(target))
    target.answers = [500] * 9
    api.update(1, priority=2)
    counts = []
    for minutes in (0, 4, 1, 29, 1, 59, 1, 600):
        clock.advance(minutes * MINUTE)
        assert api.sandbox.wait_idle()
        counts.append(len(target.received))
    assert counts == [1, 1, 2, 2, 3, 3, 4, 4]


def test_webhooks_wait_an_hour_while_no_request_is_left_and_a_day_at_most(
    api: FreshdeskApi, clock: SetClock, target: Target
) -> None:
    api("POST", "automations/4/rules", webhook_rule(target))
    api.account.configure(rate_limit=0)
    api.account.agent_edits(1, {"priority": 2})
    assert api.sandbox.wait_idle()
    clock.advance(61 * MINUTE)
    assert api.sandbox.wait_idle()
    assert [d["status"] for d in api.sandbox.deliveries] == ["postponed", "postponed"]
    api.account.configure(rate_limit=700)
    clock.advance(61 * MINUTE)
    assert api.sandbox.wait_idle()
    assert len(target.received) == 1


def test_a_spam_ticket_is_restored_and_a_merge_closes_the_old_one(api: FreshdeskApi) -> None:
    api.account.spam(1)
    assert [t["id"] for t in api("GET", "tickets?filter=spam").json()] == [1]
    assert api("PUT", "tickets/1/restore").status_code == 204
    assert api.update(1, priority=2).ok
    merged = api("PUT", "tickets/merge", {"primary_id": 1, "ticket_ids": [2]})
    assert (merged.status_code, api.ticket(2)["status"]) == (204, 5)
