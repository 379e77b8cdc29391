"""Everything the service keeps in PostgreSQL, one attribute a subject.

Knows no web framework and no vendor; the tables are in `tables.py`.
"""

from __future__ import annotations

from plugin.secrets import Vault
from plugin.store.admin_actions import AdminActions
from plugin.store.api_tokens import ApiTokens
from plugin.store.backfills import Backfills
from plugin.store.circuits import Circuits
from plugin.store.connections import Connections
from plugin.store.database import Database, Patience
from plugin.store.dead_letters import DeadLetters
from plugin.store.deadlines import Deadlines
from plugin.store.deliveries import Deliveries
from plugin.store.errands import Errands
from plugin.store.facts import Facts
from plugin.store.feature_requests import FeatureRequests
from plugin.store.figures import Figures
from plugin.store.inbox import Inbox
from plugin.store.organizations import Organizations
from plugin.store.overview import Overview
from plugin.store.pacing import Budgets
from plugin.store.people import People
from plugin.store.policies import Policies
from plugin.store.privacy import Privacy
from plugin.store.refusals import RefusalCounts
from plugin.store.reports import Reports
from plugin.store.retention import Retention
from plugin.store.sessions import Sessions
from plugin.store.sweeps import Sweeps
from plugin.store.ticket_search import TicketSearch
from plugin.store.tickets import Tickets


class Store:
    """The database's subjects over one pool of connections."""

    def __init__(
        self,
        database_url: str,
        vault: Vault,
        *,
        pool_size: int = 5,
        patience: Patience | None = None,
    ) -> None:
        self.database = Database(database_url, pool_size=pool_size, patience=patience)
        self.connections = Connections(self.database, vault)
        self.errands = Errands(self.database, vault)
        self.facts = Facts(self.database)
        self.inbox = Inbox(self.database)
        self.circuits = Circuits(self.database)
        self.dead_letters = DeadLetters(self.database)
        self.deliveries = Deliveries(self.database)
        self.refusals = RefusalCounts(self.database)
        self.tickets = Tickets(self.database)
        self.organizations = Organizations(self.database)
        self.budgets = Budgets(self.database)
        self.deadlines = Deadlines(self.database)
        self.privacy = Privacy(self.database)
        self.figures = Figures(self.database)
        self.feature_requests = FeatureRequests(self.database)
        self.api_tokens = ApiTokens(self.database)
        self.backfills = Backfills(self.database)
        self.sweeps = Sweeps(self.database)
        self.policies = Policies(self.database)
        self.reports = Reports(self.database)
        self.ticket_search = TicketSearch(self.database)
        self.overview = Overview(self.database)
        self.people = People(self.database)
        self.sessions = Sessions(self.database)
        self.admin_actions = AdminActions(self.database)
        self.retention = Retention(self.database)

    def close(self) -> None:
        """Give the connections back."""
        self.database.close()

    def is_migrated(self) -> bool:
        """Say whether the tables are those of this version."""
        from plugin.store.migrate import is_current

        with self.database.transaction() as database:
            return is_current(database)
