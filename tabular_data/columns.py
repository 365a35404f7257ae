"""The columns that a table may have, and what their values must be.

A cell is in a table whole or not at all: measured at every budget, with at least one value in every
column that the table has. Single repeats may be missing (NaN). What is incomplete is refused with
its column and row; in a partial table the cell is left out, and a note says so.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from regretta.tabular_data.benchmark import BenchmarkError
from regretta.tabular_data.names import unknown
from regretta.tabular_data.spaces.parameters import as_number

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
_TEST = ("test_accuracy", "mean_test_accuracy")
SEARCHED = (*_REQUIRED, *_TEST, "evaluation_seconds")
"""What a search and its judge look up."""
_TOLD_APART = 1e-9
"""Budgets that differ by less, relative to their size, count as one budget."""


class TableError(BenchmarkError):
    """A table that cannot be made or opened as asked; the message says what and where."""


def check_budgets(budgets: Sequence[float]) -> tuple[float, ...]:
    """Budgets as floats, ascending.

    Raises
    ------
    TableError
        If there is none, one is no number above zero, or two cannot be told apart.
    """
    levels = [as_number(budget) for budget in budgets]
    ascending = [level for level in levels if level is not None and 0 < level < np.inf]
    if not ascending or ascending != levels or ascending != sorted(set(ascending)):
        raise TableError(f"budgets must be positive and ascending, got {list(budgets)!r:.200}")
    for low, high in pairwise(ascending):
        if high - low <= _TOLD_APART * high:
            raise TableError(f"budgets {low!r} and {high!r} are too close to be told apart")
    return tuple(ascending)


def shaped(key: str, value: ArrayLike, cells: int, budgets: int) -> NDArray[Any]:
    """A column as a contiguous native array of floats (or integers) with all of its axes.

    Masked entries become NaN: not measured.

    Raises
    ------
    TableError
        If there is no such column, it holds no numbers, or its shape does not fit.
    """
    if key not in COLUMNS:
        raise TableError(unknown("column", key, COLUMNS))
    axes = COLUMNS[key]
    mask = np.ma.getmaskarray(value) if isinstance(value, np.ma.MaskedArray) else None
    try:
        array = np.array(value if mask is None else np.ma.getdata(value), order="C")
    except ValueError:
        raise TableError(f"column {key} must hold numbers in one shape") from None
    if array.dtype.kind not in "fiu":
        raise TableError(f"column {key} must hold numbers, got dtype {array.dtype}")
    gaps = mask is not None and bool(mask.any())
    if array.dtype.kind == "f":
        kept = np.float32 if array.dtype.itemsize <= 4 else np.float64
        array = array.astype(kept, copy=False)
    elif gaps or len(axes) > 1:
        array = array.astype(np.float64)
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    if gaps:
        array[mask] = np.nan
    while array.ndim < len(axes):
        array = array[..., None]
    check_shape(key, array.shape, cells, budgets)
    return array


def check_shape(key: str, shape: Sequence[int], cells: int, budgets: int) -> None:
    """Refuse a column whose shape does not fit the table.

    Raises
    ------
    TableError
        Naming the column, the expected and the given shape.
    """
    axes = COLUMNS[key]
    sizes = {"cell": cells, "budget": budgets}
    if (
        len(shape) != len(axes)
        or any(sizes.get(axis, size) != size for axis, size in zip(axes, shape, strict=True))
        or 0 in shape
    ):
        expected = ", ".join(str(sizes.get(axis, axis + "s")) for axis in axes)
        raise TableError(
            f"column {key} must have shape [{expected}] ({' x '.join(axes)}), got {list(shape)}"
        )


def check_shapes(
    shapes: Mapping[str, tuple[int, ...]], cells: int, budgets: int, table: str
) -> None:
    """Refuse columns that do not make a table together, by their shapes alone.

    Raises
    ------
    TableError
        Naming the column that lacks or does not fit.
    """
    _check_present(shapes, table)
    for key, shape in shapes.items():
        check_shape(key, shape, cells, budgets)
    _check_alike(shapes)


def leave_out(columns: Mapping[str, NDArray[Any]]) -> list[str]:
    """Blank, in place, every cell that is not whole; returns a note for each reason."""
    notes = []
    accuracy = columns["validation_accuracy"]
    measured = _measured(accuracy)
    some = measured.any(axis=1)
    reasons = {"are not measured at every budget": some & ~measured.all(axis=1)}
    for key, array in columns.items():
        if key not in _REQUIRED:
            reasons[f"have no {key}"] = _lacking(key, array, measured).any(axis=1)
            if len(COLUMNS[key]) > 1:
                has = ~np.isnan(array).all(axis=tuple(range(1, array.ndim)))
                reasons[f"have {key} but no validation_accuracy"] = has & ~some
    for reason, out in reasons.items():
        if out.any():
            notes.append(f"left out: {out.sum()} cells {reason}, first row {int(np.argmax(out))}")
    everything = np.logical_or.reduce(list(reasons.values()))
    for array in columns.values():
        if array.ndim > 1:
            array[everything] = np.nan
    return notes


def check_columns(columns: Mapping[str, NDArray[Any]], partial: bool, table: str) -> None:
    """Refuse columns whose values are not as a table's must be.

    Raises
    ------
    TableError
        Naming the column, the first bad row and what is wrong.
    """
    _check_present(columns, table)
    accuracy, seconds = (columns[key] for key in _REQUIRED)
    for key, array in zip(_REQUIRED, (accuracy, seconds), strict=True):
        _check_values(key, array, accuracy)
    missing = np.isnan(accuracy)
    _refuse(
        missing != np.isnan(seconds),
        "training_seconds",
        seconds,
        "a repeat needs both accuracy and time, or neither",
    )
    measured = _measured(accuracy)
    if not partial:
        _refuse(
            ~measured.any(axis=1),
            "validation_accuracy",
            accuracy,
            "a cell has no measurement at all (pass partial=True to allow)",
        )
    anywhere: Any = measured.any(axis=1, keepdims=True)
    _refuse(
        anywhere & ~measured,
        "validation_accuracy",
        accuracy,
        "a cell is measured at other budgets only (pass partial=True to leave it out)",
    )
    for key in columns:
        if key not in _REQUIRED:
            array = columns[key]  # once each: it may be read from disk
            _check_values(key, array, accuracy)
            _refuse(
                _lacking(key, array, measured),
                key,
                array,
                "a measured cell has no value (leave the column out, or pass partial=True to leave"
                " the cell out)",
            )
    if not measured.any():
        raise TableError(f"table {table!r} has no measurement at its largest budget")


def check_values(columns: Mapping[str, NDArray[Any]]) -> None:
    """Refuse values out of range, and columns that should be of one shape and are not.

    Raises
    ------
    TableError
        As `check_columns`.
    """
    accuracy = columns["validation_accuracy"]
    for key, array in columns.items():
        _check_values(key, array, accuracy)


def _check_values(key: str, array: NDArray[Any], accuracy: NDArray[Any]) -> None:
    if key.endswith(("accuracy", "curve")):
        good, rule = (array >= 0) & (array <= 1), "an accuracy is a fraction from 0 to 1"
    elif key.endswith("seconds"):
        good, rule = (array > 0) & (array < np.inf), "seconds are above zero and finite"
    else:
        good, rule = (array >= 0) & (array < np.inf), f"{key} are finite and not negative"
    _refuse(~good & ~np.isnan(array), key, array, rule)
    _check_alike({"validation_accuracy": accuracy.shape, key: array.shape})


def _check_present(columns: Collection[str], table: str) -> None:
    for key in _REQUIRED:
        if key not in columns:
            raise TableError(f"table {table!r} lacks the column {key}")


def _check_alike(shapes: Mapping[str, tuple[int, ...]]) -> None:
    first = "validation_accuracy"
    for key, shape in shapes.items():
        if COLUMNS[key] == COLUMNS[first] and shape != shapes[first]:
            raise TableError(
                f"columns {first} and {key} differ in shape: {shapes[first]} and {shape}"
            )


def _measured(accuracy: NDArray[Any]) -> NDArray[np.bool_]:
    """Whether each cell has a repeat at each budget: shape ``[cells, budgets]``."""
    measured: NDArray[np.bool_] = ~np.isnan(accuracy).all(axis=2)
    return measured


def _lacking(key: str, array: NDArray[Any], measured: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Where a measured cell has no value in a column: shape ``[cells, 1 or budgets or epochs]``.

    A budget at which no measured cell has one is not published and lacks nothing; but test values
    at the largest budget are what a search is judged on.
    """
    axes = COLUMNS[key]
    gone: Any = np.isnan(array)
    lacking: NDArray[np.bool_]
    if len(axes) == 1:
        lacking = gone[:, None] & measured.any(axis=1, keepdims=True)
        return lacking
    if len(axes) == 3:
        gone = gone.all(axis=2)
    if axes[1] != "budget":
        lacking = gone & measured[:, -1:]
        return lacking
    published = (~gone & measured).any(axis=0)
    published[-1] |= key in _TEST
    lacking = gone & measured & published
    return lacking


def _refuse(bad: Any, key: str, array: NDArray[Any], rule: str) -> None:
    if bad.any():
        where = tuple(int(i) for i in np.argwhere(bad)[0])[: array.ndim]
        value = array[where]
        shown = f"{value:g}" if np.ndim(value) == 0 and not np.isnan(value) else "nothing"
        raise TableError(
            f"column {key}, row {where[0]}{list(where[1:]) or ''}: {rule}, got {shown}"
        )
