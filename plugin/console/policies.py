"""The policy as people read it, a tester, and the way of a new version: check, compare, publish."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from difflib import unified_diff

from flask import abort, redirect, request, url_for
from werkzeug.wrappers import Response

from plugin.console import access
from plugin.console.frame import policies, policy, reader, section, services, show
from plugin.console.ticket_view import counted_days, drawn
from plugin.console.week_picture import week
from plugin.policy_trial import Trial, try_policy
from plugin.store import TicketRow
from sla_rules.decision import Decision
from sla_rules.engine import decide
from sla_rules.errors import PolicyError
from sla_rules.memory import Memory
from sla_rules.policy import Policy
from sla_rules.ticket import Channel, Impact, Organization, Ticket

TRIED_DAYS = 90
MOST_TRIED = 5_000
SHOWN = 20
LARGEST_TEXT = 100_000

blueprint = section("policies")


@dataclass(frozen=True, slots=True)
class Draft:
    """A new version as it was sent: checked, compared, tried. `faults` is empty where it is good.

    `effective_from` is None where it should hold from the moment it is published.
    """

    text: str
    faults: tuple[str, ...]
    policy: Policy | None = None
    effective_from: datetime | None = None
    changes: tuple[str, ...] = ()
    trial: Trial | None = None


@blueprint.get("/policy")
def page() -> str:
    """Show the policy in force: hours, tiers, matrix, and every version."""
    rules = policy()
    hours = [(key, one, week(one, reader().now)) for key, one in rules.schedules.items()]
    return show(
        "policy.html",
        policy=rules,
        hours=hours,
        impacts=list(Impact),
        published=services().store.policies.published(),
        in_force=(rules.name, rules.version),
    )


@blueprint.route("/policy/test", methods=["GET", "POST"])
@access.open_to_viewers
def tester() -> str:
    """Decide a message that exists nowhere and show decision, picture and reasons.

    It comes by POST: texts of partners do not belong into addresses and logs of addresses.
    """
    rules, who = policy(), reader()
    given = request.form
    local = who.now.astimezone(who.zone).strftime("%Y-%m-%dT%H:%M")
    asked = {
        "subject": given.get("subject", ""),
        "body": given.get("body", ""),
        "tier": given.get("tier", rules.default_tier),
        "channel": given.get("channel", Channel.EMAIL.value),
        "at": given.get("at", local),
    }
    found = _tested(asked) if request.method == "POST" else None
    row = _row(found, who.now) if found else None
    return show(
        "policy_test.html",
        policy=rules,
        asked=asked,
        channels=list(Channel),
        decision=found,
        row=row,
        reasons=found.to_stored()["reasons"] if found else (),
        clock=drawn(row, rules, who) if row else None,
        days=counted_days(row, rules) if row else (),
    )


@blueprint.get("/policy/new")
def draft() -> str:
    """Show the form for a new version, filled with the text in force."""
    access.admins_only()
    return show("policy_new.html", draft=Draft(_text_in_force(), ()), fresh=True, policy=policy())


@blueprint.post("/policy/check")
def check() -> str:
    """Check a new version, compare it with the one in force, and try it on stored clocks."""
    text = _sent_text()
    return show("policy_new.html", draft=_examined(text), fresh=False, policy=policy(), most=SHOWN)


@blueprint.post("/policy/publish")
def publish() -> Response | str:
    """Publish a version from the instant that the form names, by default from now."""
    examined = _examined(_sent_text())
    if examined.policy is None:
        return show("policy_new.html", draft=examined, fresh=False, policy=policy(), most=SHOWN)
    now = services().clock()
    looks = services().store.policies.publish(
        examined.text,
        name=examined.policy.name,
        version=examined.policy.version,
        effective_from=examined.effective_from or now,
        by=access.my_email(),
        at=now,
        moves_open=examined.policy.applies_to_open,
    )
    access.note(version=examined.policy.version, looks=looks)
    policies().forget()
    return redirect(url_for("policies.page"))


@blueprint.post("/policy/<int:number>/withdraw")
def withdraw(number: int) -> Response:
    """Roll back: a published version holds no more, and what it governed is looked at again."""
    looks = services().store.policies.withdraw(number, by=access.my_email(), at=services().clock())
    access.note(looks=looks)
    policies().forget()
    return redirect(url_for("policies.page"))


def _tested(asked: dict[str, str]) -> Decision:
    try:
        at = datetime.fromisoformat(asked["at"]).replace(tzinfo=reader().zone)
        channel = Channel(asked["channel"])
    except ValueError:
        abort(400)
    ticket = Ticket(
        id="test",
        subject=asked["subject"][:1000],
        body=asked["body"][:LARGEST_TEXT],
        channel=channel,
        created_at=at,
        organization=Organization(tier=asked["tier"]),
    )
    return decide(ticket, services().policies().for_ticket(ticket, Memory(), at), at)


def _row(decision: Decision, now: datetime) -> TicketRow:
    target = decision.target
    return TicketRow(
        connection="",
        ticket_id=decision.id,
        decision=decision.to_stored(),
        organization_name=None,
        kind=decision.kind.value,
        tier=decision.tier,
        state=target.state.value if target else None,
        starts_at=decision.starts_at,
        due_at=target.due_at if target else None,
        updated_at=now,
        url=None,
        schedule=decision.schedule,
    )


def _examined(text: str) -> Draft:
    now = services().clock()
    given = request.form.get("from", "")
    try:
        effective_from = (
            datetime.fromisoformat(given).replace(tzinfo=reader().zone) if given else None
        )
    except ValueError:
        abort(400)
    if effective_from and effective_from < now - timedelta(minutes=1):
        return Draft(text, (reader().t("policies.in_the_past"),))
    try:
        version = policies().read(text, effective_from or now)
        policies().check(version)
    except PolicyError as error:
        return Draft(text, tuple(str(error).splitlines()))
    clocks = services().store.policies.clocks(now - timedelta(days=TRIED_DAYS), MOST_TRIED)
    before, after = _text_in_force().splitlines(), text.splitlines()
    changes = tuple(unified_diff(before, after, lineterm="", n=2))[2:]
    return Draft(text, (), version, effective_from, changes, try_policy(clocks, version, now))


def _text_in_force() -> str:
    """The text of the version that holds now; the file's where none was published."""
    now = services().clock()
    for one in services().store.policies.published():
        if one.withdrawn_at is None and one.effective_from <= now:
            return one.text
    return policies().file_text()


def _sent_text() -> str:
    upload = request.files.get("file")
    if upload and upload.filename:
        try:
            text = str(upload.read(LARGEST_TEXT + 1), "utf-8")
        except UnicodeDecodeError:
            abort(400)
    else:
        text = request.form.get("text", "").replace("\r\n", "\n")
    if not text.strip() or len(text) > LARGEST_TEXT:
        abort(400)
    return text
