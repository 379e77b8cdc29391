"""What becomes of a write that a helpdesk refuses in part; its answers are typed from documents."""

from datetime import UTC, datetime, timedelta

import pytest
import responses

from connectors.base import Connection
from connectors.errors import Rejected, TicketNotFound
from connectors.freshdesk.connector import VENDOR as FRESHDESK
from connectors.zendesk.connector import VENDOR as ZENDESK
from sla_rules.ticket import Priority, TicketPatch

PATCH = TicketPatch(
    priority=Priority.HIGH,
    assignee="7",
    add_tags=frozenset({"sla_met"}),
    due_at=datetime.now(UTC).replace(microsecond=0) + timedelta(days=2),
)


@pytest.fixture
def http():
    with responses.RequestsMock(assert_all_requests_are_fired=False) as http:
        yield http


def freshdesk(http, key, **ticket_json):
    base = f"https://{key}.freshdesk.com"
    connection = Connection(
        key=key, vendor="freshdesk", base_url=base, credentials={"api_key": "k"}
    )
    ticket = {
        "id": 5,
        "status": 2,
        "priority": 1,
        "tags": [],
        "company_id": None,
        "requester_id": None,
        "created_at": "2026-11-23T09:00:00Z",
        "updated_at": "2026-11-23T09:00:00Z",
        "conversations": [],
    }
    http.get(f"{base}/api/v2/tickets/5", json={**ticket, **ticket_json})
    connector = FRESHDESK.connect(connection)
    return connector, connector.fetch("5"), f"{base}/api/v2/tickets/5"


def refusal(*fields):
    errors = [
        {"field": name, "message": message, "code": "invalid_value"} for name, message in fields
    ]
    return {"description": "Validation failed", "errors": errors}


def test_a_freshdesk_field_that_is_refused_is_left_out_and_the_rest_sent(http):
    connector, ticket, url = freshdesk(http, "one")
    http.put(url, status=400, json=refusal(("responder_id", "There is no agent")))
    http.put(url, json={"id": 5, "updated_at": "2026-11-23T09:00:01Z"})
    written = connector.apply(ticket, PATCH)
    assert written.refused == {"assignee"}
    assert set(written.values) == {"priority", "add_tags", "remove_tags", "due_at"}
    assert written.notes[-1] == "Freshdesk refuses responder_id: left out."


def test_a_field_that_the_form_requires_of_people_is_named_in_the_error(http):
    connector, ticket, url = freshdesk(http, "two")
    http.put(url, status=400, json=refusal(("cf_region", "It should not be blank")))
    with pytest.raises(Rejected, match="cf_region"):
        connector.apply(ticket, PATCH)
    assert len(http.calls) == 2


def test_a_spam_or_deleted_freshdesk_ticket_is_gone(http):
    connector, ticket, url = freshdesk(http, "three")
    http.put(url, status=405)
    with pytest.raises(TicketNotFound):
        connector.apply(ticket, PATCH)
    connector, ticket, _ = freshdesk(http, "four", spam=True)
    assert "spam" in connector.apply(ticket, PATCH).notes[0]


def test_a_refusal_because_of_the_timer_costs_the_dates_and_nothing_else(http):
    connector, ticket, url = freshdesk(http, "five")
    message = "cannot be set, when the status does not have its sla timer on"
    http.put(url, status=400, json=refusal(("fr_due_by", message)))
    http.put(url, json={"id": 5})
    written = connector.apply(ticket, PATCH)
    assert written.refused == frozenset()
    assert "due_at" not in written.values
    assert "priority" in written.values


