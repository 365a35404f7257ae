"""The columns that a table may have, and what their values must be."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from regretta.tabular_data.benchmark import BenchmarkError
from regretta.tabular_data.names import unknown

COLUMNS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "validation_accuracy": ("cell", "budget", "repeat"),
        "training_seconds": ("cell", "budget", "repeat"),
        "test_accuracy": ("cell", "budget", "repeat"),
        "train_accuracy": ("cell", "budget", "repeat"),
        "mean_test_accuracy": ("cell", "budget"),
        "evaluation_seconds": ("cell",),
        "halfway_validation_accuracy": ("cell", "budget", "repeat"),
        "halfway_test_accuracy": ("cell", "budget", "repeat"),
        "halfway_train_accuracy": ("cell", "budget", "repeat"),
        "halfway_training_seconds": ("cell", "budget", "repeat"),
        "validation_curve": ("cell", "epoch", "repeat"),
        "test_curve": ("cell", "epoch", "repeat"),
        "train_curve": ("cell", "epoch", "repeat"),
        "parameters": ("cell",),
        "flops": ("cell",),
        "latency_seconds": ("cell",),
    }
)
"""Every column a table may have, with its axes. Accuracies are fractions, times are seconds.

``mean_test_accuracy`` is for sources that publish the mean over repeats but not each repeat;
``evaluation_seconds`` is one pass over the validation set; curves hold the accuracy after every
epoch of the run of the largest budget.
"""

_REQUIRED = ("validation_accuracy", "training_seconds")


class TableError(BenchmarkError):
    """A table that cannot be made or opened as asked; the message says what and where."""


def shaped(key: str, value: ArrayLike, cells: int, budgets: int) -> NDArray[Any]:
    """The column as a contiguous float (or integer) array with all of its axes."""
    if key not in COLUMNS:
        raise TableError(unknown("column", key, COLUMNS))
    axes = COLUMNS[key]
    array = np.array(value, order="C")
    if array.dtype.kind not in "fiu":
        raise TableError(f"column {key} must hold numbers, got dtype {array.dtype}")
    if array.dtype.kind == "f" and array.dtype.itemsize not in (4, 8):
        array = array.astype(np.float32)
    if len(axes) > 1 and array.dtype.kind != "f":
        array = array.astype(np.float64)
    while array.ndim < len(axes):
        array = array[..., None]
    sizes = {"cell": cells, "budget": budgets}
    for axis, name in enumerate(axes):
        if (
            array.ndim != len(axes)
            or array.shape[axis] != sizes.get(name, array.shape[axis])
            or 0 in array.shape
        ):
            expected = ", ".join(str(sizes.get(a, a + "s")) for a in axes)
            raise TableError(
                f"column {key} must have shape [{expected}] ({' x '.join(axes)}), got"
                f" {list(array.shape)}"
            )
    return array


def check_columns(columns: Mapping[str, NDArray[Any]], partial: bool, table: str) -> None:
    for key, array in columns.items():
        if key.endswith(("accuracy", "curve")):
            _refuse(
                ~((array >= 0) & (array <= 1)) & ~np.isnan(array),
                key,
                array,
                "an accuracy is a fraction from 0 to 1",
            )
        elif key.endswith("seconds"):
            _refuse(
                ~((array > 0) & (array < np.inf)) & ~np.isnan(array),
                key,
                array,
                "seconds are above zero and finite",
            )
    accuracy, seconds = (columns[key] for key in _REQUIRED)
    if accuracy.shape != seconds.shape:
        raise TableError(
            f"columns validation_accuracy and training_seconds differ in shape: {accuracy.shape}"
            f" and {seconds.shape}"
        )
    missing = np.isnan(accuracy)
    _refuse(
        missing != np.isnan(seconds),
        "training_seconds",
        seconds,
        "a repeat needs both accuracy and time, or neither",
    )
    if "test_accuracy" in columns:
        test = columns["test_accuracy"]
        if test.shape != accuracy.shape:
            raise TableError(
                f"columns validation_accuracy and test_accuracy differ in shape: {accuracy.shape}"
                f" and {test.shape}"
            )
    if not partial:
        absent = missing.all(axis=2)
        _refuse(
            absent.all(axis=1),
            "validation_accuracy",
            accuracy,
            "a cell has no measurement at all (pass partial=True to allow)",
        )
    if missing[..., -1, :].all():
        raise TableError(f"table {table!r} has no measurement at its largest budget")


def _refuse(bad: NDArray[np.bool_], key: str, array: NDArray[Any], rule: str) -> None:
    if bad.any():
        where = tuple(int(i) for i in np.argwhere(bad)[0])
        value = array[where]
        shown = f"{value:g}" if np.ndim(value) == 0 else "no repeat"
        raise TableError(
            f"column {key}, row {where[0]}{list(where[1:]) or ''}: {rule}, got {shown}"
        )
