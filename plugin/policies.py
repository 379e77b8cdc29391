"""The policy's versions in force: the file's, and those that admins published over it.

What a version says is `sla_rules.policy`'s business; what one would change is `policy_trial.py`'s.
"""

from __future__ import annotations

import threading
import time
from datetime import datetime
from pathlib import Path

import structlog

from plugin.calendars import Calendars
from plugin.store.database import StoreUnavailable
from plugin.store.policies import ASKED_EVERY, PublishedPolicy
from plugin.store.policies import Policies as StoredPolicies
from sla_rules.errors import PolicyError
from sla_rules.policy import Policy
from sla_rules.policy_file import DEFAULT_POLICY, load_policy, read_policy, subscriptions
from sla_rules.policy_history import PolicyHistory

log = structlog.get_logger()

READ_EVERY = 3600.0  # seconds: how late it notices that today's copy of a calendar is another one


class Policies:
    """Called, it returns the history as of some seconds ago. Safe to share by threads.

    It is read again when a version was published or withdrawn, and once an hour for the calendars
    that it subscribes to, which are fetched once a day; where that fails, what was read last goes
    on. A stored version that this program cannot read is left out and logged; the others hold.
    """

    def __init__(self, file: Path | None, stored: StoredPolicies, calendars: Calendars) -> None:
        """Raise `PolicyError` where the file is wrong."""
        self._file = file
        self._path = file or DEFAULT_POLICY
        self._stored = stored
        self._calendars = calendars
        self._lock = threading.Lock()
        self._base = self._read_file()
        self._history = PolicyHistory([self._base])
        self._read_at = time.monotonic()
        self._mark = (0, 0)
        self._asked_at = float("-inf")
        self._read: dict[int, Policy | None] = {}  # those that were rolled back

    def __call__(self) -> PolicyHistory:
        """Return the versions in force; while the database is away, those known last."""
        with self._lock:
            now = time.monotonic()
            if now - self._asked_at >= ASKED_EVERY:
                try:
                    self._renew(old=now - self._read_at >= READ_EVERY)
                    self._asked_at = now
                except StoreUnavailable as error:
                    log.warning("published policies not asked for", error=str(error))
            return self._history

    def named(self, name: str, version: str) -> Policy | None:
        """Return a version, even one that was rolled back; None where its text is not at hand."""
        found = self().named(name, version)
        if found is not None:
            return found
        for one in self._stored.published():
            if (one.name, one.version) == (name, version):
                return self._rolled_back(one)
        return None

    def _rolled_back(self, one: PublishedPolicy) -> Policy | None:
        if one.id not in self._read:
            try:
                self._read[one.id] = self.read(one.text, one.effective_from)
            except PolicyError:
                log.exception("a policy that was rolled back cannot be read", version=one.version)
                self._read[one.id] = None
        return self._read[one.id]

    def forget(self) -> None:
        """Ask the database at the next call, as after publishing here."""
        with self._lock:
            self._asked_at = float("-inf")

    def check(self, policy: Policy) -> None:
        """Raise `PolicyError` where a version cannot stand beside those in force."""
        self().joined_by(policy)

    def read(self, text: str, effective_from: datetime | None = None) -> Policy:
        """Read a version's text; what it extends is looked for beside the file, then among ours.

        Raises `PolicyError`.
        """
        folder = self._path.parent
        calendars = self._calendars.texts(subscriptions(text, "policy", folder))
        policy = read_policy(text, "policy", calendars, folder)
        return policy.model_copy(update={"effective_from": effective_from or policy.effective_from})

    def file_text(self) -> str:
        """Return the file's text."""
        return self._path.read_text("utf-8")

    def _renew(self, *, old: bool) -> None:
        mark = self._stored.mark()
        if mark == self._mark and not old:
            return
        if old:
            self._read_at = time.monotonic()
            try:
                self._base = self._read_file()
            except PolicyError as error:
                log.warning("policy not read again: the last one counts", error=str(error))
        history = PolicyHistory([self._base])
        for one in self._stored.published():
            if one.withdrawn_at is not None:
                continue
            try:
                history = history.joined_by(self.read(one.text, one.effective_from))
            except PolicyError:
                log.exception("a published policy is left out", version=one.version)
        self._history = history
        self._mark = mark

    def _read_file(self) -> Policy:
        calendars = self._calendars.of_file(self._file) if self._file else {}
        return load_policy(self._file, calendars)
