"""Phrases of the word lists, compiled so that one walk over a sentence finds all of them.

It knows how phrases are written and matched, and nothing of what they mean; `classify` does.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

from .errors import PolicyError

_WORD = re.compile(r"[^\W_]+(?:['’`´][tT]\b)?")
_MARKS = re.compile(r"[\u0300-\u036f'’`´]+")
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})
_GAP = "..."
_GAP_WORDS = 5
_TYPO_LENGTH = 7
_MAX_VARIANTS = 64


@dataclass(frozen=True, slots=True)
class Hit:
    """Words of a sentence that a phrase matched; `start` and `end` count words, half-open."""

    list_name: str
    language: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Step:
    """One word of a phrase: exact forms and stems, after a gap of up to some words or none."""

    exact: frozenset[str]
    stems: tuple[str, ...]
    gap: bool

    def fits(self, word: str) -> bool:
        return word in self.exact or (bool(self.stems) and word.startswith(self.stems))


@dataclass(frozen=True, slots=True)
class _Phrase:
    list_name: str
    language: str
    steps: tuple[_Step, ...]
    needs: frozenset[str] | None
    """Words of which one must stand in the sentence; None where stems would do as well."""


class Phrases:
    """All phrases of all lists. A phrase is words with these signs:

    `a|b` either word, `stem*` any ending, `word?` may be missing, `...` up to five other words.
    Case, accents and apostrophes do not matter; an umlaut also stands for ae, oe, ue. A word of at
    least seven letters is also found with one letter wrong, but for its first and last, if that is
    no word of the lists itself.
    Raises `PolicyError` for a phrase that cannot be read.
    """

    def __init__(self, words: Mapping[str, Mapping[str, Sequence[str]]]) -> None:
        self._pairs: dict[str, dict[str, list[_Phrase]]] = {}
        self._first: dict[str, tuple[_Phrase, ...]] = {}
        self._stems: dict[str, list[_Phrase]] = {}
        self._known: set[str] = set()
        for language, lists in words.items():
            for name, phrases in lists.items():
                for phrase in phrases:
                    for steps in _read(phrase, language, name):
                        needs = None if steps[-1].stems else steps[-1].exact
                        self._add(_Phrase(name, language, steps, needs))
        self._near: dict[str, str] = {}
        for word in sorted(self._known):
            if len(word) >= _TYPO_LENGTH:
                for shorter in _one_letter_less(word):
                    self._near.setdefault(shorter, word)
        self._canonical = lru_cache(maxsize=65_536)(self._fold_and_mend)
        self._token = lru_cache(maxsize=65_536)(self._look_up)

    def hits(self, said: Sequence[str]) -> list[Hit]:
        """Return where each list first matches in the words of one sentence.

        One start may have several ends.
        """
        tokens = [self._token(word) for word in said]
        words = [token[0] for token in tokens]
        present = frozenset(words)
        found: list[Hit] = []
        seen: set[str] = set()
        known = 0
        last = len(words) - 1
        for at, (_, pairs, alone) in enumerate(tokens):
            candidates = alone
            if pairs is not None and at < last and words[at + 1] in pairs:
                candidates = (*pairs[words[at + 1]], *alone)
            for phrase in candidates:
                if phrase.list_name in seen or (
                    phrase.needs is not None and phrase.needs.isdisjoint(present)
                ):
                    continue
                end = _match(phrase.steps, 0, words, at)
                if end:
                    found.append(Hit(phrase.list_name, phrase.language, at, end))
            if len(found) > known:
                seen.update([hit.list_name for hit in found[known:]])
                known = len(found)
        return found

    def words(self, text: str) -> list[str]:
        """Return the words of a text as they are compared: folded, small typos mended."""
        return list(map(self._canonical, words_of(text)))

    def _look_up(
        self, word: str
    ) -> tuple[str, dict[str, list[_Phrase]] | None, tuple[_Phrase, ...]]:
        """Return a word as compared, and the phrases that may start with it."""
        word = self._canonical(word)
        stemmed = [
            phrase
            for phrase in self._stems.get(word[:3], ())
            if word.startswith(phrase.steps[0].stems)
        ]
        return word, self._pairs.get(word), (*self._first.get(word, ()), *stemmed)

    def _add(self, phrase: _Phrase) -> None:
        for step in phrase.steps:
            self._known |= step.exact
        first = phrase.steps[0]
        second = phrase.steps[1] if len(phrase.steps) > 1 else None
        for word in first.exact:
            if second is not None and not second.gap and not second.stems:
                for follower in second.exact:
                    self._pairs.setdefault(word, {}).setdefault(follower, []).append(phrase)
            else:
                self._first[word] = (*self._first.get(word, ()), phrase)
        for head in {stem[:3] for stem in first.stems}:
            self._stems.setdefault(head, []).append(phrase)

    def _fold_and_mend(self, word: str) -> str:
        word = fold(word)
        if len(word) < _TYPO_LENGTH - 1 or word in self._known or not word.isalpha():
            return word
        near = self._near.get(word)
        if near is None and len(word) >= _TYPO_LENGTH:
            for shorter in _one_letter_less(word):
                if shorter in self._known and len(shorter) >= _TYPO_LENGTH:
                    return shorter
                near = self._near.get(shorter)
                if near is not None and len(near) == len(word):
                    break
        if near is None or near[0] != word[0] or near[:-1] == word[:-1]:
            # another last letter is another form of the word, no slip
            return word
        return near


def words_of(text: str) -> list[str]:
    """Return the words of a text as they stand there."""
    return _WORD.findall(text)


def fold(word: str) -> str:
    """Return a word without case, accents and apostrophes."""
    word = word.casefold()
    if word.isascii() and "'" not in word and "`" not in word:
        return word
    return _MARKS.sub("", unicodedata.normalize("NFKD", word))


def shown(sentence: str, hit: Hit) -> str:
    """Return the words of a hit as they stand in the sentence."""
    spans = [found.span() for found in _WORD.finditer(sentence)]
    return " ".join(sentence[spans[hit.start][0] : spans[hit.end - 1][1]].split())


def _match(steps: tuple[_Step, ...], which: int, words: list[str], at: int) -> int:
    """Return the end of a match of the steps from `which` on, 0 for none."""
    step = steps[which]
    reach = at + _GAP_WORDS if step.gap else at
    while at < len(words):
        if step.fits(words[at]):
            if which + 1 == len(steps):
                return at + 1
            end = _match(steps, which + 1, words, at + 1)
            if end:
                return end
        if at >= reach:
            return 0
        at += 1
    return 0


def _one_letter_less(word: str) -> Iterator[str]:
    # the first letter is nearly always right
    for at in range(1, len(word)):
        yield word[:at] + word[at + 1 :]


def _forms(word: str) -> Iterable[str]:
    yield fold(word)
    spelled = unicodedata.normalize("NFKC", word).casefold().translate(_UMLAUTS)
    yield fold(spelled)


def _read(phrase: str, language: str, name: str) -> Iterator[tuple[_Step, ...]]:
    """Yield the variants of a phrase, one for each choice of optional and of split words."""
    choices: list[list[tuple[tuple[frozenset[str], tuple[str, ...]], ...]]] = []
    gaps: list[bool] = []
    gap = False
    for part in phrase.split():
        if part == _GAP:
            gap = True
            continue
        optional = part.endswith("?")
        choice = _choices(part.rstrip("?"))
        if not choice or (not choices and gap):
            raise PolicyError(f"words: [{language}] {name}: cannot read the phrase {phrase!r}")
        choices.append([*choice, ()] if optional else choice)
        gaps.append(gap)
        gap = False
    count = 1
    for choice in choices:
        count *= len(choice)
    if not choices or gap or count > _MAX_VARIANTS:
        raise PolicyError(f"words: [{language}] {name}: cannot read the phrase {phrase!r}")
    for variant in product(*choices):
        steps: list[_Step] = []
        pending = False
        for wide, group in zip(gaps, variant, strict=True):
            pending = pending or wide
            for exact, stems in group:
                steps.append(_Step(exact, stems, pending and bool(steps)))
                pending = False
        if steps:
            yield tuple(steps)


def _choices(part: str) -> list[tuple[tuple[frozenset[str], tuple[str, ...]], ...]]:
    """Return the ways to read one part: single words together, words with an apostrophe apart."""
    exact: set[str] = set()
    stems: set[str] = set()
    apart: list[tuple[tuple[frozenset[str], tuple[str, ...]], ...]] = []
    for alternative in part.split("|"):
        found = _WORD.findall(alternative)
        stemmed = alternative.endswith("*")
        if not found or (stemmed and len(fold(found[-1])) < 3):
            return []
        if len(found) == 1:
            (stems if stemmed else exact).update(_forms(found[0]))
        else:
            heads = [(frozenset(_forms(word)), ()) for word in found[:-1]]
            tail = frozenset(_forms(found[-1]))
            end = (frozenset[str](), tuple(sorted(tail))) if stemmed else (tail, ())
            apart.append((*heads, end))
    if exact or stems:
        apart.append(((frozenset(exact), tuple(sorted(stems))),))
    return apart
