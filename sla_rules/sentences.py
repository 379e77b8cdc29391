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
    `YYYY-MM-DD HH:MM`, else as ISO 8601 in UTC. `{who}` is made of the parameters `by` and `at`,
    `{because}` of those that are named for a sign in a text.
    Raises `KeyError` where there is no such sentence.
    """
    catalog = _catalog(language)
    terms = catalog["terms"]
    shown = {n: terms[n].get(v, v) if n in terms else v for n, v in params.items()}
    if zone:
        shown |= {n: _local(v, zone) for n, v in params.items() if n == "at" or n.endswith("_at")}
    shown["who"] = ""
    if "by" in shown or "at" in shown:
        shown["who"] = f" ({', '.join(shown[name] for name in ('by', 'at') if name in shown)})"
    signs = [
        catalog["explain"]["sign"].format(sign=said, quotes=params[name]) if params[name] else said
        for name, said in terms["sign"].items()
        if name in params
    ]
    shown.setdefault("because", f" ({'; '.join(signs)})" if signs else "")
    return str(catalog[rule][key]).format_map(shown)


def render(reason: Mapping[str, Any], language: str = "en", zone: tzinfo | None = None) -> str:
    """Return a stored reason (`Reason.to_stored`) in a language.

    One whose sentence is gone, or that was stored before sentences had keys, is its stored text.
    """
    try:
        return sentence(reason["rule"], reason["key"], reason.get("params") or {}, language, zone)
    except (KeyError, AttributeError):
        return str(reason.get("text") or "")


def phrase(key: str, language: str = "en", **params: str) -> str:
    """Return a phrase of an explanation's frame, such as a title or the name of a weekday."""
    catalog = _catalog(language)
    return str(catalog["explain"][key]).format_map(params)


def term(name: str, value: str, language: str = "en") -> str:
    """Return the word for a value: `term("weekday", "0", "fr")` is `lun.`."""
    return str(_catalog(language)["terms"][name][value])


def language_of(wanted: str | None) -> str:
    """Return our language for a locale such as `fr_FR.UTF-8` or `de-AT,en;q=0.8`, else English."""
    for one in (wanted or "").split(","):
        code = one.strip()[:2].lower()
        if code in LANGUAGES:
            return code
    return "en"


def _local(instant: str, zone: tzinfo) -> str:
    return f"{datetime.fromisoformat(instant).astimezone(zone):%Y-%m-%d %H:%M}"


@lru_cache(maxsize=len(LANGUAGES))
def _catalog(language: str) -> dict[str, Any]:
    known = language if language in LANGUAGES else "en"
    return tomllib.loads((CATALOGS / f"{known}.toml").read_text("utf-8"))
