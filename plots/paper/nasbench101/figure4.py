"""NAS-Bench-101, figure 4: what replacing an operation does to accuracy and training time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import permutations
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from regretta.plots.axes import title
from regretta.plots.paper.columns import (
    Anchor,
    need_nasbench101,
    noted,
    training_seconds,
    validation_accuracy,
)
from regretta.plots.paper.figure import TableFigure
from regretta.plots.paper.nasbench101.graphs import replacements
from regretta.plots.style import house, panels
from regretta.tabular_data.table import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NAMES = ("conv3x3", "conv1x1", "maxpool3x3")

PUBLISHED: Mapping[tuple[str, str], tuple[float, float]] = {
    ("conv3x3", "conv1x1"): (-0.0116, -0.1411),
    ("conv3x3", "maxpool3x3"): (-0.0199, -0.0984),
    ("conv1x1", "maxpool3x3"): (-0.0081, 0.0504),
}
"""Change of validation accuracy and relative change of training time that the paper gives (3.2)."""


@dataclass(frozen=True, eq=False)
class Replacements:
    """Mean changes, old operation by new one in the order of `NAMES`; NaN on the diagonal.

    Attributes
    ----------
    accuracy
        Change of mean validation accuracy at the largest budget, a fraction: shape ``[3, 3]``.
    time
        Relative change of training time: shape ``[3, 3]``.
    count
        Number of (cell, vertex) pairs behind each mean: shape ``[3, 3]``.
    """

    table: str
    accuracy: NDArray[np.float64]
    time: NDArray[np.float64]
    count: NDArray[np.int64]
    note: str
    reconstruction: str


def compute(table: Table) -> Replacements:
    """Means over all cells and all of their vertices with the old operation.

    Raises
    ------
    FigureError
        If the table is not of NAS-Bench-101's cells.
    """
    space = need_nasbench101(table, "figure 4")
    accuracy, seconds = validation_accuracy(table, "figure 4"), training_seconds(table)
    lacking = {"validation accuracy": accuracy, "training time": seconds}
    changes = np.full((2, 3, 3), np.nan)
    count = np.zeros((3, 3), dtype=np.int64)
    for old, new in permutations(range(3), 2):
        pairs = list(replacements(space, old, new))
        before, after = (np.concatenate(rows) for rows in zip(*pairs, strict=True))
        gain, faster = accuracy[after] - accuracy[before], seconds[after] / seconds[before] - 1
        known = ~np.isnan(gain) & ~np.isnan(faster)
        count[old, new] = known.sum()
        if known.any():
            changes[:, old, new] = gain[known].mean(), faster[known].mean()
    return Replacements(
        *(table.name, changes[0], changes[1], count),
        note=noted(table, (), {k: int(np.isnan(v).sum()) for k, v in lacking.items()}),
        reconstruction=table.provenance.reconstruction,
    )


def caption(found: Replacements) -> str:
    """What the figure shows, with the published values beside ours."""
    beside = "; ".join(f"{a.quantity} {a.ours} (published {a.published})" for a in anchors(found))
    return (
        "NAS-Bench-101, figure 4. Mean change of validation accuracy (left, percentage points) and"
        " of training time (right, percent) when one vertex's operation is replaced, over all"
        f" cells and vertices. {beside}. Table {found.table}.{found.note}"
    )


def anchors(found: Replacements) -> tuple[Anchor, ...]:
    """The changes that the paper's text gives."""
    return tuple(
        Anchor(
            f"{old} by {new}, {what}",
            _shown(ours[NAMES.index(old), NAMES.index(new)], unit),
            _shown(published, unit),
        )
        for (old, new), pair in PUBLISHED.items()
        for what, unit, ours, published in zip(
            *(("accuracy", "time"), ("points", "%"), (found.accuracy, found.time), pair),
            strict=True,
        )
    )


def _shown(fraction: float, unit: str) -> str:
    if np.isnan(fraction):
        return "no pair of cells is measured"
    return f"{100 * fraction:+.2f} {unit}".replace("-", "\u2212")


def draw(found: Replacements, width: float) -> Figure:
    """Draw both heat maps."""
    with house():
        figure, axes = panels(2, width, 2.6)
        for ax, values, label in zip(
            axes,
            (found.accuracy, found.time),
            ("Validation accuracy (points)", "Training time (%)"),
            strict=True,
        ):
            reach = float(np.nanmax(np.abs(values))) if np.isfinite(values).any() else 1.0
            good = 1 if ax is axes[0] else -1  # blue is good on both: more accuracy, less time
            ax.imshow(good * values, cmap="RdBu", vmin=-reach, vmax=reach)
            for (i, j), value in np.ndenumerate(values):
                if np.isfinite(value):
                    dark = abs(value) > 0.6 * reach
                    text = f"{100 * value:+.2f}".replace("-", "\u2212")
                    ax.text(
                        j, i, text, ha="center", va="center", color="white" if dark else "black"
                    )
            ax.set_xticks(range(3), NAMES)
            ax.set_yticks(range(3), NAMES)
            ax.set_xlabel("New operation")
            ax.set_ylabel("Old operation")
            title(ax, label, found.reconstruction)
            ax.spines[:].set_visible(False)
            ax.tick_params(length=0)
    return figure


FIGURE = TableFigure(
    *("4", "replacement of operations", compute, caption, draw, anchors),
    needs=("validation_accuracy", "training_seconds"),
)
