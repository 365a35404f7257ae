"""NAS-Bench-201, figure 4: correlation of accuracies between sets and data sets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from regretta.plots.axes import title
from regretta.plots.paper.columns import (
    cells,
    mean_test_accuracy,
    need_nasbench201,
    noted,
    validation_accuracy,
)
from regretta.plots.paper.figure import TablesFigure
from regretta.plots.style import house, panels
from regretta.tabular_data.table import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BEST_ABOVE = 0.90
"""The second panel has the cells with more than that accuracy in the first row, as the paper's; on
data on which hardly any cell has, those of the best tenth."""


_FEWEST = 3


@dataclass(frozen=True, eq=False)
class Correlations:
    """Pearson's correlations.

    Attributes
    ----------
    names
        Table and set of each row.
    correlation
        Shape ``[panels, rows, rows]``; NaN where fewer than three cells are left, or all are alike.
    cells
        Number of cells of each panel.
    above
        Accuracy in the first row that the second panel's cells exceed.
    """

    names: tuple[str, ...]
    correlation: NDArray[np.float64]
    cells: tuple[int, ...]
    above: float
    note: str
    reconstruction: str


def compute(tables: Sequence[Table]) -> Correlations:
    """Correlations of mean validation and test accuracy at the largest budget.

    Raises
    ------
    FigureError
        If a table is not of NAS-Bench-201's cells.
    """
    names, rows, notes = [], [], []
    for table in tables:
        need_nasbench201(table, "figure 4")
        names.append(f"{table.name} validation")
        rows.append(validation_accuracy(table, "figure 4"))
        if (test := mean_test_accuracy(table)) is not None:
            names.append(f"{table.name} test")
            rows.append(test)
        notes.append(noted(table, ("test accuracy",) if test is None else ()))
    accuracy = np.stack(rows)
    known = ~np.isnan(accuracy).any(axis=0)
    accuracy = accuracy[:, known]
    if unknown := int((~known).sum()):
        notes.insert(0, f" Left out: {cells(unknown)} without all of these accuracies.")
    found, counts = [], []
    above = BEST_ABOVE
    if (accuracy[0] > above).sum() < _FEWEST:
        above = float(np.quantile(accuracy[0], 0.9)) if accuracy.size else np.nan
    for kept in (accuracy, accuracy[:, accuracy[0] > above]):
        correlation = np.full((len(rows), len(rows)), np.nan)
        if kept.shape[1] >= _FEWEST:
            varies = np.flatnonzero(np.ptp(kept, axis=1) > 0)
            correlation[np.ix_(varies, varies)] = np.corrcoef(kept[varies])
        found.append(correlation)
        counts.append(kept.shape[1])
    modelled = "; ".join(t.provenance.reconstruction for t in tables if t.provenance.reconstruction)
    return Correlations(
        tuple(names), np.stack(found), tuple(counts), above, "".join(notes), modelled
    )


def caption(found: Correlations) -> str:
    """What the figure shows and what is missing."""
    return (
        "NAS-Bench-201, figure 4. Pearson's correlation between mean accuracies at the largest"
        f" budget: over all {found.cells[0]:,} cells (left), and over the {found.cells[1]:,} with"
        f" more than {100 * found.above:.3g} % on {found.names[0]} (right).{found.note}"
    )


def draw(found: Correlations, width: float) -> Figure:
    """Draw both heat maps."""
    with house():
        figure, axes = panels(len(found.cells), width, 3.3)
        for ax, values, cells in zip(axes, found.correlation, found.cells, strict=True):
            ax.imshow(values, cmap="viridis", vmin=0, vmax=1, aspect="auto")
            for (i, j), value in np.ndenumerate(values):
                if np.isfinite(value):
                    ax.text(j, i, f"{value:.2f}", ha="center", va="center", fontsize=6.5,
                            color="black" if value > 0.6 else "white")  # fmt: skip
            ax.set_xticks(
                range(len(found.names)),
                found.names,
                rotation=40,
                ha="right",
                rotation_mode="anchor",
            )
            if ax.get_subplotspec().is_first_col():  # type: ignore[union-attr]
                ax.set_yticks(range(len(found.names)), found.names)
            else:
                ax.set_yticks([])
            ax.tick_params(length=0)
            ax.spines[:].set_visible(False)
            title(ax, f"{cells:,} cells", found.reconstruction)
    return figure


FIGURE = TablesFigure(
    *("4", "correlation of sets and data sets", compute, caption, draw),
    needs=("validation_accuracy", "test_accuracy or mean_test_accuracy"),
)
