"""What the service keeps: connections, inbox, tickets, audit entries, the feature-request register.

Message text is not kept, but for the one sentence that is a feature request's evidence.
"""

from plugin.store.database import StoreUnavailable
from plugin.store.store import Store
from plugin.store.tickets import AuditEntry, TicketRow

__all__ = ["AuditEntry", "Store", "StoreUnavailable", "TicketRow"]
