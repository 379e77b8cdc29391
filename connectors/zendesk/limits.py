"""Zendesk's limits: which buckets a request draws from, and what the rate headers say.

Waits for nothing; the session's `Pace` does.
"""
# https://developer.zendesk.com/api-reference/introduction/rate-limits/  (read 2026-11)

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from connectors.pace import Charge, Reading

ACCOUNT = "account"
UPDATES = "tickets-update"
PER_TICKET = "per-ticket-updates"
EXPORT = "incremental-exports"
JOBS = "inflight-jobs"

_LOWEST_PLAN = 200  # a minute, Suite and Support Team; the old Essential's 10 needs the setting
_LOWEST_UPDATES = 20  # a minute, on sandbox and trial accounts; 100 elsewhere, by header
_TICKET = re.compile(r"/tickets/(\d+)(?:/tags)?(?:\.json)?$")
_NAMED = re.compile(r"^zendesk-rate-?limit-(.+)$")


class ZendeskLimits:
    """The account's limit a minute, and the sub-limits of updates and of the export."""

    def charges(self, method: str, path: str) -> tuple[Charge, ...]:
        """Return what a request takes."""
        path = path.partition("?")[0]
        taken = [Charge(bucket=ACCOUNT, limit=_LOWEST_PLAN)]
        ticket = _TICKET.search(path)
        if ticket and method in {"PUT", "POST", "DELETE"}:
            taken.append(Charge(bucket=UPDATES, limit=_LOWEST_UPDATES))
            name = f"{PER_TICKET}:{ticket[1]}"
            taken.append(Charge(bucket=name, limit=30, seconds=600, burst=10, shared=False))
        elif "/incremental/" in path:
            taken.append(Charge(bucket=EXPORT, limit=10, shared=False))
        elif path.removesuffix(".json").endswith("/update_many"):
            # thirty jobs at once, not a minute: each ends within seconds, the header corrects
            taken.append(Charge(bucket=JOBS, limit=30, seconds=6, burst=10, shared=False))
        return tuple(taken)

    def readings(self, headers: Mapping[str, str], charges: Sequence[Charge]) -> list[Reading]:
        """Return what the headers say, in their spellings of 2023 and of today."""
        given = {name.lower(): value for name, value in headers.items()}
        found = []
        limit = _number(_first(given, "x-rate-limit", "ratelimit-limit", "rate-limit"))
        remaining = _number(
            _first(given, "x-rate-limit-remaining", "ratelimit-remaining", "rate-limit-remaining")
        )
        resets_in = _number(_first(given, "ratelimit-reset", "rate-limit-reset"))
        if limit is not None or remaining is not None:
            found.append(
                Reading(bucket=ACCOUNT, limit=limit, remaining=remaining, resets_in=resets_in)
            )
        for name, value in given.items():
            named = _NAMED.match(name)
            bucket = named and _bucket(named[1], charges)
            if not bucket:
                continue
            parts = dict(part.strip().split("=", 1) for part in value.split(";") if "=" in part)
            if bucket == JOBS and parts.get("remaining") != "0":
                continue  # jobs at once, not in a window: what is left is not to be spread
            found.append(
                Reading(
                    bucket=bucket,
                    limit=_number(parts.get("total")),
                    remaining=_number(parts.get("remaining")),
                    resets_in=_number(parts.get("resets")),
                )
            )
        return found


def _bucket(name: str, charges: Sequence[Charge]) -> str | None:
    """The bucket of this request that a header's name means."""
    buckets = [charge.bucket for charge in charges]
    return next((one for one in buckets if one.split(":")[0] == name), None)


def _first(given: Mapping[str, str], *names: str) -> str | None:
    return next((given[name] for name in names if name in given), None)


def _number(text: str | None) -> int | None:
    return int(text) if text and text.strip().isdigit() else None
