"""How commands speak: results on stdout, everything else as lines on stderr.

What a command prints may hold names, notes and errors of others; here they lose what commands a
terminal.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from regretta.tabular_data.text import printable, shortened

_LONGEST = 4_000


def tell(line: str) -> None:
    """Print one line of a result on stdout."""
    print(printable(line))


def say(line: str) -> None:
    """Say something on stderr, always as one line."""
    print(f"regretta: {shortened(' '.join(printable(line).split()), _LONGEST)}", file=sys.stderr)


def say_damaged(damaged: Iterable[str]) -> int:
    """Name each damaged file on stderr; the exit code is 2 if there is one."""
    lines = list(damaged)
    for line in lines:
        say(line)
    return 2 if lines else 0


def print_json(value: Sequence[Any] | Mapping[str, Any]) -> None:
    """Print a value for machines."""
    print(json.dumps(value, indent=1))
