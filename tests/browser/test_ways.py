"""What people do in the console, done in a browser: sign in, look for a ticket, check it again."""

from datetime import UTC, datetime, timedelta

import pytest
from browser.conftest import PASSWORD
from browser.test_pages import reads_well
from e2e.running import wait_until
from playwright.sync_api import expect

from plugin.store.dead_letters import SetAside
from plugin.store.people import Purpose, Role
from sla_rules.policy_file import DEFAULT_POLICY

MAIL = "Le paiement ne fonctionne plus, erreur 500."
WISH = "The checkout shows an error. It would be useful if Regiondo could export the calendar."


def send_mail(site, vendor="zendesk", body=MAIL, days=7):
    """A partner's mail in so many days; returns the ticket's number once it was decided."""
    at = datetime.now(UTC) + timedelta(days=days)
    ticket = site.act(
        vendor,
        "emails",
        **{"from": "anna@starter.example"},
        name="Anna",
        organization="starter",
        subject="Erreur",
        body=body,
        at=at.isoformat(),
    )
    number = str(ticket["id"])
    store = site.services.store.ticket_search
    wait_until(lambda: store.one(site.names[vendor], number), what="the first look")
    return number


def test_sign_in_with_the_keyboard_alone(visit, site):
    page = visit().page
    page.goto("/tickets")
    page.keyboard.type("admin@example.com")  # the field has the focus
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{site.address}/tickets")
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.locator("#f-text")).to_be_focused()
    page.keyboard.type("9011")
    page.keyboard.press("Enter")
    expect(page.locator("tbody tr")).to_have_count(1)


def test_a_wrong_password_is_told_and_the_address_stays(visit, site):
    window = visit()
    page = window.page
    page.goto("/sign-in")
    page.fill("#email", "nobody@example.com")
    page.fill("#password", "not the password")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("not right")
    expect(page.locator("#email")).to_have_value("nobody@example.com")
    window.complaints.clear()  # Chromium reports the status 401 itself


def test_an_invited_person_makes_an_account_and_sees_the_console(visit, site):
    admin = visit().sign_in(Role.ADMIN).page
    admin.goto("/people")
    admin.get_by_role("button", name="Invite a viewer").click()
    link = admin.locator(".notice code").inner_text()
    page = visit("phone").page
    page.goto(link)
    page.fill("#email", f"new-{datetime.now(UTC).timestamp()}@example.com")
    page.fill("#password", "a sentence of my own")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    assert page.locator('.places a[href="/people"]').count() == 0


@pytest.mark.parametrize("width", ["desktop", "phone"])
def test_re_check_now_looks_at_the_ticket_and_shows_it(visit, site, width):
    number = send_mail(site)
    page = visit(width).sign_in(Role.ADMIN).page
    page.goto(f"/tickets/{site.names['zendesk']}/{number}")
    search = site.services.store.ticket_search
    before = search.looked_at(site.names["zendesk"], number)
    page.get_by_role("button", name="Re-check now").click()
    wait_until(lambda: search.looked_at(site.names["zendesk"], number) != before, what="the look")
    expect(page.get_by_role("button", name="Re-check now")).to_be_visible(timeout=60_000)
    expect(page.get_by_text("Looked; nothing to change").first).to_be_visible()


def test_a_viewer_cannot_ask_for_a_re_check(visit, site):
    page = visit().sign_in(Role.VIEWER).page
    page.goto(f"/tickets/{site.names['zendesk']}/9011")
    assert page.get_by_role("button", name="Re-check now").count() == 0


def test_the_filters_find_and_the_next_page_goes_on(visit, site):
    page = visit().sign_in(Role.VIEWER).page
    page.goto("/tickets")
    first = page.locator("tbody tr").first.inner_text()
    page.get_by_role("link", name="Older").click()
    expect(page.locator("tbody tr").first).not_to_have_text(first, use_inner_text=True)
    page.goto("/tickets")
    page.select_option("#f-state", "breached")
    page.get_by_role("button", name="Find").click()
    page.wait_for_url("**state=breached**")
    chips = page.locator("tbody .chip.breached")
    assert chips.count() == page.locator("tbody tr").count() > 0


def test_the_clock_s_picture_says_in_words_what_it_shows(visit, site):
    page = visit().sign_in(Role.VIEWER).page
    page.goto(f"/tickets/{site.names['zendesk']}/9001")
    said = page.locator("svg.picture:visible").first.get_attribute("aria-label")
    assert said.startswith("Starts ")
    assert "of business time" in said
    assert page.get_by_role("table", name="Day by day").locator("tbody tr").count() >= 1


def test_language_and_theme_are_chosen_in_the_menu(visit, site):
    page = visit("phone").sign_in(Role.VIEWER).page
    page.locator("summary").first.click()
    page.get_by_role("button", name="Deutsch").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Übersicht")
    page.locator("summary").first.click()
    page.get_by_role("button", name="Dunkel").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.locator("summary").first.click()
    page.keyboard.press("Escape")
    expect(page.locator("details.me")).not_to_have_attribute("open", "")