def zendesk(http, key, **ticket_json):
    base = f"https://{key}.zendesk.com"
    connection = Connection(
        key=key, vendor="zendesk", base_url=base, credentials={"access_token": "t"}
    )
    ticket = {"id": 5, "status": "open", "tags": [], "updated_at": "2026-11-23T09:00:00Z"}
    api = f"{base}/api/v2"
    http.get(f"{api}/ticket_fields.json", json={"ticket_fields": []})
    http.get(f"{api}/tickets/5.json", json={"ticket": {**ticket, **ticket_json}})
    http.get(f"{api}/tickets/5/audits.json", json={"audits": []})
    http.get(f"{api}/users.json", json={"users": []})
    connector = ZENDESK.connect(connection)
    return connector, connector.fetch("5"), f"{api}/tickets/5.json"


def invalid(field, description):
    return {
        "error": "RecordInvalid",
        "description": "Record validation errors",
        "details": {field: [{"description": description}]},
    }


def test_a_zendesk_assignee_who_is_refused_is_left_out_and_the_rest_sent(http):
    connector, ticket, url = zendesk(http, "one")
    http.put(url, status=422, json=invalid("assignee", "Assignee: is invalid"))
    http.put(url, json={"ticket": {"id": 5}, "audit": {"events": []}})
    written = connector.apply(ticket, PATCH)
    assert written.refused == {"assignee"}
    assert "priority" in written.values


@pytest.mark.parametrize(
    "answer",
    [
        invalid("status", "Status: closed prevents ticket update"),
        {"error": "ClosedTicket", "description": "x"},
    ],
)
def test_a_zendesk_ticket_closed_between_read_and_write_is_final_and_noted(http, answer):
    connector, ticket, url = zendesk(http, "two")
    http.put(url, status=422, json=answer)
    written = connector.apply(ticket, PATCH)
    assert not written.values
    assert "closed" in written.notes[0]


def test_what_zendesk_ignores_is_noted_and_not_taken_as_written(http):
    connector, ticket, url = zendesk(http, "three")
    warning = '{:allowed_parameters=>{:unpermitted_keys=>["ticket.id", "ticket.due_at"]}}'
    body = {"ticket": {"id": 5}, "audit": {"events": []}}
    http.put(url, json=body, headers={"x-zendesk-api-warn": warning})
    written = connector.apply(ticket, PATCH)
    assert written.notes == ("Zendesk ignored: ticket.due_at",)
    assert "due_at" not in written.values


@pytest.mark.parametrize("status", [400, 403, 404])
def test_a_sweep_goes_on_where_the_account_lists_no_companies(http, status):
    base = "https://silent.freshdesk.com"
    connection = Connection(
        key="silent", vendor="freshdesk", base_url=base, credentials={"api_key": "k"}
    )
    http.get(f"{base}/api/v2/companies", status=status, json={})
    http.get(f"{base}/api/v2/tickets", json=[])
    bulk = FRESHDESK.bulk(connection)
    cursor = bulk.start(datetime(2026, 11, 23, tzinfo=UTC))
    for _ in ("spam", "bin", "companies", "tickets"):
        page = bulk.changes(cursor)
        cursor = page.cursor
        assert page.organizations == {}
    assert not page.more
    assert any("/companies" in str(call.request.url) for call in http.calls)


@pytest.mark.parametrize("status", [400, 403, 404])
def test_a_sweep_goes_on_where_the_account_has_no_export_of_organisations(http, status):
    base = "https://silent.zendesk.com"
    connection = Connection(
        key="silent",
        vendor="zendesk",
        base_url=base,
        credentials={"email": "a@b.example", "api_token": "k"},
    )
    http.get(f"{base}/api/v2/incremental/organizations.json", status=status, json={})
    http.get(
        f"{base}/api/v2/incremental/tickets/cursor.json",
        json={"tickets": [{"id": 7}], "after_cursor": "next", "end_of_stream": True},
    )
    bulk = ZENDESK.bulk(connection)
    page = bulk.changes(bulk.start(datetime(2026, 11, 23, tzinfo=UTC)))
    assert (page.organizations, page.more) == ({}, True)
    page = bulk.changes(page.cursor)
    assert (list(page.versions), page.more) == (["7"], False)
