"""What a look does to a ticket over real HTTP and a real database, and how few calls it takes."""

from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import text

from connectors.base import Delivery, OrganizationEvent
from connectors.errors import CredentialsRejected
from plugin.pipeline import Outcome
from plugin.sandbox.faults import Fault
from plugin.store.dead_letters import Wanted
from plugin.store.deliveries import Sought
from sla_rules.ticket import Priority

EDITS = {
    "zendesk": {"priority": lambda p: p.value, "pending": "pending"},
    "freshdesk": {"priority": lambda p: list(Priority).index(p) + 1, "pending": 3},
}


def priority(desk, ticket):
    given = ticket["priority"]
    return Priority(given) if desk.vendor == "zendesk" else list(Priority)[given - 1]


def set_priority(desk, number, wanted, **given):
    value = EDITS[desk.vendor]["priority"](wanted)
    desk.people.agent_edits(int(number), {"priority": value}, agent="Anna", **given)


def earlier(minutes=60):
    return (datetime.now(UTC) - timedelta(minutes=minutes)).isoformat()


def test_the_calls_of_a_new_mail_an_echo_and_an_answer_are_few(desk):
    desk.look(desk.mail())  # agents, fields and the organisation are known from then on
    number = desk.mail(at=earlier())
    reads = {"zendesk": 2, "freshdesk": 1}[desk.vendor]
    assert desk.calls(number) == reads + 1
    assert desk.entry(number).outcome == Outcome.APPLIED
    assert desk.calls(number) == 1
    assert desk.entry(number).outcome == Outcome.NO_CHANGE
    assert desk.entry(number).decision["tier"] == "enterprise"
    desk.people.agent_replies(int(number), agent="Anna")
    assert desk.calls(number) == reads + 1
    assert desk.calls(number) == 1


def test_an_answered_ticket_is_counted_as_judged_once(desk):
    number = desk.mail(at=earlier())
    before = REGISTRY.get_sample_value("sla_deadlines_judged_total", {"state": "met"}) or 0
    desk.look(number)
    desk.people.agent_replies(int(number), agent="Anna")
    for _ in range(2):
        desk.look(number)
    desk.people.agent_replies(int(number), agent="Anna")
    desk.look(number)
    after = REGISTRY.get_sample_value("sla_deadlines_judged_total", {"state": "met"})
    assert after == before + 1


def test_a_burst_of_looks_at_an_unchanged_ticket_sends_nothing(desk):
    number = desk.mail()
    desk.look(number)
    desk.forget_calls()
    assert [desk.look(number) for _ in range(3)] == [Outcome.NO_CHANGE] * 3
    assert desk.writes() == []
    assert len(desk.reads()) == 3


def test_a_change_in_the_second_of_our_own_write_is_seen(desk):
    number = desk.mail(at=earlier())
    desk.look(number)
    at = desk.ticket(number)["updated_at"]
    set_priority(desk, number, Priority.LOW if desk.vendor == "zendesk" else Priority.NORMAL, at=at)
    assert desk.ticket(number)["updated_at"] == at
    desk.look(number)
    assert "sla_manual" in desk.ticket(number)["tags"]
    assert priority(desk, desk.ticket(number)) is not Priority.URGENT


def test_an_answer_in_the_second_of_our_own_write_is_seen(desk):
    number = desk.mail(at=earlier())
    desk.look(number)
    at = desk.ticket(number)["updated_at"]
    desk.people.agent_replies(int(number), agent="Anna", at=at)
    desk.now = datetime.now(UTC) + timedelta(seconds=2)
    desk.look(number)
    assert desk.ticket(number)["tags"].count("sla_met") == 1


def test_a_person_s_priority_is_left_alone_until_the_tag_is_taken_away(desk):
    number = desk.mail(at=earlier())
    desk.look(number)
    set_priority(desk, number, Priority.NORMAL)
    desk.look(number)
    desk.look(number)
    assert priority(desk, desk.ticket(number)) is Priority.NORMAL
    tags = [tag for tag in desk.ticket(number)["tags"] if tag != "sla_manual"]
    desk.people.agent_edits(int(number), {"tags": tags}, agent="Anna")
    desk.look(number)
    assert priority(desk, desk.ticket(number)) is not Priority.NORMAL
    assert "sla_manual" not in desk.ticket(number)["tags"]


def test_a_priority_that_a_person_chose_before_our_first_write_is_kept(desk):
    number = desk.mail(at=earlier())
    set_priority(desk, number, Priority.NORMAL)
    desk.look(number)
    assert priority(desk, desk.ticket(number)) is Priority.NORMAL
    assert {"sla_manual", "sla_enterprise"} <= set(desk.ticket(number)["tags"])


