"""NAS-Bench-101, figure 5: depth and width of a cell against accuracy and training time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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
from regretta.plots.paper.nasbench101.graphs import depth, width
from regretta.plots.style import METHODS, house, panels
from regretta.tabular_data.table import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PUBLISHED: Mapping[str, int] = {"depth": 3, "width": 5}
"""Depth and width of the highest mean validation accuracy (section 3.2)."""


@dataclass(frozen=True, eq=False)
class Means:
    """Means over the cells of each size: shape ``[k]``, sizes without a cell left out.

    Attributes
    ----------
    size
        Depths or widths that occur, ascending.
    accuracy, seconds
        Mean validation accuracy and mean training time at the largest budget.
    count
        Number of cells.
    """

    size: NDArray[np.int64]
    accuracy: NDArray[np.float64]
    seconds: NDArray[np.float64]
    count: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class DepthAndWidth:
    """Means by each of the two, under ``"depth"`` and ``"width"``."""

    table: str
    by: Mapping[str, Means]
    note: str
    reconstruction: str


def compute(table: Table) -> DepthAndWidth:
    """Depth is the longest path from input to output in edges, width the largest directed cut.

    Raises
    ------
    FigureError
        If the table is not of NAS-Bench-101's cells, or no cell is measured.
    """
    space = need_nasbench101(table, "figure 5")
    accuracy, seconds = validation_accuracy(table, "figure 5"), training_seconds(table)
    known = ~np.isnan(accuracy) & ~np.isnan(seconds)
    return DepthAndWidth(
        table.name,
        {
            name: _means(size[known], accuracy[known], seconds[known])
            for name, size in (("depth", depth(space)), ("width", width(space)))
        },
        noted(table, (), {"validation accuracy and training time": int((~known).sum())}),
        table.provenance.reconstruction,
    )


def _means(
    size: NDArray[np.int64], accuracy: NDArray[np.float64], seconds: NDArray[np.float64]
) -> Means:
    sizes, place, count = np.unique(size, return_inverse=True, return_counts=True)
    mean_accuracy, mean_seconds = (
        np.bincount(place, weights=values) / count for values in (accuracy, seconds)
    )
    return Means(sizes, mean_accuracy, mean_seconds, count)


def caption(found: DepthAndWidth) -> str:
    """What the figure shows, with the paper's finding beside ours."""
    beside = "; ".join(f"{a.quantity}: {a.ours} (published {a.published})" for a in anchors(found))
    numbers = "; ".join(
        f"{name} "
        + ", ".join(f"{size}: {count:,}" for size, count in zip(m.size, m.count, strict=True))
        for name, m in found.by.items()
    )
    return (
        "NAS-Bench-101, figure 5. Mean validation accuracy and training time by depth (edges on the"
        " longest path from input to output) and width (largest directed cut: edges that leave a"
        " set of vertices that no edge enters again, one from input to output apart; the paper"
        f' says "maximum directed cut"). {beside}. Numbers of cells: {numbers}. Table'
        f" {found.table}.{found.note}"
    )


def anchors(found: DepthAndWidth) -> tuple[Anchor, ...]:
    """The best depth and width."""
    return tuple(
        Anchor(
            f"{name.capitalize()} of the highest mean validation accuracy",
            str(means.size[np.argmax(means.accuracy)]),
            str(PUBLISHED[name]),
        )
        for name, means in found.by.items()
    )


def draw(found: DepthAndWidth, width: float) -> Figure:
    """Draw accuracy and time against depth and width."""
    blue, orange = METHODS["regularized_evolution"][1], METHODS["reinforce"][1]
    with house():
        figure, axes = panels(len(found.by), width, 2.3)
        for ax, (name, means) in zip(axes, found.by.items(), strict=True):
            ax.plot(means.size, means.accuracy, marker="o", color=blue)
            ax.set_xlabel(name.capitalize())
            ax.set_ylabel("Mean validation accuracy", color=blue)
            ax.set_xticks(means.size)
            ax.grid(True, axis="x")
            other = ax.twinx()
            other.plot(means.size, means.seconds, marker="s", color=orange, linestyle=(0, (4, 1.5)))
            other.set_ylabel("Mean training time (s)", color=orange)
            other.spines["right"].set_visible(True)
            title(ax, found.table, found.reconstruction)
    return figure


FIGURE = TableFigure(
    *("5", "depth and width", compute, caption, draw, anchors),
    needs=("validation_accuracy", "training_seconds"),
)
