"""What differs between Freshdesk accounts: plans, limits, the SLA engine, what is unsaid.

Applies none of it.
"""

from __future__ import annotations

from dataclasses import dataclass

# Requests a minute: in all, ticket create, ticket update, tickets list, contacts list.
# https://developers.freshdesk.com/api/#ratelimit ; a trial's sub-limits are not documented.
PLANS = {"trial": (50, 50, 50, 50, 50), "free": (0, 0, 0, 0, 0), "growth": (200, 80, 80, 20, 20),
         "pro": (400, 160, 160, 100, 100), "enterprise": (700, 280, 280, 200, 200),
         "purchased_1000": (1000, 400, 400, 300, 300),
         "purchased_2000": (2000, 800, 800, 400, 400)}  # fmt: skip
LIMITS = ("rate_limit", "ticket_create_limit", "ticket_update_limit", "ticket_list_limit",
          "contact_list_limit")  # fmt: skip
ENGINES = ("legacy", "recalculating")


@dataclass
class Settings:
    """`POST /sandbox/freshdesk/<account>/settings` changes these by name.

    `plan` sets the limits, all per minute; one given by name overrides it. `engine` "recalculating"
    (accounts created after 2025-08-25) recomputes due dates `recalculation_seconds` after an update
    and keeps those set by API only with `keeps_api_due` (not established). `retry_scale` stretches
    the 5, 30 and 60 minutes between webhook attempts. `webhooks_use_limit`: webhooks count as
    requests, and wait an hour where none are left. `due_change_is_event`: whether a changed due
    date alone sets off update rules (not established). `requires_fields`: an update fails while a
    field that agents must fill is empty.
    """

    plan: str = "enterprise"
    engine: str = "legacy"
    recalculation_seconds: float = 3.0
    keeps_api_due: bool = True
    rate_limit: int = 700
    ticket_create_limit: int = 280
    ticket_update_limit: int = 280
    ticket_list_limit: int = 200
    contact_list_limit: int = 200
    retry_scale: float = 1.0
    webhooks_use_limit: bool = True
    due_change_is_event: bool = True
    requires_fields: bool = True
    multiple_companies: bool = False
    job_seconds: float = 0.3

    def change(self, given: dict[str, object]) -> None:
        """Change settings by name. Raises `ValueError`."""
        for name, value in given.items():
            if name not in vars(self):
                raise ValueError(f"no setting {name!r}")
            if name == "plan" and value not in PLANS:
                raise ValueError(f"plan must be one of {', '.join(PLANS)}")
            if name == "engine" and value not in ENGINES:
                raise ValueError(f"engine must be one of {', '.join(ENGINES)}")
        if "plan" in given:
            vars(self).update(zip(LIMITS, PLANS[str(given["plan"])], strict=True))
        vars(self).update(given)
