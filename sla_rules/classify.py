"""What a message is: feature request, error report or question; about which system; how bad.

It judges text only. What a person said by field, type or tag is weighed in the rules, and wins.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain

from .message_environment import judge_environment
from .message_text import own_words, sentences
from .phrases import Phrases, words_of
from .signs import CLAUSE_END, Read, Sentence, Sign
from .ticket import Environment, Impact, Kind
from .word_lists import check_words
from .word_model import WordModel, bounded

_SUBJECT_PREFIX = re.compile(r"^(?:\s*(?:re|fw|fwd|aw|wg|tr|rv|i|r)\s*:)+\s*", re.IGNORECASE)
_SIGNS = 8
_STATEMENT = 3
_SHOWN = 6
_NO_STATEMENT = frozenset({"wish", "ask", "label", "courtesy"})
_ASKS = ("wish", "ask", "lack", "label")
_LANGUAGE_LENGTH = 600
_CLEAR_WISH, _LIKELY_WISH, _UNLIKELY_WISH, _LIKELY_ERROR = 2.0, 0.2, -1.2, 0.4
"""Log odds of the word models, chosen by cross-validation on the messages that they learn from: for
a feature request the wish must outweigh the error by the first; a candidate without listed words
needs the second; below the third there is no candidate; an error report without listed words needs
the last."""


@dataclass(frozen=True, slots=True)
class Classification:
    """What a message is, and the words that say so.

    `signs` names each sign once. `candidate` marks a message that may be a feature request but
    keeps its clock. `quote` is the sentence that asked for the feature, evidence for the register
    of § 4; None without one.
    `environment` is TEST only upon a clear statement, UNKNOWN where nothing is said.
    """

    kind: Kind
    candidate: bool
    environment: Environment
    impact: Impact
    signs: tuple[Sign, ...]
    language: str | None
    quote: str | None

    @property
    def because(self) -> tuple[str, ...]:
        """The signs as English texts, such as `error sign: 'is down'`."""
        return tuple(map(str, self.signs))


class Classifier:
    """Judges messages by word lists, compiled once: language -> list name -> phrases.

    How a phrase is written stands at `sla_rules.phrases.Phrases`. Every language's lists are tried
    on every message, since partners mix languages. `weights` are those of the word models, `wish`
    and `error`; with none, only the lists speak. Raises `PolicyError` naming language and list for
    a wrong shape or an unreadable phrase.
    """

    def __init__(
        self,
        words: Mapping[str, Mapping[str, Sequence[str]]],
        weights: Mapping[str, Mapping[str, float]] | None = None,
    ) -> None:
        check_words(words)
        self._models = {name: WordModel(found) for name, found in (weights or {}).items()}
        self._languages = tuple(words)
        self._phrases = Phrases(
            {
                language: {name: found for name, found in lists.items() if name != "common"}
                for language, lists in words.items()
            }
        )
        self._common = {
            language: frozenset(
                chain.from_iterable(map(self._phrases.words, lists.get("common", ())))
            )
            for language, lists in words.items()
        }

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages that have word lists, in the order of the lists."""
        return self._languages

    def detect_language(self, text: str) -> str | None:
        """Return the language whose common words are most frequent, None where none stands out."""
        if not text.strip():
            return None
        said = Counter(self._phrases.words(text[:_LANGUAGE_LENGTH]))
        counts = sorted(
            (
                (sum(said[word] for word in common & said.keys()), code)
                for code, common in self._common.items()
            ),
            key=lambda found: -found[0],
        )
        if not counts or counts[0][0] == 0:
            return None
        if len(counts) > 1 and counts[0][0] == counts[1][0]:
            return None
        return counts[0][1]

    def classify(self, subject: str, body: str, language: str | None = None) -> Classification:
        """Judge one message (§ 1 test systems, § 3 feature requests).

        Either text may be empty or HTML; `language` is returned where given, else detected.
        Any sign of an error makes an error report; only a clear wish without any doubt makes a
        feature request; everything else is a question, so that in doubt the clock runs.
        """
        if not subject and not body:
            return _nothing_said(language)
        title = _SUBJECT_PREFIX.sub("", own_words(subject)) if subject else ""
        text = own_words(body) if body else ""
        read = [
            self._read(sentence, of_subject)
            for part, of_subject in ((title, True), (text, False))
            if part
            for sentence in sentences(part)
        ]
        kind, candidate, quote, signs = _judge_kind(read, self._read)
        of_models: list[Sign] = []
        if self._models and read:
            kind, candidate, of_models = self._weigh(kind, candidate, read)
        impact, of_impact = _judge_impact(read, kind)
        environment, of_environment = judge_environment(read, self._read)
        return Classification(
            kind=kind,
            candidate=candidate,
            environment=environment,
            impact=impact,
            signs=_once([*_once(signs)[:_SIGNS], *of_models, *of_impact, *of_environment]),
            language=language or self.detect_language(f"{title}\n{text}"),
            quote=quote,
        )

    def _weigh(
        self, kind: Kind, candidate: bool, read: list[Sentence]
    ) -> tuple[Kind, bool, list[Sign]]:
        """Weigh what the lists found with how the whole message reads."""
        said = [bounded(sentence.text, sentence.words) for sentence in read]
        wishes, errors = self._models["wish"], self._models["error"]
        wish = wishes.score(said)
        signs: list[Sign] = []
        if candidate and wish < _UNLIKELY_WISH:
            candidate = False
            signs.append(Sign("unlike_wish"))
        if kind is Kind.ERROR_REPORT and (candidate or wish < _LIKELY_WISH):
            return kind, candidate, signs
        error = errors.score(said)
        if kind is Kind.FEATURE_REQUEST:
            if wish - error >= _CLEAR_WISH:
                return kind, candidate, signs
            kind, candidate = Kind.QUESTION, True
            signs.append(Sign("unlike_wish"))
        elif not candidate and wish >= _LIKELY_WISH and wish > error:
            candidate = True
            signs.append(Sign("like_wish", wishes.strongest(said)))
        if kind is Kind.QUESTION and error >= _LIKELY_ERROR and error > wish:
            kind = Kind.ERROR_REPORT
            signs.append(Sign("like_error", errors.strongest(said)))
        return kind, candidate, signs

    def _read(self, sentence: str, of_subject: bool) -> Sentence:
        words = tuple(words_of(sentence))
        hits = tuple(self._phrases.hits(words))
        return Sentence(sentence, words, hits, of_subject, frozenset(hit.list_name for hit in hits))


