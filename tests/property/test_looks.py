"""However often and whenever we look at a ticket, it ends in the same decision."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from looks import ERROR, FRESHDESK, WISH, ZENDESK, Helpdesk, at, message, ticket

from sla_rules.decision import State
from sla_rules.ticket import Author, Channel, Environment, Impact, Kind, Priority, Status

START = at("Mon 08:00")
TIERS = ("Enterprise", "Advanced", "Starter", "Free", "unheard of", None)
hours = st.integers(0, 100).map(lambda quarter: timedelta(minutes=45 * quarter))


@st.composite
def histories(draw):
    """What happens to a ticket of a vendor that tells every solving, in order."""
    happenings = st.sampled_from(("partner", "agent", "note", "impact", "solve", "pend"))
    return [(START + after, draw(happenings)) for after in sorted(draw(st.sets(hours)))]


def happen(desk, when, what):
    writers = {"partner": Author.PARTNER, "agent": Author.AGENT, "note": Author.AGENT}
    if what in writers:
        one = replace(message("Mon 08:00", writers[what], public=what != "note"), at=when)
        reopened = what == "partner" and desk.ticket.status is Status.SOLVED
        desk.write(one, status=Status.OPEN if reopened else desk.ticket.status)
    elif what == "impact":
        desk.change(impact=Impact.BLOCKING)
    elif what == "solve":
        if desk.ticket.status is not Status.SOLVED:
            desk.solve(when)
    else:
        desk.change(status=Status.PENDING)


def outcome(decision):
    target = decision.target
    return decision.starts_at, target and (target.state, target.due_at, target.response_at)


@settings(max_examples=300, deadline=None)
@given(histories(), st.sets(st.integers(0, 20)), st.sampled_from(TIERS))
def test_looking_in_between_changes_nothing(history, looked_after, tier):
    opened = ticket(tier, when="Mon 08:00")
    often, once = Helpdesk(opened), Helpdesk(opened)
    for number, (when, what) in enumerate(history):
        happen(often, when, what)
        happen(once, when, what)
        if number in looked_after:
            often.look(when)
    end = START + timedelta(days=5)
    assert outcome(often.look(end)) == outcome(once.look(end))


tickets = st.builds(
    lambda tier, text, channel, changes, tags: ticket(
        tier,
        messages=(message("Mon 09:00", text=text, channel=channel),),
        channel=channel,
        tags=frozenset(tags),
        **changes,
    ),
    st.sampled_from(TIERS),
    st.sampled_from((ERROR, WISH, "Merci", "Notre système de test est en panne.", "")),
    st.sampled_from(Channel),
    st.fixed_dictionaries(
        {
            "status": st.sampled_from(Status),
            "priority": st.sampled_from((None, *Priority)),
            "impact": st.sampled_from((None, *Impact)),
            "kind": st.sampled_from((None, None, *Kind)),
            "environment": st.sampled_from((None, None, Environment.TEST)),
            "due_at": st.sampled_from((None, None, at("Mon 12:00"), at("+Mon 12:00"))),
            "assignee": st.sampled_from((None, "42")),
            "audited": st.booleans(),
        }
    ),
    st.sets(st.sampled_from(("vip", "sla_met", "feature_request", "sla_excluded", "sla_manual"))),
)


@settings(max_examples=300, deadline=None)
@given(
    tickets,
    st.sampled_from((ZENDESK, FRESHDESK, replace(FRESHDESK, recalculates_due_at=True))),
    st.lists(hours, min_size=1, max_size=4),
)
def test_deciding_twice_and_applying_the_change_leaves_nothing_to_change(first, traits, looks):
    desk = Helpdesk(first, traits)
    for after in sorted(looks):
        now = at("Mon 09:00") + after
        decided = desk.look(now)
        again = desk.look(now)
        assert not desk.patch, desk.patch.changes()
        assert outcome(again) == outcome(decided)
        assert "vip" in desk.ticket.tags or "vip" not in first.tags


@settings(max_examples=150, deadline=None)
@given(tickets, st.lists(hours, min_size=1, max_size=5))
def test_a_verdict_once_given_is_not_taken_back_by_time(first, looks):
    desk = Helpdesk(first)
    seen = None
    for after in sorted(looks):
        target = desk.look(at("Mon 09:00") + after).target
        if seen in {State.MET, State.BREACHED, State.CANCELLED}:
            assert target.state is seen
        seen = target and target.state
