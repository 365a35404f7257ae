"""NAS-Bench-101, supplement figure 7: rank correlation between budgets among ever better cells."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from regretta.harness.regret import level_ties
from regretta.plots.axes import title
from regretta.plots.paper.columns import Anchor, FigureError, noted
from regretta.plots.paper.figure import TableFigure
from regretta.plots.style import graded_styles, house, panels
from regretta.tabular_data.table import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PUBLISHED = 0.365
"""Spearman's correlation between 36 and 108 epochs among the best tenth (supplement)."""

PERCENTILES = (0.0, 10.0, 25.0, 50.0, 75.0, 80.0, 90.0, 95.0, 99.0)

_FEWEST = 3
"""Cells of which a correlation can be taken."""


@dataclass(frozen=True, eq=False)
class BudgetCorrelation:
    """Spearman's correlations.

    Attributes
    ----------
    pairs
        Lower and higher budget.
    percentiles
        The cells from that percentile of accuracy at the largest budget upwards: shape ``[p]``.
    correlation
        Between mean validation accuracies: shape ``[pairs, p]``; NaN for fewer than three cells.
    unit
        Of the budgets.
    """

    table: str
    pairs: tuple[tuple[float, float], ...]
    percentiles: NDArray[np.float64]
    correlation: NDArray[np.float64]
    unit: str
    note: str
    reconstruction: str


def compute(table: Table) -> BudgetCorrelation:
    """Correlations between all pairs of budgets.

    Raises
    ------
    FigureError
        If the table has one budget only.
    """
    if len(table.budgets) < 2:
        raise FigureError(
            f"supplement figure 7 needs several budgets; table {table.name!r} has"
            f" {table.budgets[0]:g} only"
        )
    accuracy = 1 - table.mean_validation_error
    known = ~np.isnan(accuracy).any(axis=1)
    accuracy = accuracy[known]
    if len(accuracy) < _FEWEST:
        raise FigureError(
            f"supplement figure 7 needs {_FEWEST} cells measured at every budget; table"
            f" {table.name!r} has {len(accuracy)}"
        )
    pairs = list(combinations(range(len(table.budgets)), 2))
    found = np.full((len(pairs), len(PERCENTILES)), np.nan)
    for p, percentile in enumerate(PERCENTILES):
        top = accuracy[accuracy[:, -1] >= np.percentile(accuracy[:, -1], percentile)]
        if len(top) >= _FEWEST:
            levelled = [level_ties(column)[0] for column in top.T]
            ranks = np.stack([stats.rankdata(column) for column in levelled], axis=1)
            with np.errstate(invalid="ignore"):  # where all are alike there is no correlation
                matrix = np.atleast_2d(np.corrcoef(ranks, rowvar=False))
            found[:, p] = [matrix[i, j] for i, j in pairs]
    return BudgetCorrelation(
        table=table.name,
        pairs=tuple((table.budgets[i], table.budgets[j]) for i, j in pairs),
        percentiles=np.array(PERCENTILES),
        correlation=found,
        unit=table.budget_unit,
        note=noted(table, (), {"validation accuracy at every budget": int((~known).sum())}),
        reconstruction=table.provenance.reconstruction,
    )


def caption(found: BudgetCorrelation) -> str:
    """What the figure shows, with the published value beside ours."""
    beside = "".join(f" {a.quantity}: {a.ours} (published {a.published})." for a in anchors(found))
    return (
        "NAS-Bench-101, supplement figure 7. Spearman's correlation of mean validation accuracy"
        f" between budgets among the best cells at the largest budget.{beside} Table"
        f" {found.table}.{found.note}"
    )


def anchors(found: BudgetCorrelation) -> tuple[Anchor, ...]:
    """36 against 108 epochs, where the table has both."""
    if (36.0, 108.0) not in found.pairs:
        return ()
    ours = found.correlation[found.pairs.index((36.0, 108.0)), PERCENTILES.index(90.0)]
    return (
        Anchor(
            "Spearman's correlation of 36 and 108 epochs in the best tenth",
            "too few cells" if np.isnan(ours) else f"{ours:.3f}",
            f"{PUBLISHED}",
        ),
    )


def draw(found: BudgetCorrelation, width: float) -> Figure:
    """Draw one line a pair of budgets."""
    names = [f"{low:g} and {high:g} {found.unit}" for low, high in found.pairs]
    with house():
        figure, (ax,) = panels(1, width, 2.8)
        for line, style in zip(found.correlation, graded_styles(names), strict=True):
            ax.plot(np.arange(len(line)), line, label=style.name, **style.line())
        ax.set_xticks(
            np.arange(len(found.percentiles)), [f"{100 - p:g} %" for p in found.percentiles]
        )
        ax.set_xlabel("Best cells at the largest budget")
        ax.set_ylabel("Spearman's correlation")
        ax.grid(True)
        ax.legend(loc="lower left", frameon=True, framealpha=0.85, edgecolor="none")
        title(ax, found.table, found.reconstruction)
    return figure


FIGURE = TableFigure(
    *("S7", "rank correlation between budgets", compute, caption, draw, anchors),
    needs=("validation_accuracy at several budgets",),
)
