"""The register in the console: viewers read and export it, admins merge, review and name."""

import csv
import io

import pytest
from unit.plugin.looked_at import EXPORT, MAYBE, look

from plugin.store.people import Role
from sla_rules.ticket import Channel, Kind


@pytest.fixture
def register(console):
    for table in ("feature_requests", "features"):
        console.query(f"truncate {table} cascade")
    look(console.store, 1, organization="1")
    look(
        console.store,
        2,
        "It would be great if Regiondo could export the calendar to Excel.",
        organization="2",
    )
    look(console.store, 3, MAYBE, organization="3")
    return console.store.feature_requests


@pytest.fixture
def admin(console):
    return console.browser(Role.ADMIN)


def numbers(register):
    return sorted(one.id for one in register.features())


def test_a_viewer_reads_the_register_with_its_evidence_but_sees_no_form(console, register):
    viewer = console.browser(Role.VIEWER)
    first, _ = numbers(register)
    page = viewer.get(f"/features/{first}").text
    assert EXPORT in viewer.get("/features").text
    assert EXPORT in page
    assert "Merge into this one" not in page


def test_an_admin_merges_similar_features_and_undoes_it(console, register, admin, send):
    first, second = numbers(register)
    assert "Merge into this one" in admin.get(f"/features/{first}").text
    at = f"/features/{first}"
    merged = send(admin, f"/features/{second}/merge", {"into": str(first)}, at=at)
    assert merged.location == at
    assert register.feature(first).organizations == 2
    send(admin, f"/features/{second}/unmerge", at=at)
    assert register.feature(first).organizations == 1
    acts = [row[0] for row in console.query("select action from admin_actions order by id")]
    assert acts[-2:] == ["features.merge", "features.unmerge"]


def test_a_merge_that_makes_no_sense_is_refused_with_its_reason(register, admin, send):
    first, _ = numbers(register)
    at = f"/features/{first}"
    answer = send(admin, f"/features/{first}/merge", {"into": str(first)}, at=at)
    assert answer.status_code == 409
    assert "into itself" in answer.text


def test_a_status_and_a_title_are_set_and_told_in_the_history(register, admin, send):
    first, _ = numbers(register)
    at = f"/features/{first}"
    send(admin, f"{at}/status", {"status": "planned"}, at=at)
    send(admin, f"{at}/title", {"title": "Calendar export"}, at=at)
    page = admin.get(at).text
    assert "Status: Planned" in page
    assert "Calendar export" in admin.get("/features?status=planned").text
    assert send(admin, f"{at}/status", {"status": "soon"}, at=at).status_code == 400


def test_a_candidate_is_confirmed_with_one_click_and_its_look_is_queued(
    console, register, admin, send
):
    listed = admin.get("/features").text
    assert "Review candidates (1)" in listed
    assert "It would be useful if" not in listed
    assert "#3" in admin.get("/features/review").text
    send(admin, "/features/review/acme/3", {"verdict": "confirm"}, at="/features/review")
    assert "#3" not in admin.get("/features/review").text
    assert console.store.tickets.memory("acme", "3").reviewed is Kind.FEATURE_REQUEST
    assert console.query("select lock from procrastinate_jobs") == [("acme/3",)]


def test_viewers_cannot_change_the_register(console, register, send):
    first, second = numbers(register)
    viewer = console.browser(Role.VIEWER)
    answer = send(viewer, f"/features/{second}/merge", {"into": str(first)}, at="/account")
    assert answer.status_code == 403
    assert len(numbers(register)) == 2


def test_every_request_is_exported_with_its_quote(register, admin):
    rows = list(csv.DictReader(io.StringIO(admin.get("/features/export.csv").text)))
    assert {row["ticket_id"] for row in rows} == {"1", "2", "3"}
    assert next(row for row in rows if row["ticket_id"] == "1")["quote"] == EXPORT
    found = admin.get("/features/export.json").json["feature_requests"]
    assert found[0]["recorded_at"].endswith("Z")


def test_the_report_shows_attainment_and_what_was_left_out(console, register, admin):
    look(console.store, 4, "How do I do it?")
    look(console.store, 5, "How do I do it?", channel=Channel.PHONE)
    for by in ("tier", "organization", "month"):
        page = admin.get(f"/reports?by={by}&from=2026-11-01&to=2026-11-30").text
        assert "Feature request" in page
        assert "No e-mail" in page
    given = admin.get("/reports/attainment.csv?from=2026-11-01&to=2026-11-30")
    assert given.text.splitlines()[1].startswith("starter,")
    assert admin.get("/reports?from=yesterday").status_code == 400
    assert admin.get("/reports?from=2026-11-30&to=2026-11-01").status_code == 400
