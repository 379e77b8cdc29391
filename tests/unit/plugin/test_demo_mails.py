"""The demo's e-mails, on any day of the week."""

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest

from plugin.demo.mails import read_mails, read_past

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize("monday", [date(2026, 11, 23), date(2027, 1, 4), date(2027, 3, 29)])
def test_the_past_was_answered_and_is_over(monday):
    past = read_past(monday, BERLIN)
    assert {mail.vendor for mail in past} == {"zendesk", "freshdesk"}
    for mail in past:
        assert mail.at < mail.answered_at < mail.at + timedelta(days=5)
        assert mail.at.astimezone(BERLIN).date() < monday
        assert mail.tier, "the partner is one of the week's"


def test_the_week_lies_ahead_and_waits_for_answers():
    monday = date(2026, 11, 30)
    mails = read_mails(monday, BERLIN)
    assert len(mails) == 25
    assert all(mail.at.astimezone(BERLIN).date() >= monday for mail in mails)
    assert not any(mail.answered_at for mail in mails)
