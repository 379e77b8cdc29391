"""A running service with a past, a Chromium, and people who are signed in to the console.

Where no Chromium is installed these tests skip and say so; SLA_BROWSER_TESTS=required makes that a
failure.
"""

import os
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from browser.past import remember_a_week
from e2e.running import Running
from playwright.sync_api import sync_playwright

from plugin.console.passwords import hashed
from plugin.store.people import EmailTaken, Purpose, Role

PASSWORD = "a long enough sentence"
WIDTHS = {"desktop": (1280, 900), "phone": (390, 844)}


def chromium():
    """Where Chromium is, None where there is none."""
    given = os.environ.get("SLA_CHROMIUM", "/usr/bin/chromium")
    return given if Path(given).exists() else shutil.which("chromium")


@pytest.fixture(scope="module")
def browser():
    """A Chromium; not for the whole session: while it runs, no other test can run a loop."""
    path = chromium()
    if path is None:
        reason = (
            "no Chromium: install it (Debian: apt-get install chromium) or name it in SLA_CHROMIUM"
        )
        if os.environ.get("SLA_BROWSER_TESTS") == "required":
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def site(browser, database_url, tmp_path_factory):
    """The service with two sandbox accounts, some live tickets and a week of judged ones."""
    running = Running(database_url, tmp_path_factory.mktemp("site"))
    remember_a_week(running.services, running.names)
    running.people = {}
    for role in Role:
        email = f"{role.value}@example.com"
        people = running.services.store.people
        try:
            number = people.add(email, hashed(PASSWORD), role, running.services.clock())
        except EmailTaken:
            number = people.find(email)[0].id
        running.people[role] = number
    yield running
    running.stop()


class Visit:
    """One browser window. Whatever the browser complains about makes the test fail."""

    def __init__(self, site, browser, width, **given):
        size = dict(zip(("width", "height"), WIDTHS[width], strict=True))
        self.site = site
        self.context = browser.new_context(
            **{"viewport": size, "base_url": site.address, "locale": "en-GB", **given}
        )
        self.page = self.context.new_page()
        self.page.set_default_timeout(30_000)
        self.complaints = []
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _hear(self, message):
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)

    def sign_in(self, role):
        """Sign in by a one-time link."""
        store = self.site.services.store
        token = store.people.make_link(
            Purpose.SIGN_IN,
            self.site.services.clock(),
            valid=timedelta(hours=1),
            person_id=self.site.people[role],
        )
        self.page.goto(f"/welcome/{token}")
        return self

    def overflow(self):
        """How many pixels the page is wider than the window."""
        return self.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )


@pytest.fixture
def visit(site, browser):
    visits = []

    def visit(width="desktop", **given):
        visits.append(Visit(site, browser, width, **given))
        return visits[-1]

    yield visit
    complaints = [text for one in visits for text in one.complaints]
    for one in visits:
        one.context.close()
    assert complaints == []
