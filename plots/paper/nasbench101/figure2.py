"""NAS-Bench-101, figure 2: distribution of accuracy over all cells, and its noise."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from regretta.plots.axes import log_axis, title
from regretta.plots.paper.columns import (
    FigureError,
    budget_name,
    mean_over_repeats,
    mean_test_accuracy,
    noted,
)
from regretta.plots.paper.figure import TableFigure
from regretta.plots.style import METHODS, graded_styles, house, panels
from regretta.tabular_data.table import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FRACTIONS = np.linspace(0, 1, 1001)

NOISE_BUDGETS = (12.0, 36.0, 108.0)
"""Epochs at which the paper shows the noise; a table without them is shown at all of its own."""

_SET_COLORS = tuple(METHODS[name][1] for name in ("regularized_evolution", "reinforce", "smac"))


@dataclass(frozen=True, eq=False)
class AccuracyDistributions:
    """Quantiles over cells at `FRACTIONS`, by name; every array has shape ``[1001]``.

    Attributes
    ----------
    table
        The table's name.
    sets
        Mean accuracy at the largest budget on each set that the table has.
    budgets
        Mean validation accuracy at each budget.
    noise
        Standard deviation (n - 1) of accuracy over the repeats of a cell, at each budget that has
        repeats.
    noise_of
        ``"test"`` as in the paper, or ``"validation"`` where the table has no test accuracy of
        single repeats.
    missing
        What of the paper's figure the table does not allow.
    note
        End of the caption.
    reconstruction
        What is modelled.
    """

    table: str
    sets: Mapping[str, NDArray[np.float64]]
    budgets: Mapping[str, NDArray[np.float64]]
    noise: Mapping[str, NDArray[np.float64]]
    noise_of: str
    missing: tuple[str, ...]
    note: str
    reconstruction: str


def compute(table: Table) -> AccuracyDistributions:
    """The distributions; works on any table.

    Raises
    ------
    FigureError
        If no cell has an accuracy at the largest budget.
    """
    columns, left_out, missing = table.columns, Counter[str](), []
    means = {
        "Training": mean_over_repeats(columns["train_accuracy"][:, -1])
        if "train_accuracy" in columns
        else None,
        "Validation": mean_over_repeats(columns["validation_accuracy"][:, -1]),
        "Test": mean_test_accuracy(table),
    }
    sets = {}
    for name, values in means.items():
        if values is None or np.isnan(values).all():
            column = "train" if name == "Training" else name.lower()
            missing.append(f"{name.lower()} accuracy (column {column}_accuracy)")
        else:
            sets[name] = _quantiles(values, left_out, f"mean {name.lower()} accuracy")
    if not sets:
        raise FigureError(
            f"figure 2 needs accuracy at {budget_name(table, -1)}; table {table.name!r} has none"
        )
    budgets = {}
    for i in range(len(table.budgets)):
        values = mean_over_repeats(columns["validation_accuracy"][:, i])
        if not np.isnan(values).all():
            at = budget_name(table, i)
            budgets[at] = _quantiles(values, left_out, f"validation accuracy at {at}")
    if len(table.budgets) == 1:
        missing.append("other budgets than one")
    noise_of, noise = "test", _noise(table, "test", left_out)
    if not noise:
        noise_of, noise = "validation", _noise(table, "validation", left_out)
        if noise:
            missing.append("test accuracy of single repeats: the noise is validation accuracy's")
        else:
            missing.append("repeats, of which the noise is computed")
    return AccuracyDistributions(
        *(table.name, sets, budgets, noise, noise_of, tuple(missing)),
        note=noted(table, missing, left_out),
        reconstruction=table.provenance.reconstruction,
    )


def _quantiles(
    values: NDArray[np.float64], left_out: Counter[str], lacking: str
) -> NDArray[np.float64]:
    known = ~np.isnan(values)
    left_out[lacking] = int((~known).sum())
    return np.asarray(np.quantile(values[known], FRACTIONS), dtype=np.float64)


def _noise(table: Table, kind: str, left_out: Counter[str]) -> dict[str, NDArray[np.float64]]:
    """Quantiles of the deviation over repeats, at each budget shown at which any cell has two."""
    column = table.columns.get(f"{kind}_accuracy")
    if column is None:
        return {}
    shown = [i for i, budget in enumerate(table.budgets) if budget in NOISE_BUDGETS]
    found = {}
    for i in shown or range(len(table.budgets)):
        deviation, at = _deviation(column[:, i]), budget_name(table, i)
        if not np.isnan(deviation).all():
            found[at] = _quantiles(deviation, left_out, f"two repeats of {kind} accuracy at {at}")
    return found


def _deviation(measured: NDArray[np.floating]) -> NDArray[np.float64]:
    """Standard deviation (n - 1) of each row, NaN for rows with fewer than two values."""
    count = (~np.isnan(measured)).sum(axis=1)
    centred = measured.astype(np.float64) - mean_over_repeats(measured)[:, None]
    squares = np.nansum(centred**2, axis=1)
    return np.where(count > 1, np.sqrt(squares / np.maximum(count - 1, 1)), np.nan)


def caption(found: AccuracyDistributions) -> str:
    """What the figure shows and what is missing."""
    noise = ""
    if found.noise:
        noise = f", and of the standard deviation of {found.noise_of} accuracy over repeats (right)"
    return (
        "NAS-Bench-101, figure 2. Empirical distribution over all cells of mean accuracy at the"
        " largest budget (left, from its 2 % quantile on), of mean validation accuracy at each"
        f" budget (middle){noise}. Table {found.table}.{found.note}"
    )


def draw(found: AccuracyDistributions, width: float) -> Figure:
    """Draw the panels that there is something to show in."""
    colors = dict(zip(("Training", "Validation", "Test"), _SET_COLORS, strict=True))
    budgets = dict.fromkeys([*found.budgets, *found.noise])
    colors |= {style.name: style.color for style in graded_styles(list(budgets))}
    kinds = [
        (found.sets, "Accuracy at the largest budget"),
        (found.budgets, "Validation accuracy"),
        (found.noise, f"Sd of {found.noise_of} accuracy over repeats"),
    ]
    kinds = [kind for kind in kinds if kind[0]]
    with house():
        figure, axes = panels(len(kinds), width, 2.6)
        for ax, (curves, label) in zip(axes, kinds, strict=True):
            for name, quantiles in curves.items():
                ax.plot(quantiles, FRACTIONS, label=name, color=colors[name])
            first = min(float(curve[20]) for curve in curves.values())
            top = max(float(curve[-1]) for curve in curves.values())
            if curves is found.noise and top > 0:
                ax.set_xscale("log")
                ax.set_xlim(max(top / 1e3, first), top)
                log_axis(ax, "x")
            ax.set_ylim(0, 1)
            ax.set_xlabel(label)
            ax.set_ylabel("Fraction of cells")
            ax.grid(True)
            if curves is found.sets:
                ax.set_xlim(first)
            ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.24), ncols=2)
            title(ax, found.table, found.reconstruction)
    return figure


FIGURE = TableFigure(
    *("2", "distributions of accuracy and its noise", compute, caption, draw),
    needs=(
        *("train_accuracy", "validation_accuracy at several budgets and repeats"),
        "test_accuracy or mean_test_accuracy",
    ),
)
