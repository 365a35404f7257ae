"""Search spaces: named parameters, validity, and the way from a configuration to a table row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from regretta.tabular_data.names import unknown
from regretta.tabular_data.spaces.base import Space
from regretta.tabular_data.spaces.grid import GridSpace
from regretta.tabular_data.spaces.nasbench101 import NasBench101
from regretta.tabular_data.spaces.nasbench101_index import Counting
from regretta.tabular_data.spaces.nasbench201 import NasBench201
from regretta.tabular_data.spaces.parameter_space import Configuration, Configurations
from regretta.tabular_data.spaces.parameters import (
    Categorical,
    Integer,
    Parameter,
    Real,
    SpaceError,
)

__all__ = [
    "Categorical",
    "Configuration",
    "Configurations",
    "Counting",
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

FAMILIES: tuple[type[Space], ...] = (NasBench201, NasBench101, GridSpace)
"""Every kind of space; a new one is a file and an entry here."""


def get_space(
    spec: str | Mapping[str, Any], encoding: str | None = None, counting: Counting | None = None
) -> Space:
    """The space of a name such as ``nasbench201`` or ``nasbench101-5v/A``, or of a grid's `spec`.

    Parameters
    ----------
    spec
        A name, or ``{"grid": {parameter: [choices]}, "name": name}``: what `Space.spec` gives.
    encoding
        Another encoding of the same cells, where the space has several (NAS-Bench-101: A, B, C).
    counting
        Another rule for counting a configuration's edges, where the space has several
        (NAS-Bench-101: before or after pruning).

    Raises
    ------
    SpaceError
        If there is no such space, encoding or rule; the message names the nearest.
    """
    for family in FAMILIES:
        space = family.from_spec(spec)
        if space is not None:
            return space.variant(encoding, counting)
    if not isinstance(spec, str):
        raise SpaceError('a space is a name or {"grid": {parameter: [choices]}, "name": name}')
    names = [name for family in FAMILIES for name in family.names()]
    raise SpaceError(unknown("search space", spec, names))
