"""The judgement of messages, by the word lists that ship."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from sla_rules import classify as module
from sla_rules.classify import Classification, Classifier
from sla_rules.errors import PolicyError
from sla_rules.ticket import Environment, Impact, Kind

WORDS = Path(module.__file__).parent / "policies" / "words.toml"


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return Classifier(tomllib.loads(WORDS.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    "wish",
    [
        "It would be really useful if Regiondo could export the guest list per guide.",
        "Ce serait vraiment utile si Regiondo pouvait exporter la liste par guide.",
        "CE SERAIT VRAIMENT UTILE SI REGIONDO POUVAIT EXPORTER LA LISTE",
        "Es wäre wirklich hilfreich, wenn Regiondo die Gästeliste exportieren könnte.",
        "Es waere toll, wenn Regiondo eine Geschenkverpackung anbieten wuerde.",
        "Könntet ihr bitte eine Filterfunktion einbauen?",
        "Sería genial tener una opción para enviar SMS a los guías.",
        "Potreste aggiungere una funzione per esportare in Excel?",
        "<p>It would be <b>really useful</b> if Regiondo could sort tours by guide.</p>",
    ],
)
def test_a_clear_wish_is_a_feature_request(classifier: Classifier, wish: str) -> None:
    found = classifier.classify("", wish)
    assert found.kind is Kind.FEATURE_REQUEST
    assert not found.candidate
    assert found.impact is Impact.NONE


@pytest.mark.parametrize(
    "wish",
    [
        "It would be great if guests could choose a date.",
        "Ce serait génial de pouvoir vendre des billets sur notre site.",
        "Es waere toll, wenn man Gutscheine verschenken koennte.",
        "Sería genial si pudiéramos enviar SMS a los guías.",
        "Sarebbe davvero utile poter esportare in Excel.",
        "Please add the discount to the total when somebody enters the code.",
        "Propongo añadir una función que cuente cada reserva una vez.",
    ],
)
def test_a_wish_that_may_speak_of_what_is_there_already_is_a_candidate(
    classifier: Classifier, wish: str
) -> None:
    # who writes that guests should be able to pay may mean that they cannot any more
    found = classifier.classify("Suggestion", wish)
    assert (found.kind, found.candidate) == (Kind.QUESTION, True)


def test_the_words_that_spoke_are_named(classifier: Classifier) -> None:
    found = classifier.classify("Idée", "Bonjour,\nCe serait vraiment utile si on avait un filtre.")
    assert "wish: 'Ce serait vraiment utile si'" in found.because
    found = classifier.classify("", "Le paiement ne fonctionne plus.")
    assert "error sign: 'ne fonctionne plus'" in found.because


def test_a_sign_is_named_once_however_often_it_was_said(classifier: Classifier) -> None:
    found = classifier.classify("", "The page is down. THE PAGE IS DOWN! The export failed.")
    assert [one for one in found.because if one.startswith("error sign")] == [
        "error sign: 'down'",
        "error sign: 'page is down'",
        "error sign: 'failed'",
    ]


def test_the_sentence_that_asked_is_quoted(classifier: Classifier) -> None:
    found = classifier.classify(
        "Feature request", "Hello. It would be great if we could tag guides. Thanks!"
    )
    assert found.quote == "It would be great if we could tag guides."


@pytest.mark.parametrize(
    "trouble",
    [
        "It would be nice if the checkout worked.",
        "Ce serait bien si le paiement fonctionnait enfin.",
        "Es wäre schön, wenn der Kalender wieder laden würde, es geht nichts mehr.",
        "Sería genial si el widget funcionara.",
        "Sarebbe bello se il calendario funzionasse.",
    ],
)
def test_an_error_put_as_a_wish_keeps_its_sla(classifier: Classifier, trouble: str) -> None:
    found = classifier.classify("", trouble)
    assert found.kind is Kind.ERROR_REPORT
    assert found.candidate


def test_a_wish_next_to_an_error_is_an_error_report_and_a_candidate(classifier: Classifier) -> None:
    found = classifier.classify(
        "Ideas", "It would be great if we could tag guides. Also, the export fails with error 500."
    )
    assert (found.kind, found.candidate) == (Kind.ERROR_REPORT, True)


@pytest.mark.parametrize(
    "question",
    [
        "Is it possible to change the price of a tour?",
        "Est-ce possible de modifier la date d'une réservation ?",
        "Wie kann ich unsere IBAN ändern?",
        "¿Cómo puedo cambiar el idioma?",
        "Come posso cambiare il prezzo?",
        "It would be great if you could send me the invoice.",
        "",
    ],
)
def test_a_question_is_no_feature_request(classifier: Classifier, question: str) -> None:
    found = classifier.classify("", question)
    assert (found.kind, found.candidate) == (Kind.QUESTION, False)


def test_a_wish_with_doubt_runs_the_clock_as_a_candidate(classifier: Classifier) -> None:
    found = classifier.classify(
        "", "It would be great if we could tag guides. How do I change my password?"
    )
    assert (found.kind, found.candidate) == (Kind.QUESTION, True)


@pytest.mark.parametrize(
    ("text", "impact"),
    [
        ("Nobody can book since this morning!", Impact.BLOCKING),
        ("Nos clients ne peuvent plus payer.", Impact.BLOCKING),
        ("Unsere Kunden können nicht mehr buchen.", Impact.BLOCKING),
        ("Nadie puede reservar, la web está caída.", Impact.BLOCKING),
        ("I clienti non riescono a pagare.", Impact.BLOCKING),
        ("The export fails with an error.", Impact.DEGRADED),
        ("Some customers cannot pay.", Impact.DEGRADED),
        ("There is a typo in the confirmation mail.", Impact.MINOR),
        ("Es gibt einen Tippfehler in der Bestätigung.", Impact.MINOR),
    ],
)
def test_the_impact_follows_the_stated_scope(
    classifier: Classifier, text: str, impact: Impact
) -> None:
    found = classifier.classify("", text)
    assert (found.kind, found.impact) == (Kind.ERROR_REPORT, impact)


@pytest.mark.parametrize(
    "text",
    [
        "Sur notre environnement de test, le paiement ne fonctionne plus.",
        "The checkout fails on our staging system.",
        "Auf unserem Testsystem funktioniert der Checkout nicht.",
        "En nuestro entorno de pruebas el pago da error.",
        "Sul nostro ambiente di test il pagamento non funziona.",
    ],
)
def test_a_clear_statement_names_a_test_system(classifier: Classifier, text: str) -> None:
    assert classifier.classify("", text).environment is Environment.TEST


@pytest.mark.parametrize(
    "text",
    [
        "In our sandbox POST /orders throws a 500. Production is fine.",
        "Notre boutique de préproduction affiche une page blanche, la production va bien.",
        "In unserer Testumgebung fehlt der Anhang. Wir sind noch nicht live.",
        "En el sandbox el pago no entra. Solo pasa ahí.",
        "Sull'ambiente di collaudo manca il logo, la produzione non è coinvolta.",
        "On preprod totals are wrong, production runs the old version and is fine.",
        "Could you send us new credentials for the sandbox?",
        "The import in our test environment stops at row 200. We finish it before we go live.",
    ],
)
def test_a_live_system_that_is_fine_or_not_open_yet_leaves_the_test_system(
    classifier: Classifier, text: str
) -> None:
    assert classifier.classify("", text).environment is Environment.TEST


@pytest.mark.parametrize(
    "text",
    [
        "The widget was perfect on staging. Now the prices show NaN.",
        "Der Checkout läuft in der Sandbox, in der Produktion kommt 403.",
        "Les liens mènent à la préprod au lieu de notre boutique.",
        "Tras tres semanas en el entorno de pruebas arrancamos ayer y no sale ni un correo.",
        "L'agenzia ha copiato il codice dal suo staging alla home, il calendario resta vuoto.",
        "We tested in our sandbox before going live and now nobody gets a ticket.",
        "Before going live we tested in our sandbox, the tickets come out empty.",
        "In the sandbox it works, production was fine until yesterday.",
        "Payments fail. On our staging system I see another message.",
        "Our guests land in our test environment when they pay.",
        "It does not work in production, whereas our sandbox is not affected.",
    ],
)
def test_a_test_system_that_is_fine_or_only_passed_through_excludes_nothing(
    classifier: Classifier, text: str
) -> None:
    assert classifier.classify("", text).environment is not Environment.TEST


@pytest.mark.parametrize(
    "text",
    [
        "I tested the checkout and it fails.",
        "We made a test booking in the live system and it fails.",
        "Unsere Testbuchung wurde nicht bestätigt.",
        "It works on our staging system but not in production.",
        "On our staging system everything is fine. The checkout is broken.",
        "This is a test ticket: the export fails.",
        "The import fails on our staging system. In production the same import fails.",
        "Do you have a test environment?",
        "Checkout fails.\n\n-- \nAnna, on our staging system team",
        "Checkout fails.\n\nOn Mon, 3 March 2025 Bob wrote:\n> on our staging system it is slow",
    ],
)
def test_a_mere_mention_of_testing_excludes_nothing(classifier: Classifier, text: str) -> None:
    assert classifier.classify("", text).environment is not Environment.TEST


def test_missing_accents_and_small_typos_do_not_matter(classifier: Classifier) -> None:
    assert classifier.classify("", "le paiement est bloque").kind is Kind.ERROR_REPORT
    assert classifier.classify("", "Wir haben eine Störrung").kind is Kind.ERROR_REPORT


@pytest.mark.parametrize(
    "text",
    [
        "It would be helpful if the tax on the invoice was the one we set.",
        "Nous aimerions que les réservations remontent dans l'agenda.",
        "Sería ideal que el precio fuera el que configuramos.",
        "Sarebbe utile che il prezzo fosse quello impostato.",
        "Es wäre gut, wenn der richtige Preis angezeigt würde.",
    ],
)
def test_a_wish_for_what_should_be_there_already_keeps_its_sla(
    classifier: Classifier, text: str
) -> None:
    found = classifier.classify("Suggestion", text)
    assert found.kind is not Kind.FEATURE_REQUEST
    assert found.candidate


def test_a_headline_alone_is_no_feature_request(classifier: Classifier) -> None:
    found = classifier.classify("Feature request", "The early bird price is given to everybody.")
    assert (found.kind, found.candidate) == (Kind.QUESTION, True)


@pytest.mark.parametrize(
    "text",
    [
        "It would be nice to be able to export the guest list, the button is grey.",
        "Ce serait super de pouvoir exporter la liste. Elle s'arrête au numéro 50.",
        "Hilfreich wäre, wenn die neuen Preise im Widget stünden, vor einer Stunde eingegeben.",
        "Sarebbe utile che i nuovi prezzi comparissero nel widget, li ho inseriti un'ora fa.",
    ],
)
def test_what_is_told_beside_a_wish_keeps_the_sla(classifier: Classifier, text: str) -> None:
    assert classifier.classify("Suggestion", text).kind is not Kind.FEATURE_REQUEST


def test_thanks_for_a_new_feature_are_no_wish_for_one(classifier: Classifier) -> None:
    found = classifier.classify(
        "QR", "Thanks for the new feature! Unfortunately it only reads one code in three."
    )
    assert found.kind is not Kind.FEATURE_REQUEST


def test_what_a_wish_is_good_for_is_no_favour_that_is_asked_for(classifier: Classifier) -> None:
    found = classifier.classify("", "A test mode would be great so that we can check new tours.")
    assert found.candidate
    assert not classifier.classify("", "Would be great if you could check our tours.").candidate


def test_a_favour_on_the_account_is_no_wish_for_a_feature(classifier: Classifier) -> None:
    found = classifier.classify("", "Could you please add the option voucher to our package?")
    assert (found.kind, found.candidate) == (Kind.QUESTION, False)


def test_a_headline_does_not_make_a_question_a_feature_request(classifier: Classifier) -> None:
    found = classifier.classify("Vorschlag", "Haben Sie Erfahrung mit Kombitickets?")
    assert found.kind is Kind.QUESTION


def test_someone_on_our_site_is_not_on_a_test_system(classifier: Classifier) -> None:
    found = classifier.classify("", "No one is able to complete a purchase on our site.")
    assert found.environment is not Environment.TEST


def test_the_language_is_told_by_everyday_words(classifier: Classifier) -> None:
    assert set(classifier.languages) == {"fr", "de", "en", "es", "it"}
    assert classifier.detect_language("Bonjour, nous avons une question pour vous") == "fr"
    assert classifier.detect_language("Hallo, wir haben eine Frage und bitte um Hilfe") == "de"
    assert classifier.detect_language("12345") is None
    assert classifier.classify("", "Bonjour à vous", "fr").language == "fr"


def test_the_same_message_is_always_judged_alike(classifier: Classifier) -> None:
    other = Classifier(tomllib.loads(WORDS.read_text(encoding="utf-8")))
    text = "Ce serait bien si le paiement fonctionnait. Auf unserem Testsystem geht es nicht."
    found: Classification = classifier.classify("Hi", text)
    assert found == other.classify("Hi", text)


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ({"fr": {"wish": "ce serait"}}, r"\[fr\] wish"),
        ({"fr": {"wishes": ["ce serait"]}}, r"\[fr\] wishes"),
        ({"fr": {"wish": [3]}}, r"\[fr\] wish"),
        ({"fr": {"wish": ["  "]}}, r"\[fr\] wish"),
        ({"fr": {"wish": ["... si"]}}, r"\[fr\] wish"),
        ({"fr": ["wish"]}, r"\[fr\]"),
        ({"French": {}}, "French"),
        ([], "table of languages"),
    ],
)
def test_word_lists_of_a_wrong_shape_are_refused_by_name(words: object, names: str) -> None:
    with pytest.raises(PolicyError, match=names):
        Classifier(words)  # type: ignore[arg-type]
