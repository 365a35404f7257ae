"""What is called in place of the globals that a pickle of plain data asks for.

None of them runs what the pickle says, and what each makes is of the size of what it is given.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import Any

from regretta.tabular_data.errors import shown

_LONGEST_KEY = 8
_SCALARS = frozenset({str, int, float, bool, bytes, type(None)})


class DType:
    """Stand-in for ``numpy.dtype``: enough to decode a scalar."""

    FORMATS: Mapping[str, str] = {
        "f8": "<d",
        "f4": "<f",
        "f2": "<e",
        "i8": "<q",
        "i4": "<i",
        "u1": "<B",
        "b1": "<?",
    }

    def __init__(self, code: str, *_: object) -> None:
        self.format = self.FORMATS[code]

    def set_state(self, state: tuple[Any, ...]) -> None:
        if state[1] not in ("<", "|"):
            raise ValueError(f"numbers with byte order {shown(state[1], 10)} are not read")


def _scalar(dtype: DType, data: bytes) -> float | int | bool:
    value: float | int | bool = struct.unpack(dtype.format, data)[0]
    return value


def _encode(text: str, encoding: str) -> bytes:
    if encoding != "latin1":
        raise ValueError(f"encoding {shown(encoding, 20)} is not read")
    return text.encode("latin1")


def _ordered(*arguments: object) -> dict[Any, Any]:
    if arguments:
        raise ValueError("an ordered dictionary is made of what is no plain data")
    return {}


def _set_of(items: list[Any]) -> set[Any]:
    if type(items) is not list:
        raise ValueError("a set is made of what is no list")
    check_keys(items)
    return set(items)


def check_keys(keys: list[Any]) -> None:
    """Refuse keys that hold other containers: to hash one could take for ever."""
    if not set(map(type, keys)) <= _SCALARS:
        for key in keys:
            flat = type(key) is tuple and len(key) <= _LONGEST_KEY
            if type(key) not in _SCALARS and not (flat and set(map(type, key)) <= _SCALARS):
                raise ValueError(f"a key or a set's member is {shown(key, 40)}")


StandIns = Mapping[tuple[str, str], Callable[..., Any]]
"""``(module, name)`` of a global → what is called in its place."""

STAND_INS: StandIns = {
    ("collections", "OrderedDict"): _ordered,
    ("__builtin__", "set"): _set_of,  # how protocol 2 writes a set
    ("builtins", "set"): _set_of,
    ("numpy", "dtype"): DType,
    ("numpy.core.multiarray", "scalar"): _scalar,
    ("numpy._core.multiarray", "scalar"): _scalar,
    ("_codecs", "encode"): _encode,  # how protocol 2 writes the bytes of a NumPy scalar
}
"""Enough for ordered dictionaries, sets and NumPy scalars."""
