"""The reasons' sentences: the same in every language, and read from what is stored."""

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from sla_rules.classify import Sign
from sla_rules.decision import Reason
from sla_rules.engine import decide
from sla_rules.memory import Memory
from sla_rules.policy_file import load_policy
from sla_rules.rules.judge_message import _quotes, judge_message
from sla_rules.sentences import LANGUAGES, _catalog, language_of, render
from sla_rules.ticket import Channel, Ticket


def keys_and_parameters(catalog):
    return {
        (rule, key): frozenset(re.findall(r"\{(\w*)\}", text))
        if rule != "terms"
        else frozenset(text)
        for rule, texts in catalog.items()
        for key, text in texts.items()
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_the_same_sentences_with_the_same_parameters(language):
    assert keys_and_parameters(_catalog(language)) == keys_and_parameters(_catalog("en"))


def test_a_stored_reason_is_read_in_the_reader_s_language_and_time():
    due = {"tier": "Starter", "business": "8 h", "due_at": "2026-11-24T10:00:00Z"}
    stored = Reason("set_deadline", "guaranteed", "1", due).to_stored()
    assert stored["text"] == (
        "Starter: first response within 8 h of business time, due 2026-11-24T10:00:00Z."
    )
    assert render(stored, "de", ZoneInfo("Europe/Berlin")) == (
        "Starter: erste Antwort binnen 8 h Geschäftszeit, fällig 2026-11-24 11:00."
    )
    assert render(stored, "fr") == (
        "Starter\u00a0: première réponse sous 8 h ouvrées, échéance 2026-11-24T10:00:00Z."
    )


def test_a_reason_names_who_and_when_as_far_as_known():
    def text(**params):
        return Reason("respect_hand", "field", params={"field": "priority", **params}).text

    assert text() == "A person set the priority: it is left alone."
    assert text(by="Anna") == "A person set the priority (Anna): it is left alone."
    assert text(by="Anna", at="2026-11-24T10:00:00Z") == (
        "A person set the priority (Anna, 2026-11-24T10:00:00Z): it is left alone."
    )


def test_a_reason_whose_sentence_is_gone_is_read_as_it_was_stored():
    assert render({"rule": "gone", "key": "x", "text": "As it was.", "params": {}}, "fr") == (
        "As it was."
    )
    assert render({"rule": "find_tier", "text": "Stored before keys."}, "fr") == (
        "Stored before keys."
    )


def test_braces_in_a_partner_s_name_are_only_text():
    params = {"organization": "{tier} {0}", "tier": "Starter"}
    assert Reason("find_tier", "known", "1", params).text == ("{tier} {0} has the package Starter.")


def test_the_language_is_that_of_the_locale_else_english():
    assert language_of("fr_FR.UTF-8") == "fr"
    assert language_of("de-AT,en;q=0.8") == "de"
    assert language_of("it_IT") == language_of("C") == language_of(None) == "en"
    assert language_of("it,fr;q=0.5") == "fr"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_reason_by_text_is_short_and_repeats_nothing(language):
    ticket = Ticket(
        id="7",
        subject="Website down",
        body="Our page is down. It is down again! website down, down. The export failed. Error 500."
        " Nothing works.",
    )
    reason = judge_message(ticket, load_policy(), Memory()).reasons[0]
    assert (
        render(reason.to_stored(), language)
        == {
            "en": "Error report (error signs: 'Website down', 'page is down', 'failed';"
            " blocking: 'Website down').",
            "fr": "Signalement d'erreur (signes d'erreur\u00a0: 'Website down', 'page is down', "
            "'failed'; bloquant\u00a0: 'Website down').",
            "de": "Fehlermeldung (Fehlerzeichen: 'Website down', 'page is down', 'failed';"
            " blockierend: 'Website down').",
        }[language]
    )


@pytest.mark.parametrize("said", [("Page is down", "is down"), ("is down", "Page is down")])
def test_words_that_stand_in_longer_ones_are_not_quoted_besides(said):
    assert _quotes([Sign("error", quote) for quote in said]) == {"error": "'Page is down'"}


def test_a_reason_that_was_stored_with_its_words_as_one_text_is_read_as_it_was():
    old = {
        "rule": "judge_message",
        "key": "kind_by_text",
        "text": "Question (wish: 'x').",
        "params": {"kind": "question", "because": " (wish: 'x')"},
    }
    assert render(old, "fr") == "Question (wish: 'x')."


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reason_of_a_decision_can_be_read(language):
    now = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
    ticket = Ticket(id="7", channel=Channel.EMAIL, created_at=now, body="Erreur 500 au paiement")
    stored = decide(ticket, load_policy(), now).to_stored()
    for reason in stored["reasons"]:
        text = render(reason, language)
        assert text
        assert (text == reason["text"]) == (language == "en")
