"""Which version of the policy governs which ticket."""

from datetime import UTC, datetime, timedelta

import pytest

from sla_rules.decision import State, Target
from sla_rules.errors import PolicyError
from sla_rules.memory import Memory
from sla_rules.policy_file import DEFAULT_POLICY, read_policy
from sla_rules.policy_history import PolicyHistory
from sla_rules.policy_sections import Commitment
from sla_rules.ticket import Author, Channel, Message, Ticket

TEXT = DEFAULT_POLICY.read_text("utf-8")
OCTOBER, NOVEMBER, DECEMBER = (datetime(2026, month, 1, tzinfo=UTC) for month in (10, 11, 12))


def version(name, effective_from=None, *, moves_open=False, text=TEXT):
    lines = [f'version = "{name}"', f"applies_to_open = {str(moves_open).lower()}"]
    if effective_from:
        lines.append(f"effective_from = {effective_from.isoformat()}")
    kept = [
        line for line in text.splitlines() if not line.startswith(("version =", "applies_to_open"))
    ]
    where = kept.index('name = "regiondo"')
    return read_policy("\n".join(kept[:where] + lines + kept[where:]), f"{name}.toml")


FIRST, SECOND = version("1"), version("2", NOVEMBER)
MOVING = version("3", DECEMBER, moves_open=True)


def test_a_version_governs_tickets_that_start_at_or_after_its_effective_from():
    history = PolicyHistory([SECOND, FIRST])
    assert history.governing(OCTOBER, DECEMBER) is FIRST
    assert history.governing(NOVEMBER, DECEMBER) is SECOND
    assert history.governing(DECEMBER, DECEMBER) is SECOND


def test_open_older_tickets_move_only_to_a_version_that_applies_to_open_once_it_is_in_force():
    history = PolicyHistory([FIRST, SECOND, MOVING])
    assert history.governing(OCTOBER, NOVEMBER) is FIRST
    assert history.governing(OCTOBER, DECEMBER) is MOVING
    assert history.governing(NOVEMBER, DECEMBER) is MOVING


def test_a_ticket_that_moved_to_a_version_does_not_move_to_a_later_one_that_leaves_open_ones():
    january = datetime(2027, 1, 1, tzinfo=UTC)
    history = PolicyHistory([FIRST, MOVING, version("4", january)])
    assert history.governing(OCTOBER, january) is MOVING


def test_a_ticket_older_than_every_version_has_the_first():
    assert PolicyHistory([SECOND, MOVING]).governing(OCTOBER, OCTOBER) is SECOND
    assert PolicyHistory([SECOND, MOVING]).current(OCTOBER) is SECOND


def test_a_ticket_without_a_clock_has_the_current_version():
    history = PolicyHistory([FIRST, SECOND])
    assert history.governing(None, OCTOBER) is FIRST
    assert history.governing(None, NOVEMBER) is SECOND
    phone_call = Ticket(id="7", channel=Channel.PHONE, created_at=OCTOBER)
    assert history.for_ticket(phone_call, Memory(), DECEMBER) is SECOND


def test_two_versions_of_the_same_name_or_the_same_start_are_refused():
    with pytest.raises(PolicyError, match="two policies are named regiondo 2"):
        PolicyHistory([SECOND, version("2", DECEMBER)])
    with pytest.raises(PolicyError, match="regiondo 2 and regiondo 9 have the same effective_from"):
        PolicyHistory([SECOND, version("9", NOVEMBER)])
    with pytest.raises(PolicyError, match=r"the same effective_from \(always\)"):
        PolicyHistory([FIRST, version("9")])
    with pytest.raises(PolicyError, match=r"the same effective_from \(2026-11-01T00:00:00"):
        PolicyHistory([SECOND, version("9", NOVEMBER)])
    with pytest.raises(PolicyError, match="at least one"):
        PolicyHistory([])


def test_a_ticket_is_governed_by_its_first_start_that_is_remembered():
    history = PolicyHistory([FIRST, SECOND])
    ticket = Ticket(id="7", channel=Channel.EMAIL, created_at=DECEMBER)
    assert history.for_ticket(ticket, Memory(), DECEMBER) is SECOND
    assert history.for_ticket(ticket, Memory(starts_at=OCTOBER), DECEMBER) is FIRST


