"""How Freshdesk keeps due dates: native targets, the rules for setting them, two engines.

Knows nothing of the contract's own targets.
"""

from __future__ import annotations

from datetime import timedelta

from plugin.sandbox.freshdesk.records import Records, failed
from plugin.sandbox.state import Json, instant, iso

# Seconds of the default SLA policy, calendar hours: respond, resolve.
TARGETS = {4: (3600, 14400), 3: (14400, 43200), 2: (28800, 86400), 1: (86400, 259200)}
DUE = ("fr_due_by", "due_by")


def native_due(ticket: Json) -> tuple[str, str]:
    """Return the account's own first-response and resolution dates."""
    respond, resolve = TARGETS[ticket["priority"]]
    start = instant(ticket["created_at"])
    return iso(start + timedelta(seconds=respond)), iso(start + timedelta(seconds=resolve))


def check_due(account: Records, fields: Json, status: int) -> Json:
    """Return the due dates an API call sets, or nothing. Raises the 400 of a refused pair.

    Both or neither, later than the first response, not in the past, only while the timer runs:
    https://support.freshdesk.com/support/solutions/folders/272943
    """
    given = {name: fields[name] for name in DUE if name in fields}
    if not given:
        return {}
    dates = {}
    for name in DUE:
        if given.get(name) is None:
            raise failed(name, "It should be set along with the other due date", "missing_field")
        try:
            dates[name] = instant(given[name])
        except ValueError:
            text = "It should be in the combined date and time ISO8601 format"
            raise failed(name, text, "invalid_date") from None
    if not account.statuses[status].timer:
        text = "cannot be set, when the status does not have its sla timer on"
        raise failed("fr_due_by", text, "incompatible_field")
    for name, at in dates.items():
        if at <= account.clock():
            raise failed(name, "It should be a future date", "invalid_value")
    if dates["due_by"] <= dates["fr_due_by"]:
        raise failed("due_by", "It should be greater than fr_due_by", "invalid_value")
    return {name: iso(at) for name, at in dates.items()}


class DueDates:
    """The due dates of one account's tickets as its engine treats them."""

    def __init__(self, account: Records) -> None:
        self._account = account
        self._by_hand: set[int] = set()
        self._pending: dict[int, float] = {}

    def created(self, ticket: Json, given: Json) -> None:
        """Fill in a new ticket's dates: at once, or seconds later where they are recalculated."""
        if given:
            ticket.update(given)
            self._by_hand.add(ticket["id"])
        if self._recalculating:
            self._later(ticket)
        elif not given:
            ticket["fr_due_by"], ticket["due_by"] = native_due(ticket)

    def updated(self, ticket: Json, given: Json, *, priority_changed: bool) -> None:
        """Follow an update. A date set by hand sticks under the legacy engine."""
        if given:
            ticket.update(given)
            self._by_hand.add(ticket["id"])
        if self._recalculating:
            self._later(ticket)
        elif priority_changed and ticket["id"] not in self._by_hand:
            ticket["fr_due_by"], ticket["due_by"] = native_due(ticket)

    def settle(self, ticket: Json, stats: Json) -> None:
        """Do the recalculation that has become due; called before a ticket is read."""
        due = self._pending.get(ticket["id"])
        if due is not None and self._account.clock.elapsed() >= due:
            del self._pending[ticket["id"]]
            if ticket["id"] not in self._by_hand or not self._account.settings.keeps_api_due:
                self._by_hand.discard(ticket["id"])
                ticket["fr_due_by"], ticket["due_by"] = native_due(ticket)
        now = iso(self._account.clock())
        unanswered = stats["first_responded_at"] is None
        ticket["fr_escalated"] = unanswered and (ticket["fr_due_by"] or now) < now
        ticket["is_escalated"] = stats["resolved_at"] is None and (ticket["due_by"] or now) < now

    @property
    def _recalculating(self) -> bool:
        return self._account.settings.engine == "recalculating"

    def _later(self, ticket: Json) -> None:
        seconds = self._account.settings.recalculation_seconds
        self._pending[ticket["id"]] = self._account.clock.elapsed() + seconds
