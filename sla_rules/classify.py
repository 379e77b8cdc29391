"""What a message is: feature request, error report or question; about which system; how bad.

It judges text only. What a person said by field, type or tag is weighed in the rules, and wins.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from .errors import PolicyError
from .message_text import own_words, sentences
from .phrases import Hit, Phrases, shown
from .ticket import Environment, Impact, Kind

LISTS = frozenset(
    {
        "common",
        "wish",
        "label",
        "ask",
        "lack",
        "favour",
        "how_to",
        "doubt",
        "doubt_in_wish",
        "error",
        "blocking",
        "partial",
        "minor",
        "test_system",
        "test_label",
        "not_about_test",
        "production",
    }
)
"""The word lists that a language may have; `policies/words.toml` says what each is for."""

_CODE = re.compile(r"[a-z]{2}")
_SUBJECT_PREFIX = re.compile(r"^(?:\s*(?:re|fw|fwd|aw|wg|tr|rv|i|r)\s*:)+\s*", re.IGNORECASE)
_BECAUSE = 8


@dataclass(frozen=True, slots=True)
class Classification:
    """What a message is, and the words that say so.

    `candidate` marks a message that may be a feature request but keeps its clock. `quote` is the
    sentence that asked for the feature, evidence for the register of § 4; None without one.
    `environment` is TEST only upon a clear statement, UNKNOWN where nothing is said.
    """

    kind: Kind
    candidate: bool
    environment: Environment
    impact: Impact
    because: tuple[str, ...]
    language: str | None
    quote: str | None


@dataclass(frozen=True, slots=True)
class _Sentence:
    text: str
    hits: tuple[Hit, ...]
    of_subject: bool

    def has(self, name: str) -> bool:
        return any(hit.list_name == name for hit in self.hits)

    def shown(self, name: str) -> str:
        hit = max(
            (hit for hit in self.hits if hit.list_name == name), key=lambda hit: hit.end - hit.start
        )
        return shown(self.text, hit)

    @property
    def asks(self) -> bool:
        return self.text.rstrip("\"')» ").endswith("?")


class Classifier:
    """Judges messages by word lists, compiled once: language -> list name -> phrases.

    How a phrase is written stands at `sla_rules.phrases.Phrases`. Every language's lists are tried
    on every message, since partners mix languages. Raises `PolicyError` naming language and list
    for a wrong shape or an unreadable phrase.
    """

    def __init__(self, words: Mapping[str, Mapping[str, Sequence[str]]]) -> None:
        _check(words)
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
        words = self._phrases.words(text[:2_000])
        counts = sorted(
            (
                (sum(word in common for word in words), code)
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
        title = _SUBJECT_PREFIX.sub("", own_words(subject))
        text = own_words(body)
        read = [
            _Sentence(sentence, tuple(self._phrases.hits(sentence)), of_subject)
            for part, of_subject in ((title, True), (text, False))
            for sentence in sentences(part)
        ]
        kind, candidate, quote, because = _judge_kind(read)
        impact, impact_because = _judge_impact(read, kind)
        environment, environment_because = _judge_environment(read)
        return Classification(
            kind=kind,
            candidate=candidate,
            environment=environment,
            impact=impact,
            because=(*because[:_BECAUSE], *impact_because, *environment_because),
            language=language or self.detect_language(f"{title}\n{text}"),
            quote=quote,
        )


def _judge_kind(read: list[_Sentence]) -> tuple[Kind, bool, str | None, list[str]]:
    # a favour ("would be great if you could send the invoice") is politeness, not a wish
    wishes = [s for s in read if s.has("wish") and not s.has("favour")]
    labels = [s for s in read if s.has("label") and not s.asks and not s.has("favour")]
    asks = [
        s
        for s in read
        if (s.has("ask") or s.has("lack") or (s.has("label") and s.asks)) and not s.has("favour")
    ]
    signs = [(name, s) for s in read for name in ("error", "blocking") if s.has(name)]
    wished = wishes or labels
    because = [
        f"{name}: '{s.shown(name)}'"
        for name, found in (("wish", wishes), ("label", labels))
        for s in found
    ]
    quote = _quote(wishes) or _quote([s for s in labels if not s.of_subject]) or _quote(labels)
    if signs:
        because = [f"error sign: '{s.shown(name)}'" for name, s in signs] + because
        return Kind.ERROR_REPORT, bool(wished), quote, because
    if not wished:
        because = [
            f"{name}: '{s.shown(name)}'"
            for s in asks
            for name in ("ask", "lack", "label")
            if s.has(name)
        ]
        if asks:
            return Kind.QUESTION, True, _quote(asks), because
        return Kind.QUESTION, False, None, ["no sign of an error and no wish for a feature"]
    doubts = [("doubt", s) for s in read if s.has("doubt")]
    doubts += [("how_to", s) for s in read if s.has("how_to")]
    doubts += [("doubt_in_wish", s) for s in wishes if s.has("doubt_in_wish")]
    if not wishes:
        # a headline such as "Suggestion" says little where the text then asks something
        doubts += [("question mark", s) for s in read if s.asks]
    if doubts:
        because += [
            f"doubt: '{s.shown(name) if s.has(name) else s.text[-40:]}'" for name, s in doubts
        ]
        return Kind.QUESTION, True, quote, because
    return Kind.FEATURE_REQUEST, False, quote, because


def _quote(found: list[_Sentence]) -> str | None:
    # the body says it in full; a subject is only its headline
    for sentence in sorted(found, key=lambda s: s.of_subject):
        return sentence.text
    return None


def _judge_impact(read: list[_Sentence], kind: Kind) -> tuple[Impact, list[str]]:
    if kind is not Kind.ERROR_REPORT:
        return Impact.NONE, []
    for sentence in read:
        if sentence.has("blocking") and not sentence.has("partial"):
            return Impact.BLOCKING, [f"blocking: '{sentence.shown('blocking')}'"]
    for name, impact in (("partial", Impact.DEGRADED), ("minor", Impact.MINOR)):
        if name == "partial" and any(s.has("minor") for s in read):
            continue
        for sentence in read:
            if sentence.has(name):
                return impact, [f"{name}: '{sentence.shown(name)}'"]
    return Impact.DEGRADED, ["impact: no scope stated, taken as degraded"]


def _judge_environment(read: list[_Sentence]) -> tuple[Environment, list[str]]:
    production = [s for s in read if s.has("production")]
    if production:
        return Environment.PRODUCTION, [f"production: '{production[0].shown('production')}'"]
    clear: list[str] = []
    for sentence in read:
        label = sentence.of_subject and any(
            hit.list_name == "test_label" and hit.start == 0 and _labels(sentence.text, hit)
            for hit in sentence.hits
        )
        if not label and not sentence.has("test_system"):
            continue
        if sentence.has("not_about_test"):
            why = sentence.shown("not_about_test")
            return Environment.UNKNOWN, [f"test system not taken for sure: '{why}'"]
        clear.append(sentence.shown("test_system" if sentence.has("test_system") else "test_label"))
    if clear:
        return Environment.TEST, [f"test system: '{clear[0]}'"]
    return Environment.UNKNOWN, []


def _labels(subject: str, hit: Hit) -> bool:
    """Tell whether a subject starts with a label such as `[Staging]` or `Testsystem:`."""
    label = re.escape(shown(subject, hit))
    return re.match(rf"\s*(?:[\[(]\s*{label}\s*[\])]|{label}\s*(?::|[-–|]\s))", subject) is not None


def _check(words: object) -> None:
    if not isinstance(words, Mapping):
        raise PolicyError("words: a table of languages is needed, such as [fr]")
    for language, lists in words.items():
        if not isinstance(language, str) or not _CODE.fullmatch(language):
            raise PolicyError(f"words: {language!r} is no language code of two small letters")
        if not isinstance(lists, Mapping):
            raise PolicyError(f"words: [{language}] must hold lists of phrases")
        for name, phrases in lists.items():
            if name not in LISTS:
                known = ", ".join(sorted(LISTS))
                raise PolicyError(f"words: [{language}] {name}: no such list; there are {known}")
            if isinstance(phrases, str) or not isinstance(phrases, Sequence):
                raise PolicyError(f"words: [{language}] {name}: a list of phrases is needed")
            for phrase in phrases:
                if not isinstance(phrase, str) or not phrase.strip():
                    raise PolicyError(
                        f"words: [{language}] {name}: {phrase!r} is no phrase (a text with words)"
                    )
