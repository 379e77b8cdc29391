"""Which version of the policy judged a ticket, as its account has it: a page draws by that one."""

from __future__ import annotations

from plugin.console.frame import policies, policy, services
from plugin.pipeline import adapted_to
from plugin.store import TicketRow
from sla_rules.policy import Policy
from sla_rules.policy_history import PolicyHistory


class Judges:
    """The versions behind the tickets of one page."""

    def __init__(self) -> None:
        self._settings = services().store.connections.settings()
        self._known: dict[tuple[str, str, str], Policy | None] = {}

    def find(self, row: TicketRow) -> Policy | None:
        """Return the version that judged a ticket; None where it is not at hand any more."""
        by = row.decision["policy"]
        key = (row.connection, by["name"], by["version"])
        if key not in self._known:
            found = policies().named(by["name"], by["version"])
            self._known[key] = self._adapted(found, row.connection) if found else None
        return self._known[key]

    def of(self, row: TicketRow) -> Policy:
        """Return the version that judged a ticket, else the one in force."""
        return self.find(row) or self._adapted(policy(), row.connection)

    def _adapted(self, found: Policy, connection: str) -> Policy:
        settings = self._settings.get(connection, {})
        return adapted_to(PolicyHistory([found]), settings).versions[0]
