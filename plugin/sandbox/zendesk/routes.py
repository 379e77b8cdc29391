"""All of Zendesk's routes, one module a subject.

Serves none itself.
"""

from __future__ import annotations

from plugin.sandbox.gate import Gate
from plugin.sandbox.zendesk import (
    account_api,
    belongings_api,
    bulk_api,
    export_api,
    fields_api,
    organizations_api,
    people_api,
    rules_api,
    search_api,
    tickets_api,
    webhooks_api,
)


def register(gate: Gate) -> None:
    """Add the routes of every subject."""
    for subject in (account_api, belongings_api, bulk_api, export_api, fields_api,
                    organizations_api, people_api, rules_api, search_api, tickets_api,
                    webhooks_api):  # fmt: skip
        subject.register(gate)
