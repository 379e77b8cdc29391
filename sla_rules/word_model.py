"""How much a message reads like messages of a kind: a linear model of words, learnt from examples.

`classify` asks two of them, for wishes and for errors, where the word lists leave doubt.
`tests/benchmarks/train_words.py` writes the weights.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise

from .phrases import fold

_START = "^"
_MARKS = (".", "!", "?")
_SHORTEST = 3
_ENDING = 4
_BEGINNING = 4
_SHOWN = 3
BIAS = ""
"""The key of the weight that every message gets."""

Bounded = Sequence[str]
"""The words of a sentence between its start and its closing mark."""


def bounded(sentence: str, words: Sequence[str]) -> Bounded:
    """Return the words of a sentence between `^` and `?`, `!` or else `.`."""
    mark = sentence.rstrip("\"')» ")[-1:]
    return (_START, *words, mark if mark in _MARKS else ".")


def features(sentences: Sequence[Bounded]) -> Iterator[str]:
    """Yield the features of a message, one for each time that it occurs."""
    for sentence in sentences:
        words = [fold(word) for word in sentence]
        for word in words[1:-1]:
            yield from _of_word(word)
        for first, second in pairwise(words):
            yield f"{first} {second}"


def size(sentences: Sequence[Bounded]) -> float:
    """Return what the sum of weights is divided by, so that long messages do not outweigh."""
    return math.sqrt(sum(len(sentence) - 1 for sentence in sentences) or 1)


class WordModel:
    """Weights of features: positive ones speak for the kind, negative ones against it."""

    def __init__(self, weights: Mapping[str, float]) -> None:
        self._weights = weights
        self._followers: dict[str, dict[str, float]] = {}
        for name, weight in weights.items():
            first, _, second = name.partition(" ")
            if second:
                self._followers.setdefault(first, {})[second] = weight
        self._of_word = lru_cache(maxsize=65_536)(self._weigh)

    def score(self, sentences: Sequence[Bounded]) -> float:
        """Return the log odds of the kind: above 0 it is likelier than not."""
        total = 0.0
        for sentence in sentences:
            after: dict[str, float] = {}
            for word, weight, followers in map(self._of_word, sentence):
                total += weight
                if word in after:
                    total += after[word]
                after = followers
        return total / size(sentences) + self._weights.get(BIAS, 0.0)

    def strongest(self, sentences: Sequence[Bounded]) -> str:
        """Return the words that spoke most for the kind, as they stand in the message."""
        found: dict[str, float] = {}
        for sentence in sentences:
            inner = sentence[1:-1]
            found |= {word: self._of_word(word)[1] for word in inner}
            found |= {
                f"{first} {second}": self._of_word(first)[2].get(fold(second), 0.0)
                for first, second in pairwise(inner)
            }
        strong = sorted((words for words in found if found[words] > 0), key=lambda w: -found[w])
        return ", ".join(strong[:_SHOWN])

    def _weigh(self, word: str) -> tuple[str, float, dict[str, float]]:
        """Return a word as compared, its weight, and the weights of words that may follow it."""
        word = fold(word)
        of_word = () if word == _START or word in _MARKS else _of_word(word)
        weight = sum(self._weights.get(name, 0.0) for name in of_word)
        return word, weight, self._followers.get(word, {})


def _of_word(word: str) -> tuple[str, ...]:
    """Return what a folded word counts as: itself, its ending and its beginning.

    The shortest words speak in pairs only.
    """
    if len(word) < _SHORTEST:
        return ()
    ending = ("-" + word[-_ENDING:],) if len(word) > _ENDING + 1 else ()
    beginning = (word[:_BEGINNING] + "-",) if len(word) > _BEGINNING else ()
    return (word, *ending, *beginning)
