"""The API: what other programs read, with a token that can be revoked, as its OpenAPI says."""

import json

import pytest
from openapi_core import OpenAPI
from openapi_core.contrib.werkzeug import WerkzeugOpenAPIRequest, WerkzeugOpenAPIResponse
from unit.plugin.looked_at import EXPORT, NOW, look
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

from plugin.store.people import Role


@pytest.fixture
def api(console):
    """Ask the API with a good token; each answer is held against the OpenAPI document."""
    for table in ("feature_requests", "features", "api_tokens"):
        console.query(f"truncate {table} cascade")
    token = console.store.api_tokens.make("test", by="ana@example.com", at=NOW)
    client = console.browser()
    document = OpenAPI.from_dict(json.loads(client.get("/api/v1/openapi.json").text))

    def ask(path, *, method="GET", headers=None, **given):
        sent = {"Authorization": f"Bearer {token}"} if headers is None else headers
        answer = client.open(f"/api/v1{path}", method=method, headers=sent, **given)
        again = EnvironBuilder(f"/api/v1{path}", method=method, headers=sent, **given)
        request = WerkzeugOpenAPIRequest(Request(again.get_environ()))
        document.validate_response(request, WerkzeugOpenAPIResponse(answer))
        return answer

    ask.token = token
    return ask


def test_tickets_are_read_with_their_decisions_a_page_at_a_time(console, api):
    for number in range(1, 6):
        look(console.store, number, "How do I do it?")
    first = api("/tickets?limit=3").json
    rest = api("/tickets", query_string={"limit": 3, "after": first["next"]}).json
    found = [one["ticket_id"] for one in first["tickets"] + rest["tickets"]]
    assert found == ["5", "4", "3", "2", "1"]
    assert rest["next"] is None
    decision = first["tickets"][0]["decision"]
    assert decision["targets"][0]["business_minutes"] == 480


def test_tickets_are_filtered(console, api):
    look(console.store, 1, "How do I do it?")
    look(console.store, 2, "How do I do it?", tier="Enterprise")
    assert [one["ticket_id"] for one in api("/tickets?tier=enterprise").json["tickets"]] == ["2"]
    assert api("/tickets?connection=other").json["tickets"] == []


def test_one_ticket_is_read_with_what_was_done_to_it(console, api):
    look(console.store, 1, "How do I do it?")
    found = api("/tickets/acme/1").json
    assert [entry["outcome"] for entry in found["audit"]] == ["applied"]
    assert api("/tickets/acme/99").status_code == 404


def test_the_reports_are_those_of_the_console(console, api):
    look(console.store, 1, "How do I do it?")
    look(console.store, 2)
    (line,) = api("/reports/attainment?by=month&from=2026-11-01&to=2026-11-30").json["lines"]
    assert (line["group"], line["tickets"]) == ("2026-11", 1)
    (left_out,) = api("/reports/exclusions").json["lines"]
    assert left_out == {"exclusion": "feature_request", "tier": "starter", "tickets": 1}
    assert "expected one of" in api("/reports/attainment?by=week").json["message"]


def test_feature_requests_are_read_with_their_evidence_and_no_date_is_promised(console, api):
    look(console.store, 1)
    (feature,) = api("/feature-requests").json["features"]
    found = api(f"/feature-requests/{feature['id']}").json
    assert found["evidence"][0]["quote"] == EXPORT
    assert not any("due" in name or "eta" in name for name in found)
    assert api("/feature-requests/999").status_code == 404
    assert api("/feature-requests?status=soon").status_code == 400


def test_a_ticket_that_exists_nowhere_is_decided_and_nothing_is_kept(console, api):
    body = {
        "created_at": "2026-11-27T15:55:00Z",
        "now": "2026-11-27T16:00:00Z",
        "channel": "email",
        "organization": {"tier": "Enterprise"},
    }
    found = api("/decisions", method="POST", json=body).json
    assert found["targets"][0]["due_at"] == "2026-11-30T13:55:00Z"
    assert console.query("select count(*) from tickets") == [(0,)]


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ([1], 400, "JSON object"),
        ({"created_at": "yesterday"}, 422, "created_at"),
        ({"created_at": "2026-11-27T15:55:00Z", "now": "soon"}, 422, "now"),
        ({"created_at": "2026-11-27T15:55:00Z", "channel": "pigeon"}, 422, "channel"),
    ],
)
def test_a_ticket_that_cannot_be_read_is_refused_with_the_key_that_is_wrong(
    api, body, status, says
):
    answer = api("/decisions", method="POST", json=body)
    assert answer.status_code == status
    assert says in answer.json["message"]


def test_without_a_good_token_nothing_is_answered(console, api):
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {api.token}"}):
        assert api("/tickets", headers=headers).status_code == 401
    console.store.api_tokens.revoke(console.store.api_tokens.everything()[0].id, NOW)
    assert api("/tickets").status_code == 401


def test_who_keeps_sending_wrong_tokens_has_to_wait(console, api):
    wrong = {"Authorization": "Bearer wrong"}
    statuses = [api("/tickets", headers=wrong).status_code for _ in range(21)]
    assert statuses == [401] * 20 + [429]
    assert int(api("/tickets").headers["Retry-After"]) > 0


def test_an_admin_makes_a_token_that_is_shown_once_and_kept_as_a_hash(console, send, api):
    admin = console.browser(Role.ADMIN)
    page = send(admin, "/tokens", {"name": "The warehouse"}, at="/tokens").text
    token = page.split('data-copy="')[1].split('"')[0]
    assert api("/tickets", headers={"Authorization": f"Bearer {token}"}).status_code == 200
    assert token not in admin.get("/tokens").text
    kept = console.query("select * from api_tokens")
    assert not any(token.encode() in bytes(str(row), "utf-8") for row in kept)
    number = console.store.api_tokens.everything()[0].id
    send(admin, f"/tokens/{number}/revoke", at="/tokens")
    assert api("/tickets", headers={"Authorization": f"Bearer {token}"}).status_code == 401


def test_viewers_do_not_see_the_tokens(console):
    assert console.browser(Role.VIEWER).get("/tokens").status_code == 403
