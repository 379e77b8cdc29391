"""The sentences of the reasons in the reader's language, from `catalog/*.toml`.

Decides nothing; a language that is not there is read in English.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import datetime, tzinfo
from functools import lru_cache
from pathlib import Path
from typing import Any

LANGUAGES = ("en", "fr", "de")
CATALOGS = Path(__file__).parent / "catalog"


def sentence(
    rule: str,
    key: str,
    params: Mapping[str, str],
    language: str = "en",
    zone: tzinfo | None = None,
) -> str:
    """Return the sentence of a rule with its parameters filled in.

    With a `zone` the instants (parameters that end with `_at` or `at`) are shown on its clock as
    `YYYY-MM-DD HH:MM`, else as ISO 8601 in UTC. `{who}` is made of the parameters `by` and `at`.
    Raises `KeyError` where there is no such sentence.
    """
    catalog = _catalog(language)
    shown = {name: _shown(name, value, catalog, zone) for name, value in params.items()}
    who = ", ".join(shown[name] for name in ("by", "at") if shown.get(name))
    shown["who"] = f" ({who})" if who else ""
    return str(catalog[rule][key]).format_map(shown)


def render(reason: Mapping[str, Any], language: str = "en", zone: tzinfo | None = None) -> str:
    """Return a stored reason (`Reason.to_stored`) in a language.

    One whose sentence is gone, or that was stored before sentences had keys, is its stored text.
    """
    try:
        return sentence(reason["rule"], reason["key"], reason.get("params") or {}, language, zone)
    except (KeyError, AttributeError):
        return str(reason.get("text") or "")


def language_of(wanted: str | None) -> str:
    """Return our language for a locale such as `fr_FR.UTF-8` or `de-AT,en;q=0.8`, else English."""
    for one in (wanted or "").split(","):
        code = one.strip()[:2].lower()
        if code in LANGUAGES:
            return code
    return "en"


def _shown(name: str, value: str, catalog: Mapping[str, Any], zone: tzinfo | None) -> str:
    terms = catalog["terms"].get(name)
    if terms:
        return str(terms.get(value, value))
    if zone and value and (name == "at" or name.endswith("_at")):
        return datetime.fromisoformat(value).astimezone(zone).strftime("%Y-%m-%d %H:%M")
    return value


@lru_cache(maxsize=len(LANGUAGES))
def _catalog(language: str) -> dict[str, Any]:
    known = language if language in LANGUAGES else "en"
    return tomllib.loads((CATALOGS / f"{known}.toml").read_text("utf-8"))