def test_a_link_that_was_used_says_what_to_do(visit, site):
    window = visit().sign_in(Role.VIEWER)
    token = site.services.store.people.make_link(
        Purpose.INVITE, site.services.clock(), valid=timedelta(0), role=Role.VIEWER
    )
    window.page.goto(f"/welcome/{token}")
    expect(window.page.get_by_text("Ask an admin for a new one")).to_be_visible()
    window.complaints.clear()  # Chromium reports the status 404 itself


def test_deliveries_are_replayed(visit, site):
    number = send_mail(site)
    page = visit().sign_in(Role.ADMIN).page
    search = site.services.store.ticket_search
    page.goto(f"/deliveries?ticket={number}&connection={site.names['zendesk']}")
    before = search.looked_at(site.names["zendesk"], number)
    page.locator("tbody input[type=checkbox]").first.check()
    page.get_by_role("button", name="Replay selected").click()
    expect(page.get_by_role("status")).to_contain_text("again: 1")
    wait_until(lambda: search.looked_at(site.names["zendesk"], number) != before, what="the look")


@pytest.mark.parametrize("width", ["desktop", "phone"])
def test_dead_letters_say_what_to_do_and_are_replayed(visit, site, width):
    site.services.store.dead_letters.set_aside(
        site.names["freshdesk"], f"77{width}", SetAside.REJECTED, "Freshdesk 400: status is closed"
    )
    page = visit(width).sign_in(Role.ADMIN).page
    page.goto("/deliveries/set-aside")
    expect(page.get_by_text("The helpdesk refused what was written")).to_be_visible()
    page.get_by_role("button", name="Replay all of these: Change rejected").click()
    expect(page.get_by_role("status")).to_contain_text("looked at again")


def test_all_deliveries_that_match_are_replayed_once_the_number_was_seen(visit, site):
    number = send_mail(site)
    window = visit("phone").sign_in(Role.ADMIN)
    page = window.page
    search = site.services.store.ticket_search
    page.goto(f"/deliveries?ticket={number}&connection={site.names['zendesk']}")
    before = search.looked_at(site.names["zendesk"], number)
    page.get_by_role("link", name="Replay all that match").click()
    expect(page.get_by_role("button", name="Replay tickets: 1")).to_be_visible()
    reads_well(window, "replay-all", "phone", "light")
    page.get_by_role("button", name="Replay tickets: 1").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("again: 1")
    wait_until(lambda: search.looked_at(site.names["zendesk"], number) != before, what="the look")


@pytest.mark.parametrize("width", ["desktop", "phone"])
def test_similar_features_are_merged_and_the_merge_is_undone(visit, site, width):
    page = visit(width).sign_in(Role.ADMIN).page
    page.goto("/features?text=as+CSV")
    page.locator("tbody a").first.click()
    alike = page.get_by_role("button", name="Merge into this one").first
    other = alike.get_attribute("aria-label").partition(": ")[2]
    alike.click()
    expect(page.get_by_role("heading", name="Merged into this one")).to_be_visible()
    page.get_by_role("button", name=f"Undo the merge: {other}").last.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(other)
    page.goto("/features")
    expect(page.locator("tbody").get_by_text(other)).to_be_visible()


def test_a_feature_gets_a_status_and_its_history_says_who_gave_it(visit, site):
    page = visit("phone").sign_in(Role.ADMIN).page
    page.goto("/features?text=vouchers")
    page.locator("tbody a").first.click()
    page.select_option("#f-status", "planned")
    page.get_by_role("button", name="Save").first.click()
    expect(page.locator(".chip").get_by_text("Planned")).to_be_visible()
    expect(page.locator(".story li").last).to_contain_text("admin@example.com")


@pytest.mark.parametrize("width", ["desktop", "phone"])
def test_a_candidate_is_reviewed_and_the_helpdesk_told(visit, site, width):
    number = send_mail(site, body=WISH)
    search = site.services.store.ticket_search
    page = visit(width).sign_in(Role.ADMIN).page
    page.goto("/features/review")
    page.get_by_role("button", name=f"Feature request: #{number}").click()
    expect(page.get_by_role("button", name=f"Feature request: #{number}")).to_have_count(0)
    wait_until(
        lambda: search.one(site.names["zendesk"], number)[0].kind == "feature_request",
        what="the look that follows the review",
    )


def test_a_viewer_reads_features_and_candidates_and_changes_nothing(visit, site):
    page = visit().sign_in(Role.VIEWER).page
    page.goto("/features/review")
    assert page.locator("main form").count() == 0
    page.goto("/features")
    page.locator("tbody a").first.click()
    assert page.locator("main form").count() == 0


