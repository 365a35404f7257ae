"""Messages for a name nobody knows: what was asked for, and the nearest there is."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

_LONGEST = 100


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """One line: the unknown name, and the nearest known ones or, where none is near, all."""
    name = name if len(name) <= _LONGEST else f"{name[:_LONGEST]}…"
    names = sorted(known)
    near = get_close_matches(name.lower(), names, n=3, cutoff=0.5) or get_close_matches(
        name, names, n=3, cutoff=0.5
    )
    if near:
        return f"unknown {kind} {name!r}; did you mean {' or '.join(repr(n) for n in near)}?"
    return f"unknown {kind} {name!r}; known are {', '.join(names) or 'none'}"
