"""What `doctor` finds: over real HTTP to the sandbox, with a real database."""

from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from installation import serve

from connectors.setup import Level
from connectors.zendesk.checks import _credentials
from plugin.connect import connect_account, plan_account, rotate
from plugin.doctor import examine, is_broken
from plugin.store import AuditEntry
from plugin.store.dead_letters import SetAside

both = pytest.mark.parametrize("vendor", ["zendesk", "freshdesk"])


def findings(here, key="acme"):
    return list(examine(here.services, here.connected(key)))


def of(found, subject):
    """The findings on a subject, as (level, text and remedy)."""
    return [(f.level, f"{f.text} {f.remedy}") for f in found if f.subject == subject]


@pytest.fixture
def connected(here, vendor):
    account = here.account(vendor)
    connect_account(here.services, here.request(vendor))
    return account


@both
def test_a_sound_account_has_nothing_broken(here, vendor, connected):
    found = findings(here)
    assert not is_broken(found)
    ((level, text),) = of(found, "fields and rules")
    assert level is Level.OK
    assert "All 11 things are there" in text
    assert of(found, "credentials")[0][1].startswith("Accepted, acting as Sandbox Admin")
    assert of(found, "clock")[0][0] is Level.OK
    assert "700 requests a minute" in of(found, "limits")[0][1]


@both
def test_every_warning_and_fault_says_what_to_do(here, vendor, connected):
    connected.admin["ticket_scope" if vendor == "freshdesk" else "role"] = (
        2 if vendor == "freshdesk" else "agent"
    )
    connected.ticket_fields.clear()
    found = findings(here)
    assert is_broken(found)
    for finding in found:
        assert finding.remedy or finding.level in {Level.OK, Level.NOTE, Level.UNKNOWN}


@both
def test_older_secrets_are_told_until_their_change_is_finished(here, vendor, connected):
    assert of(findings(here), "webhook secret") == []
    rotate(here.services, "acme")
    ((level, text),) = of(findings(here), "webhook secret")
    assert level is Level.NOTE
    assert "accepted: 1" in text
    assert "rotate acme --finish" in text
    rotate(here.services, "acme", finish=True)
    assert of(findings(here), "webhook secret") == []


@both
def test_an_account_that_rests_and_what_was_set_aside_are_told(here, vendor, connected):
    store = here.services.store
    assert of(findings(here), "work") == of(findings(here), "set aside") == []
    store.circuits.pause("acme", "migration")
    store.circuits.admit("acme", "7")
    store.dead_letters.set_aside("acme", "8", SetAside.REJECTED, "422")
    store.dead_letters.set_aside("other", "9", SetAside.BUG, "KeyError")
    found = findings(here)
    ((level, text),) = of(found, "work")
    assert level is Level.WARNING
    assert text.startswith("Paused (migration), began less than a minute ago; tickets waiting: 1")
    assert "regiondo-sla resume acme" in text
    ((level, text),) = of(found, "set aside")
    assert text.startswith(
        "Tickets that could not be looked at: 1 (1 rejected) `regiondo-sla replay"
    )
    store.circuits.resume("acme")
    refused = {"reason": SetAside.CREDENTIALS_REFUSED.value, "detail": "401"}
    store.circuits.fail("acme", "7", break_after=1, **refused)
    found = findings(here)
    ((level, text),) = of(found, "work")
    assert is_broken(found)
    assert f"regiondo-sla connect {vendor} --key acme" in text


@both
def test_looking_changes_nothing(here, vendor, connected):
    here.writes()
    findings(here)
    assert here.writes() == []


@both
def test_a_field_that_somebody_removed_is_named(here, vendor, connected):
    number = next(
        n
        for n, f in connected.ticket_fields.items()
        if "SLA note" in {f.get("title"), f.get("label")}
    )
    del connected.ticket_fields[number]
    found = findings(here)
    assert is_broken(found)
    ((level, text),) = of(found, "ticket field note")
    assert level is Level.BROKEN
    assert "'SLA note' (text) is missing" in text
    assert f"regiondo-sla connect {vendor} --key acme" in text