IMPACT = {
    "zendesk": lambda impact: {"SLA impact": f"sla_impact_{impact}"},
    "freshdesk": lambda impact: {"cf_sla_impact": impact.capitalize()},
}


def test_the_impact_that_a_person_names_decides_the_priority(desk):
    number = desk.mail(at=earlier())
    desk.look(number)
    judged = priority(desk, desk.ticket(number))
    desk.people.agent_edits(int(number), IMPACT[desk.vendor]("none"), agent="Anna")
    desk.look(number)
    assert judged is not Priority.NORMAL
    assert priority(desk, desk.ticket(number)) is Priority.NORMAL
    assert "sla_manual" not in desk.ticket(number)["tags"]
    reasons = desk.entry(number).decision["reasons"]
    (said,) = [reason for reason in reasons if reason.get("key") == "impact_by_field"]
    assert "none" in said["text"]
    assert ("Anna" in said["text"]) is (desk.vendor == "zendesk")


def test_a_tag_of_ours_that_a_person_took_is_not_set_again_for_ever(desk):
    number = desk.mail(at=earlier())
    desk.look(number)
    for _ in range(2):
        tags = [tag for tag in desk.ticket(number)["tags"] if tag != "sla_enterprise"]
        desk.people.agent_edits(int(number), {"tags": tags}, agent="Anna")
        desk.look(number)
    assert "sla_enterprise" not in desk.ticket(number)["tags"]
    assert desk.look(number) is Outcome.NO_CHANGE


def test_tags_of_other_people_survive_every_look(desk):
    number = desk.mail(tags=["vip"])
    desk.look(number)
    desk.people.agent_edits(
        int(number), {"tags": [*desk.ticket(number)["tags"], "call back"]}, agent="Anna"
    )
    desk.people.agent_replies(int(number), agent="Anna")
    desk.look(number)
    assert {"vip", "call back"} <= set(desk.ticket(number)["tags"])


def test_a_note_and_a_message_of_the_partner_are_no_answer(desk):
    number = desk.mail()
    desk.look(number)
    desk.people.agent_notes(int(number), agent="Anna")
    desk.people.receive_email(
        subject="", body="Toujours rien ?", sender="luc@alpentour.example", ticket=int(number)
    )
    desk.look(number)
    assert desk.entry(number).decision["targets"][0]["state"] == "open"


def test_pending_does_not_stop_the_clock(desk):
    number = desk.mail()
    desk.look(number)
    before = desk.entry(number).decision["targets"][0]["due_at"]
    desk.people.agent_edits(int(number), {"status": EDITS[desk.vendor]["pending"]}, agent="Anna")
    desk.look(number)
    target = desk.entry(number).decision["targets"][0]
    assert (target["due_at"], target["state"]) == (before, "open")


def take_away(desk, number):
    """Delete a ticket so that the vendor's API says 404: at once in Zendesk, from Freshdesk's trash
    for good."""
    if desk.vendor == "zendesk":
        desk.people.delete(int(number), agent="Anna")
    else:
        del desk.people.tickets[int(number)]


def stored(desk, number):
    rows = desk.services.store.tickets.recent(1000)
    return next(r for r in rows if (r.connection, r.ticket_id) == (desk.connection.key, number))


def planned(desk, number):
    with desk.services.store.database.transaction() as database:
        asked = text("select look_at from deadlines where connection = :c and ticket_id = :t")
        return database.execute(asked, {"c": desk.connection.key, "t": number}).scalar()


def test_the_clock_of_a_ticket_that_is_gone_is_cancelled_in_the_store(desk):
    number = desk.mail()
    desk.look(number)
    assert stored(desk, number).state == "open"
    take_away(desk, number)
    assert desk.look(number) is Outcome.SKIPPED
    row = stored(desk, number)
    assert (row.state, row.decision["targets"][0]["state"]) == ("cancelled", "cancelled")
    assert row.decision["reasons"][-1]["text"] == "Cancelled: the ticket is deleted."
    assert planned(desk, number) is None
    letters = desk.services.store.dead_letters.find(Wanted(connection=desk.connection.key))
    assert letters == []


def test_an_answered_ticket_that_is_gone_stays_answered(desk):
    number = desk.mail(at=earlier(1))
    desk.look(number)
    desk.people.agent_replies(int(number), agent="Anna")
    desk.look(number)
    before = stored(desk, number).state
    assert before == "met"
    take_away(desk, number)
    desk.look(number)
    assert stored(desk, number).state == before


