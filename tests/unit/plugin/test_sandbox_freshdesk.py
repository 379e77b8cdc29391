"""The Freshdesk half of the sandbox, over HTTP, held against the vendor's documented behaviour."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import requests
from sandbox_http import FreshdeskApi, Json, Target, first_error

from plugin.sandbox.server import create_sandbox, serving

NOW = datetime(2026, 11, 23, 8, 30, tzinfo=UTC)
FIRST, LAST = "2026-11-23T14:00:00Z", "2026-11-24T16:00:00Z"
NATIVE = ("2026-11-24T08:30:00Z", "2026-11-26T08:30:00Z")


@pytest.fixture
def api() -> Iterator[FreshdeskApi]:
    sandbox = create_sandbox(clock=lambda: NOW)
    with serving(sandbox) as address:
        client = FreshdeskApi(address, sandbox)
        client.account.create_company(
            "Alpen Tours", "advanced", "agent@sandbox.test", ["alpen.test"]
        )
        client.account.receive_email(
            "Checkout is down", "Error 500", "eva@alpen.test", "Eva", language="fr"
        )
        yield client


@pytest.fixture
def target() -> Iterator[Target]:
    receiver = Target()
    yield receiver
    receiver.close()


def test_a_partner_email_becomes_a_ticket_with_native_due_dates(api: FreshdeskApi) -> None:
    ticket = api("GET", "tickets/1?include=requester,company,stats,conversations").json()
    assert (ticket["status"], ticket["priority"], ticket["source"]) == (2, 1, 1)
    assert (ticket["fr_due_by"], ticket["due_by"]) == NATIVE
    assert ticket["description"] == "<div>Error 500</div>"
    assert ticket["description_text"] == "Error 500"
    assert ticket["company"] == {"id": ticket["company_id"], "name": "Alpen Tours"}
    assert ticket["requester"]["email"] == "eva@alpen.test"
    company = api("GET", f"companies/{ticket['company_id']}").json()
    assert company["custom_fields"]["sla_tier"] == "advanced"


def test_wrong_credentials_and_missing_tickets(api: FreshdeskApi) -> None:
    refused = requests.get(f"{api.base}/api/v2/tickets/1", auth=("wrong", "X"), timeout=5)
    assert refused.status_code == 401
    assert refused.json()["code"] == "invalid_credentials"
    missing = api("GET", "tickets/99")
    assert (missing.status_code, missing.content) == (404, b"")


def test_due_dates_come_in_pairs(api: FreshdeskApi) -> None:
    assert first_error(api.update(1, fr_due_by=FIRST)) == (400, "due_by", "missing_field")
    assert first_error(api.update(1, due_by=LAST)) == (400, "fr_due_by", "missing_field")
    assert api.update(1, fr_due_by=FIRST, due_by=LAST).json()["fr_due_by"] == FIRST


@pytest.mark.parametrize("due_by", [FIRST, "2026-11-23T13:00:00Z"])
def test_the_resolution_date_lies_after_the_first_response(api: FreshdeskApi, due_by: str) -> None:
    assert first_error(api.update(1, fr_due_by=FIRST, due_by=due_by))[:2] == (400, "due_by")


def test_a_due_date_in_the_past_is_refused(api: FreshdeskApi) -> None:
    answer = api.update(1, fr_due_by="2026-11-23T08:00:00Z", due_by=LAST)
    assert first_error(answer)[:2] == (400, "fr_due_by")


def test_due_dates_are_refused_while_the_sla_timer_is_off(api: FreshdeskApi) -> None:
    api.update(1, status=3)
    answer = api.update(1, fr_due_by=FIRST, due_by=LAST)
    assert first_error(answer)[:2] == (400, "fr_due_by")
    assert "sla timer on" in answer.json()["errors"][0]["message"]


def test_the_legacy_engine_keeps_a_date_set_by_hand(api: FreshdeskApi) -> None:
    api.update(1, priority=4)
    assert api.ticket()["fr_due_by"] == "2026-11-23T09:30:00Z"
    api.update(1, fr_due_by=FIRST, due_by=LAST)
    api.update(1, priority=2)
    assert api.ticket()["fr_due_by"] == FIRST


@pytest.mark.parametrize(("keeps", "expected"), [(True, FIRST), (False, NATIVE[0])])
def test_the_recalculating_engine_shows_old_dates_and_recomputes_later(
    api: FreshdeskApi, keeps: bool, expected: str
) -> None:
    api.account.configure(engine="recalculating", recalculation_seconds=0.2, keeps_api_due=keeps)
    answer = api.update(1, fr_due_by=FIRST, due_by=LAST)
    assert answer.json()["fr_due_by"] == NATIVE[0]
    assert api.ticket()["fr_due_by"] == FIRST
    time.sleep(0.3)
    assert api.ticket()["fr_due_by"] == expected


def test_the_recalculating_engine_fills_a_new_ticket_seconds_later(api: FreshdeskApi) -> None:
    api.account.configure(engine="recalculating", recalculation_seconds=0.2)
    body = {"subject": "s", "description": "d", "email": "x@y.test", "status": 2, "priority": 1}
    made = api("POST", "tickets", body)
    assert (made.status_code, made.json()["fr_due_by"]) == (201, None)
    time.sleep(0.3)
    assert api.ticket(made.json()["id"])["fr_due_by"] == NATIVE[0]


def test_tags_are_replaced_and_custom_fields_are_merged(api: FreshdeskApi) -> None:
    api.update(1, tags=["a", "b"], custom_fields={"cf_sla_note": "one"})
    api.update(1, tags=["c"], custom_fields={"cf_sla_kind": "Error"})
    ticket = api.ticket()
    assert ticket["tags"] == ["c"]
    assert ticket["custom_fields"]["cf_sla_note"] == "one"
    assert ticket["custom_fields"]["cf_sla_kind"] == "Error"


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"nonsense": 1}, ("nonsense", "invalid_field")),
        ({"priority": 9}, ("priority", "invalid_value")),
        ({"priority": "high"}, ("priority", "datatype_mismatch")),
        ({"type": "Wish"}, ("type", "invalid_value")),
        ({"custom_fields": {"cf_nope": "x"}}, ("cf_nope", "invalid_field")),
        ({"custom_fields": {"cf_sla_kind": "x"}}, ("cf_sla_kind", "invalid_value")),
        ({"responder_id": 5}, ("responder_id", "invalid_value")),
        ({"company_id": 5}, ("company_id", "require_feature")),
    ],
)
def test_values_that_do_not_fit_are_named(
    api: FreshdeskApi, fields: Json, error: tuple[str, str]
) -> None:
    assert first_error(api.update(1, **fields)) == (400, *error)


def test_a_spam_or_deleted_ticket_takes_no_update(api: FreshdeskApi) -> None:
    api.account.spam(1)
    assert api.update(1, priority=2).status_code == 405
    api.account.receive_email("Two", "Body")
    assert api("DELETE", "tickets/2").status_code == 204
    assert api.ticket(2)["deleted"] is True
    assert api.update(2, priority=2).status_code == 405
    assert api("GET", "tickets").json() == []


def test_conversations_tell_who_said_what(api: FreshdeskApi) -> None:
    api.account.agent_notes(1, "internal")
    assert api("POST", "tickets/1/reply", {"body": "<p>On it</p>"}).status_code == 201
    api.account.receive_email("", "Thanks", "eva@alpen.test", ticket=1)
    said = api("GET", "tickets/1/conversations").json()
    facts = [(c["incoming"], c["private"], c["source"]) for c in said]
    assert facts == [(False, True, 2), (False, False, 0), (True, False, 0)]
    stats = api("GET", "tickets/1?include=stats").json()["stats"]
    assert stats["first_responded_at"] == "2026-11-23T08:30:00Z"


def test_lists_are_paged_by_a_link_header(api: FreshdeskApi) -> None:
    for number in range(3):
        at = NOW + timedelta(minutes=number + 1)
        api.account.receive_email(f"Ticket {number}", "Body", at=at)
    path = (
        "tickets?updated_since=2026-11-23T08:31:00Z&order_by=updated_at&order_type=asc&per_page=2"
    )
    first = api("GET", path)
    assert [t["id"] for t in first.json()] == [2, 3]
    assert "description" not in first.json()[0]
    second = api.session.get(first.links["next"]["url"], timeout=5)
    assert [t["id"] for t in second.json()] == [4]
    assert "link" not in second.headers


def test_a_list_without_updated_since_goes_back_thirty_days(api: FreshdeskApi) -> None:
    api.account.receive_email("Old", "Body", at=NOW - timedelta(days=40))
    assert [t["id"] for t in api("GET", "tickets").json()] == [1]


def test_ticket_fields_show_their_choices(api: FreshdeskApi) -> None:
    fields = api("GET", "ticket_fields?type=default_ticket_type").json()
    assert "Feature Request" in fields[0]["choices"]
    status = api("GET", "ticket_fields?type=default_status").json()[0]["choices"]
    assert status["2"] == ["Open", "Being Processed"]
    new = {"label": "Region", "label_for_customers": "Region", "type": "custom_dropdown",
           "choices": [{"value": "North", "position": 1}]}  # fmt: skip
    made = api("POST", "admin/ticket_fields", new)
    assert (made.status_code, made.json()["name"]) == (201, "cf_region")
    assert api.update(1, custom_fields={"cf_region": "North"}).ok


def test_the_rate_limit_is_told_and_kept(api: FreshdeskApi) -> None:
    api.account.configure(ticket_update_limit=1)
    assert api.update(1, priority=2).headers["X-Ratelimit-Total"] == "700"
    refused = api.update(1, priority=3)
    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 61


def test_a_rule_made_by_api_posts_its_content_with_its_headers(
    api: FreshdeskApi, target: Target
) -> None:
    rule = {
        "name": "tell", "performer": {"type": 1}, "events": [{"field_name": "priority",
        "from": "--", "to": "--"}], "actions": [{"field_name": "trigger_webhook",
        "request_type": "POST", "content_type": "JSON", "content_layout": "2", "url": target.url,
        "content": {"ticket_id": "{{ticket.id}}", "what": "{{triggered_event}}"},
        "custom_headers": {"X-Token": "t"}}],
    }  # fmt: skip
    assert api("POST", "automations/4/rules", rule).status_code == 201
    api.update(1, tags=["x"])
    api.update(1, priority=3)
    api.account.receive_email("", "More", "eva@alpen.test", ticket=1)
    assert api.sandbox.wait_idle()
    ((headers, _),) = target.received
    (body,) = target.bodies()
    assert body == {"ticket_id": "1", "what": "{priority:{from:1,to:3}}"}
    assert headers["X-Token"] == "t"


def test_a_rule_without_content_is_a_500(api: FreshdeskApi) -> None:
    rule = {"name": "x", "actions": [{"field_name": "trigger_webhook", "url": "http://127.0.0.1/"}]}
    assert api("POST", "automations/1/rules", rule).status_code == 500


def test_a_target_hears_of_new_tickets_updates_and_replies(
    api: FreshdeskApi, target: Target
) -> None:
    api.account.webhook_target(target.url, "token")
    api.account.receive_email("New", "Body")
    api.update(1, priority=2)
    api.account.agent_replies(1)
    assert api.sandbox.wait_idle()
    assert sorted(body["ticket_id"] for body in target.bodies()) == ["1", "1", "2"]
    assert {h["Authorization"] for h, _ in target.received} == {"Bearer token"}


def test_a_failed_webhook_comes_again_three_times(api: FreshdeskApi, target: Target) -> None:
    api.account.configure(retry_scale=0.0001)
    target.answers = [500, 500, 500, 500]
    api.account.webhook_target(target.url, "token")
    api.update(1, priority=2)
    assert api.sandbox.wait_idle()
    assert [d["status"] for d in api.sandbox.deliveries] == [500] * 4


def test_an_update_that_changes_nothing_tells_nobody(api: FreshdeskApi, target: Target) -> None:
    api.account.webhook_target(target.url, "token")
    api.update(1, priority=1)
    assert api.sandbox.wait_idle()
    assert target.received == []


def test_a_dropped_webhook_is_in_the_journal(api: FreshdeskApi, target: Target) -> None:
    root = api.base.removesuffix("/freshdesk/acme")
    requests.post(f"{root}/sandbox/faults", json={"kind": "drop", "vendor": "freshdesk"}, timeout=5)
    hook = {"url": target.url, "token": "t"}
    requests.post(f"{root}/sandbox/freshdesk/acme/webhook_target", json=hook, timeout=5)
    api.update(1, priority=2)
    rows = requests.get(f"{root}/sandbox/deliveries", timeout=5).json()
    assert [(row["ticket_id"], row["status"]) for row in rows] == [(1, "dropped")]
    assert target.received == []
