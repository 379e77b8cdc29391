"""Accounts with several brands, several ticket forms and statuses of their own."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.resources import files

import pytest

from plugin.pipeline import Outcome
from sla_rules.policy_file import load_policy
from sla_rules.policy_history import PolicyHistory

OURS = {"priority", "tags", "custom_fields", "type", "due_at", "fr_due_by", "due_by"}
OURS |= {"assignee_id", "responder_id"}  # the named contact of the tier
GUARDS = {"id", "updated_stamp", "safe_update", "metadata"}


def due(desk, number):
    return desk.ticket(number)["due_at" if desk.vendor == "zendesk" else "fr_due_by"]


def sent_fields(desk):
    return {
        name
        for call in desk.writes()
        for name in call["body"].get("ticket", call["body"])
        if name not in GUARDS
    }


def with_round_the_clock(desk, brand, tmp_path):
    """Give one brand a schedule of its own."""
    policy = (files("sla_rules") / "policies" / "regiondo.toml").read_text("utf-8")
    rule = '[[schedule_rules]]\nschedule = "support"'
    own = f'''[schedules.always]
hours = "24/7"
time_zone = "Europe/Berlin"
clause = "1"
holiday_calendars = []
holidays = []

[[schedule_rules]]
schedule = "always"
brand = ["{brand}"]

{rule}'''
    path = tmp_path / "policy.toml"
    assert rule in policy
    path.write_text(policy.replace(rule, own), "utf-8")
    history = PolicyHistory([load_policy(path)])
    desk.services = replace(desk.services, policies=lambda: history)


def second_brand(desk):
    """Another brand of the account, which Freshdesk calls a product; how a ticket comes to it."""
    if desk.vendor == "freshdesk":
        return {"product_id": 48000000777}
    made = desk.people.add(desk.people.brands, {"name": "Rhodania", "subdomain": "rhodania"})
    return {"brand_id": made["id"]}


def test_a_ticket_of_the_second_brand_is_looked_at_like_any_other_and_stays_there(desk):
    brand = second_brand(desk)
    first, second = desk.mail(), desk.mail()
    desk.people.agent_edits(int(second), brand, agent="Anna")
    for number in (first, second):
        assert desk.look(number) is Outcome.APPLIED
    assert due(desk, second) == due(desk, first)
    assert brand.items() <= desk.ticket(second).items()
    assert sent_fields(desk) <= OURS


def test_a_brand_may_have_hours_of_its_own(desk, tmp_path):
    brand = second_brand(desk)
    with_round_the_clock(desk, next(iter(brand.values())), tmp_path)
    desk.now = datetime.now(UTC)
    number = desk.mail()
    desk.look(number)
    usual = desk.entry(number).decision
    desk.people.agent_edits(int(number), brand, agent="Anna")
    desk.look(number)
    moved = desk.entry(number).decision
    assert usual["starts_at"] == moved["starts_at"]
    starts_at, due_at = map(
        datetime.fromisoformat, (moved["starts_at"], moved["targets"][0]["due_at"])
    )
    assert due_at - starts_at == timedelta(hours=4)


def test_a_zendesk_ticket_on_another_form_keeps_its_form_and_has_its_due_date(desks):
    desk = desks("zendesk")
    form = desk.people.add(desk.people.forms, {"name": "Bookings", "active": True})
    number = desk.mail()
    desk.people.agent_edits(int(number), {"ticket_form_id": form["id"]}, agent="Anna")
    assert desk.look(number) is Outcome.APPLIED
    assert due(desk, number)
    assert desk.ticket(number)["ticket_form_id"] == form["id"]
    desk.people.agent_edits(
        int(number), {"ticket_form_id": next(iter(desk.people.forms))}, agent="Anna"
    )
    assert desk.look(number) is Outcome.NO_CHANGE
    assert sent_fields(desk) <= OURS


def own_status(desk, meaning):
    """A status of the account's own and the field by which a ticket gets it."""
    if desk.vendor == "zendesk":
        desk.people.configure(custom_statuses=True)
        made = desk.people.add_custom_status(meaning, f"Our {meaning}")
        return {"custom_status_id": made["id"]}
    desk.people.create_status(20, f"Our {meaning}")
    return {"status": 20}


def test_a_waiting_status_of_the_account_s_own_does_not_stop_the_clock_and_stays(desk):
    status = own_status(desk, "pending")
    number = desk.mail()
    desk.look(number)
    before = due(desk, number)
    desk.people.agent_edits(int(number), status, agent="Anna")
    desk.look(number)
    assert desk.entry(number).decision["targets"][0]["state"] == "open"
    assert due(desk, number) == before
    assert status.items() <= desk.ticket(number).items()
    assert sent_fields(desk) <= OURS


def test_a_solved_status_of_a_zendesk_account_s_own_counts_as_solved(desks):
    desk = desks("zendesk")
    status = own_status(desk, "solved")
    number = desk.mail()
    desk.look(number)
    desk.people.agent_edits(int(number), status, agent="Anna")
    desk.look(number)
    assert desk.entry(number).decision["targets"][0]["state"] == "cancelled"
    assert due(desk, number) is None
    assert status.items() <= desk.ticket(number).items()


@pytest.mark.parametrize("odd", ["\0", "\ud83d", "\u2028"], ids=("nul", "half an emoji", "line"))
def test_text_that_no_database_keeps_costs_no_ticket_its_clock(desk, odd):
    make = getattr(desk.people, "create_organization", None) or desk.people.create_company
    make(f"Berg{odd}", tier=f"enterprise{odd}", named_contact=f"anna{odd}@support.example")
    broken = {"body": f"Le paiement{odd} ne fonctionne {odd}plus.", "subject": f"Panne {odd}"}
    number = desk.mail(organization=f"Berg{odd}", sender="eva@berg.example", **broken)
    assert desk.look(number) is Outcome.APPLIED
    assert desk.entry(number).decision["kind"] == "error_report"
    assert due(desk, number)
    wish = desk.mail(
        subject="Idée", body=f"Il serait vraiment utile que Regiondo puisse exporter en PDF{odd}."
    )
    assert desk.look(wish) is Outcome.APPLIED
    assert "feature_request" in desk.ticket(wish)["tags"]
