"""What the word lists found in a message: its sentences with their hits, and their signs."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from .phrases import Hit, shown

CLAUSE_END = re.compile(
    r"[,;:()–—]+(?=\s|$)|\s-\s"
    r"|\s(?=(?:but|while|whereas|aber|sondern|während|mais|alors que|tandis que"
    r"|pero|sino|mientras|ma|mentre)\s)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Sign:
    """Words that speak for a judgement; `quote` is empty where the sign is that nothing is said."""

    name: str
    quote: str = ""

    def __str__(self) -> str:
        said = _SAID.get(self.name, self.name)
        return f"{said}: '{self.quote}'" if self.quote else said


_SAID = {
    "error": "error sign",
    "nothing_new": "doubt: 'nothing new is named'",
    "like_wish": "reads like a wish",
    "like_error": "reads like an error report",
    "unlike_wish": "doubt: 'does not read like a wish'",
    "statement": "doubt: something is stated beside the wish",
    "question_mark": "doubt: 'question mark'",
    "nothing": "no sign of an error and no wish for a feature",
    "no_scope": "impact: no scope stated, taken as degraded",
    "test_system": "test system",
    "test_unsure": "test system not taken for sure",
}


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence, or a part of one, and what the word lists found in it."""

    text: str
    words: tuple[str, ...]
    hits: tuple[Hit, ...]
    of_subject: bool
    names: frozenset[str]

    def has(self, name: str) -> bool:
        return name in self.names

    def starts(self, name: str) -> list[int]:
        """Return at which words the phrases of a list begin."""
        return [hit.start for hit in self.hits if hit.list_name == name]

    def sign(self, name: str, of: str | None = None) -> Sign:
        """Return a sign with the longest words that a list (`of`, else its name) matched here."""
        return Sign(name, self.shown(of or name))

    def shown(self, name: str) -> str:
        hit = max(
            (hit for hit in self.hits if hit.list_name == name), key=lambda hit: hit.end - hit.start
        )
        return shown(self.text, hit)

    @property
    def asks(self) -> bool:
        return self.text.rstrip("\"')» ").endswith("?")


Read = Callable[[str, bool], Sentence]
"""Reads a text as one sentence; the flag says whether it is of the subject."""
