"""The calendars that a policy subscribes to: fetched, and the last good copy of each kept.

What they close is read by `sla_rules.holidays`.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

import structlog

from plugin.outgoing import AddressError, OutgoingError, fetch
from sla_rules.errors import PolicyError
from sla_rules.holidays import holidays_from_ics
from sla_rules.policy_file import subscriptions
from sla_rules.schedule_text import HOLIDAY_YEARS

log = structlog.get_logger()

FRESH = timedelta(days=1)


class Calendars:
    """The copies under `var/calendars/`. A machine keeps its own."""

    def __init__(self, var: Path) -> None:
        self._folder = var / "calendars"

    def of_file(self, path: Path) -> dict[str, str]:
        """Return the texts of the calendars that a policy file subscribes to, by address."""
        try:
            text = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError):
            return {}  # the reader of the policy says what is wrong with it
        return self.texts(subscriptions(text, str(path), path.parent))

    def texts(self, addresses: Iterable[str]) -> dict[str, str]:
        """Return each calendar's text: of today, else the last good copy.

        Raises `PolicyError` for one that cannot be had and was never read before.
        """
        return {address: self._text(address) for address in addresses}

    def _text(self, address: str) -> str:
        kept = self._folder / f"{hashlib.sha256(address.encode()).hexdigest()[:32]}.ics"
        age = time.time() - kept.stat().st_mtime if kept.exists() else None
        if age is not None and age < FRESH.total_seconds():
            return kept.read_bytes().decode("utf-8")
        try:
            text = _fetch(address)
        except PolicyError as error:
            if age is None:
                raise
            log.warning("calendar not fetched: the last copy counts", error=str(error))
            return kept.read_bytes().decode("utf-8")
        self._folder.mkdir(parents=True, exist_ok=True)
        fresh = kept.with_suffix(f".{os.getpid()}.new")
        fresh.write_bytes(text.encode("utf-8"))
        fresh.replace(kept)
        return text


def _fetch(address: str) -> str:
    """Return a calendar that can be read. Raises `PolicyError`."""
    if not address.startswith("https://"):
        raise PolicyError(f"the holiday calendar {address} is not at an https:// address")
    try:
        text = fetch(address, {"Accept": "text/calendar"}).decode("utf-8")
        holidays_from_ics(text, HOLIDAY_YEARS)
    except (AddressError, OutgoingError) as error:
        raise PolicyError(f"the holiday calendar {address} cannot be fetched: {error}") from error
    except UnicodeDecodeError as error:
        raise PolicyError(f"the holiday calendar {address} is not UTF-8 text") from error
    except PolicyError as error:
        raise PolicyError(f"the holiday calendar {address} cannot be read: {error}") from error
    return text
