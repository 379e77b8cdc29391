"""The shape of the word lists: which lists there are, and that they hold phrases.

It does not read them from a file, nor compile them; see `policy` and `phrases`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from .errors import PolicyError

LISTS = frozenset(
    {
        "common",
        "wish",
        "label",
        "novelty",
        "ask",
        "lack",
        "favour",
        "purpose",
        "courtesy",
        "subordinate",
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
        "only_test",
        "not_live",
        "fine",
        "denial",
        "live_hint",
        "production",
    }
)
"""The word lists that a language may have; `policies/words.toml` says what each is for."""

_CODE = re.compile(r"[a-z]{2}")


def check_words(words: object) -> None:
    """Raise `PolicyError`, naming language and list, where word lists have a wrong shape."""
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
