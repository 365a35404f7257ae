"""From an architecture as people write it to its table row.

An architecture comes as text, as nested lists, as a mapping or as an object of another library.
Each space knows its own forms (`Space.read`); what all of them share is here: explicit names such
as ``index 5``, JSON, mappings of parameters, and the refusal of what could mean two cells.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from regretta.tabular_data.errors import shown
from regretta.tabular_data.spaces.parameters import SpaceError

if TYPE_CHECKING:
    from regretta.tabular_data.spaces.base import Space

Naming = Mapping[str, Callable[[Any], int]]
"""Kind of name → the row of such a name."""

KINDS = ("row", "index", "hash", "naslib", "configuration")
"""Every kind of name that some space has; a text may begin with one, as in ``index 5``."""

_PREFIXED = re.compile(rf"({'|'.join(KINDS)})\s*[\s:=]\s*(.*)", re.IGNORECASE | re.DOTALL)
_HASH = re.compile(r"[0-9a-f]{32}", re.IGNORECASE)
_SIZES = re.compile(r"\d+(:\d+){2,}")
_LONGEST = 20_000


def row_of(space: Space, architecture: object) -> int:
    """Table row of an architecture, as `Space.row_of` says."""
    match architecture:
        case str():
            return _row_of_text(space, architecture.strip())
        case bool() | np.bool_() | None:
            _refuse(space, architecture)
        case int() | np.integer():
            return _row_of_number(space, int(architecture))
        case Mapping():
            return _row_of_mapping(space, architecture)
    for matrix, operations in (
        ("original_matrix", "original_ops"),
        ("matrix", "ops"),
        ("matrix", "operations"),
    ):
        if hasattr(architecture, matrix) and hasattr(architecture, operations):
            return space.read((getattr(architecture, matrix), getattr(architecture, operations)))
    if _is_flat(architecture):
        raise SpaceError(
            f"a list of numbers may be several things: say {_spelled(space, 'naslib')}"
            "configuration=[…] for the parameters of the space"
        )
    return space.read(architecture)


def row_of_name(space: Space, kind: str, name: object) -> int:
    """Table row of a name of a known kind: ``index``, 5.

    Raises
    ------
    SpaceError
        If the space has no such names, or none is this one.
    """
    naming = space.naming
    if kind not in naming:
        raise SpaceError(
            f"cells of {space.name} have no {kind}: name one by {', '.join(naming)}, or"
            f" write it as {space.written}"
        )
    spelled = kind != "hash" and isinstance(name, str)
    return naming[kind](_value(str(name).strip()) if spelled else name)


def foreign(space: Space, given: object) -> str:
    """What a text is that belongs to another space; empty where nobody knows."""
    text = given.strip() if isinstance(given, str) else ""
    if _HASH.fullmatch(text):
        return "it looks like a module hash of NAS-Bench-101"
    if "~0" in text:
        return "it looks like an architecture string of NAS-Bench-201"
    if _SIZES.fullmatch(text):
        return "it looks like channels of NATS-Bench's size space"
    return ""


def _row_of_text(space: Space, text: str) -> int:
    if len(text) > _LONGEST:
        raise SpaceError(f"an architecture of {len(text)} characters is none of {space.name}")
    if prefixed := _PREFIXED.fullmatch(text):
        return row_of_name(space, prefixed[1].lower(), prefixed[2])
    if text[:1] in ("{", "[", "("):
        given = _value(text)
        if isinstance(given, str):
            raise SpaceError(f"neither JSON nor a list or mapping of Python: {text!r:.100}")
        return row_of(space, given)
    if text.isdecimal() and not _HASH.fullmatch(text):
        return _row_of_number(space, int(text))
    return space.read(text)


def _row_of_number(space: Space, number: int) -> int:
    if space.official == "index":
        raise SpaceError(
            f"{number} may be a row of the table or an official index, and these differ: say"
            f" row={number} or index={number} (as a text: 'row {number}' or 'index {number}')"
        )
    return space.check_row(number)


def _row_of_mapping(space: Space, given: Mapping[Any, Any]) -> int:
    own = set(given) == {parameter.name for parameter in space.parameters}
    if not own and len(given) == 1 and (kind := next(iter(given))) in KINDS:
        return row_of_name(space, kind, given[kind])
    for matrix, operations in (
        ("matrix", "operations"),
        ("matrix", "ops"),
        ("module_adjacency", "module_operations"),
        ("original_matrix", "original_ops"),
    ):
        if matrix in given and operations in given:
            return space.read((given[matrix], given[operations]))
    return space.row_of_values(given)


def _value(text: str) -> Any:
    """A text as the number, list or mapping that it spells; itself where it spells none."""
    for read in (json.loads, ast.literal_eval):
        try:
            value = read(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
            continue
        return text if isinstance(value, bool | None) else value
    return text


def _is_flat(given: object) -> bool:
    """Whether it is a list of numbers."""
    if isinstance(given, np.ndarray):
        return given.ndim == 1 and given.dtype.kind in "iufb"
    return (
        isinstance(given, Sequence)
        and not isinstance(given, bytes)
        and len(given) > 0
        and all(isinstance(item, int | float | np.number) for item in given)
    )


def _spelled(space: Space, kind: str) -> str:
    return f"{kind}=[…] for NASLib's indices, or " if kind in space.naming else ""


def _refuse(space: Space, given: object) -> NoReturn:
    raise SpaceError(
        f"no architecture of {space.name}: {shown(given)}; write it as {space.written}"
    )