@lru_cache(maxsize=64)
def _nothing_said(language: str | None) -> Classification:
    return Classification(
        kind=Kind.QUESTION,
        candidate=False,
        environment=Environment.UNKNOWN,
        impact=Impact.NONE,
        signs=(Sign("nothing"),),
        language=language,
        quote=None,
    )


def _once(signs: list[Sign]) -> tuple[Sign, ...]:
    found: dict[tuple[str, str], Sign] = {}
    for sign in signs:
        found.setdefault((sign.name, sign.quote.casefold()), sign)
    return tuple(found.values())


def _judge_kind(
    read: list[Sentence], read_clause: Read
) -> tuple[Kind, bool, str | None, list[Sign]]:
    # a favour ("would be great if you could send the invoice") is politeness, not a wish
    wishes = [s for s in read if s.has("wish") and not s.has("favour")]
    labels = [s for s in read if s.has("label") and not s.asks and not s.has("favour")]
    asks = [s for s in read if _asks_for_more(s)]
    errors = [s.sign("error", of) for s in read for of in ("error", "blocking") if s.has(of)]
    wished = wishes or labels
    signs = [s.sign("wish") for s in wishes] + [s.sign("label") for s in labels]
    quote = _quote(wishes) or _quote([s for s in labels if not s.of_subject]) or _quote(labels)
    asked = [s.sign(name) for s in asks for name in _ASKS if s.has(name)]
    if errors:
        signs = signs or [sign for sign in asked if sign.name != "lack"]
        return Kind.ERROR_REPORT, bool(signs), quote or _quote(asks), errors + signs
    if not wished:
        signs = asked
        if asks:
            return Kind.QUESTION, True, _quote(asks), signs
        return Kind.QUESTION, False, None, [Sign("nothing")]
    doubts = [s.sign("doubt", of) for of in ("doubt", "how_to") for s in read if s.has(of)]
    doubts += [s.sign("doubt", "doubt_in_wish") for s in wishes or read if s.has("doubt_in_wish")]
    if wishes and not any(s.has("novelty") for s in wishes):
        # "if the price was the one we set" wishes for what should be there already
        doubts.append(Sign("nothing_new"))
    if not wishes and any(s.asks for s in read):
        # a headline such as "Suggestion" says little where the text then asks something
        doubts.append(Sign("question_mark"))
    if not wishes and not any(s.has("ask") or s.has("novelty") for s in read if not s.of_subject):
        # a headline alone: "Feature: the early bird discount is given to everybody"
        doubts.append(Sign("nothing_new"))
    doubts = doubts or _stated(read, read_clause)
    if doubts:
        return Kind.QUESTION, True, quote, signs + doubts
    return Kind.FEATURE_REQUEST, False, quote, signs


def _stated(read: list[Sentence], read_clause: Read) -> list[Sign]:
    """Return a sign for what is told beside a wish: "... export it, the button is grey"."""
    for sentence in read:
        for part in CLAUSE_END.split(sentence.text) if not sentence.of_subject else ():
            clause = read_clause(part, False)
            belongs = 0 in clause.starts("purpose") + clause.starts("subordinate")
            states = not belongs and clause.names.isdisjoint(_NO_STATEMENT)
            if states and len(clause.words) >= _STATEMENT:
                return [Sign("statement", " ".join(clause.words[:_SHOWN]))]
    return []


def _asks_for_more(sentence: Sentence) -> bool:
    if sentence.has("how_to") or not any(sentence.has(name) for name in _ASKS):
        return False
    favours, purposes = sentence.starts("favour"), sentence.starts("purpose")
    # "a test mode so that we can check it" asks for the mode and for no favour
    return not favours or (bool(purposes) and min(purposes) < min(favours))


def _quote(found: list[Sentence]) -> str | None:
    # the body says it in full; a subject is only its headline
    for sentence in sorted(found, key=lambda s: s.of_subject):
        return sentence.text
    return None


def _judge_impact(read: list[Sentence], kind: Kind) -> tuple[Impact, list[Sign]]:
    if kind is not Kind.ERROR_REPORT:
        return Impact.NONE, []
    for sentence in read:
        if sentence.has("blocking") and not sentence.has("partial"):
            return Impact.BLOCKING, [sentence.sign("blocking")]
    for name, impact in (("partial", Impact.DEGRADED), ("minor", Impact.MINOR)):
        if name == "partial" and any(s.has("minor") for s in read):
            continue
        for sentence in read:
            if sentence.has(name):
                return impact, [sentence.sign(name)]
    return Impact.DEGRADED, [Sign("no_scope")]
