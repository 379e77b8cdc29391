"""The register (clause 4): every request with its evidence, counted by distinct organisation."""

import psycopg
import pytest
from unit.plugin.looked_at import EXPORT, MAYBE, NOW, look

from plugin.secrets import Vault
from plugin.store import Store
from plugin.store.feature_requests import FeatureStatus, RegisterError
from plugin.store.feature_titles import title_of
from plugin.store.migrate import migrate
from sla_rules.ticket import Environment, Kind, Status

REFUND = "Could you please add a button to refund vouchers?"


@pytest.fixture
def store(database_url):
    migrate(database_url)
    with psycopg.connect(database_url, autocommit=True) as database:
        for table in ("tickets", "feature_requests", "features", "procrastinate_jobs"):
            database.execute(f"truncate {table} cascade")
    store = Store(database_url, Vault("a passphrase"))
    yield store
    store.close()


def only(store):
    (feature,) = store.feature_requests.features()
    return feature


def merge_all(store, into=None):
    first, *others = sorted(one.id for one in store.feature_requests.features())
    for one in others:
        store.feature_requests.merge(one, first, by="Ana", at=NOW)
    return first


def test_every_feature_request_is_recorded_with_its_sentence_and_tier_and_without_a_date(store):
    look(store, 1)
    feature = only(store)
    assert feature.title == EXPORT
    (evidence,) = store.feature_requests.evidence(feature.id)
    assert (evidence.quote, evidence.tier, evidence.ticket_id) == (EXPORT, "starter", "1")
    assert not any("due" in name or "eta" in name for name in type(feature).__dataclass_fields__)


@pytest.mark.parametrize(
    ("quote", "title"),
    [
        ("Hello, it would be useful to export.", "It would be useful to export."),
        ("Hi Luc - could you add a button?", "Could you add a button?"),
        ("Dear Sir or Madam, we would like lists.", "We would like lists."),
        ("Hello it would be useful to export.", "It would be useful to export."),
        ("Bonjour Luc, ce serait génial d’exporter.", "Ce serait génial d’exporter."),
        ("Bonjour Madame, Monsieur, il faudrait ça.", "Il faudrait ça."),
        ("Bonjour à toute l’équipe, il faudrait ça.", "Il faudrait ça."),
        ("Sehr geehrte Damen und Herren, wäre es möglich?", "Wäre es möglich?"),
        ("Sehr geehrter Herr Dr. Müller, wäre es möglich?", "Wäre es möglich?"),
        ("Hallo liebes Team, es wäre schön.", "Es wäre schön."),
        ("Hola: sería muy útil.", "Sería muy útil."),
        ("Estimados señores, sería muy útil.", "Sería muy útil."),
        ("Buongiorno, sarebbe molto utile.", "Sarebbe molto utile."),
        ("Gentili signori, sarebbe molto utile.", "Sarebbe molto utile."),
    ],
)
def test_a_title_has_no_greeting(quote, title):
    assert title_of(quote) == title


@pytest.mark.parametrize(
    "quote",
    [
        "Hi-res images would be useful.",
        "History, please, as an export.",
        "Hallo Gutscheine sollten im Kalender stehen.",
        "Dear customers could get a code.",
        "Hello, thanks.",
    ],
)
def test_a_title_loses_nothing_but_a_greeting(quote):
    assert title_of(quote) == quote


def test_the_evidence_keeps_the_greeting_that_the_title_lacks(store):
    look(store, 1, f"Hello, {EXPORT[0].lower()}{EXPORT[1:]}")
    assert only(store).title == EXPORT
    (evidence,) = store.feature_requests.evidence(only(store).id)
    assert evidence.quote == f"Hello, {EXPORT[0].lower()}{EXPORT[1:]}"


def test_looking_again_records_nothing_twice_and_keeps_the_tier_of_the_time(store):
    look(store, 1)
    look(store, 1, tier="Enterprise")
    assert only(store).tiers == {"starter": 1}


def test_organizations_persons_and_tickets_are_counted_apart(store):
    look(store, 1, requester="10")
    look(store, 2, requester="10")
    look(store, 3, requester="11")
    look(store, 4, organization="2", requester="20", tier="Enterprise")
    merge_all(store)
    feature = only(store)
    assert (feature.organizations, feature.persons, feature.tickets) == (2, 3, 4)
    assert feature.tiers == {"starter": 1, "enterprise": 1}


@pytest.mark.parametrize(
    "change",
    [
        {"status": Status.SPAM},
        {"status": Status.MERGED},
        {"environment": Environment.TEST},
        {"kind": Kind.ERROR_REPORT},
    ],
)
def test_spam_merged_and_test_tickets_and_what_is_none_after_all_do_not_count(store, change):
    look(store, 1)
    number = only(store).id
    look(store, 1, **change)
    assert store.feature_requests.features() == []
    assert store.feature_requests.feature(number).tickets == 0