def test_calls_of_the_webhook_that_were_answered_well_are_no_failures(here):
    account = here.account("zendesk")
    connect_account(here.services, here.request("zendesk"))
    account.receive_email("Checkout is down", "Error 500", "eva@alpen.test")
    here.sandbox.wait_idle()
    ((level, text),) = of(findings(here), "webhook")
    assert level is Level.OK, text
    assert not text.startswith("Active; 0 of the last 0")


def test_a_deactivated_webhook_and_rule_are_named(here):
    zendesk = here.account("zendesk")
    connect_account(here.services, here.request("zendesk", key="z"))
    next(iter(zendesk.webhooks.values()))["status"] = "inactive"
    assert "is inactive" in of(findings(here, "z"), "webhook")[0][1]
    freshdesk = here.account("freshdesk")
    connect_account(here.services, here.request("freshdesk", key="f"))
    next(iter(freshdesk.rules[4].values()))["active"] = False
    assert "is deactivated" in of(findings(here, "f"), "rule update")[0][1]


@both
def test_credentials_that_died_are_told_once_and_stop_the_questions(here, vendor, connected):
    wrong = {"access_token": "dead"} if vendor == "zendesk" else {"api_key": "dead"}
    here.services.store.connections.save(replace(here.connected(), credentials=wrong))
    found = findings(here)
    assert [f.subject for f in found if f.level is Level.BROKEN] == ["credentials"]
    assert not of(found, "fields and rules")


def test_an_account_that_does_not_answer_is_told(here):
    connect_account(here.services, here.request("zendesk"))
    here.helpdesks.shutdown()
    here.helpdesks.server_close()
    found = findings(here)
    here.helpdesks = serve(here.sandbox.app)
    ((level, text),) = of(found, "address")
    assert level is Level.BROKEN
    assert f"Zendesk ({urlsplit(here.connected().base_url).netloc}) did not answer GET" in text


def test_a_signing_secret_changed_in_zendesk_is_noticed(here):
    account = here.account("zendesk")
    connect_account(here.services, here.request("zendesk"))
    account.reset_secret(next(iter(account.webhooks)))
    ((level, text),) = of(findings(here), "signing secret")
    assert level is Level.BROKEN
    assert "Connect again" in text
    connect_account(here.services, here.request("zendesk"))
    assert not of(findings(here), "signing secret")


def test_an_api_token_is_warned_of_until_it_dies(here):
    connect_account(here.services, here.request("zendesk"))
    token = {"email": "admin@sandbox.test", "api_token": "x", **here.connected().credentials}
    here.services.store.connections.save(replace(here.connected(), credentials=token))
    ((level, text),) = of(list(_credentials(here.connected())), "API token")
    assert level is Level.WARNING
    assert "2027-04-30" in text


def test_a_freshdesk_token_that_soon_ends_is_warned_of(here):
    here.account("freshdesk")
    for days, level in ((90, Level.OK), (20, Level.WARNING)):
        for one in here.services.store.connections.every():
            here.services.store.connections.delete(one.key)
        here.account("freshdesk").rules[1].clear()
        lasts = timedelta(days=days)
        connect_account(here.services, here.request("freshdesk", token_lasts=lasts))
        ((found, text),) = of(findings(here), "token")
        assert found is level
        assert ("regiondo-sla rotate acme" in text) == (level is Level.WARNING)


