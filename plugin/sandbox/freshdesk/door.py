"""The door of a Freshdesk account: whose key this is, and how many requests are left.

Knows nothing of what a request asks for, but for what it costs.
"""

from __future__ import annotations

import re
from typing import Any

from flask import g, has_request_context, request

from plugin.sandbox.freshdesk.records import AGENT_KEY, API_KEY
from plugin.sandbox.freshdesk.tickets import Tickets
from plugin.sandbox.state import ApiError, Json, RateWindow

_ONE_TICKET = re.compile(r"/tickets/\d+$")


class Door(Tickets):
    """Keys and limits. Not locked: callers hold the sandbox's lock."""

    def admit(self, path: str) -> Json | None:
        """Count the request and return the agent who owns the key. Raises the 429 and the 401."""
        self.jobs.settle()
        g.cost = _cost(path)
        self.rate.limit = self.settings.rate_limit
        if not self.rate.take(g.cost):
            raise self.too_many_requests(self.rate.resets_in)
        login = request.authorization
        key = login.username if login is not None and login.type == "basic" else None
        if key == API_KEY:
            return self.admin
        if key == AGENT_KEY:
            return self.find_agent()
        message = "You have to be logged in to perform this action."
        raise ApiError(401, {"code": "invalid_credentials", "message": message})

    def rate_headers(self) -> dict[str, str]:
        cost = g.get("cost", 1) if has_request_context() else 1
        return {
            "X-Ratelimit-Total": str(self.rate.limit),
            "X-Ratelimit-Remaining": str(self.rate.remaining),
            "X-Ratelimit-Used-CurrentRequest": str(cost),
            "X-Freshdesk-Api-Version": "latest=v2; requested=v2",
        }

    def too_many_requests(self, retry_after: int) -> ApiError:
        body = {"message": "You have exceeded the limit of requests per minute"}
        return ApiError(429, body, Retry_After=str(retry_after))

    def take(self, name: str) -> None:
        """Count a call of a sub-limit: ticket_create, ticket_update, ticket_list, contact_list.

        Raises the 429.
        """
        limit = int(getattr(self.settings, f"{name}_limit"))
        window = self.windows.setdefault(name, RateWindow(self.clock, limit))
        window.limit = limit
        if not window.take():
            raise self.too_many_requests(window.resets_in)

    def admins_only(self, caller: Any) -> None:
        """Raise the 403 of a key whose agent is no admin."""
        if caller is not self.admin:
            message = "You are not authorized to perform this action."
            raise ApiError(403, {"code": "access_denied", "message": message})


def _cost(path: str) -> int:
    """Return what a request costs: an embed adds 1 to a ticket, 2 to a list of tickets."""
    included = [name for name in request.args.get("include", "").split(",") if name]
    if request.method != "GET" or not included:
        return 1
    if _ONE_TICKET.search(path):
        return 1 + len(included)
    return 1 + 2 * len(included) if path.endswith("/tickets") else 1