def test_a_feature_that_a_person_planned_stays_listed_when_nobody_asks_any_more(store):
    look(store, 1)
    store.feature_requests.set_status(only(store).id, FeatureStatus.PLANNED, by="Ana", at=NOW)
    look(store, 1, status=Status.SPAM)
    assert (only(store).status, only(store).tickets) == ("planned", 0)


def test_a_merge_moves_the_weight_and_can_be_undone(store):
    look(store, 1)
    look(store, 2, organization="2")
    into = merge_all(store)
    (merged,) = store.feature_requests.merged(into)
    assert {one.ticket_id for one in store.feature_requests.evidence(into)} == {"1", "2"}
    store.feature_requests.unmerge(merged.id, by="Ana", at=NOW)
    assert [one.tickets for one in store.feature_requests.features()] == [1, 1]
    what = [event.what for event in store.feature_requests.events(merged.id)]
    assert what == ["merged", "unmerged"]


def test_what_was_merged_stays_with_what_it_was_merged_into_when_that_is_merged_further(store):
    for number in (1, 2, 3):
        look(store, number, organization=str(number))
    one, two, three = sorted(feature.id for feature in store.feature_requests.features())
    store.feature_requests.merge(three, two, by="Ana", at=NOW)
    store.feature_requests.merge(two, one, by="Ana", at=NOW)
    assert only(store).organizations == 3


def test_merges_that_make_no_sense_are_refused(store):
    look(store, 1)
    look(store, 2)
    one, two = sorted(feature.id for feature in store.feature_requests.features())
    register = store.feature_requests
    with pytest.raises(RegisterError, match="itself"):
        register.merge(one, one, by="Ana", at=NOW)
    with pytest.raises(RegisterError, match="no feature 999"):
        register.merge(one, 999, by="Ana", at=NOW)
    register.merge(two, one, by="Ana", at=NOW)
    with pytest.raises(RegisterError, match="already"):
        register.merge(one, two, by="Ana", at=NOW)
    with pytest.raises(RegisterError, match="not merged"):
        register.unmerge(one, by="Ana", at=NOW)


def test_similar_features_are_suggested_and_others_are_not(store):
    look(store, 1)
    look(store, 2, "It would be great if Regiondo could export the calendar to Excel.")
    look(store, 3, REFUND)
    first = next(one for one in store.feature_requests.features() if one.title == EXPORT)
    assert [one.title for one in store.feature_requests.similar(first.id)] == [
        "It would be great if Regiondo could export the calendar to Excel."
    ]


def test_a_status_and_a_title_are_kept_with_who_and_when(store):
    look(store, 1)
    register, number = store.feature_requests, only(store).id
    register.set_status(number, FeatureStatus.PLANNED, by="Ana", at=NOW)
    register.rename(number, "  Calendar   export ", by="Ana", at=NOW)
    assert (only(store).status, only(store).title) == ("planned", "Calendar export")
    assert register.features(status=FeatureStatus.NEW) == []
    assert [one.id for one in register.features(search="CALENDAR")] == [number]
    assert [event.by for event in register.events(number)] == ["Ana", "Ana"]
    with pytest.raises(RegisterError, match="title"):
        register.rename(number, " ", by="Ana", at=NOW)


def test_a_candidate_waits_for_review_and_is_no_feature_yet(store):
    look(store, 2)
    assert look(store, 1, MAYBE).candidate
    feature = only(store)
    assert [one.ticket_id for one in store.feature_requests.evidence(feature.id)] == ["2"]
    assert store.feature_requests.similar(feature.id) == []
    assert [one.ticket_id for one in store.feature_requests.candidates()] == ["1"]
    assert store.feature_requests.count_candidates(10) == 1


def test_a_confirmed_candidate_is_a_feature_request_at_the_next_look(store):
    look(store, 1, MAYBE)
    store.feature_requests.review("acme", "1", Kind.FEATURE_REQUEST, by="Ana", at=NOW)
    assert store.feature_requests.candidates() == []
    assert store.feature_requests.count_candidates(10) == 0
    assert "feature_request" in look(store, 1, MAYBE).tags
    assert only(store).tickets == 1


def test_a_rejected_candidate_keeps_its_clock_and_loses_the_label(store):
    look(store, 1, MAYBE)
    store.feature_requests.review("acme", "1", Kind.ERROR_REPORT, by="Ana", at=NOW)
    decision = look(store, 1, MAYBE)
    assert decision.due_at
    assert "feature_request_candidate" not in decision.tags
    assert store.feature_requests.candidates() == []


def test_a_review_queues_the_look_that_writes_it_back(store, database_url):
    look(store, 1, MAYBE)
    store.feature_requests.review("acme", "1", Kind.FEATURE_REQUEST, by="Ana", at=NOW)
    with psycopg.connect(database_url) as database:
        jobs = database.execute("select lock from procrastinate_jobs").fetchall()
    assert jobs == [("acme/1",)]
    with pytest.raises(RegisterError, match="no ticket 99"):
        store.feature_requests.review("acme", "99", Kind.QUESTION, by="Ana", at=NOW)
