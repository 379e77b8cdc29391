"""Logs as JSON lines on standard error: ids and outcomes, never a body, a subject or a secret.

What runs inside a request or a job carries its ids by context variables.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from contextlib import suppress
from functools import partial
from typing import Any

import structlog

HIDDEN = "[hidden]"
_SHORTEST = 6  # characters: hiding shorter ones would spoil ordinary words
_MOST = 10_000
_secret_name = re.compile(
    r"secret|passw|passphrase|token|api_?key|authorization|signature|cookie|credential|database_url",
    re.IGNORECASE,
)
_secrets: set[str] = set()


def hide(*values: str | None) -> None:
    """Never write these values, wherever in a line they stand."""
    for value in values:
        if value and len(value) >= _SHORTEST and len(_secrets) < _MOST:
            _secrets.add(value)


def redact(logger: object, method: str, line: MutableMapping[str, Any]) -> dict[str, Any]:
    """Take secrets out of a log line: by their names, and by the values that are known."""
    del logger, method
    return {name: _clean(name, value) for name, value in line.items()}


def _clean(name: str, value: object) -> object:
    if value and _secret_name.search(name) and not isinstance(value, bool):
        return HIDDEN
    if isinstance(value, Mapping):
        return {str(key): _clean(str(key), one) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(name, one) for one in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return without_secrets(value if isinstance(value, str) else repr(value))


def without_secrets(text: str) -> str:
    """Return a text with every known secret hidden."""
    for secret in tuple(_secrets):
        if secret in text:
            text = text.replace(secret, HIDDEN)
    return text


def configure_logs(level: str) -> None:
    """Set up structlog and the standard library's loggers, both in JSON and without secrets."""
    number = logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    rendered: list[structlog.typing.Processor] = [redact, structlog.processors.JSONRenderer()]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendered],
        )
    )
    logging.basicConfig(level=max(number, logging.WARNING), handlers=[handler], force=True)
    logging.getLogger("zenpy").setLevel(logging.WARNING)  # it logs bodies at DEBUG
    structlog.configure(
        processors=[*shared, *rendered],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=partial(_Lines, sys.stderr),
    )


class _Lines(structlog.PrintLogger):
    """A line that cannot be written is lost, and costs no delivery."""

    def msg(self, message: str) -> None:
        """Write a line, where somebody reads it."""
        with suppress(OSError, ValueError):  # a broken pipe, a closed file
            super().msg(message)

    debug = info = warning = error = critical = msg