def test_a_deleted_ticket_that_is_restored_has_its_clock_again(desk):
    number = desk.mail()
    desk.look(number)
    before = stored(desk, number)
    kept = desk.people.tickets[int(number)]
    take_away(desk, number)
    desk.look(number)
    if desk.vendor == "zendesk":
        desk.people.undelete(int(number), agent="Anna")
    else:
        desk.people.tickets[int(number)] = kept
    desk.look(number)
    row = stored(desk, number)
    assert (row.state, row.due_at, row.starts_at) == ("open", before.due_at, before.starts_at)
    assert planned(desk, number) is not None


def test_a_404_without_working_credentials_cancels_nothing(desk, monkeypatch):
    number = desk.mail()
    desk.look(number)
    take_away(desk, number)
    asked = desk.services.connector(desk.connection)._client
    real = asked.session.request

    def request(method, url, **options):
        if "/me" in url:
            raise CredentialsRejected("401", status=401)
        return real(method, url, **options)

    monkeypatch.setattr(asked.session, "request", request)
    desk.look(number)
    assert stored(desk, number).state == "open"
    desk.services.store.circuits.resume(desk.connection.key)


def test_a_merged_ticket_is_cancelled_and_the_survivor_keeps_the_earlier_start(desk):
    first, second = desk.mail(at=earlier(600)), desk.mail(at=earlier(60))
    desk.look(first)
    desk.look(second)
    start = desk.memory(first).starts_at
    desk.people.merge(int(first), into=int(second), agent="Anna")
    desk.look(first)
    desk.look(second)
    assert desk.entry(first).decision["exclusion"] == "merged"
    assert desk.entry(first).decision["targets"][0]["state"] == "cancelled"
    assert desk.memory(second).starts_at == start
    assert start < datetime.now(UTC) - timedelta(minutes=500)


def lose_an_answer(desk):
    """The helpdesk carries the next write out, and its answer gets lost."""
    desk.sandbox.faults.add(Fault("reset", vendor=desk.vendor, method="PUT", after=True))


def change_package(desk, tier):
    change = {"zendesk": "update_organization", "freshdesk": "update_company"}[desk.vendor]
    getattr(desk.people, change)("Alpentour", tier=tier)
    desk.forget_cached()


def test_a_change_whose_answer_was_lost_is_still_ours_to_change(desk):
    number = desk.mail(body="Le paiement ne fonctionne plus, erreur 500.")
    lose_an_answer(desk)
    assert desk.look(number) is Outcome.FAILED
    assert priority(desk, desk.ticket(number)) is Priority.HIGH
    change_package(desk, "starter")
    assert desk.look(number) is Outcome.APPLIED
    decision, left = desk.entry(number).decision, desk.ticket(number)
    assert decision["tier"] == "starter"
    assert "sla_starter" in left["tags"]
    assert "sla_enterprise" not in left["tags"]
    due = left["due_at" if desk.vendor == "zendesk" else "fr_due_by"]
    assert datetime.fromisoformat(due) == datetime.fromisoformat(decision["targets"][0]["due_at"])
    memory = desk.memory(number)
    assert (memory.overrides, memory.sent) == ((), {})


def test_a_priority_that_a_person_sets_after_a_lost_answer_is_left_alone(desk):
    number = desk.mail(body="Le paiement ne fonctionne plus, erreur 500.")
    lose_an_answer(desk)
    desk.look(number)
    set_priority(desk, number, Priority.URGENT)
    desk.look(number)
    assert priority(desk, desk.ticket(number)) is Priority.URGENT


def test_a_ticket_named_a_feature_request_after_a_lost_answer_loses_its_due_date(desks):
    desk = desks("zendesk")
    number = desk.mail()
    lose_an_answer(desk)
    desk.look(number)
    assert desk.ticket(number)["due_at"]
    desk.people.agent_edits(
        int(number), {"tags": [*desk.ticket(number)["tags"], "feature_request"]}, agent="Anna"
    )
    desk.look(number)
    assert desk.entry(number).decision["exclusion"] == "feature_request"
    assert desk.ticket(number)["due_at"] is None


def test_freshdesk_s_type_that_we_set_says_nothing_though_the_answer_was_lost(desks):
    desk = desks("freshdesk")
    number = desk.mail(
        subject="Suggestion", body="Ce serait vraiment utile si Regiondo proposait un export PDF."
    )
    lose_an_answer(desk)
    desk.look(number)
    assert desk.ticket(number)["type"] == "Feature Request"
    desk.look(number)
    said = {reason["key"] for reason in desk.entry(number).decision["reasons"]}
    assert said.isdisjoint({"kind_by_tag", "kind_by_type"})


