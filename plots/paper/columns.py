"""What a figure needs of a table, and what it says when the table lacks it."""

from __future__ import annotations

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
    """Mean over the last axis of what was measured, NaN where nothing was: shape without the last axis."""
    count = (~np.isnan(column)).sum(axis=-1)
    return np.where(
        count > 0, np.nansum(column, axis=-1, dtype=np.float64) / np.maximum(count, 1), np.nan
    )


def test_or_validation(table: Table) -> tuple[str, NDArray[np.float64]]:
    """``"test"`` and the mean test accuracy at the largest budget, or validation's where there is none: ``[cells]``."""
    if table.mean_test_error is not None:
        return "test", 1.0 - table.mean_test_error[:, -1]
    return "validation", 1.0 - table.mean_validation_error[:, -1]


def budget_name(table: Table, index: int) -> str:
    """A budget with its unit: ``"108 epochs"``."""
    return f"{table.budgets[index]:g} {table.budget_unit}"


def noted(table: Table, missing: tuple[str, ...]) -> str:
    """The end of a caption: what is missing, modelled or of another space; empty for a complete, measured table."""
    parts = [f"Missing in table {table.name}: {'; '.join(missing)}."] if missing else []
    if table.provenance.reconstruction:
        parts.append(f"Reconstruction: {table.provenance.reconstruction}.")
    if isinstance(table.space, NasBench101) and table.space.vertices < 7:
        parts.append(
            f"Its cells have up to {table.space.vertices} vertices: what is published is of other"
            " data."
        )
    return " ".join(["", *parts])
