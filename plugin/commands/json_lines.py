"""Standard input to standard output, a JSON value a line, in constant memory.

What is done with a value is the command's business.
"""

from __future__ import annotations

import gc
import json
import math
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any, BinaryIO, NoReturn

LONGEST_LINE = 16 * 1024 * 1024
LONGEST_NUMBER = 1000
_Numbered = tuple[int, bytes | None]
_readable = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
_ascii = json.JSONEncoder(allow_nan=False).encode


def answer_each_line(answer: Callable[[Any], dict[str, Any]]) -> None:
    """Write the answer to each line; exit with status 1 where a line was bad.

    A line that is not JSON, names a key twice or cannot be answered (`ValueError`) gives
    {"id", "error"}; the others go on. An error names its line where no id can be read. Blank lines
    are passed over.
    """
    failed = False
    gc.freeze()  # the policy stays: going through it again and again costs a tenth of the time
    out = sys.stdout.buffer
    for number, line in _progress(_lines(sys.stdin.buffer)):
        try:
            out.write(_line(answer(read_json(line))))
        except (ValueError, OverflowError) as error:
            failed = True
            identifier = _identifier(line)
            told = str(error) if identifier is not None else f"line {number}: {error}"
            out.write(_line({"id": identifier, "error": told}))
    out.flush()
    if failed:
        sys.exit(1)


def _line(answered: dict[str, Any]) -> bytes:
    """Return one line of JSON, of which no reader makes two (U+2028) and that is always UTF-8."""
    text = _readable(answered)
    return (text if text.isprintable() else _ascii(answered)).encode() + b"\n"


def read_json(line: bytes | None) -> Any:
    """Return the value of UTF-8 JSON, None being what is too long. Raises `ValueError`."""
    if line is None:
        raise ValueError(f"the line is longer than {LONGEST_LINE} bytes")
    try:
        return _decode(line.decode())
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8 text (byte {error.start + 1})") from error
    except json.JSONDecodeError as error:
        line_number = f"line {error.lineno}, " if error.lineno > 1 else ""
        raise ValueError(f"not JSON: {error.msg} ({line_number}column {error.colno})") from error
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for key, times in Counter(key for key, _ in pairs).items() if times > 1)
        raise ValueError(f"the key {twice!r} is given twice")
    return found


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"not JSON: {constant} is no number")


def _whole(digits: str) -> int:
    if len(digits) > LONGEST_NUMBER:
        raise ValueError(f"a number has more than {LONGEST_NUMBER} digits")
    return int(digits)


_decode = json.JSONDecoder(
    object_pairs_hook=_object, parse_constant=_refuse, parse_int=_whole
).decode


def _identifier(line: bytes | None) -> str | int | float | None:
    """Return the id of a bad line, as far as one can be read."""
    try:
        raw = json.loads(line or b"", parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        return None
    found = raw.get("id") if isinstance(raw, dict) else None
    if isinstance(found, float) and not math.isfinite(found):
        return None
    return found if isinstance(found, str | int | float) else None


def _lines(stream: BinaryIO) -> Iterator[_Numbered]:
    """Yield number and text of what holds something; None for what is too long to be read."""
    number = 0
    while line := stream.readline(LONGEST_LINE):
        number += 1
        too_long = len(line) == LONGEST_LINE and not line.endswith(b"\n")
        rest = line
        while too_long and rest and not rest.endswith(b"\n"):
            rest = stream.readline(LONGEST_LINE)
        if too_long:
            yield number, None
        elif line.strip():
            yield number, line.removeprefix(b"\xef\xbb\xbf").rstrip()


def _progress(lines: Iterable[_Numbered]) -> Iterable[_Numbered]:
    """Count on a terminal's standard error, where the output goes elsewhere."""
    if sys.stdout.isatty() or not sys.stderr.isatty():
        return lines
    from rich.console import Console
    from rich.progress import Progress, TextColumn, TimeElapsedColumn

    def counted() -> Iterable[_Numbered]:
        columns = (TextColumn("{task.completed:,} tickets"), TimeElapsedColumn())
        with Progress(*columns, console=Console(stderr=True)) as progress:
            task = progress.add_task("tickets", total=None)
            for line in lines:
                yield line
                progress.advance(task)

    return counted()
