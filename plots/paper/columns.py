"""What a figure needs of a table, and what it says when the table lacks it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regretta.tabular_data.errors import UserError
from regretta.tabular_data.spaces import NasBench101, NasBench201
from regretta.tabular_data.table import Table


class FigureError(UserError):
    """A figure that cannot be drawn from a table at all; the message says what the table lacks."""


@dataclass(frozen=True)
class Anchor:
    """A number of a figure beside the one that the paper gives, both as a reader sees them."""

    quantity: str
    ours: str
    published: str


def need_nasbench101(table: Table, figure: str) -> NasBench101:
    """The table's space, which must be NAS-Bench-101's.

    Raises
    ------
    FigureError
        If it is another space.
    """
    if not isinstance(table.space, NasBench101):
        raise FigureError(
            f"{figure} needs cells of NAS-Bench-101; table {table.name!r} has {table.space.name}"
        )
    return table.space


def need_nasbench201(table: Table, figure: str) -> NasBench201:
    """The table's space, which must be NAS-Bench-201's.

    Raises
    ------
    FigureError
        If it is another space.
    """
    if not isinstance(table.space, NasBench201):
        raise FigureError(
            f"{figure} needs cells of NAS-Bench-201; table {table.name!r} has {table.space.name}"
        )
    return table.space


def mean_over_repeats(column: NDArray[Any]) -> NDArray[np.float64]:
    """Mean over the last axis of what was measured, NaN where nothing was."""
    count = (~np.isnan(column)).sum(axis=-1)
    return np.where(
        count > 0, np.nansum(column, axis=-1, dtype=np.float64) / np.maximum(count, 1), np.nan
    )


def validation_accuracy(table: Table, figure: str) -> NDArray[np.float64]:
    """Mean validation accuracy at the largest budget: shape ``[cells]``, NaN where not measured.

    Raises
    ------
    FigureError
        If no cell has one.
    """
    accuracy = 1.0 - table.mean_validation_error[:, -1]
    if np.isnan(accuracy).all():
        raise FigureError(
            f"{figure} needs validation accuracy at {budget_name(table, -1)}; table"
            f" {table.name!r} has none"
        )
    return accuracy


def mean_test_accuracy(table: Table) -> NDArray[np.float64] | None:
    """Mean test accuracy at the largest budget: ``[cells]``; None where no cell has one."""
    if table.mean_test_error is None:
        return None
    accuracy = 1.0 - table.mean_test_error[:, -1]
    return None if np.isnan(accuracy).all() else accuracy


def best_known_accuracy(table: Table, figure: str) -> tuple[str, NDArray[np.float64]]:
    """``"test"`` and the mean test accuracy, or validation's where there is none: ``[cells]``.

    Raises
    ------
    FigureError
        If the table has neither at its largest budget.
    """
    test = mean_test_accuracy(table)
    return ("validation", validation_accuracy(table, figure)) if test is None else ("test", test)


def training_seconds(table: Table) -> NDArray[np.float64]:
    """Mean training time at the largest budget: shape ``[cells]``, NaN where not measured."""
    return mean_over_repeats(table.columns["training_seconds"][:, -1])


def budget_name(table: Table, index: int) -> str:
    """A budget with its unit: ``"108 epochs"``, ``"1 epoch"``."""
    budget, unit = table.budgets[index], table.budget_unit
    return f"{budget:g} {unit.removesuffix('s') if budget == 1 else unit}"


def noted(
    table: Table, missing: Sequence[str] = (), left_out: Mapping[str, int] | None = None
) -> str:
    """The end of a caption: what is missing, left out, modelled or of another space.

    Empty for a complete, measured table of the paper's own space.

    Parameters
    ----------
    missing
        What of the paper's figure the table does not allow.
    left_out
        What cells lack → number of cells that are left out for it; zeros are not told.
    """
    parts = [f"Missing in table {table.name}: {'; '.join(missing)}."] if missing else []
    if told := [f"{cells(n)} without {what}" for what, n in (left_out or {}).items() if n]:
        parts.append(f"Left out of table {table.name}: {'; '.join(told)}.")
    if table.provenance.reconstruction:
        parts.append(f"Reconstruction: {table.provenance.reconstruction}.")
    if isinstance(table.space, NasBench101) and table.space.vertices < 7:
        parts.append(
            f"Its cells have up to {table.space.vertices} vertices: what is published is of other"
            " data."
        )
    return " ".join(["", *parts])


def cells(count: int) -> str:
    """A number of cells in words: ``"1 cell"``, ``"12,000 cells"``."""
    return f"{count:,} cell{'' if count == 1 else 's'}"
