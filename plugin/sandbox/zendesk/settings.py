"""What differs between Zendesk accounts: plans, limits, and what is not established of the API.

Applies none of it.
"""

from __future__ import annotations

from dataclasses import dataclass

# Requests a minute: https://developer.zendesk.com/api-reference/introduction/rate-limits
PLANS = {"trial": 200, "team": 200, "growth": 400, "professional": 400, "enterprise": 700,
         "enterprise_plus": 2500}  # fmt: skip
HIGH_VOLUME = 2500
# Sub-limits by the name in their header: the setting that holds them, seconds of the window.
WINDOWS = {
    "tickets-update": ("ticket_update_limit", 60),
    "per-ticket-updates": ("per_ticket_update_limit", 600),
    "incremental-exports": ("incremental_limit", 60),
    "search-export": ("search_export_limit", 60),
    "organization-updates": ("organization_update_limit", 60),
    "user-updates": ("user_update_limit", 60),
    "views-execute": ("views_execute_limit", 60),
}
DUE_ELSEWHERE = ("ignore", "clear", "refuse", "keep")


@dataclass
class Settings:
    """`POST /sandbox/zendesk/<account>/settings` changes these by name.

    `plan` and `high_volume` set the limits; a limit given by name overrides them. Limits are per
    minute, `per_ticket_update_limit` per user and ticket in ten minutes. `retry_scale` stretches
    the pauses between webhook attempts. `due_on_other_types` says what becomes of `due_at` on a
    ticket that is no task (not established): ignore it, clear it with the update, refuse the
    update, or keep it. `batch_additional_tags`: whether a batch honours `additional_tags` (old and
    new documentation differ).
    """

    plan: str = "enterprise"
    high_volume: bool = False
    rate_limit: int = 700
    ticket_update_limit: int = 100
    per_ticket_update_limit: int = 30
    incremental_limit: int = 10
    search_export_limit: int = 100
    organization_update_limit: int = 5
    user_update_limit: int = 5
    views_execute_limit: int = 5
    token_seconds: int = 1800
    api_tokens: bool = True
    export_lag_seconds: float = 60.0
    job_seconds: float = 0.3
    retry_scale: float = 1.0
    breaker_minimum: int = 100
    breaker_pause_seconds: float = 5.0
    null_empty_tags: bool = True
    due_on_other_types: str = "ignore"
    batch_additional_tags: bool = True
    custom_statuses: bool = False

    def change(self, given: dict[str, object]) -> None:
        """Change settings by name. Raises `ValueError`."""
        for name, value in given.items():
            if name not in vars(self):
                raise ValueError(f"no setting {name!r}")
            if name == "plan" and value not in PLANS:
                raise ValueError(f"plan must be one of {', '.join(PLANS)}")
            if name == "due_on_other_types" and value not in DUE_ELSEWHERE:
                raise ValueError(f"{name} must be one of {', '.join(DUE_ELSEWHERE)}")
        vars(self).update(given)
        if "plan" in given or "high_volume" in given:
            self._follow_plan()
            vars(self).update(given)

    def _follow_plan(self) -> None:
        self.rate_limit = HIGH_VOLUME if self.high_volume else PLANS[self.plan]
        trial = self.plan == "trial"
        usual, most = (20, 100) if trial else (100, 300)
        self.ticket_update_limit = most if self.high_volume else usual
        self.incremental_limit = 30 if self.high_volume else 10
