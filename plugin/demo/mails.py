"""The demo's partner e-mails with their instants; sends nothing."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from email.utils import parseaddr
from pathlib import Path
from zoneinfo import ZoneInfo

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """One e-mail (or call) of a partner; `at` is UTC. No organisation: an unknown partner."""

    vendor: str
    at: datetime
    channel: str
    organization: str | None
    tier: str | None
    named_contact: str | None
    sender: str
    name: str
    language: str
    subject: str
    body: str


def read_mails(monday: date, zone: ZoneInfo) -> list[Mail]:
    """Return the e-mails of the week that starts on `monday`, in the order of arrival."""
    raw = tomllib.loads(Path(__file__).with_name("mails.toml").read_text("utf-8"))
    mails = []
    for one in raw["mail"]:
        name, sender = parseaddr(one["from"])
        mails.append(
            Mail(
                vendor=one["vendor"],
                at=_instant(one["when"], monday, zone),
                channel=one.get("channel", "email"),
                organization=one.get("organization"),
                tier=one.get("tier"),
                named_contact=one.get("named_contact"),
                sender=sender,
                name=name,
                language=one["language"],
                subject=one["subject"],
                body=one["body"],
            )
        )
    return sorted(mails, key=lambda mail: mail.at)


def _instant(when: str, monday: date, zone: ZoneInfo) -> datetime:
    *special, day, clock = when.split()
    start = _week_of_next_clock_change(monday, zone) if special else monday
    on = start + timedelta(days=_DAYS.index(day))
    return datetime.combine(on, time.fromisoformat(clock), zone).astimezone(UTC)


def _week_of_next_clock_change(monday: date, zone: ZoneInfo) -> date:
    """Return the first Monday, from `monday` on, of a week in which the zone's offset changes."""
    while True:
        begin = datetime.combine(monday, time(), zone)
        end = datetime.combine(monday + timedelta(days=7), time(), zone)
        if begin.utcoffset() != end.utcoffset():
            return monday
        monday += timedelta(days=7)
