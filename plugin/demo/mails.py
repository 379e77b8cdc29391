"""The demo's partner e-mails with their instants; sends nothing."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from email.utils import parseaddr
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WEEK = timedelta(days=7)
_OF_THE_PARTNER = ("from", "tier", "named_contact")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """One e-mail (or call) of a partner; instants are UTC. No organisation: an unknown partner.

    `answered_at` is when a person of the support team answered it, None where nobody has yet.
    """

    vendor: str
    at: datetime
    answered_at: datetime | None
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
    mails = [_mail(one, _instant(one["when"], monday, zone), None) for one in _tables("mails")]
    return sorted(mails, key=lambda mail: mail.at)


def read_past(now: datetime, zone: ZoneInfo) -> list[Mail]:
    """Return e-mails of this week and those before that were answered by `now`, oldest first."""
    partners = {one["organization"]: one for one in _tables("mails") if "organization" in one}
    today = now.astimezone(zone).date()
    mails = []
    for one in _tables("past"):
        monday = today - timedelta(days=today.weekday()) - one["weeks"] * _WEEK
        at, answered_at = (_instant(one[name], monday, zone) for name in ("when", "answered"))
        partner = {key: partners[one["organization"]].get(key) for key in _OF_THE_PARTNER}
        if answered_at < now:
            mails.append(_mail(partner | one, at, answered_at))
    return sorted(mails, key=lambda mail: mail.at)


def _tables(name: str) -> list[dict[str, Any]]:
    text = Path(__file__).with_name(f"{name}.toml").read_text("utf-8")
    mails: list[dict[str, Any]] = tomllib.loads(text)["mail"]
    return mails


def _mail(one: dict[str, Any], at: datetime, answered_at: datetime | None) -> Mail:
    name, sender = parseaddr(one["from"])
    return Mail(
        vendor=one["vendor"],
        at=at,
        answered_at=answered_at,
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


def _instant(when: str, monday: date, zone: ZoneInfo) -> datetime:
    *special, day, clock = when.split()
    start = _week_of_next_clock_change(monday, zone) if special else monday
    on = start + timedelta(days=_DAYS.index(day))
    return datetime.combine(on, time.fromisoformat(clock), zone).astimezone(UTC)


def _week_of_next_clock_change(monday: date, zone: ZoneInfo) -> date:
    """Return the first Monday, from `monday` on, of a week in which the zone's offset changes."""
    while True:
        begin = datetime.combine(monday, time(), zone)
        end = datetime.combine(monday + _WEEK, time(), zone)
        if begin.utcoffset() != end.utcoffset():
            return monday
        monday += _WEEK
