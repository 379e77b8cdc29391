"""The linear models that speak where the word lists leave doubt."""

from __future__ import annotations

import pytest

from sla_rules.classify import Classifier
from sla_rules.phrases import words_of
from sla_rules.policy_file import load_policy
from sla_rules.ticket import Kind
from sla_rules.word_model import BIAS, WordModel, bounded


def said(text: str) -> list[tuple[str, ...]]:
    return [tuple(bounded(text, words_of(text)))]


def test_words_endings_beginnings_and_pairs_add_up_and_long_messages_do_not_outweigh() -> None:
    model = WordModel({"serait": 1.0, "-rait": 2.0, "sera-": 4.0, "ce serait": 8.0, BIAS: -1.0})
    assert model.score(said("Ce serait")) == pytest.approx(15 / 3**0.5 - 1)
    assert model.score(said("Ce serait bien bien bien")) < model.score(said("Ce serait"))
    assert model.score([]) == -1.0


def test_start_and_question_mark_count_as_neighbours() -> None:
    model = WordModel({"^ how": -1.0, "works ?": -2.0})
    assert model.score(said("How it works?")) == pytest.approx(-3 / 4**0.5)
    assert model.score(said("Tell me how it works.")) == 0.0


def test_the_words_that_spoke_most_are_shown_as_they_stand() -> None:
    model = WordModel({"réglage": 9.0, "reglage": 3.0, "un reglage": 1.0, "bien": -2.0})
    assert model.strongest(said("Un Réglage bien")) == "Réglage, Un Réglage"


@pytest.mark.parametrize(
    "text",
    [
        "More fonts for the tickets, please, it would make them nicer.",
        "Un compte à rebours sur la fiche produit ferait vendre davantage.",
        "Statistiken nach Postleitzahl brächten uns mehr Umsatz.",
    ],
)
def test_a_wish_without_listed_words_is_at_most_a_candidate(text: str) -> None:
    found = load_policy().classifier.classify("", text)
    assert (found.kind, found.candidate) == (Kind.QUESTION, True)


@pytest.mark.parametrize(
    "text",
    [
        "Guests see the old opening times on the booking page.",
        "Une famille de cinq a eu un seul billet.",
        "Seit Dienstag gehen alle Bestätigungen auf Spanisch raus.",
    ],
)
def test_trouble_without_listed_words_is_an_error_report_and_says_why(text: str) -> None:
    found = load_policy().classifier.classify("", text)
    assert found.kind is Kind.ERROR_REPORT
    assert any(one.startswith("reads like an error report: '") for one in found.because)


def test_the_models_alone_never_take_an_sla_away() -> None:
    certain = {"wish": {BIAS: 99.0}, "error": {BIAS: -99.0}}
    found = Classifier({"en": {"wish": ["would be great if"]}}, certain).classify("", "Hello there")
    assert (found.kind, found.candidate) == (Kind.QUESTION, True)
