"""What the service keeps: connections, inbox, tickets, audit entries, the feature-request register.

Message text is not kept, but for the one sentence that is a feature request's evidence.
"""

from plugin.store.store import AuditEntry, Store, StoreUnavailable, TicketRow

__all__ = ["AuditEntry", "Store", "StoreUnavailable", "TicketRow"]