def test_what_is_judged_keeps_the_version_it_was_judged_by():
    history = PolicyHistory([FIRST, MOVING])
    ticket = Ticket(id="7", channel=Channel.EMAIL, created_at=OCTOBER)
    judged = Memory(
        starts_at=OCTOBER,
        judged=Target(
            metric="first_response",
            business=timedelta(hours=8),
            commitment=Commitment.GUARANTEED,
            due_at=NOVEMBER,
            state=State.MET,
        ),
        policy_name="regiondo",
        policy_version="1",
    )
    assert history.for_ticket(ticket, judged, DECEMBER) is FIRST
    gone = PolicyHistory([MOVING])
    assert gone.for_ticket(ticket, judged, DECEMBER) is MOVING


def test_what_is_not_judged_yet_has_no_version_of_its_own():
    history = PolicyHistory([FIRST, MOVING])
    ticket = Ticket(id="7", channel=Channel.EMAIL, created_at=OCTOBER)
    running = Memory(starts_at=OCTOBER, policy_name="regiondo", policy_version="1")
    assert history.for_ticket(ticket, running, DECEMBER) is MOVING


def test_a_version_is_found_by_its_name_and_number_or_by_the_number_alone():
    other = SECOND.model_copy(update={"name": "other", "version": "1"})
    history = PolicyHistory([FIRST, other])
    assert history.named("regiondo", "1") is FIRST
    assert history.named("other", "1") is other
    assert history.named(None, "1") is other  # the one that came last
    assert history.named("regiondo", "2") is None
    assert history.named("third", "1") is None


def test_a_ticket_that_each_version_leaves_to_the_other_has_the_current_one():
    only_web = version("5", NOVEMBER, text=TEXT.replace('["email"]', '["web"]', 1))
    history = PolicyHistory([FIRST, only_web])
    said = [
        Message(at=when, author=Author.PARTNER, public=True, channel=channel)
        for when, channel in ((OCTOBER, Channel.WEB), (DECEMBER, Channel.EMAIL))
    ]
    ticket = Ticket(id="7", messages=tuple(said))
    assert history.for_ticket(ticket, Memory(), DECEMBER) is only_web


def test_each_version_says_itself_which_channels_start_the_clock():
    with_web = version("5", NOVEMBER, text=TEXT.replace('["email"]', '["email", "web"]', 1))
    history = PolicyHistory([FIRST, with_web])
    for created_at, policy in ((OCTOBER, FIRST), (DECEMBER, with_web)):
        ticket = Ticket(id="7", channel=Channel.WEB, created_at=created_at)
        assert history.for_ticket(ticket, Memory(), created_at) is policy


def test_open_tickets_move_next_to_the_soonest_version_to_come_that_takes_them():
    later = version("4", datetime(2027, 1, 1, tzinfo=UTC), moves_open=True)
    history = PolicyHistory([FIRST, SECOND, MOVING, later])
    assert history.next_move(OCTOBER) == DECEMBER
    assert history.next_move(DECEMBER) == later.effective_from
    assert history.next_move(later.effective_from) is None


def test_a_version_may_be_added_that_can_stand_by_the_others():
    history = PolicyHistory([FIRST, MOVING])
    assert history.joined_by(SECOND).versions == (FIRST, SECOND, MOVING)
    assert history.versions == (FIRST, MOVING)
    with pytest.raises(PolicyError, match="two policies are named regiondo 3"):
        history.joined_by(version("3", NOVEMBER))


def test_an_account_s_own_zone_and_channels_hold_in_every_version():
    before = (FIRST, SECOND)
    history = PolicyHistory(before)
    lisbon = history.adapted(time_zone="Europe/Lisbon")
    web = history.adapted(counted_channels=(one for one in ("email", "web")))
    for own, there, wider in zip(before, lisbon.versions, web.versions, strict=True):
        assert {hours.time_zone for hours in there.schedules.values()} == {"Europe/Lisbon"}
        assert there.clock == own.clock
        assert wider.clock.counted_channels == {Channel.EMAIL, Channel.WEB}
        assert wider.schedules == own.schedules
    assert history.adapted().versions == before
