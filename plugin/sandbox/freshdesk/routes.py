"""All of Freshdesk's routes, one module a subject.

Serves none itself.
"""

from __future__ import annotations

from plugin.sandbox.freshdesk import (
    agents_api,
    bulk_api,
    companies_api,
    fields_api,
    rules_api,
    tickets_api,
)
from plugin.sandbox.gate import Gate


def register(gate: Gate) -> None:
    """Add the routes of every subject."""
    for subject in (agents_api, bulk_api, companies_api, fields_api, rules_api, tickets_api):
        subject.register(gate)
