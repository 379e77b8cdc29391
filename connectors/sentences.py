"""What is said about connecting an account, in the reader's language, from `catalog/*.toml`.

Decides nothing. A `Sentence` is its English text; its key and parameters tell the other languages.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

CATALOGS = Path(__file__).parent / "catalog"


class Sentence(str):
    """A text that is also said in other languages."""

    key: str
    params: Mapping[str, str]


def say(key: str, /, **params: object) -> Sentence:
    """Return the sentence of a dotted key with its parameters filled in.

    A parameter may be a sentence itself. Raises `KeyError` where there is none of that key.
    """
    given = {name: one if isinstance(one, str) else str(one) for name, one in params.items()}
    found = Sentence(_text("en", key).format_map(given))
    found.key, found.params = key, given
    return found


def to_stored(text: str) -> dict[str, Any]:
    """Return a text as plain JSON; a sentence with what other languages need."""
    if not isinstance(text, Sentence):
        return {"text": text}
    params = {name: to_stored(one) for name, one in text.params.items()}
    return {"text": str(text), "key": text.key, "params": params}


def in_language(stored: Mapping[str, Any], language: str) -> str:
    """Return what `to_stored` gave in a language; its stored text where there is no other."""
    if "key" not in stored:
        return str(stored["text"])
    params = {name: in_language(one, language) for name, one in stored["params"].items()}
    try:
        return _text(language, stored["key"]).format_map(params)
    except KeyError:
        return str(stored["text"])


def _text(language: str, key: str) -> str:
    return catalog(language)[key]


@cache
def catalog(language: str) -> Mapping[str, str]:
    """Return a language's sentences by dotted key."""
    path = CATALOGS / f"{language}.toml"
    parts = tomllib.loads(path.read_text("utf-8")) if path.exists() else {}
    return {f"{part}.{key}": text for part, texts in parts.items() for key, text in texts.items()}