@pytest.mark.parametrize("width", ["desktop", "phone"])
def test_a_viewer_tries_a_message(visit, site, width):
    page = visit(width).sign_in(Role.VIEWER).page
    page.goto("/policy")
    assert page.get_by_role("link", name="New version").count() == 0
    page.get_by_role("link", name="Try a message").click()
    page.get_by_label("Message").fill(MAIL)
    page.get_by_label("Tier").select_option("enterprise")
    page.get_by_label("Received").fill("2026-11-27T16:55")
    page.get_by_role("button", name="Decide").click()
    expect(page.locator(".facts")).to_contain_text("Mon 30 Nov, 14:55")
    expect(page.locator("svg.picture:visible").first).to_be_visible()
    expect(page.get_by_label("Message")).to_have_value(MAIL)


@pytest.mark.parametrize("width", ["desktop", "phone"])
def test_a_token_reads_until_it_is_revoked(visit, site, width):
    page = visit(width).sign_in(Role.ADMIN).page
    page.goto("/tokens")
    page.get_by_label("What reads with it?").fill(f"Figures {width}")
    page.get_by_role("button", name="Make a token").click()
    token = page.locator(".notice code").inner_text()
    asks = {"headers": {"Authorization": f"Bearer {token}"}}
    assert page.request.get("/api/v1/tickets", **asks).status == 200
    page.goto("/tokens")
    assert token not in page.content()
    page.get_by_role("button", name=f"Revoke: Figures {width}").click()
    expect(page.get_by_role("button", name=f"Revoke: Figures {width}")).to_have_count(0)
    assert page.request.get("/api/v1/tickets", **asks).status == 401


@pytest.mark.parametrize("width", ["desktop", "phone"])
def test_a_version_is_checked_published_and_rolled_back(visit, site, width):
    version = f"walked on a {width}"
    text = DEFAULT_POLICY.read_text("utf-8").replace('"2026-11-01"', f'"{version}"', 1)
    page = visit(width).sign_in(Role.ADMIN).page
    page.goto("/policy")
    page.get_by_role("link", name="New version").click()
    page.get_by_label("Policy (TOML)").fill(text.replace('"8h"', '"soon"'))
    page.get_by_role("button", name="Check and compare").click()
    expect(page.get_by_role("alert")).to_contain_text("starter")
    expect(page.get_by_role("button", name="Publish")).to_have_count(0)
    page.get_by_label("Policy (TOML)").fill(text.replace('"8h"', '"5h"'))
    page.get_by_role("button", name="Check and compare").click()
    expect(page.locator(".diff .added").last).to_contain_text("5h")
    expect(page.get_by_text("Clocks tried")).to_be_visible()
    page.get_by_role("button", name="Publish").click()
    row = page.locator("tr", has_text=version)
    expect(row).to_contain_text("in force")
    expect(page.locator("tr", has_text="Starter").first).to_contain_text("5 h")
    row.get_by_role("button", name="Roll back").click()
    expect(row).to_contain_text("rolled back by admin@example.com")
    expect(page.locator("tr", has_text="Starter").first).to_contain_text("8 h")


def test_a_version_that_moves_open_tickets_is_published_from_a_later_instant(visit, site):
    """A Starter ticket that is open gets the new due date once the version holds."""
    number = send_mail(site, days=0)
    search, key = site.services.store.ticket_search, site.names["zendesk"]
    before = search.one(key, number)[0]
    zone = site.services.policies().current(site.services.clock()).zone
    starts = (datetime.now(zone) + timedelta(minutes=1)).replace(second=0, microsecond=0)
    starts += timedelta(minutes=1)
    text = DEFAULT_POLICY.read_text("utf-8").replace('"2026-11-01"', '"walked later"', 1)
    text = text.replace("applies_to_open = false", "applies_to_open = true")
    page = visit().sign_in(Role.ADMIN).page
    page.goto("/policy/new")
    page.get_by_label("Policy (TOML)").fill(text.replace('"8h"', '"5h"'))
    page.get_by_label("Holds from").fill(starts.strftime("%Y-%m-%dT%H:%M"))
    page.get_by_role("button", name="Check and compare").click()
    expect(page.get_by_text("tickets that are open move to it too")).to_be_visible()
    page.get_by_role("button", name="Publish").click()
    row = page.locator("tr", has_text="walked later")
    expect(row).to_contain_text("to come")
    expect(page.locator("tr", has_text="The policy file")).to_contain_text("in force")
    expect(page.locator("tr", has_text="Starter").first).to_contain_text("8 h")
    assert search.one(key, number)[0].due_at == before.due_at
    wait_until(
        lambda: search.one(key, number)[0].due_at < before.due_at,
        within=200,
        what="the look once the version holds",
    )
    page.goto(f"/tickets/{key}/{number}")
    expect(page.locator(".facts").first).to_contain_text("walked later")
    page.goto("/policy")
    expect(row).to_contain_text("in force")
    row.get_by_role("button", name="Roll back").click()
    expect(row).to_contain_text("rolled back")
    wait_until(
        lambda: search.one(key, number)[0].due_at == before.due_at,
        what="the look after the roll back",
    )
