"""Reads a policy from TOML, with what it extends and the word lists beside it.

What a policy may say is `policy.py`'s business. Fetches nothing: the texts of subscribed calendars
are handed in.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from .classify import Classifier
from .errors import PolicyError
from .policy import Policy
from .policy_sections import Words
from .schedule_text import is_subscribed

POLICIES = Path(__file__).parent / "policies"
DEFAULT_POLICY = POLICIES / "regiondo.toml"
_NO_CALENDARS: Mapping[str, str] = {}


def load_policy(
    path: Path | str | None = None, calendars: Mapping[str, str] = _NO_CALENDARS
) -> Policy:
    """Read and check a policy file, by default Regiondo's French edition.

    A bare name that is no file here, such as `regiondo-editions.toml`, is one of ours.
    `calendars` holds the iCalendar texts of the addresses that it subscribes to. Raises
    `PolicyError` naming file, line, key and what was expected, a line for each fault.
    """
    if path is None and not calendars:
        return _default()
    path = _ours_by_name(Path(path)) if path else DEFAULT_POLICY
    return read_policy(_text_of(path), str(path), calendars, path.parent)


def read_policy(
    text: str,
    source_name: str,
    calendars: Mapping[str, str] = _NO_CALENDARS,
    folder: Path | None = None,
) -> Policy:
    """Read and check a policy from its text; `source_name` stands for the file in errors.

    What it names (`extends`, word files, `.ics` files) is looked for in `folder`, then among ours;
    `calendars` may hold the text of any calendar by the name that the policy gives it. Raises
    `PolicyError` as `load_policy` does.
    """
    raw = _tables(text, source_name, folder)
    try:
        words = Words.model_validate(raw.get("words", {"files": ["words.toml"]}))
    except ValidationError as error:
        raise PolicyError(_sentences(source_name, text, error, ("words",))) from error
    try:
        classifier = Classifier(_word_lists(words, folder), _word_weights())
    except PolicyError as error:
        line = _line_of(text, ["words"])
        raise PolicyError(f"{source_name}:{line}: words: {error}") from error
    try:
        return Policy.model_validate(
            {**raw, "classifier": classifier},
            context={"calendars": {**_calendars_beside(raw, folder), **calendars}},
        )
    except ValidationError as error:
        raise PolicyError(_sentences(source_name, text, error)) from error


def subscriptions(text: str, source_name: str, folder: Path | None = None) -> frozenset[str]:
    """Return the addresses of the calendars that a policy's text subscribes to.

    Raises `PolicyError` where the text is not TOML or extends what is not there.
    """
    return frozenset(c for c in _named_calendars(_tables(text, source_name, folder)) if "://" in c)


@lru_cache(maxsize=1)
def _word_weights() -> dict[str, dict[str, float]]:
    text = (POLICIES / "word_weights.json").read_text(encoding="utf-8")
    weights: dict[str, dict[str, float]] = json.loads(text)
    return weights


@lru_cache(maxsize=1)
def _default() -> Policy:
    return read_policy(_text_of(DEFAULT_POLICY), str(DEFAULT_POLICY), folder=POLICIES)


def _ours_by_name(path: Path) -> Path:
    ours = POLICIES / path.name
    return ours if len(path.parts) == 1 and not path.exists() and ours.is_file() else path


def _text_of(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise PolicyError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise PolicyError(f"{path}: is not UTF-8 text (byte {error.start})") from error


def _tables(text: str, source_name: str, folder: Path | None) -> dict[str, Any]:
    """The text's tables over those of the policy that it `extends`; lists are replaced whole."""
    raw = _toml(text, source_name)
    if "extends" not in raw:
        return raw
    line = _line_of(text, ["extends"])
    base_name = raw.pop("extends")
    base = _beside(folder, base_name) if isinstance(base_name, str) else None
    if base is None:
        here = "neither beside it nor one of ours"
        raise PolicyError(f"{source_name}:{line}: extends: {base_name!r} is {here}")
    below = _toml(_text_of(base), str(base))
    if "extends" in below:
        raise PolicyError(
            f"{source_name}:{line}: extends: {base_name!r} extends another policy itself"
        )
    return _merged(below, raw)


