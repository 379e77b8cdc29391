"""Whatever a helpdesk's JSON holds, the ticket is read."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.freshdesk.tickets import Options as FreshdeskOptions
from connectors.freshdesk.tickets import fingerprint as freshdesk_fingerprint
from connectors.freshdesk.tickets import to_ticket as freshdesk_ticket
from connectors.zendesk.tickets import Fields, Options
from connectors.zendesk.tickets import fingerprint as zendesk_fingerprint
from connectors.zendesk.tickets import to_ticket as zendesk_ticket
from sla_rules.ticket import Ticket

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=20)
    | st.sampled_from(
        ["2026-11-23T15:30:00Z", "2026-11-23T10:12:07.672717030Z", "0001-01-01T00:00:00+14:00"]
    )
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
ZENDESK = (
    *("id", "subject", "raw_subject", "description", "via", "created_at", "updated_at", "status"),
    *("priority", "type", "tags", "brand_id", "requester_id", "assignee_id", "group_id", "due_at"),
    *("organization_id", "custom_fields", "fields", "custom_status_id", "comment_count"),
)
AUDIT = ("author_id", "created_at", "via", "events", "metadata")
EVENT = (
    *("type", "field_name", "value", "previous_value", "author_id", "public", "html_body", "body"),
    "via",
)
FRESHDESK = (
    *("id", "subject", "description", "description_text", "source", "created_at", "updated_at"),
    *("status", "priority", "type", "tags", "requester", "requester_id", "company", "company_id"),
    *("responder_id", "group_id", "stats", "fr_due_by", "due_by", "custom_fields", "spam"),
    *("deleted", "conversations"),
)
CONVERSATION = (
    *("created_at", "incoming", "private", "user_id", "source", "body", "body_text"),
    *("auto_response", "automation_id"),
)


def holding(*names, **known):
    return st.fixed_dictionaries({}, optional=dict.fromkeys(names, ANYTHING) | known)


EVENTS = holding(
    *EVENT,
    type=st.sampled_from(["Comment", "Change", "Create"]) | ANYTHING,
    field_name=st.sampled_from(["tags", "type", "priority", "due_at", "101"]) | ANYTHING,
)
AUDITS = holding(*AUDIT, events=st.lists(EVENTS | ANYTHING, max_size=3) | ANYTHING)
COMPANIES = st.none() | holding("id", "name", "custom_fields", "organization_fields")


@settings(max_examples=150, deadline=None)
@given(
    ticket_json=holding(*ZENDESK, "an unknown key"),
    audits=st.none() | st.lists(AUDITS, max_size=3),
    organization=COMPANIES,
    requester=st.none() | holding("locale", "email", "id"),
)
def test_any_zendesk_json_is_a_ticket(ticket_json, audits, organization, requester):
    options = Options(fields=Fields(due=101, note=102, kind=103, environment=104))
    ticket = zendesk_ticket(
        ticket_json,
        audits=audits,
        organization=organization,
        requester=requester,
        options=options,
    )
    assert isinstance(ticket, Ticket)
    zendesk_fingerprint(ticket_json, organization, options)


@settings(max_examples=150, deadline=None)
@given(
    ticket_json=holding(*FRESHDESK, "an unknown key"),
    conversations=st.none() | st.lists(holding(*CONVERSATION), max_size=3),
    company=COMPANIES,
)
def test_any_freshdesk_json_is_a_ticket(ticket_json, conversations, company):
    ticket = freshdesk_ticket(ticket_json, conversations=conversations, company=company)
    assert isinstance(ticket, Ticket)
    assert freshdesk_fingerprint(ticket_json, company, FreshdeskOptions())


@pytest.mark.parametrize("read", [zendesk_ticket, freshdesk_ticket])
def test_an_empty_object_is_a_ticket(read):
    assert read({}).id == ""
