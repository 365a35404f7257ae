"""JSON and TOML of any content and from anybody: bounded, of known types, or one line.

What can be kept of a file is a dataclass; `built` makes one of what the parser gave, every entry of
the type that the class says.
"""

from __future__ import annotations

import json
import os
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from math import isfinite
from pathlib import Path
from types import NoneType, UnionType
from typing import (
    Any,
    BinaryIO,
    Literal,
    NoReturn,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from regretta.tabular_data.errors import UserError, shown
from regretta.tabular_data.file_kinds import HEAD, strange
from regretta.tabular_data.names import unknown

LARGEST = 1 << 23
"""Bytes of a JSON document at most, written or read; what it holds takes some twenty times that."""

LARGEST_TOML = 1 << 18
"""Bytes of a TOML document at most."""

_BYTES_PER_CONTAINER = 16
_FREE_CONTAINERS = 1000
_DOTS = 100
_DEEPEST = 16
_LARGEST_NUMBER = 1 << 128

T = TypeVar("T")


class DocumentError(UserError):
    """A document that is not as it must be; the message says why, and its place is put before."""


def open_file(path: Path) -> BinaryIO:
    """A file, opened to be read.

    Raises
    ------
    OSError
        If it is missing, a folder, or cannot be read.
    DocumentError
        If it is a pipe or a device, which may never end.
    """
    mode = os.stat(path).st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise DocumentError("it is a pipe or a device, not a file")
    return open(path, "rb")


def read_bytes(path: Path, limit: int = LARGEST) -> bytes:
    """All bytes of a file.

    Raises
    ------
    OSError
        If it is missing or cannot be read.
    DocumentError
        If it is longer than `limit`, or no file.
    """
    with open_file(path) as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise DocumentError(f"it has more than {limit:,} bytes, far more than such a file has")
    return data


def read_json(data: bytes) -> dict[str, Any]:
    """The object that a JSON document is.

    Raises
    ------
    DocumentError
        If it is none.
    """
    containers = data.count(b"[") + data.count(b"{")
    if containers > _FREE_CONTAINERS + len(data) // _BYTES_PER_CONTAINER:
        raise DocumentError("it is nothing but brackets")
    try:
        # The way by bytes would guess UTF-16 and UTF-32.
        value = json.loads(data.decode("utf-8"), parse_constant=_refuse_constant)
    except DocumentError:
        raise
    except (ValueError, RecursionError) as error:
        raise DocumentError(_not("JSON", data, error)) from None
    if not isinstance(value, dict):
        raise DocumentError(f"it is no JSON object: {shown(value)}")
    if b"\\u" in data:
        _check_texts(value)
    return value


def read_toml(data: bytes) -> dict[str, Any]:
    """The table that a TOML document is.

    Raises
    ------
    DocumentError
        If it is none.
    """
    if any(line.count(b".") > _DOTS for line in data.splitlines()):
        raise DocumentError(f"a line has more than {_DOTS} dots, as no key and no path has")
    try:
        return tomllib.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise DocumentError(_not("TOML", data, error)) from None


def built(
    kind: type[T],
    data: object,
    place: str = "",
    *,
    whole: bool = False,
    given: Mapping[str, Any] | None = None,
) -> T:
    """A dataclass of what a parser gave: no other fields, each of its type.

    Fields may be texts, numbers, truth values, paths, literals, tuples of one type, mappings from
    texts, dataclasses, unions of these, and `Any`. A field whose metadata say ``stored: False`` is
    none of the document's.

    Parameters
    ----------
    kind
        The dataclass.
    data
        What the parser gave.
    place
        Where it stands within the document, for messages.
    whole
        Whether fields with a default must be there too, as they are where a program wrote it.
    given
        Fields that are made already, and none of the document's.

    Raises
    ------
    DocumentError
        If the data are not such. Whatever else the class itself refuses is raised as it is.
    """
    if not isinstance(data, dict):
        _refuse(place or "it", "a mapping", data)
    own = given or {}
    hints, needed = _fields(kind)  # type: ignore[arg-type]
    within = f"{place}: " if place else ""
    for key in data:
        if key not in hints or key in own:
            raise DocumentError(within + unknown("entry", key, hints))
    for key in hints if whole else needed:
        if key not in data and key not in own:
            raise DocumentError(f"{place} lacks {key}" if place else f"it lacks {key}")
    made = {key: _made(hints[key], value, within + key, whole) for key, value in data.items()}
    return kind(**made, **own)


@cache
def _fields(kind: type[Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Types of the fields that a document has of a class, and those that it must have."""
    stored = [f for f in fields(kind) if f.metadata.get("stored", True)]
    hints = get_type_hints(kind)
    needed = (
        f.name for f in stored if f.default is MISSING and f.default_factory is MISSING and f.init
    )
    return {f.name: hints[f.name] for f in stored}, tuple(needed)


def _made(hint: Any, value: Any, place: str, whole: bool) -> Any:
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Any:
        _check_plain(value, place)
        return value
    if origin in (Union, UnionType):
        return _one_of(arguments, value, place, whole)
    if not _fits(hint, value):
        _refuse(place, _word(hint), value)
    if origin is tuple:
        of = (f"entry {number} of {place}" for number in range(1, len(value) + 1))
        return tuple(
            _made(arguments[0], item, at, whole) for item, at in zip(value, of, strict=True)
        )
    if origin is Mapping:
        return {
            key: _made(arguments[1], x, f"{place} of {shown(key)}", whole)
            for key, x in value.items()
        }
    if is_dataclass(hint):
        return built(hint, value, place, whole=whole)  # type: ignore[arg-type]
    return Path(value) if hint is Path else value


def _one_of(hints: tuple[Any, ...], value: Any, place: str, whole: bool) -> Any:
    """A value of a union, as the first of its types that it fits."""
    for hint in hints:
        if _fits(hint, value):
            return _made(hint, value, place, whole)
    words = [_word(hint) for hint in hints if hint is not NoneType]
    return _refuse(place, " or ".join(words), value)


def _fits(hint: Any, value: Any) -> bool:
    """Whether a value is of a type, not looking at what is in it."""
    origin = get_origin(hint)
    if hint is Any:
        return True
    if origin is Literal:
        return isinstance(value, str) and value in get_args(hint)
    if hint in (int, float):
        return type(value) in (int, hint) and _countable(value)
    if hint is Path:
        return type(value) is str and "\0" not in value
    if origin is tuple:
        return type(value) is list
    if is_dataclass(hint) or origin is not None:
        return type(value) is dict
    return type(value) is hint


def _countable(value: float) -> bool:
    """Whether a number is finite, and of so few digits that it can be written."""
    return isfinite(value) if isinstance(value, float) else abs(value) < _LARGEST_NUMBER


_WORDS: Mapping[Any, str] = {
    str: "a text",
    int: "a whole number",
    float: "a finite number",
    bool: "true or false",
    NoneType: "null",
    Path: "a path",
}


def _word(hint: Any) -> str:
    if hint in _WORDS:
        return _WORDS[hint]
    if get_origin(hint) is Literal:
        return " or ".join(map(repr, get_args(hint)))
    return "a list" if get_origin(hint) is tuple else "a mapping"


def _refuse(place: str, expected: str, value: object) -> NoReturn:
    raise DocumentError(f"{place} must be {expected}, got {shown(value)}")


def _refuse_constant(constant: str) -> NoReturn:
    raise DocumentError(f"it has {constant}, which is no number")


def _check_plain(value: object, place: str, depth: int = 0) -> None:
    """Refuse what JSON cannot write, and what is nested deeper than anything that is meant."""
    if isinstance(value, dict | list):
        if depth == _DEEPEST:
            raise DocumentError(f"{place} is nested more than {_DEEPEST} deep")
        for item in value.values() if isinstance(value, dict) else value:
            _check_plain(item, place, depth + 1)
    elif not isinstance(value, str | NoneType) and not (
        isinstance(value, int | float) and _countable(value)
    ):
        _refuse(place, "texts, finite numbers, lists and mappings", value)


def _check_texts(value: object) -> None:
    """Refuse halves of surrogate pairs, which JSON can write and no file can hold."""
    open_ends = [value]
    while open_ends:
        item = open_ends.pop()
        if isinstance(item, str) and not item.isascii():
            try:
                item.encode()
            except UnicodeEncodeError:
                raise DocumentError(f"{shown(item)} is no text") from None
        elif isinstance(item, dict):
            open_ends += [*item, *item.values()]
        elif isinstance(item, list):
            open_ends += item


def _not(language: str, data: bytes, error: Exception) -> str:
    if said := strange(data[:HEAD]):
        return f"it is {said}"
    if isinstance(error, RecursionError):
        return "it is nested too deep"
    return f"it is not valid {language}: {' '.join(str(error).split()):.200}"