def test_rules_that_look_at_the_ticket_type_are_listed_before_it_is_changed(here):
    account = here.account("zendesk")
    account.add(
        account.rules["triggers"],
        {
            "title": "Escalate incidents",
            "active": True,
            "position": 1,
            "conditions": {"all": [{"field": "type", "operator": "is", "value": "incident"}]},
            "actions": [],
        },
    )
    plan = plan_account(here.services, here.request("zendesk"))
    ((level, text),) = of(plan.inspection.findings, "triggers on ticket type")
    assert level is Level.WARNING
    assert "'Escalate incidents'" in text
    assert "--due-date field" in text
    field_only = here.request("zendesk", settings={"due_date": "field"})
    plan = plan_account(here.services, field_only)
    assert not of(plan.inspection.findings, "triggers on ticket type")


def test_the_age_of_a_freshdesk_account_tells_its_sla_engine(here):
    account = here.account("freshdesk")
    for day, engine in (("2026-01-05", "recalculating"), ("2024-01-05", "legacy")):
        for field in account.ticket_fields.values():
            field["created_at"] = f"{day}T08:00:00Z"
        plan = plan_account(here.services, here.request("freshdesk"))
        assert plan.connection.settings["engine"] == engine
        assert day in of(plan.inspection.findings, "SLA engine")[0][1]
    chosen = here.request("freshdesk", settings={"engine": "recalculating"})
    assert plan_account(here.services, chosen).connection.settings["engine"] == "recalculating"


def test_values_that_the_helpdesk_drops_or_changes_are_told(here):
    connect_account(here.services, here.request("zendesk"))
    now = here.services.clock()
    for ticket, error in (("1", None), ("2", "Rejected: Zendesk answered 422"), ("2", None)):
        here.services.store.tickets.record_failure(
            AuditEntry(
                connection="acme",
                ticket_id=ticket,
                at=now,
                outcome="failed" if error else "applied",
                patch={"notes": [{"text": "Zendesk ignored: ticket.custom"}]}
                if ticket == "1"
                else {},
                error=error,
            )
        )
    found = findings(here)
    assert of(found, "ignored values")[0][1].startswith("Zendesk ignored: ticket.custom")
    assert of(found, "tickets")[0][0] is Level.OK
    here.services.store.tickets.record_failure(
        AuditEntry(connection="acme", ticket_id="3", at=now, outcome="failed", error="Rejected: no")
    )
    assert "1 of 3 tickets" in of(findings(here), "tickets")[0][1]


def test_a_clock_that_is_off_is_warned_of(here):
    connect_account(here.services, here.request("zendesk"))
    clock = here.services.clock
    late = replace(here.services, clock=lambda: clock() + timedelta(minutes=4))
    found = list(examine(late, here.connected()))
    ((level, text),) = of(found, "clock")
    assert level is Level.WARNING
    assert "s from the vendor's" in text


@both
def test_an_acting_user_with_tickets_of_their_own_is_a_person(here, vendor, connected):
    assert not of(findings(here), "acting user")
    number = connected.receive_email("Hello", "Help", sender="a@b.test")["id"]
    name = "assignee_id" if vendor == "zendesk" else "responder_id"
    connected.agent_edits(number, {name: connected.admin["id"]})
    ((level, text),) = of(findings(here), "acting user")
    assert level is Level.WARNING
    assert "1 tickets of their own" in text
    assert "dedicated agent" in text


def test_a_sweep_that_failed_or_stays_away_is_told(here):
    connect_account(here.services, here.request("zendesk"))
    assert "not swept yet" in of(findings(here), "sweep")[0][1]
    here.services.store.sweeps.begin("acme")
    here.services.store.sweeps.end("acme")
    assert of(findings(here), "sweep")[0][0] is Level.OK
    clock = here.services.clock
    later = replace(here.services, clock=lambda: clock() + timedelta(hours=1))
    ((level, text),) = of(list(examine(later, here.connected())), "sweep")
    assert level is Level.WARNING
    assert "reconcile" in text
    here.services.store.sweeps.begin("acme")
    here.services.store.sweeps.end("acme", "Zendesk answered 500")
    assert "failed: Zendesk answered 500" in of(findings(here), "sweep")[0][1]
