"""NAS-Bench-101, figure 9: are good architectures good under other hyperparameters too?

The paper asks it of NAS-HPO-Bench-Protein, since NAS-Bench-101 has one set of hyperparameters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from regretta.harness.regret import level_ties
from regretta.plots.axes import title
from regretta.plots.paper.columns import Anchor, FigureError, noted
from regretta.plots.paper.figure import TableFigure
from regretta.plots.style import METHODS, house, panels
from regretta.tabular_data.sources.simple_hpo.nas_hpo_bench import CHOICES
from regretta.tabular_data.table import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SPACE = "nas-hpo-bench"
"""Name of the search space of NAS-HPO-Bench's tables."""

ARCHITECTURE = ("activation_fn_1", "activation_fn_2", "n_units_1", "n_units_2")
"""Parameters that make an architecture; the others are hyperparameters of its training."""

DATASET, PUBLISHED = "protein", 0.9155
"""The paper's data set, and Spearman's correlation of the two rankings on it."""


@dataclass(frozen=True, eq=False)
class ArchitectureRanks:
    """Two rankings of the architectures, 1 is best.

    Attributes
    ----------
    fixed
        Rank with the hyperparameters of the table's best configuration (the paper's f†): shape
        ``[architectures]``.
    own
        Rank with each architecture's own best hyperparameters (f*): shape ``[architectures]``.
    hyperparameters
        Those that are fixed, in words.
    correlation
        Spearman's, of the two.
    by_mean
        The same with the hyperparameters that are best on average over architectures.
    """

    table: str
    dataset: str
    fixed: NDArray[np.float64]
    own: NDArray[np.float64]
    hyperparameters: str
    correlation: float
    by_mean: float
    note: str
    reconstruction: str


def compute(table: Table) -> ArchitectureRanks:
    """Rank the architectures by mean validation error at the largest budget.

    An architecture without a value under the fixed hyperparameters is left out.

    Raises
    ------
    FigureError
        If the table is not of NAS-HPO-Bench's space, or fewer than three architectures are left.
    """
    names = list(CHOICES)
    if [parameter.name for parameter in table.space.parameters] != names:
        raise FigureError(
            f"figure 9 needs a table of NAS-HPO-Bench; table {table.name!r} has {table.space.name}"
        )
    first = [names.index(name) for name in ARCHITECTURE]
    then = [axis for axis in range(len(names)) if axis not in first]
    sizes = [len(values) for values in CHOICES.values()]
    error = table.mean_validation_error[:, -1].reshape(sizes).transpose(*first, *then)
    error = error.reshape(int(np.prod([sizes[axis] for axis in first])), -1)
    if np.isnan(error).all():
        raise FigureError(f"figure 9 needs validation accuracy; table {table.name!r} has none")
    best = int(np.nanargmin(error) % error.shape[1])
    complete = ~np.isnan(error).any(axis=0)
    known = ~np.isnan(error[:, best])
    if known.sum() < 3:
        raise FigureError(
            f"figure 9 needs three architectures with the best hyperparameters; table"
            f" {table.name!r} has {int(known.sum())}"
        )
    error = error[known]
    own = np.nanmin(error, axis=1)
    by_mean = np.nan
    if complete.any():
        average = np.where(complete, error.mean(axis=0), np.inf)
        by_mean = _correlation(error[:, int(np.argmin(average))], own)
    values = np.unravel_index(best, [sizes[axis] for axis in then])
    shown = [
        f"{names[axis]} = {CHOICES[names[axis]][value]}"
        for axis, value in zip(then, values, strict=True)
    ]
    return ArchitectureRanks(
        *(table.name, table.dataset),
        *(_ranks(error[:, best]), _ranks(own)),
        hyperparameters=", ".join(shown),
        correlation=_correlation(error[:, best], own),
        by_mean=by_mean,
        note=noted(table, (), {_LACKING: int((~known).sum())}),
        reconstruction=table.provenance.reconstruction,
    )


_LACKING = "a value under the fixed hyperparameters (each stands for an architecture)"


def _ranks(error: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(stats.rankdata(level_ties(error)[0]), dtype=np.float64)


def _correlation(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Spearman's, NaN where one of the two does not vary."""
    ranks = _ranks(one), _ranks(other)
    if not all(np.ptp(some) > 0 for some in ranks):
        return np.nan
    return float(stats.pearsonr(*ranks).statistic)


def caption(found: ArchitectureRanks) -> str:
    """What the figure shows, with the published value beside ours."""
    beside = "".join(f" {a.quantity}: {a.ours} (published {a.published})." for a in anchors(found))
    if not beside:
        beside = f" Spearman's correlation: {found.correlation:.4f}."
    other = ""
    if np.isfinite(found.by_mean):
        other = (
            " With the hyperparameters of the lowest mean error over all architectures instead it"
            f" is {found.by_mean:.3f}."
        )
    return (
        f"NAS-Bench-101, figure 9, on NAS-HPO-Bench (Klein and Hutter 2019): rank of"
        f" {len(found.fixed)} architectures by mean validation error, each with its own best"
        " hyperparameters (f*) and all with those of the best configuration (f\u2020:"
        f" {found.hyperparameters}); 1 is best.{beside}{other} Table {found.table}.{found.note}"
    )


def anchors(found: ArchitectureRanks) -> tuple[Anchor, ...]:
    """The correlation, which is published for one data set."""
    if found.dataset != DATASET:
        return ()
    words = "Spearman's correlation of the ranks at f\u2020 and f*"
    return (Anchor(words, f"{found.correlation:.4f}", f"{PUBLISHED}"),)


def draw(found: ArchitectureRanks, width: float) -> Figure:
    """Draw a point an architecture, and the diagonal on which both ranks are the same."""
    with house():
        figure, (ax,) = panels(1, min(width, 3.5), 3.2)
        ends = (-2, len(found.own) + 3)
        ax.plot(ends, ends, color="#999999", linewidth=0.8, zorder=1)
        ax.plot(
            *(found.own, found.fixed),
            linestyle="none",
            marker="o",
            markersize=3,
            color=METHODS["regularized_evolution"][1],
        )
        ax.set_xlabel("Rank with own best hyperparameters (f*)")
        ax.set_ylabel("Rank with fixed hyperparameters (f\u2020)")
        ax.set_xlim(*ends)
        ax.set_ylim(*ends)
        ax.set_aspect("equal")
        ax.grid(True)
        title(ax, found.table, found.reconstruction)
    return figure


FIGURE = TableFigure(
    *("9", "architectures under fixed and under their own hyperparameters", compute, caption),
    *(draw, anchors),
    needs=("validation_accuracy of NAS-HPO-Bench-Protein (nashpo-protein)",),
    space=SPACE,
)
