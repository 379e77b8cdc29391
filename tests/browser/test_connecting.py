"""Connecting in a browser: plan, steps, test delivery, field mapping, disconnecting."""

from datetime import UTC, datetime

import pytest
from browser.test_pages import reads_well
from playwright.sync_api import expect

from plugin.store.people import Role


def test_an_account_is_paused_resumed_tried_and_gets_a_new_secret(visit, site):
    page = visit().sign_in(Role.ADMIN).page
    page.goto(f"/connections/{site.names['zendesk']}")
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("Paused by admin@example.com")).to_be_visible()
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    page.get_by_role("button", name="Test delivery").click()
    expect(page.get_by_role("status")).to_contain_text("arrived", timeout=60_000)
    page.get_by_role("link", name="To the account").click()
    page.get_by_role("button", name="Change the secret").click()
    expect(page.get_by_role("status")).to_contain_text("new webhook secret", timeout=60_000)
    page.get_by_role("link", name="To the account").click()
    expect(page.get_by_text("2 live")).to_be_visible()
    page.get_by_role("button", name="Finish").click()
    expect(page.get_by_role("status")).to_contain_text("no longer accepted", timeout=60_000)
    page.get_by_role("link", name="To the account").click()
    expect(page.get_by_text("1 live")).to_be_visible()


def ask_for_a_plan(page, site, name, typed="sandbox-secret"):
    """Fill in the form for a new account of the sandbox and send it."""
    page.goto("/connections")
    page.get_by_role("link", name="Connect Zendesk").click()
    page.get_by_label("Name or address").fill(f"{site.sandbox}/zendesk/{name}")
    page.get_by_label("Your short name for it").fill(name)
    page.get_by_label("OAuth client: identifier").fill("sandbox-client")
    page.get_by_label("OAuth client: secret").fill(typed)
    page.get_by_label("Impact (ticket field)").fill("Impact of it")
    page.get_by_role("button", name="Show the plan").click()


@pytest.mark.parametrize("width", ["desktop", "phone"])
def test_an_account_is_connected_by_a_plan_changed_and_disconnected(visit, site, width):
    name = f"web{width}{datetime.now(UTC).timestamp():.0f}"
    site.act("zendesk", "strip", account=name)
    window = visit(width).sign_in(Role.ADMIN)
    page = window.page
    ask_for_a_plan(page, site, name)
    expect(page.get_by_text("will be made").first).to_be_visible(timeout=60_000)
    expect(page.get_by_text("Ticket field 'Impact of it'")).to_be_visible()
    assert "sandbox-secret" not in page.content()
    assert site.services.store.connections.get(name) is None
    reads_well(window, "plan", width, "light")
    page.get_by_role("button", name="Carry it out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Connected", timeout=60_000)
    reads_well(window, "connected", width, "light")
    page.get_by_role("link", name="To the account").click()
    expect(page.get_by_text("1 live")).to_be_visible()
    expect(page.locator("dd", has_text="Impact of it")).to_be_visible()

    page.get_by_role("link", name="Change").first.click()
    page.get_by_label("Named contact (organisation field)").fill("account_manager")
    page.get_by_role("button", name="Show the plan").click()
    row = page.locator("li", has_text="account_manager")
    expect(row.get_by_text("will be made")).to_be_visible(timeout=60_000)
    page.get_by_role("button", name="Carry it out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Connected", timeout=60_000)
    page.get_by_role("link", name="To the account").click()
    expect(page.locator("dd", has_text="account_manager")).to_be_visible()

    page.get_by_role("link", name="See what would be removed").click()
    expect(page.locator("li", has_text="Webhook")).to_be_visible()
    reads_well(window, "disconnect", width, "light")
    page.get_by_label("Remove all but the fields").focus()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Disconnect").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Disconnected", timeout=60_000)
    expect(page.locator("li", has_text="Webhook")).to_contain_text("removed")
    expect(page.locator("li", has_text="Ticket field due")).to_contain_text("was there")
    assert site.services.store.connections.get(name) is None


def test_a_plan_that_fails_keeps_what_was_typed_but_no_secret(visit, site):
    window = visit("phone").sign_in(Role.ADMIN)
    page = window.page
    name = f"wrong{datetime.now(UTC).timestamp():.0f}"
    ask_for_a_plan(page, site, name, typed="mistyped")
    expect(page.get_by_role("alert")).to_contain_text("does not accept", timeout=60_000)
    expect(page.get_by_label("Your short name for it")).to_have_value(name)
    expect(page.get_by_label("OAuth client: secret")).to_have_value("")
    assert "mistyped" not in page.content()
    window.complaints.clear()  # Chromium reports the status 422 itself


@pytest.mark.parametrize("width", ["desktop", "phone"])
def test_a_slow_helpdesk_holds_up_no_page_and_a_reload_goes_on(visit, site, width):
    window = visit(width).sign_in(Role.ADMIN)
    page = window.page
    name = f"slow{width}{datetime.now(UTC).timestamp():.0f}"
    site.fault(kind="slow", vendor="zendesk", path="/users/me", seconds=4, count=1)
    ask_for_a_plan(page, site, name)
    expect(page.get_by_text("The account is being looked at")).to_be_visible(timeout=20_000)
    reads_well(window, "errand", width, "light")
    page.reload()
    expect(page.get_by_text("you may leave or reload", exact=False)).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_have_text("The plan", timeout=60_000)