def test_a_requester_without_an_organisation_is_matched_by_the_domain_of_the_mail(desks):
    desk = desks("zendesk")
    desk.people.create_organization("Rhodania", tier="advanced", domains=[])
    number = desk.mail(sender="eva@rhodania.example", organization=None)
    desk.people.update_organization("Rhodania", domain_names=["rhodania.example"])
    desk.look(number)
    decision = desk.entry(number).decision
    assert decision["tier"] == "advanced"
    assert any("e-mail domain rhodania.example" in one["text"] for one in decision["reasons"])
    assert desk.calls(desk.mail(sender="eva@rhodania.example", organization=None)) == 3


def test_a_freshdesk_requester_is_matched_by_their_company_and_else_by_domain(desks):
    desk = desks("freshdesk")
    desk.people.create_company("Rhodania", tier="advanced", domains=[])
    number = desk.mail(sender="eva@rhodania.example", organization=None)
    desk.people.update_company("Rhodania", domains=["rhodania.example"])
    desk.look(number)
    decision = desk.entry(number).decision
    assert decision["tier"] == "advanced"
    assert any("e-mail domain rhodania.example" in one["text"] for one in decision["reasons"])


def test_zendesk_s_due_date_goes_after_the_answer_and_the_type_is_put_back(desks):
    desk = desks("zendesk")
    number = desk.mail(at=earlier())
    desk.look(number)
    assert desk.ticket(number)["type"] == "task"
    desk.people.agent_replies(int(number), agent="Anna")
    desk.look(number)
    assert (desk.ticket(number)["type"], desk.ticket(number)["due_at"]) == (None, None)


def test_zendesk_s_type_that_a_person_confirmed_stays_when_the_due_date_goes(desks):
    desk = desks("zendesk")
    number = desk.mail(at=earlier())
    desk.look(number)
    desk.people.agent_edits(int(number), {"type": "question"}, agent="Anna")
    desk.people.agent_edits(int(number), {"type": "task"}, agent="Anna")
    desk.people.agent_replies(int(number), agent="Anna")
    desk.look(number)
    assert desk.ticket(number)["type"] == "task"


@pytest.mark.parametrize("type_", ["incident", "problem"])
def test_an_incident_or_problem_of_zendesk_is_never_made_a_task(desks, type_):
    desk = desks("zendesk")
    number = desk.mail(at=earlier())
    desk.people.agent_edits(int(number), {"type": type_}, agent="Anna")
    desk.look(number)
    assert desk.ticket(number)["type"] == type_
    assert desk.ticket(number)["due_at"] is None
    assert "sla_enterprise" in desk.ticket(number)["tags"]


def test_a_type_that_may_be_turned_into_a_task_comes_back_afterwards(desks):
    desk = desks("zendesk", types_to_task=["question"])
    number = desk.mail(at=earlier())
    desk.people.agent_edits(int(number), {"type": "question"}, agent="Anna")
    desk.look(number)
    assert desk.ticket(number)["type"] == "task"
    desk.people.agent_replies(int(number), agent="Anna")
    desk.look(number)
    assert desk.ticket(number)["type"] == "question"


def test_with_the_field_strategy_the_type_is_left_and_the_field_tells(desks):
    desk = desks("zendesk", due_date="field")
    number = desk.mail()
    desk.look(number)
    assert (desk.ticket(number)["type"], desk.ticket(number)["due_at"]) == (None, None)
    assert desk.entry(number).patch["due_text"]


def test_a_zendesk_account_without_low_and_urgent_gets_the_nearest_priority_once(desks):
    desk = desks("zendesk")
    field = next(f for f in desk.people.ticket_fields.values() if f["type"] == "priority")
    field["sub_type_id"] = 1
    number = desk.mail(body="Plus rien ne fonctionne, impossible de vendre.", at=earlier())
    desk.look(number)
    assert desk.ticket(number)["priority"] == "high"
    assert any("nearest" in note["text"] for note in desk.entry(number).patch["notes"])
    desk.people.agent_replies(int(number), agent="Anna")
    desk.look(number)
    assert "priority" not in desk.entry(number).patch


def test_a_ticket_closed_meanwhile_is_final_and_noted(desks):
    desk = desks("zendesk")
    number = desk.mail(at=earlier())
    desk.people.agent_edits(int(number), {"status": "closed"}, agent="Anna")
    assert desk.look(number) is Outcome.NO_CHANGE
    assert "closed" in desk.entry(number).patch["notes"][0]["text"]
    assert desk.writes() == []


