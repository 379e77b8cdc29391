"""Somebody else's client, zenpy, works against the sandbox as against Zendesk itself."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sandbox_http import Json
from zenpy import Zenpy
from zenpy.lib.api_objects import (
    Organization,
    Ticket,
    TicketField,
    Trigger,
    User,
    View,
    Webhook,
)

from plugin.sandbox.clock import SetClock
from plugin.sandbox.server import Sandbox, create_sandbox, serving
from plugin.sandbox.state import instant


@pytest.fixture
def sandbox() -> Sandbox:
    made = create_sandbox(SetClock(instant("2026-11-23T08:30:00Z")), root="zendesk/acme")
    account = made.zendesk.account("acme")
    account.create_organization("Alpen Tours", "enterprise", domains=["alpen.test"])
    for number in range(3):
        account.receive_email(f"Mail {number}", "Help", f"p{number}@alpen.test")
    return made


@pytest.fixture
def zenpy(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Zenpy]:
    with serving(sandbox) as address:
        monkeypatch.setenv("ZENPY_FORCE_NETLOC", address.removeprefix("http://"))
        monkeypatch.setenv("ZENPY_FORCE_SCHEME", "http")
        yield Zenpy(
            subdomain="acme", email="admin@sandbox.test", token="sandbox-token", disable_cache=True
        )


def test_zenpy_reads_and_writes_tickets(zenpy: Zenpy, sandbox: Sandbox) -> None:
    assert zenpy.users.me().role == "admin"
    assert [ticket.id for ticket in zenpy.tickets()] == [1, 2, 3]
    assert [ticket.id for ticket in zenpy.tickets(ids=[1, 3, 9])] == [1, 3]
    due = "2026-12-01T10:00:00Z"
    made = zenpy.tickets.update(Ticket(id=1, type="task", priority="high", due_at=due))
    assert made.ticket.due_at == due
    person = User(name="Eva", email="eva@alpen.test")
    made = zenpy.tickets.create(Ticket(subject="s", description="d", requester=person))
    assert made.ticket.organization.name == "Alpen Tours"
    fields = [e["field_name"] for audit in zenpy.tickets.audits(ticket=1) for e in audit.events
              if e["type"] == "Change"]  # fmt: skip
    assert sorted(fields) == ["due_at", "priority", "type"]
    assert [comment.body for comment in zenpy.tickets.comments(ticket=1)] == ["Help"]


def test_zenpy_updates_many_and_polls_the_job(zenpy: Zenpy, sandbox: Sandbox) -> None:
    job = zenpy.tickets.update([Ticket(id=1, priority="low"), Ticket(id=2, priority="low")])
    assert job.status == "queued"
    sandbox.clock.advance(1)
    assert zenpy.job_status(id=job.id).status == "completed"
    assert zenpy.tickets(id=2).priority == "low"


def test_zenpy_exports_and_searches(zenpy: Zenpy, sandbox: Sandbox) -> None:
    sandbox.clock.advance(90)
    export = zenpy.tickets.incremental(start_time=1000000000, paginate_by_time=False)
    assert [ticket.id for ticket in export] == [1, 2, 3]
    older = zenpy.tickets.incremental(start_time=1000000000)
    assert [ticket.id for ticket in older] == [1, 2, 3]
    partners = zenpy.organizations.incremental(start_time=1000000000)
    assert [organization.name for organization in partners] == ["Alpen Tours"]
    assert [ticket.id for ticket in zenpy.search(type="ticket", status="new")] == [1, 2, 3]
    assert len(list(zenpy.search_export(type="ticket", status="new"))) == 3


def test_zenpy_creates_what_connecting_needs(zenpy: Zenpy, sandbox: Sandbox) -> None:
    account = sandbox.zendesk.account("acme")
    hook = zenpy.webhooks.create(
        Webhook(name="sla", endpoint="http://127.0.0.1/x", http_method="POST", status="active",
                request_format="json", subscriptions=["conditional_ticket_events"])
    )  # fmt: skip
    assert zenpy.webhooks.show_secret(hook.id).secret == account.webhook_secrets[hook.id]
    condition: list[Json] = [{"field": "status", "operator": "is", "value": "new"}]
    action = {"field": "notification_webhook", "value": [hook.id, '{"id": {{ticket.id}}}']}
    trigger = zenpy.triggers.create(Trigger(title="SLA", all=condition, actions=[action]))
    assert [one.id for one in zenpy.triggers()] == [trigger.id]
    view = zenpy.views.create(View(title="New", all=condition))
    assert [ticket.id for ticket in zenpy.views.tickets(view.id)] == [1, 2, 3]
    field = zenpy.ticket_fields.create(TicketField(type="text", title="Due"))
    assert field.id in [one.id for one in zenpy.ticket_fields()]
    (partner,) = zenpy.organizations()
    assert zenpy.organizations.update(Organization(id=partner.id, notes="x")).notes == "x"
    assert [group.name for group in zenpy.groups()] == ["Support", "IT"]
    assert {status.status_category for status in zenpy.custom_statuses()} >= {"new", "solved"}


def test_zenpy_lists_what_belongs_to_a_person_and_makes_many(
    zenpy: Zenpy, sandbox: Sandbox
) -> None:
    requester = zenpy.tickets(id=1).requester
    assert [ticket.id for ticket in zenpy.users.requested(user=requester.id)] == [1]
    assert list(zenpy.users.assigned(user=requester.id)) == []
    assert [one.name for one in zenpy.users.organizations(user=requester.id)] == ["Alpen Tours"]
    members = [one.user_id for one in zenpy.organization_memberships()]
    assert requester.id in members
    made = zenpy.tickets.create([Ticket(subject=s, description="d") for s in ("a", "b")])
    sandbox.clock.advance(120)
    assert zenpy.job_status(id=made.id).status == "completed"
    assert [ticket.id for ticket in zenpy.tickets()] == [1, 2, 3, 4, 5]
    zenpy.tickets.delete([Ticket(id=4), Ticket(id=5)])
    sandbox.clock.advance(120)
    assert [ticket.id for ticket in zenpy.tickets()] == [1, 2, 3]
    since = instant("2026-11-01T00:00:00Z")
    assert requester.id in [user.id for user in zenpy.users.incremental(start_time=since)]


def test_a_path_that_nobody_serves_is_refused_as_the_vendor_does(sandbox: Sandbox) -> None:
    client = sandbox.app.test_client()
    answer = client.get("/zendesk/acme/api/v2/nonsense.json")
    assert (answer.status_code, answer.json["error"]) == (404, "InvalidEndpoint")
    answer = client.get("/freshdesk/acme/api/v2/nonsense")
    assert (answer.status_code, answer.data) == (404, b"")
