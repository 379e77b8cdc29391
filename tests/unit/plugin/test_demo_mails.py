"""The demo's e-mails, on any day of the week."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from plugin.demo.mails import read_mails, read_past

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize("day", range(23, 30))
def test_the_past_was_answered_and_is_over(day):
    now = datetime(2026, 11, day, 7, tzinfo=UTC)
    past = read_past(now, BERLIN)
    assert {mail.vendor for mail in past} == {"zendesk", "freshdesk"}
    for mail in past:
        assert mail.at < mail.answered_at < now
        assert (mail.channel, bool(mail.tier)) == ("email", True)


def test_the_week_lies_ahead_and_waits_for_answers():
    monday = date(2026, 11, 30)
    mails = read_mails(monday, BERLIN)
    assert len(mails) == 25
    assert all(mail.at.astimezone(BERLIN).date() >= monday for mail in mails)
    assert not any(mail.answered_at for mail in mails)
