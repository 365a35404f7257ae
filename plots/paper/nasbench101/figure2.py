"""NAS-Bench-101, figure 2: distribution of accuracy over all cells, by set and budget, and its noise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from regretta.plots.axes import title
from regretta.plots.paper.columns import budget_name, mean_over_repeats, noted
from regretta.plots.paper.figure import TableFigure
from regretta.plots.style import CYCLE, METHODS, house, panels
from regretta.tabular_data.table import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FRACTIONS = np.linspace(0, 1, 1001)


@dataclass(frozen=True, eq=False)
class AccuracyDistributions:
    """Quantiles over all cells at `FRACTIONS`, by name; every array has shape ``[1001]``.

    Attributes
    ----------
    table
        The table's name.
    sets
        Mean accuracy at the largest budget on each set that the table has.
    budgets
        Mean validation accuracy at each budget.
    noise
        Standard deviation (n - 1) of validation accuracy over the repeats of a cell, at each budget
        that has repeats.
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
    missing: tuple[str, ...]
    note: str
    reconstruction: str


def compute(table: Table) -> AccuracyDistributions:
    """The distributions; works on any table."""
    validation = table.columns["validation_accuracy"]
    sets = {"Validation": _quantiles(mean_over_repeats(validation[:, -1]))}
    missing = []
    if "train_accuracy" in table.columns:
        sets = {
            "Training": _quantiles(mean_over_repeats(table.columns["train_accuracy"][:, -1])),
            **sets,
        }
    else:
        missing.append("training accuracy (column train_accuracy)")
    if table.mean_test_error is not None:
        sets["Test"] = _quantiles(1 - table.mean_test_error[:, -1])
    else:
        missing.append("test accuracy (column test_accuracy)")
    budgets, noise = {}, {}
    for i in range(len(table.budgets)):
        measured = validation[:, i]
        if not np.isnan(measured).all():
            budgets[budget_name(table, i)] = _quantiles(mean_over_repeats(measured))
        several = (~np.isnan(measured)).sum(axis=1) > 1
        if several.any():
            noise[budget_name(table, i)] = _quantiles(_deviation(measured[several]))
    if len(table.budgets) == 1:
        missing.append("other budgets than one")
    if not noise:
        missing.append("repeats, of which the noise is computed")
    return AccuracyDistributions(
        table=table.name,
        sets=sets,
        budgets=budgets,
        noise=noise,
        missing=tuple(missing),
        note=noted(table, tuple(missing)),
        reconstruction=table.provenance.reconstruction,
    )


def _quantiles(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.quantile(values[~np.isnan(values)], FRACTIONS), dtype=np.float64)


def _deviation(measured: NDArray[np.float64]) -> NDArray[np.float64]:
    """Standard deviation of each row with at least two values."""
    count = (~np.isnan(measured)).sum(axis=1)
    centred = measured.astype(np.float64) - mean_over_repeats(measured)[:, None]
    return np.asarray(np.sqrt(np.nansum(centred**2, axis=1) / (count - 1)), dtype=np.float64)


def caption(found: AccuracyDistributions) -> str:
    """What the figure shows and what is missing."""
    return (
        "NAS-Bench-101, figure 2. Empirical distribution over all cells of mean accuracy at the"
        " largest budget (left, from its 2 % quantile on), of mean validation accuracy at each"
        " budget (middle), and of the standard deviation of validation accuracy over repeats"
        f" (right). Table {found.table}.{found.note}"
    )


def draw(found: AccuracyDistributions, width: float) -> Figure:
    """Draw the panels that there is something to show in."""
    colors = [
        METHODS["regularized_evolution"][1],
        METHODS["reinforce"][1],
        METHODS["smac"][1],
        METHODS["bohb"][1],
    ]
    colors += [color for color, _ in CYCLE]
    kinds = [
        (found.sets, "Accuracy at the largest budget", 0),
        (found.budgets, "Validation accuracy", 1),
        (found.noise, "Standard deviation over repeats", 2),
    ]
    kinds = [kind for kind in kinds if kind[0]]
    with house():
        figure, axes = panels(len(kinds), width, 2.6)
        for ax, (curves, label, kind) in zip(axes, kinds, strict=True):
            for (name, quantiles), color in zip(curves.items(), colors, strict=False):
                ax.plot(quantiles, FRACTIONS, label=name, color=color)
            if kind == 2:
                ax.set_xscale("log")
                top = max(float(curve[-1]) for curve in curves.values())
                ax.set_xlim(
                    max(top / 1e3, min(float(curve[20]) for curve in curves.values()) or top / 1e3),
                    top,
                )
            ax.set_ylim(0, 1)
            ax.set_xlabel(label)
            ax.set_ylabel("Fraction of cells")
            ax.grid(True)
            if kind == 0:
                ax.set_xlim(min(float(curve[20]) for curve in curves.values()))
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