def test_freshdesk_keeps_the_account_s_own_later_resolution_date(desks):
    desk = desks("freshdesk")
    number = desk.mail()
    own = desk.ticket(number)["due_by"]
    desk.look(number)
    due = desk.ticket(number)
    later = own > due["fr_due_by"]
    assert (due["due_by"] == own) is later
    if not later:
        assert any("resolution" in note["text"] for note in desk.entry(number).patch["notes"])


def test_a_status_whose_timer_is_off_is_learned_once(desks):
    desk = desks("freshdesk")
    desk.people.create_status(12, "Waiting for IT", timer=False)
    first, second = desk.mail(), desk.mail()
    for number in (first, second):
        desk.people.agent_edits(int(number), {"status": 12}, agent="Anna")
    desk.look(first)
    assert desk.entry(first).outcome == Outcome.APPLIED
    assert any("timer is off" in note["text"] for note in desk.entry(first).patch["notes"])
    assert "sla_enterprise" in desk.ticket(first)["tags"]
    desk.look(second)
    assert [call["status"] for call in desk.writes()] == [400, 200, 200]


def test_a_feature_request_is_moved_to_the_status_that_the_settings_name(desks):
    desk = desks("freshdesk", status_without_timer=12)
    desk.people.create_status(12, "Outside the SLA", timer=False)
    number = desk.mail(
        subject="Suggestion", body="Ce serait vraiment utile si Regiondo proposait un export PDF."
    )
    desk.look(number)
    assert desk.ticket(number)["status"] == 12
    assert desk.ticket(number)["type"] == "Feature Request"
    assert "feature_request" in desk.ticket(number)["tags"]
    desk.people.agent_edits(int(number), {"status": 2}, agent="Anna")
    desk.look(number)
    assert desk.ticket(number)["status"] == 2


def test_a_due_date_lost_to_the_account_s_recalculation_is_set_again_and_then_given_up(desks):
    desk = desks("freshdesk", engine="recalculating", recalculation_seconds=0)
    desk.people.configure(engine="recalculating", recalculation_seconds=0, keeps_api_due=False)
    number = desk.mail()
    for _ in range(8):
        desk.look(number)
    dates = [call for call in desk.writes() if "fr_due_by" in call["body"]]
    assert len(dates) == 4
    assert "sla_due_not_kept" in desk.ticket(number)["tags"]
    assert desk.look(number) is Outcome.NO_CHANGE


def test_an_account_that_recalculates_and_keeps_our_date_is_read_back_once(desks):
    desk = desks("freshdesk", engine="recalculating", recalculation_seconds=0)
    desk.people.configure(engine="recalculating", recalculation_seconds=0, keeps_api_due=True)
    number = desk.mail()
    desk.look(number)
    desk.forget_calls()
    assert desk.calls(number) == 1
    assert desk.writes() == []


def queued(desk):
    """The tickets that wait for a look, by the job engine's table."""
    query = text("select args->>'ticket_id' from procrastinate_jobs where args->>'connection' = :c")
    with desk.services.store.database.transaction() as database:
        return set(database.execute(query, {"c": desk.connection.key}).scalars())


def test_a_changed_package_has_the_other_open_tickets_of_the_partner_looked_at(desk):
    first, second, answered = desk.mail(), desk.mail(), desk.mail(at=earlier())
    desk.people.agent_replies(int(answered), agent="Anna")
    for number in (first, second, answered):
        desk.look(number)
    assert queued(desk) == set()
    change_package(desk, "starter")
    desk.look(first)
    assert desk.entry(first).decision["tier"] == "starter"
    assert queued(desk) == {second}


def test_an_organisation_s_event_has_its_open_tickets_looked_at(desks):
    desk = desks("zendesk")
    number = desk.mail()
    desk.look(number)
    organization = str(desk.ticket(number)["organization_id"])

    def accept(organization, delivery, event="e1"):
        keys = {"dedupe_keys": (f"invocation:{delivery}",)}
        return desk.services.store.organizations.accept(
            Delivery(
                connection=desk.connection.key,
                vendor="zendesk",
                body=b"",
                received_at=datetime.now(UTC),
                **keys,
            ),
            OrganizationEvent(
                organization_id=organization, name="updated", dedupe_keys=(f"event:{event}",)
            ),
        )

    assert accept("1", "i1") == 0
    assert accept(organization, "i2", "e2") == 1
    assert accept(organization, "i2", "e2") is None
    assert accept(organization, "i3", "e2") is None
    assert queued(desk) == {number}
    sought = Sought(connection=desk.connection.key)
    arrived = desk.services.store.deliveries.find(sought, 10)
    assert [one.outcome for one in arrived] == ["duplicate", "duplicate", "accepted", "accepted"]
