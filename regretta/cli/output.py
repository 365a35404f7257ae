"""How commands speak: results on stdout, everything else as lines on stderr.

What a command prints may hold names, notes and errors of others; here they lose what commands a
terminal. With ``--json`` stdout is one document of values, or empty where the command failed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from math import isfinite
from typing import Any, TextIO

from regretta.tabular_data.text import printable, shortened

_LONGEST = 4_000
_PLAIN = {"…": "...", "—": "-", "–": "-", "±": "+-", "†": "*", "−": "-", "α": "alpha", "δ": "delta"}


def tell(line: str) -> None:
    """Print one line of a result on stdout."""
    print(writable(printable(line), sys.stdout))


def say(line: str) -> None:
    """Say something on stderr, always as one line."""
    said = f"regretta: {shortened(' '.join(printable(line).split()), _LONGEST)}"
    print(writable(said, sys.stderr), file=sys.stderr)


def say_damaged(damaged: Iterable[str]) -> int:
    """Name each damaged file on stderr; the exit code is 2 if there is one."""
    lines = list(damaged)
    for line in lines:
        say(line)
    return 2 if lines else 0


def writable(line: str, stream: TextIO) -> str:
    """A line with what the stream's encoding lacks written in other characters, or escaped."""
    encoding = stream.encoding or "utf-8"
    try:
        line.encode(encoding)
    except UnicodeEncodeError:
        for character, plain in _PLAIN.items():
            line = line.replace(character, plain)
    return line.encode(encoding, "backslashreplace").decode(encoding)


def print_json(value: Any) -> None:
    """Print a value for machines, as ASCII whatever the encoding of stdout.

    Mappings and dataclasses become objects, paths texts, and a number that is none null.
    """
    print(json.dumps(_plain(value), indent=1, allow_nan=False))


def _plain(value: Any) -> Any:
    if isinstance(value, str | int | None):
        return value
    if isinstance(value, float):
        return float(value) if isfinite(value) else None
    if is_dataclass(value):
        value = {field.name: getattr(value, field.name) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if hasattr(value, "tolist"):  # of NumPy
        return _plain(value.tolist())
    if isinstance(value, Iterable):
        return [_plain(item) for item in value]
    return str(value)
