"""Freshdesk's limits: which buckets a request draws from, and what the rate headers say.

Waits for nothing; the session's `Pace` does.
"""
# https://developers.freshdesk.com/api/#ratelimit  (read 2026-11)

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from urllib.parse import parse_qs, urlsplit

from connectors.pace import Charge, Reading

ACCOUNT = "account"
UPDATES = "ticket-update"
LISTS = "ticket-list"

_LOWEST_PLAN = 50  # a minute, on trial
_SUB_LIMITS = {200: (80, 20), 400: (160, 100), 700: (280, 200), 1000: (400, 300), 2000: (800, 400)}
_UPDATE_SHARE, _LIST_SHARE = 0.4, 0.1  # the smallest of any plan
_LARGEST = 7  # a list with three embeds
_TICKET = re.compile(r"/tickets/\d+$")


class FreshdeskLimits:
    """The account's limit a minute in credits, and the sub-limits of updates and lists."""

    def charges(self, method: str, path: str) -> tuple[Charge, ...]:
        """Return what a request takes: an embed costs a credit more, in a list two."""
        parts = urlsplit(path)
        embedded = ",".join(parse_qs(parts.query).get("include", ())).split(",")
        embeds = len([name for name in embedded if name])
        a_list = parts.path.endswith("/tickets") and method == "GET"
        cost = 1 + embeds * (2 if a_list else 1)
        taken = [Charge(bucket=ACCOUNT, limit=_LOWEST_PLAN, cost=cost, largest=_LARGEST)]
        updates, lists = _sub_limits(_LOWEST_PLAN)
        if a_list:
            taken.append(Charge(bucket=LISTS, limit=lists))
        elif method == "PUT" and _TICKET.search(parts.path):
            taken.append(Charge(bucket=UPDATES, limit=updates))
        return tuple(taken)

    def readings(self, headers: Mapping[str, str], charges: Sequence[Charge]) -> list[Reading]:
        """Return what the headers say; the sub-limits follow from the plan's total."""
        given = {name.lower(): value for name, value in headers.items()}
        total = _number(given.get("x-ratelimit-total"))
        found = [
            Reading(
                bucket=ACCOUNT,
                limit=total,
                remaining=_number(given.get("x-ratelimit-remaining")),
                cost=_number(given.get("x-ratelimit-used-currentrequest")),
            )
        ]
        if total:
            by_bucket = dict(zip((UPDATES, LISTS), _sub_limits(total), strict=True))
            found += [
                Reading(bucket=charge.bucket, limit=by_bucket[charge.bucket])
                for charge in charges
                if charge.bucket in by_bucket
            ]
        return found


def _sub_limits(total: int) -> tuple[int, int]:
    """Updates and lists a minute of the plan that allows `total`."""
    shares = (max(1, int(total * _UPDATE_SHARE)), max(1, int(total * _LIST_SHARE)))
    return _SUB_LIMITS.get(total, shares)


def _number(text: str | None) -> int | None:
    return int(text) if text and text.strip().isdigit() else None
