"""Numbers as people give them: lists, tuples, arrays; and what is none."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from regretta.tabular_data.errors import shown
from regretta.tabular_data.spaces.parameters import SpaceError


def numbers(given: ArrayLike, what: str) -> NDArray[Any]:
    """An array of integers or floats.

    Raises
    ------
    SpaceError
        If it holds truth values, texts, gaps or rows of unequal length; `what` begins the line.
    """
    try:
        array = np.asarray(given)
    except ValueError:
        raise SpaceError(f"{what} holds numbers in one shape, got {shown(given, 80)}") from None
    if np.ma.is_masked(given):
        raise SpaceError(f"{what} has masked entries")
    if array.dtype.kind not in "iuf" or _has_truth_values(given):
        kind = "truth values" if array.dtype.kind in "biuf" else f"dtype {array.dtype}"
        raise SpaceError(f"{what} holds numbers, got {kind}")
    return array


def _has_truth_values(given: object) -> bool:
    """Whether a truth value hides among the numbers of a nested list."""
    if isinstance(given, list | tuple):
        return any(_has_truth_values(item) for item in given)
    return isinstance(given, bool | np.bool_)
