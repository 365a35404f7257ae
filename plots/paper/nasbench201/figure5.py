"""NAS-Bench-201, figure 5: how stable the ranks of cells are over training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from regretta.harness.regret import level_ties
from regretta.plots.paper.columns import FigureError, mean_over_repeats, need_nasbench201, noted
from regretta.plots.paper.figure import TablesFigure
from regretta.plots.style import graded_styles, house, panels
from regretta.tabular_data.table import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure


_MARKERS = 6


@dataclass(frozen=True, eq=False)
class RankStability:
    """One line.

    Attributes
    ----------
    source
        ``"curve"``: after each epoch of the longest training; ``"budgets"``: at the end of shorter
        trainings.
    epochs
        Ascending: shape ``[k]``.
    correlation
        Kendall's tau-b between validation accuracy then and at the end of the longest training:
        shape ``[k]``.
    """

    table: str
    source: str
    epochs: NDArray[np.float64]
    correlation: NDArray[np.float64]
    note: str
    reconstruction: str


def compute(tables: Sequence[Table]) -> tuple[RankStability, ...]:
    """Rank correlations of each table over its learning curves or, where it has none, over its
    budgets.

    Raises
    ------
    FigureError
        If a table is not of NAS-Bench-201's cells, or none has curves or a second budget.
    """
    found = []
    missing: tuple[str, ...]
    for table in tables:
        need_nasbench201(table, "figure 5")
        if "validation_curve" in table.columns:
            source, then = "curve", mean_over_repeats(table.columns["validation_curve"])
            epochs, missing = np.arange(1.0, then.shape[1] + 1), ()
        elif len(table.budgets) > 1:
            source, then = "budgets", 1 - table.mean_validation_error
            epochs = np.array(table.budgets)
            missing = (
                "learning curves (validation_curve): the ends of shorter trainings are shown",
            )
        else:
            continue
        known = ~np.isnan(then).all(axis=0)
        then, epochs = then[:, known], epochs[known]
        complete = ~np.isnan(then).any(axis=1)
        then = then[complete]
        if len(then) < 2 or len(epochs) < 2:
            continue
        levelled = [level_ties(column)[0] for column in then.T]
        taus = [float(stats.kendalltau(column, levelled[-1]).statistic) for column in levelled]
        found.append(
            RankStability(
                table.name,
                source,
                epochs,
                np.array(taus),
                noted(table, missing, {"accuracy at each of them": int((~complete).sum())}),
                table.provenance.reconstruction,
            )
        )
    if not found:
        names = ", ".join(table.name for table in tables)
        raise FigureError(
            f"figure 5 needs learning curves (validation_curve) or a second budget; {names} lack"
            " both"
        )
    return tuple(found)


def caption(found: Sequence[RankStability]) -> str:
    """What the figure shows and what is missing."""
    return (
        "NAS-Bench-201, figure 5. Kendall's rank correlation over all cells between mean"
        " validation accuracy after some epochs and at the end of the longest"
        f" training.{''.join(line.note for line in found)}"
    )


def draw(found: Sequence[RankStability], width: float) -> Figure:
    """Draw a line a table; against the share of the training where trainings differ in length."""
    looks = graded_styles([line.table for line in found])
    longest = {float(line.epochs[-1]) for line in found}
    shares = len(longest) > 1
    with house():
        figure, (ax,) = panels(1, min(width, 3.5), 2.2, extra=0.15 * len(found))
        for line, look in zip(found, looks, strict=True):
            words = f"{line.table} (reconstruction)" if line.reconstruction else line.table
            of = line.epochs[-1] / 100 if shares else 1.0
            words += f", {line.epochs[-1]:g} epochs" if shares else ""
            ax.plot(
                *(line.epochs / of, line.correlation),
                label=words,
                color=look.color,
                marker=look.marker,
                markevery=max(len(line.epochs) // _MARKERS, 1),
                linestyle=":" if line.source == "budgets" else "-",  # nothing between budgets
            )
        ax.set_xlabel("Share of the training (% of its epochs)" if shares else "Epochs of training")
        ax.set_ylabel("Kendall's rank correlation")
        ax.set_ylim(0, 1.02)
        ax.grid(True)
        figure.legend(loc="outside upper center", ncols=1)
    return figure


FIGURE = TablesFigure(
    "5", "rank stability over training", compute, caption, draw, needs=("validation_curve",)
)
