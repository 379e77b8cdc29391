"""How long rows are kept, and taking away those that are older.

What one person is forgotten by is `erase`; this knows ages only.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType

import structlog

from plugin.settings import SettingsError
from plugin.store import Store

log = structlog.get_logger()

KEPT: Mapping[str, timedelta] = MappingProxyType(
    {
        "dedupe_keys": timedelta(days=3),  # a helpdesk sends the same delivery again within 2 h
        "jobs": timedelta(days=7),  # those that did not succeed; the others go at once
        "console_sessions": timedelta(days=1),  # unused; they end after two hours
        "refused_sign_ins": timedelta(days=1),
        "errands": timedelta(days=1),  # they may hold credentials that nobody said yes to
        "inbox": timedelta(days=30),
        "sent_changes": timedelta(days=30),  # whose ticket could never be looked at again
        "one_time_links": timedelta(days=30),  # after they expired
        "refusals": timedelta(days=90),
        "dead_letters": timedelta(days=90),  # after they were resolved; open ones stay
        "notices": timedelta(days=400),  # after they were told; those of a running clock stay
        "audit_entries": timedelta(days=400),  # what was done to a ticket, a year and a month
    }
)
LONGEST_RUN = 60.0  # seconds; the rest goes at the next run


def kept_for(days: Mapping[str, int]) -> dict[str, timedelta]:
    """Return how long each subject is kept, with an operator's own days. Raises `SettingsError`."""
    for subject, number in days.items():
        if subject not in KEPT or number < 1:
            known = ", ".join(sorted(KEPT))
            raise SettingsError(
                f"SLA_KEEP_DAYS: {subject} for {number} days; known are {known}, from 1 day on"
            )
    return {**KEPT, **{subject: timedelta(days=number) for subject, number in days.items()}}


def prune(store: Store, now: datetime, kept: Mapping[str, timedelta] = KEPT) -> dict[str, int]:
    """Take away what is older than it is kept for, in small batches; returns rows by subject."""
    began = time.monotonic()
    gone = dict.fromkeys(kept, 0)
    for subject, age in kept.items():
        while time.monotonic() - began < LONGEST_RUN:
            batch = store.retention.delete_batch(subject, now - age)
            gone[subject] += batch
            if not batch:
                break
    log.info("old rows taken away", **gone)
    return gone
