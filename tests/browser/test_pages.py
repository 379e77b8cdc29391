"""Every page as admin and as viewer, on a desktop and on a phone: no complaint, no fault of access.

SLA_SCREENSHOTS=docs/screenshots keeps a picture of each page as an admin sees it.
"""

import os
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from plugin.store.people import Role
from sla_rules.policy_file import DEFAULT_POLICY

PAGES = {
    "overview": "/",
    "tickets": "/tickets",
    "tickets-filtered": "/tickets?state=met&tier=enterprise&kind=error_report",
    "tickets-none": "/tickets?text=nothing",
    "ticket": "/tickets/{zendesk}/9011",
    "ticket-breached": "/tickets/{zendesk}/9037",
    "policy": "/policy",
    "policy-test": "/policy/test",
    "features": "/features",
    "features-none": "/features?text=nothing",
    "feature": "/features/{feature}",
    "review": "/features/review",
    "reports": "/reports",
    "reports-organizations": "/reports?by=organization",
    "reports-none": "/reports?from=2020-01-01&to=2020-01-31",
    "deliveries": "/deliveries",
    "set-aside": "/deliveries/set-aside",
    "connections": "/connections",
    "connection": "/connections/{zendesk}",
    "account": "/account",
}
FOR_ADMINS = {
    "policy-new": "/policy/new",
    "tokens": "/tokens",
    "people": "/people",
    "audit": "/actions",
    "connect": "/connections/new/zendesk",
    "replay-all": "/deliveries/replay-all",
    "disconnect": "/connections/{zendesk}/disconnect",
    "connection-change": "/connections/{freshdesk}/change",
}
SERIOUS = {"serious", "critical"}


def address(site, path):
    wanted = site.services.store.feature_requests.features(limit=1)[0]
    return path.format(**site.names, feature=wanted.id)


def faults(page):
    """What axe-core finds that keeps people out."""
    found = Axe().run(page).response["violations"]
    return [
        f"{one['id']}: {node['target']} {node['failureSummary']}"
        for one in found
        if one["impact"] in SERIOUS
        for node in one["nodes"]
    ]


@pytest.mark.parametrize("width", ["desktop", "phone"])
@pytest.mark.parametrize("role", list(Role))
def test_every_page_reads_well(visit, site, role, width):
    window = visit(width).sign_in(role)
    pages = PAGES | (FOR_ADMINS if role is Role.ADMIN else {})
    for name, path in pages.items():
        answer = window.page.goto(address(site, path))
        assert answer.status == 200, name
        assert window.overflow() <= 0, f"{name} is wider than the {width}"
        assert faults(window.page) == [], name
        keep_picture(window.page, name, width, role)


@pytest.mark.parametrize("width", ["desktop", "phone"])
def test_every_page_reads_well_in_the_dark(visit, site, width):
    window = visit(width, color_scheme="dark").sign_in(Role.ADMIN)
    for name, path in (PAGES | FOR_ADMINS).items():
        window.page.goto(address(site, path))
        assert faults(window.page) == [], name


@pytest.mark.parametrize("language", ["fr-FR", "de-DE"])
def test_every_page_fits_a_phone_in_every_language(visit, site, language):
    window = visit("phone", locale=language).sign_in(Role.ADMIN)
    for name, path in (PAGES | FOR_ADMINS).items():
        window.page.goto(address(site, path))
        assert window.page.locator("html").get_attribute("lang") == language[:2]
        assert window.overflow() <= 0, name


@pytest.mark.parametrize("path", FOR_ADMINS.values())
def test_a_viewer_does_not_see_what_is_for_admins(visit, site, path):
    window = visit().sign_in(Role.VIEWER)
    path = address(site, path)
    assert window.page.locator(f'.places a[href="{path}"]').count() == 0
    assert window.page.request.get(path).status == 403


@pytest.mark.parametrize("width", ["desktop", "phone"])
def test_sign_in_and_errors_read_well(visit, site, width):
    window = visit(width)
    window.page.goto("/sign-in")
    assert faults(window.page) == []
    keep_picture(window.page, "sign-in", width, Role.ADMIN)


POLICY = DEFAULT_POLICY.read_text("utf-8")
SHORTER = POLICY.replace('version = "2026-11-01"', 'version = "shorter"').replace("8h", "5h")


@pytest.mark.parametrize("width", ["desktop", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_a_form_answers_reads_well(visit, site, width, scheme):
    window = visit(width, color_scheme=scheme).sign_in(Role.ADMIN)
    page = window.page
    page.goto("/policy/test")
    page.fill("#f-subject", "Paiement")
    page.fill("#f-body", "Le paiement ne fonctionne plus, erreur 500 à chaque réservation.")
    page.select_option("#f-tier", "enterprise")
    page.fill("#f-at", "2026-11-27T16:55")
    page.get_by_role("button", name="Decide").click()
    expect(page.locator("svg.picture:visible").first).to_be_visible()
    reads_well(window, "policy-tested", width, scheme)
    for name, text in (("policy-checked", SHORTER), ("policy-refused", POLICY.replace("8h", "8x"))):
        page.goto("/policy/new")
        page.fill("#f-text", text)
        page.get_by_role("button", name="Check and compare").click()
        expect(page.locator(".diff, .notice.bad").first).to_be_visible()
        reads_well(window, name, width, scheme)


def reads_well(window, name, width, scheme):
    assert window.overflow() <= 0, name
    assert faults(window.page) == [], name
    if scheme == "light":
        keep_picture(window.page, name, width, Role.ADMIN)


def keep_picture(page, name, width, role):
    folder = os.environ.get("SLA_SCREENSHOTS")
    if folder and role is Role.ADMIN:
        path = Path(folder) / f"{name}-{width}.jpeg"
        page.screenshot(path=path, type="jpeg", quality=70, full_page=width == "desktop")
