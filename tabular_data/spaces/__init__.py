"""Search spaces: a space = named parameters, validity, and the way from a configuration to a table row."""

from __future__ import annotations

from functools import cache
from typing import Any

from regretta.tabular_data.spaces.base import (
    Categorical,
    Configuration,
    Configurations,
    Integer,
    Parameter,
    Real,
    Space,
    SpaceError,
)
from regretta.tabular_data.spaces.grid import GridSpace
from regretta.tabular_data.spaces.nasbench101 import NasBench101
from regretta.tabular_data.spaces.nasbench201 import NasBench201

__all__ = [
    "Categorical",
    "Configuration",
    "Configurations",
    "GridSpace",
    "Integer",
    "NasBench101",
    "NasBench201",
    "Parameter",
    "Real",
    "Space",
    "SpaceError",
    "get_space",
]

_NAMES = ["nasbench201"] + [
    f"{family}/{encoding}"
    for family in ("nasbench101", *(f"nasbench101-{v}v" for v in range(2, 7)))
    for encoding in "ABC"
]


def get_space(spec: str | dict[str, Any], encoding: str | None = None) -> Space:
    """The space of a name such as ``nasbench201`` or ``nasbench101-5v/A``, or of a grid's
    description.

    Parameters
    ----------
    spec
        A name, or ``{"grid": {parameter: [choices]}}``: what `Space.spec` gives.
    encoding
        Another encoding of the same cells, where the space has several (NAS-Bench-101: A, B, C).

    Raises
    ------
    SpaceError
        If there is no such space or encoding; the message names the nearest.
    """
    if isinstance(spec, dict):
        if set(spec) != {"grid"} or not isinstance(spec["grid"], dict):
            raise SpaceError('a space is a name or {"grid": {parameter: [choices]}}')
        if encoding is not None:
            raise SpaceError(f"a grid space has one encoding only, not {encoding!r}")
        return GridSpace(spec["grid"])
    family, _, own = spec.partition("/")
    if family.startswith("nasbench101"):
        return _named(f"{family}/{encoding or own or 'A'}")
    if encoding is not None:
        raise SpaceError(f"{family} has one encoding only, not {encoding!r}")
    return _named(spec)


@cache
def _named(name: str) -> Space:
    if name not in _NAMES:
        from regretta.tabular_data.names import unknown

        raise SpaceError(unknown("search space", name, _NAMES))
    if name == "nasbench201":
        return NasBench201()
    family, encoding = name.split("/")
    vertices = (
        7 if family == "nasbench101" else int(family.removeprefix("nasbench101-").removesuffix("v"))
    )
    return NasBench101(vertices, encoding)
