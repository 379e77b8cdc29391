"""A helpdesk of one ticket, and looks at it as the pipeline does them; holds no assertion."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from sla_rules.engine import decide
from sla_rules.memory import Memory, remember
from sla_rules.patch import patch_for
from sla_rules.policy_file import load_policy
from sla_rules.policy_history import PolicyHistory
from sla_rules.ticket import (
    Author,
    Channel,
    Hand,
    Message,
    Organization,
    Priority,
    Status,
    Ticket,
    Traits,
    Written,
)

BERLIN = ZoneInfo("Europe/Berlin")
ZENDESK = Traits()
FRESHDESK = Traits(
    clears_due_at=False,
    past_due_at=False,
    clears_due_when_done=False,
    default_priority=Priority.LOW,
    native_due_at=True,
    sets_kind=True,
)
ERROR = "Le paiement ne fonctionne plus, erreur 500."
WISH = "It would be really useful if Regiondo could offer waiting lists."
_STORED = {"due_at", "priority", "assignee", "group", "due_text", "note_text"}


def at(text):
    """`Fri 16:55` of the week of Monday 23 November 2026, Berlin time; `+Mon` is the week after."""
    day, clock = text.split()
    on = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"].index(day.strip("+"))
    hour, minute = map(int, clock.split(":"))
    first = datetime(2026, 11, 23, hour, minute, tzinfo=BERLIN)
    return (first + timedelta(days=on + 7 * day.count("+"))).astimezone(UTC)


def message(when, author=Author.PARTNER, *, public=True, channel=Channel.EMAIL, text=ERROR):
    return Message(at=at(when), author=author, public=public, channel=channel, text=text)


def ticket(tier="Starter", when="Mon 09:00", **changes):
    values = {
        "id": "7",
        "channel": Channel.EMAIL,
        "created_at": at(when),
        "messages": (message(when),),
        "organization": Organization(id="1", name="Alpentour", tier=tier),
    }
    return Ticket(**{**values, **changes})


class Helpdesk:
    """A ticket, what we remember of it, and looks at it that write what they decide."""

    def __init__(self, first=None, traits=ZENDESK, policies=None):
        self.ticket, self.traits, self.memory = first or ticket(), traits, Memory()
        self.policies = policies or PolicyHistory([load_policy()])
        self.patch = None

    def look(self, now):
        """Look at the ticket, write the change, and return the decision."""
        now = at(now) if isinstance(now, str) else now
        policy = self.policies.for_ticket(self.ticket, self.memory, now)
        decision = decide(self.ticket, policy, now, self.memory, self.traits)
        patch = patch_for(self.ticket, decision, self.memory, self.traits, now)
        changes = patch.changes()
        if "kind" in changes:
            changes["kind"] = "Feature Request"  # the account's own label
        before = self.ticket
        self.ticket = replace(
            before,
            tags=(before.tags | patch.add_tags) - patch.remove_tags,
            type=changes.get("kind", before.type),
            **{name: value for name, value in changes.items() if name in _STORED},
        )
        written = Written(values=changes) if patch else None
        self.memory = Memory.from_json(
            remember(self.memory, before, decision, patch, written).to_json()
        )
        self.patch = patch
        decision.to_stored()  # every reason has its sentence, as the audit keeps it
        return decision

    def change(self, **changes):
        """Someone or something changes the ticket."""
        self.ticket = replace(self.ticket, **changes)

    def by_hand(self, who="Anna", when="Mon 10:00", **changes):
        """A person changes fields, and the audits tell."""
        new = tuple(Hand(field=name, by=who, at=at(when)) for name in changes)
        self.change(**changes, hands=(*self.ticket.hands, *new), audited=True)

    def tags_by_hand(self, *, add=frozenset(), take=frozenset(), who="Anna", when="Mon 10:00"):
        """A person sets and takes tags, and the audits tell."""
        new = tuple(Hand(field=f"tag:{tag}", by=who, at=at(when)) for tag in {*add, *take})
        tags = (self.ticket.tags | set(add)) - set(take)
        self.change(tags=tags, hands=(*self.ticket.hands, *new), audited=True)

    def solve(self, when):
        """The ticket is solved, and the vendor tells each time that it was."""
        known = self.ticket.solved_at
        before = (*self.ticket.solved_before, known) if known else ()
        when = at(when) if isinstance(when, str) else when
        self.change(status=Status.SOLVED, solved_at=when, solved_before=before)

    def write(self, *messages, **changes):
        """Messages arrive."""
        self.change(messages=(*self.ticket.messages, *messages), **changes)