def _toml(text: str, source_name: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text.removeprefix("\ufeff"))
    except RecursionError as error:
        raise PolicyError(f"{source_name}:1: not TOML: nested too deeply") from error
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"at line (\d+)", str(error))
        line = int(found[1]) if found else max(1, len(text.splitlines()))
        raise PolicyError(f"{source_name}:{line}: not TOML: {error}") from error


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merged(merged[key], value) if both else value
    return merged


def _beside(folder: Path | None, name: str) -> Path | None:
    if Path(name).is_absolute() or ".." in Path(name).parts:
        return None
    places = (folder / name, POLICIES / name) if folder else (POLICIES / name,)
    return next((path for path in places if path.is_file()), None)


def _word_lists(words: Words, folder: Path | None) -> dict[str, dict[str, list[str]]]:
    merged: dict[str, dict[str, list[str]]] = {}
    sources: list[Mapping[str, Mapping[str, Any]]] = []
    for name in words.files:
        found = _beside(folder, name)
        if found is None:
            raise PolicyError(f"files: {name!r} is neither beside the policy nor one of ours")
        sources.append(_toml(_text_of(found), name))
    for source in (*sources, words.extra):
        for language, lists in source.items():
            if not isinstance(lists, Mapping):
                raise PolicyError(f"{language}: expected a table of lists, such as [fr]")
            for name, phrases in lists.items():
                if not isinstance(phrases, list | tuple):
                    raise PolicyError(f"{language}.{name}: expected a list of phrases")
                merged.setdefault(language, {}).setdefault(name, []).extend(phrases)
    return merged


def _named_calendars(raw: Mapping[str, Any]) -> list[str]:
    """The iCalendar names in tables that nobody has checked yet."""
    schedules = raw.get("schedules")
    tables = schedules.values() if isinstance(schedules, Mapping) else ()
    lists = [t.get("holiday_calendars") for t in tables if isinstance(t, Mapping)]
    names = [name for names in lists if isinstance(names, list) for name in names]
    return [name for name in names if isinstance(name, str) and is_subscribed(name)]


def _calendars_beside(raw: Mapping[str, Any], folder: Path | None) -> dict[str, str]:
    found = {name: _beside(folder, name) for name in _named_calendars(raw) if "://" not in name}
    return {name: _text_of(path) for name, path in found.items() if path}


def _sentences(
    source_name: str, text: str, error: ValidationError, above: tuple[str, ...] = ()
) -> str:
    return "\n".join(_sentence(source_name, text, fault, above) for fault in error.errors())


def _sentence(source_name: str, text: str, fault: Any, above: tuple[str, ...]) -> str:
    keys = [*above, *(str(part) for part in fault["loc"])]
    message = fault["msg"].removeprefix("Value error, ")
    if not keys:
        keys = re.match(r"[\w.]*", message)[0].split(".")  # type: ignore[index]
        return f"{source_name}:{_line_of(text, keys)}: {message}"
    if fault["type"] == "extra_forbidden":
        message = "there is no such key"
    elif fault["type"] == "missing":
        message = "is missing"
    got = (
        ""
        if fault["type"] in {"missing", "value_error", "extra_forbidden"}
        else f" (got {fault['input']!r})"
    )
    return f"{source_name}:{_line_of(text, keys)}: {'.'.join(keys)}: {message}{got}"


def _line_of(text: str, keys: list[str]) -> int:
    """Return the line on which the deepest of these nested keys stands, 1 where none does.

    The n-th `[[table]]` is `table.n`, counted from 0.
    """
    best, depth = 1, 0
    table: list[str] = []
    rows: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        header = re.match(r"\s*(\[\[?)\s*([\w.\-]+)\s*\]", line)
        assigned = re.match(r"""\s*["']?([\w.\-]+)["']?\s*=""", line)
        if header:
            table = header[2].split(".")
            if header[1] == "[[":
                rows[header[2]] = rows.get(header[2], -1) + 1
                table.append(str(rows[header[2]]))
        here = table + (assigned[1].split(".") if assigned else [])
        if (header or assigned) and here == keys[: len(here)] and len(here) > depth:
            best, depth = number, len(here)
    return best
