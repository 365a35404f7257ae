"""JSON and TOML of any content and from anybody: bounded, of known types, or one line.

What can be kept of a file is a dataclass; `built` makes one of what the parser gave, every entry of
the type that the class says.
"""

from __future__ import annotations

import codecs
import json
import os
import stat
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
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
        raise DocumentError(f"{place or 'it'} must be a mapping, got {shown(data)}")
    own = given or {}
    kind_of_field, needed = _fields(kind)  # type: ignore[arg-type]
    within = f"{place}: " if place else ""
    for key in data:
        if key not in kind_of_field or key in own:
            raise DocumentError(within + unknown("entry", key, kind_of_field))
    for key in kind_of_field if whole else needed:
        if key not in data and key not in own:
            raise DocumentError(f"{place} lacks {key}" if place else f"it lacks {key}")
    made = {key: kind_of_field[key].of(value, within + key, whole) for key, value in data.items()}
    return kind(**made, **own)


@cache
def _fields(kind: type[Any]) -> tuple[dict[str, _Type], tuple[str, ...]]:
    """Types of the fields that a document has of a class, and those that it must have."""
    stored = [f for f in fields(kind) if f.metadata.get("stored", True)]
    hints = get_type_hints(kind)
    needed = (
        f.name for f in stored if f.default is MISSING and f.default_factory is MISSING and f.init
    )
    return {f.name: _type(hints[f.name]) for f in stored}, tuple(needed)


@dataclass(frozen=True)
class _Type:
    """A type that a value may have.

    Attributes
    ----------
    word
        What messages call it.
    fits
        Whether a value is of it, not looking at what is in it.
    make
        What is made of one that fits, of its place and of whether nothing may lack.
    simple
        Whether a value is taken as it stands; most are, and for these no place is written.
    """

    word: str
    fits: Callable[[Any], bool]
    make: Callable[[Any, str, bool], Any] = lambda value, place, whole: value
    simple: Callable[[Any], bool] = lambda value: False

    def of(self, value: Any, place: str, whole: bool) -> Any:
        """What is made of any value."""
        if not self.fits(value):
            raise DocumentError(f"{place} must be {self.word}, got {shown(value)}")
        return self.make(value, place, whole)


@cache
def _type(hint: Any) -> _Type:
    if hint in _SCALARS:
        word, fits = _SCALARS[hint]
        return _Type(word, fits, simple=fits)
    if hint is Any:
        return _Type("anything", lambda value: True, _plain, _is_plain_scalar)
    if hint is Path:
        return _Type("a path", _is_path, lambda value, place, whole: Path(value))
    if is_dataclass(hint):
        return _Type(
            "a mapping",
            lambda value: type(value) is dict,
            lambda value, place, whole: built(hint, value, place, whole=whole),  # type: ignore[arg-type]
        )
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Literal:
        known = " or ".join(map(repr, arguments))
        return _Type(known, lambda value: type(value) is str and value in arguments)
    if origin in (Union, UnionType):
        return _union([_type(each) for each in arguments])
    if origin not in (Mapping, tuple):
        return _Type("none of the document's", lambda value: False)
    of = _type(arguments[-1] if origin is Mapping else arguments[0])
    if origin is Mapping:
        return _Type(
            "a mapping",
            lambda value: type(value) is dict,
            lambda value, place, whole: {
                key: item if of.simple(item) else of.of(item, f"{place} of {shown(key)}", whole)
                for key, item in value.items()
            },
        )
    return _Type(
        "a list",
        lambda value: type(value) is list,
        lambda value, place, whole: tuple(
            item if of.simple(item) else of.of(item, f"entry {number} of {place}", whole)
            for number, item in enumerate(value, 1)
        ),
    )


def _union(types: list[_Type]) -> _Type:
    """The first of some types that a value fits."""

    def make(value: Any, place: str, whole: bool) -> Any:
        return next(each for each in types if each.fits(value)).make(value, place, whole)

    words = [each.word for each in types if each.word != _NOTHING]
    return _Type(" or ".join(words), lambda value: any(each.fits(value) for each in types), make)


def _is_path(value: object) -> bool:
    return type(value) is str and "\0" not in value


def _countable(value: float) -> bool:
    """Whether a number is finite, and of so few digits that it can be written."""
    return isfinite(value) if isinstance(value, float) else abs(value) < _LARGEST_NUMBER


_NOTHING = "null"
_SCALARS: Mapping[Any, tuple[str, Callable[[Any], bool]]] = {
    str: ("a text", lambda value: type(value) is str),
    int: ("a whole number", lambda value: type(value) is int and _countable(value)),
    float: ("a finite number", lambda value: type(value) in (int, float) and _countable(value)),
    bool: ("true or false", lambda value: type(value) is bool),
    NoneType: (_NOTHING, lambda value: value is None),
}


def _is_plain_scalar(value: object) -> bool:
    if isinstance(value, int | float):
        return _countable(value)
    return value is None or isinstance(value, str)


def _refuse_constant(constant: str) -> NoReturn:
    raise DocumentError(f"it has {constant}, which is no number")


def _plain(value: Any, place: str, whole: bool, depth: int = 0) -> Any:
    """A value as it is; refused is what JSON cannot write, and what is nested deeper than meant."""
    if isinstance(value, dict | list):
        if depth == _DEEPEST:
            raise DocumentError(f"{place} is nested more than {_DEEPEST} deep")
        for item in value.values() if isinstance(value, dict) else value:
            if not _is_plain_scalar(item):
                _plain(item, place, whole, depth + 1)
    elif not _is_plain_scalar(value):
        raise DocumentError(
            f"{place} must be texts, finite numbers, lists and mappings, got {shown(value)}"
        )
    return value


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
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return f"it is text in UTF-16 or UTF-32, and {language} is UTF-8; save it as UTF-8"
    if b"\0" in data[:HEAD]:
        return "it has zero bytes, as a binary file or text in UTF-16 has; save it as UTF-8"
    if isinstance(error, UnicodeDecodeError):
        line = error.object.count(b"\n", 0, error.start) + 1
        byte = error.object[error.start]
        return f"line {line} has a byte that is no UTF-8 (0x{byte:02x}); save it as UTF-8"
    if b"\r" in data and b"\n" not in data:
        return "its lines end in carriage returns alone; save it with ends of lines as of today"
    return f"it is not valid {language}: {' '.join(str(error).split()):.200}"
