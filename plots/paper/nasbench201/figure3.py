"""NAS-Bench-201, figure 3: ranks of all cells across data sets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray
from scipy import stats

from regretta.harness.regret import level_ties
from regretta.plots.paper.columns import (
    FigureError,
    best_known_accuracy,
    cells,
    need_nasbench201,
    noted,
)
from regretta.plots.paper.figure import TablesFigure
from regretta.plots.style import graded_styles, house, panels
from regretta.tabular_data.table import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, eq=False)
class Ranks:
    """Ranks of the cells, 1 is best.

    Attributes
    ----------
    tables, kinds
        Names of the tables, and the kind of accuracy ranked of each.
    ranks
        By falling accuracy, in the order of the first table's ranks: shape ``[tables, cells]``.
    """

    tables: tuple[str, ...]
    kinds: tuple[str, ...]
    ranks: NDArray[np.float64]
    note: str
    reconstruction: str


def compute(tables: Sequence[Table]) -> Ranks:
    """Ranks on every table of the cells that all of them have.

    Raises
    ------
    FigureError
        If there is one table only, or one is not of NAS-Bench-201's cells.
    """
    if len(tables) < 2:
        raise FigureError(
            f"figure 3 compares data sets and needs two tables or more, got {len(tables)}"
        )
    for table in tables:
        need_nasbench201(table, "figure 3")
    kinds, columns = zip(*(best_known_accuracy(table, "figure 3") for table in tables), strict=True)
    accuracy = np.stack(columns)
    known = ~np.isnan(accuracy).any(axis=0)
    if not known.any():
        raise FigureError(
            "figure 3 needs cells that every table has an accuracy of; there are none"
        )
    levelled = level_ties(*accuracy[:, known])
    ranks = np.stack([np.asarray(stats.rankdata(-row), dtype=np.float64) for row in levelled])
    return Ranks(
        tables=tuple(table.name for table in tables),
        kinds=kinds,
        ranks=ranks[:, np.argsort(ranks[0], kind="stable")],
        note=_left_out(int((~known).sum())) + "".join(noted(table) for table in tables),
        reconstruction="; ".join(
            t.provenance.reconstruction for t in tables if t.provenance.reconstruction
        ),
    )


def _left_out(count: int) -> str:
    return f" Left out: {cells(count)} without an accuracy on every table." if count else ""


def caption(found: Ranks) -> str:
    """What the figure shows."""
    shown = ", ".join(
        f"{table} ({kind})" for table, kind in zip(found.tables, found.kinds, strict=True)
    )
    return (
        f"NAS-Bench-201, figure 3. Rank of each cell by accuracy at the largest budget on {shown},"
        f" against its rank on {found.tables[0]}; 1 is best, and ties share their mean rank."
        f"{found.note}"
    )


def draw(found: Ranks, width: float) -> Figure:
    """Draw the ranks on every table against those on the first."""
    looks = graded_styles(found.tables)
    order = range(len(found.tables) - 1, -1, -1)  # the diagonal on top, far clouds below
    with house():
        figure, (ax,) = panels(1, min(width, 3.5), 3.2)
        for nth in order:
            ax.plot(
                *(found.ranks[0], found.ranks[nth]),
                linestyle="none",
                marker=".",
                markersize=1,
                alpha=0.6,
                color=looks[nth].color,
                label=found.tables[nth],
                rasterized=True,
            )
        ax.set_xlabel(f"Rank on {found.tables[0]}")
        ax.set_ylabel("Rank")
        ax.set_aspect("equal")
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_locator(MaxNLocator(4))
        words = "reconstruction" if found.reconstruction else ""
        figure.legend(loc="outside upper center", ncols=1, markerscale=8, title=words or None)
    return figure


FIGURE = TablesFigure(
    *("3", "ranks across data sets", compute, caption, draw),
    needs=("test_accuracy or mean_test_accuracy on several data sets",),
)
