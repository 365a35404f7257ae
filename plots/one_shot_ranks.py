"""How well a supernet ranks cells: one-shot accuracy against the table's, epoch by epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from regretta.harness.regret import level_ties
from regretta.plots.paper.nasbench201.published import (
    ALL,
    BATCH,
    BATCH_NORMS,
    EVERY_LAYER,
    RUNNING,
)
from regretta.plots.style import METHODS, figure, house, is_wide, span

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

KINDS: Mapping[str, tuple[str, str, str]] = {
    RUNNING: (METHODS["reinforce"][1], "^", "--"),
    BATCH: (METHODS["smac"][1], "o", "-."),
    ALL: (METHODS["regularized_evolution"][1], "s", "-"),
}
"""Batch normalization when a supernet is evaluated → colour, marker and dashes."""

MEASURES = ("Spearman's rank correlation", "Kendall's rank correlation", "One-shot accuracy (%)")
"""Panels: the third has the mean over the cells."""


@dataclass(frozen=True, eq=False)
class Evaluations:
    """One-shot accuracies of a sample of cells while one supernet is trained.

    Attributes
    ----------
    epochs
        Ascending, 0 is the untrained supernet: shape ``[k]``.
    accuracy
        `KINDS` → fractions: shape ``[k, cells]``.
    """

    epochs: NDArray[np.float64]
    accuracy: Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True, eq=False)
class OneShotRanks:
    """The figure.

    Attributes
    ----------
    table
        Whose accuracies are the truth.
    cells
        Size of the sample.
    epochs
        Those of all supernets: shape ``[k]``.
    values
        `KINDS` → shape ``[measures, supernets, k]``, in the order of `MEASURES`. A correlation is
        NaN where all cells are alike.
    reconstruction
        What of the table is modelled.
    """

    table: str
    cells: int
    epochs: NDArray[np.float64]
    values: Mapping[str, NDArray[np.float64]]
    reconstruction: str = ""

    @property
    def supernets(self) -> int:
        """Number of supernets."""
        return len(next(iter(self.values.values()))[0])


def one_shot_ranks(
    supernets: Sequence[Evaluations],
    truth: NDArray[np.float64],
    table: str,
    reconstruction: str = "",
) -> OneShotRanks:
    """Rank correlations of one-shot accuracy with the cells' own.

    Parameters
    ----------
    supernets
        One or more; epochs that one lacks are left out.
    truth
        Accuracy of each cell trained alone: shape ``[cells]``.
    table, reconstruction
        As in `OneShotRanks`.
    """
    common = sorted(set.intersection(*(set(one.epochs.tolist()) for one in supernets)))
    (own,) = level_ties(truth)
    values = {}
    for kind in (kind for kind in KINDS if kind in supernets[0].accuracy):
        found = np.full((len(MEASURES), len(supernets), len(common)), np.nan)
        for n, one in enumerate(supernets):
            for k, epoch in enumerate(common):
                shot = one.accuracy[kind][int(np.flatnonzero(one.epochs == epoch)[0])]
                if np.ptp(shot) > 0 and np.ptp(own) > 0:
                    found[0, n, k] = stats.spearmanr(shot, own).statistic
                    found[1, n, k] = stats.kendalltau(shot, own).statistic
                found[2, n, k] = 100 * shot.mean()
        values[kind] = found
    return OneShotRanks(table, len(truth), np.array(common), values, reconstruction)


def summary(found: OneShotRanks) -> str:
    """The correlations after the last epoch in words: mean over supernets, and each."""
    parts = []
    for kind, values in found.values.items():
        ends = values[0, :, -1]
        each = ", ".join(f"{end:.2f}" for end in ends).replace("-", "\u2212")
        mean = f"{np.mean(ends):.2f}".replace("-", "\u2212")
        parts.append(f"{BATCH_NORMS[kind].lower()} {mean} ({each})")
    return f"Spearman's correlation after epoch {found.epochs[-1]:g}: {'; '.join(parts)}."


def caption(found: OneShotRanks) -> str:
    """What the figure shows, and where it ends."""
    modelled = f" Reconstruction: {found.reconstruction}." if found.reconstruction else ""
    return (
        f"Rank correlation of one-shot accuracy with the accuracy that the same {found.cells} cells"
        f" reach in table {found.table} (mean validation accuracy after the longest training), and"
        " the mean one-shot accuracy, while a supernet learns from uniformly random cells. The same"
        " supernet is evaluated with each kind of batch normalization: running estimates, the"
        f" statistics of each batch, or those in every layer. {EVERY_LAYER}"
        f" Mean and standard deviation over {found.supernets} supernets,"
        f" thin lines each of them. {summary(found)}{modelled}"
    )


def draw(found: OneShotRanks, width: float) -> Figure:
    """Draw a panel a measure, side by side on two columns and below each other on one."""
    wide = is_wide(width)
    with house():
        made = figure(width, 2.3 if wide else 5.4)
        grid = made.subplots(*((1, 3) if wide else (3, 1)), squeeze=False, sharex=True)
        axes = list(grid.ravel())
        for nth, (ax, measure) in enumerate(zip(axes, MEASURES, strict=True)):
            _draw_measure(ax, found, nth)
            ax.set_ylabel(measure)
            ax.grid(True)
            if wide or nth == len(axes) - 1:
                ax.set_xlabel("Epochs of the supernet")
        handles, names = axes[0].get_legend_handles_labels()
        words = f"n = {span([found.supernets])} supernets"
        made.legend(
            *(handles, names),
            loc="outside upper center",
            ncols=3 if wide else 1,
            title=f"{words}, reconstruction" if found.reconstruction else words,
            title_fontsize=7,
        )
    return made


def _draw_measure(ax: Axes, found: OneShotRanks, nth: int) -> None:
    if nth < 2:
        ax.axhline(0, color="#999999", linewidth=0.8, zorder=1)
    for kind, values in ((kind, measures[nth]) for kind, measures in found.values.items()):
        color, marker, dashes = KINDS[kind]
        known = ~np.isnan(values).any(axis=0)
        epochs, values = found.epochs[known], values[:, known]
        if found.supernets > 1:
            for one in values:
                ax.plot(epochs, one, color=color, linewidth=0.4, alpha=0.6, linestyle=dashes)
            low, high = (values.mean(axis=0) + sign * values.std(axis=0) for sign in (-1, 1))
            ax.fill_between(epochs, low, high, color=color, alpha=0.15, linewidth=0)
        ax.plot(
            *(epochs, values.mean(axis=0)),
            color=color,
            marker=marker,
            markevery=max(len(epochs) // 6, 1),
            linestyle=dashes,
            label=BATCH_NORMS[kind],
        )
