"""What became of an account's webhook calls: attempts, retries, the circuit breaker.

Sends nothing and knows no payload.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from plugin.sandbox.state import Json, RateWindow
from plugin.sandbox.webhooks import Attempt
from plugin.sandbox.zendesk.records import ulid

if TYPE_CHECKING:
    from plugin.sandbox.zendesk.tickets import Tickets

BREAKER_SECONDS = 300
BREAKER_SHARE = 0.7
BREAKER_ERRORS = 1000
RETRY_SECONDS = 2.0
TRIAL_CALLS = 60
KEPT = 2000


class History:
    """Invocations and attempts as the activity log shows them, and whether calls may go out."""

    def __init__(self, account: Tickets) -> None:
        self._account = account
        self._invocations: dict[str, Json] = {}
        self._attempts: dict[str, list[Json]] = {}
        self._outcomes: dict[str, deque[tuple[float, bool]]] = {}
        self._paused_until: dict[str, float] = {}
        self._trial = RateWindow(account.clock, TRIAL_CALLS)

    def held(self, webhook_id: str, invocation: str) -> tuple[str, float | None] | None:
        """Say whether a call is held back: throttled (sent later) or broken off (never)."""
        with self._account.lock:
            if self._account.settings.plan == "trial" and not self._trial.take():
                self._note(webhook_id, invocation, "throttled", None)
                return "throttled", self._trial.left + 1
            if self._account.clock.elapsed() < self._paused_until.get(webhook_id, 0):
                self._note(webhook_id, invocation, "circuit broken", None)
                return "circuit broken", None
            return None

    def add(self, webhook_id: str, invocation: str, attempt: Attempt, body: str) -> float | None:
        """Keep an attempt; return the seconds to the next one, None where there is none."""
        with self._account.lock:
            tried = self._attempts.setdefault(invocation, [])
            number = len(tried) + 1
            delay = self._retry_in(attempt, number)
            good = isinstance(attempt.outcome, int) and 200 <= attempt.outcome < 300
            failing = "retrying" if delay is not None else "terminated"
            status = "successful" if good else failing
            code = attempt.outcome if isinstance(attempt.outcome, int) else 504
            tried.append(
                {"id": ulid(), "invocation_id": invocation, "status_code": code, "status": status,
                 "completed_at": self._account.now(),
                 "request": {"headers": _pairs(attempt.request_headers), "payload": body},
                 "response": {"headers": _pairs(attempt.response_headers),
                              "payload": attempt.payload[:1024]}}
            )  # fmt: skip
            self._note(webhook_id, invocation, status, code)
            self._judge(webhook_id, good)
            return delay

    def invocations(self, webhook_id: str) -> list[Json]:
        """Return a webhook's invocations, newest first."""
        rows = [dict(i) for i in self._invocations.values() if i["webhook_id"] == webhook_id]
        for row in rows:
            del row["webhook_id"]
        return rows[::-1]

    def attempts(self, invocation: str) -> list[Json]:
        return self._attempts.get(invocation, [])

    def _note(self, webhook_id: str, invocation: str, status: str, code: int | None) -> None:
        self._invocations[invocation] = {
            "webhook_id": webhook_id, "id": invocation, "status": status, "status_code": code,
            "latest_completed_at": self._account.now(),
        }  # fmt: skip
        while len(self._invocations) > KEPT:
            oldest = next(iter(self._invocations))
            del self._invocations[oldest]
            self._attempts.pop(oldest, None)

    def _judge(self, webhook_id: str, good: bool) -> None:
        """Trip the breaker on 70 % errors, or more than a thousand, within five minutes."""
        now = self._account.clock.elapsed()
        seen = self._outcomes.setdefault(webhook_id, deque())
        seen.append((now, good))
        while seen[0][0] < now - BREAKER_SECONDS:
            seen.popleft()
        errors = sum(not one for _, one in seen)
        enough = len(seen) >= self._account.settings.breaker_minimum
        if (enough and errors >= BREAKER_SHARE * len(seen)) or errors > BREAKER_ERRORS:
            self._paused_until[webhook_id] = now + self._account.settings.breaker_pause_seconds

    def _retry_in(self, attempt: Attempt, number: int) -> float | None:
        """Repeat 409 three times, 429 and 503 with a short `Retry-After`, time-outs five times."""
        scale = self._account.settings.retry_scale
        if attempt.outcome == 409 and number <= 3:
            return RETRY_SECONDS * scale
        if attempt.outcome in (429, 503) and number <= 3:
            asked = attempt.response_headers.get("Retry-After") or ""
            return int(asked) * scale if asked.isdigit() and int(asked) < 60 else None
        return RETRY_SECONDS * scale if attempt.outcome == "timeout" and number <= 5 else None


def _pairs(headers: dict[str, str]) -> list[Json]:
    return [{"key": key, "value": value} for key, value in headers.items()]
