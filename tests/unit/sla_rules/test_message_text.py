"""What is left of a message once HTML, quotes and signatures are gone."""

from __future__ import annotations

import time

import pytest

from sla_rules.message_text import MAX_LENGTH, own_words, sentences


@pytest.mark.parametrize("empty", [None, "", "   ", "<p> </p>", "&nbsp;"])
def test_an_empty_message_has_no_words(empty: str | None) -> None:
    assert own_words(empty) == ""


def test_html_becomes_lines() -> None:
    html = "<style>p {color: red}</style><p>Le paiement&nbsp;est&#39;bloqu&eacute;</p><p>Merci</p>"
    assert [line.strip() for line in own_words(html).split("\n") if line.strip()] == [
        "Le paiement est'bloqué",
        "Merci",
    ]


def test_a_comparison_sign_is_no_html() -> None:
    assert own_words("price < 5 and total > 3") == "price < 5 and total > 3"


@pytest.mark.parametrize(
    "header",
    [
        "Le lun. 3 mars 2025 à 10:12, Support <help@example.com> a écrit :",
        "Am 03.03.2025 um 10:12 schrieb Support <help@example.com>:",
        "On Mon, Mar 3, 2025 at 10:12 AM Support <help@example.com> wrote:",
        "On Mon, Mar 3, 2025 at 10:12 AM Support\n<help@example.com> wrote:",
        "El lun, 3 mar 2025 a las 10:12, Support (<help@example.com>) escribió:",
        "Il giorno lun 3 mar 2025 alle ore 10:12 Support ha scritto:",
        "-----Original Message-----",
        "-----Ursprüngliche Nachricht-----",
        "________________________________",
        "From: Support\nSent: Monday\nTo: me",
        "De : Support\nEnvoyé : lundi\nÀ : moi",
        "Von: Support\nGesendet: Montag",
    ],
)
def test_a_quoted_reply_is_cut_away(header: str) -> None:
    assert own_words(f"My own words.\n\n{header}\nsomething is broken") == "My own words."


def test_an_answer_below_a_quote_stays() -> None:
    text = "On Mon, Mar 3, 2025 Bob wrote:\n> is it broken?\n> really?\n\nYes it is."
    assert own_words(text) == "Yes it is."


@pytest.mark.parametrize(
    "sign_off",
    [
        "-- ",
        "Cordialement,",
        "Bien cordialement",
        "Mit freundlichen Grüßen",
        "Mit freundlichen Gruessen",
        "Viele Grüße aus München",
        "Best regards,",
        "Sent from my iPhone",
        "Envoyé de mon iPhone",
        "Von meinem iPhone gesendet",
        "Un saludo,",
        "Cordiali saluti",
    ],
)
def test_a_signature_is_cut_away(sign_off: str) -> None:
    assert own_words(f"My own words.\n{sign_off}\nAnna\nTest system manager") == "My own words."


def test_a_postscript_below_a_signature_stays() -> None:
    text = "Super tool!\nBest regards,\nAnna\nPS: the checkout is down"
    assert own_words(text) == "Super tool!\nPS: the checkout is down"


def test_a_greeting_at_the_top_does_not_swallow_the_message() -> None:
    text = "Saludos,\nno funciona el pago desde esta mañana"
    assert "no funciona el pago" in own_words(text)


def test_a_wrapped_line_is_one_sentence() -> None:
    text = "We are writing to you because it would be really useful\nif we could tag guides. Thanks"
    assert sentences(text)[0].endswith("useful if we could tag guides.")
    assert len(sentences(text)) == 2


def test_a_very_long_or_hostile_message_is_read_in_time() -> None:
    began_at = time.process_time()
    for text in ("<" * 200_000, "> " * 100_000, "on " * 90_000, "\n" * 200_000, "<div " * 50_000):
        assert len(own_words(text)) <= MAX_LENGTH
    assert time.process_time() - began_at < 20  # squares take minutes
