"""The sentences of the reasons in the reader's language, from `catalog/*.toml`.

Decides nothing; a language that is not there is read in English.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from datetime import datetime, tzinfo
from functools import lru_cache
from pathlib import Path
from string import Formatter
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
    text, is_plain = _template(rule, key, language)
    if is_plain and zone is None:
        return text.format_map(params)
    catalog = _catalog(language)
    terms = catalog["terms"]
    shown = {n: terms[n].get(v, v) if n in terms else v for n, v in params.items()}
    if zone:
        shown |= {n: _local(v, zone) for n, v in params.items() if n == "at" or n.endswith("_at")}
    if "{who}" in text:
        who = ", ".join(shown[name] for name in ("by", "at") if name in shown)
        shown["who"] = f" ({who})" if who else ""
    if "{because}" in text:
        signs = "; ".join(_signs(params, catalog))
        shown.setdefault("because", f" ({signs})" if signs else "")
    return text.format_map(shown)


@lru_cache(maxsize=1024)
def _template(rule: str, key: str, language: str) -> tuple[str, bool]:
    """Return a sentence, and whether its parameters stand in it as they are given."""
    catalog = _catalog(language)
    text = str(catalog[rule][key])
    made = {"who", "because", *catalog["terms"]}
    return text, made.isdisjoint(name for _, name, _, _ in Formatter().parse(text))


def _signs(params: Mapping[str, str], catalog: Mapping[str, Any]) -> Iterator[str]:
    for name, said in catalog["terms"]["sign"].items():
        quotes = params.get(name)
        if quotes:
            yield catalog["explain"]["sign"].format(sign=said, quotes=quotes)
        elif name in params:
            yield said


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
