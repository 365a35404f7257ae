"""NAS-Bench-101, figure 5: depth and width of a cell against accuracy and training time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from plots.axes import title
from plots.paper.columns import mean_over_repeats, need_nasbench101, noted, test_or_validation
from plots.paper.nasbench101_graphs import depth, width
from plots.style import METHODS, house, panels
from tabular_data.table import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["DepthAndWidth", "caption", "compute", "draw"]


@dataclass(frozen=True, eq=False)
class DepthAndWidth:
    """Means over the cells of each depth, and of each width: arrays of shape ``[6]`` for 1 to 6, NaN where no cell is.

    Attributes
    ----------
    kind
        ``"test"`` or ``"validation"`` accuracy.
    depth_accuracy, width_accuracy
        Mean accuracy at the largest budget.
    depth_seconds, width_seconds
        Mean training time at the largest budget.
    depth_count, width_count
        Number of cells.
    """

    table: str
    kind: str
    depth_accuracy: NDArray[np.float64]
    depth_seconds: NDArray[np.float64]
    depth_count: NDArray[np.int64]
    width_accuracy: NDArray[np.float64]
    width_seconds: NDArray[np.float64]
    width_count: NDArray[np.int64]
    note: str
    reconstruction: str


def compute(table: Table) -> DepthAndWidth:
    """Depth is the longest path from input to output in edges, width the largest directed cut.

    The paper says "maximum directed cut" and no more. Where edges may lead back over the cut, widths reach 6 for
    29,250 cells, which are then the best; without such edges 6 is rare and the best common width is the paper's 5,
    so that reading is taken.

    Raises
    ------
    FigureError
        If the table is not of NAS-Bench-101's cells.
    """
    space = need_nasbench101(table, "figure 5")
    kind, accuracy = test_or_validation(table)
    seconds = mean_over_repeats(table.columns["training_seconds"][:, -1])
    by_depth, by_width = (_means(size, accuracy, seconds) for size in (depth(space), width(space)))
    return DepthAndWidth(table.name, kind, *by_depth, *by_width, noted(table, ()), table.provenance.reconstruction)


def _means(
    size: NDArray[np.int64], accuracy: NDArray[np.float64], seconds: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    known = ~np.isnan(accuracy) & ~np.isnan(seconds)
    count = np.bincount(size[known], minlength=7)[1:7]
    divisor = np.where(count > 0, count, np.nan)
    sums = (np.bincount(size[known], weights=values[known], minlength=7)[1:7] for values in (accuracy, seconds))
    mean_accuracy, mean_seconds = (total / divisor for total in sums)
    return mean_accuracy, mean_seconds, count


def caption(found: DepthAndWidth) -> str:
    """What the figure shows, with the paper's finding beside ours."""
    ours = [int(np.nanargmax(np.where(count >= 1000, accuracy, np.nan))) + 1 if (count >= 1000).any() else None
            for accuracy, count in ((found.depth_accuracy, found.depth_count),
                                    (found.width_accuracy, found.width_count))]  # fmt: skip
    best = "" if None in ours else f"Best here among sizes with 1,000 cells or more: depth {ours[0]}, width {ours[1]}; "
    return (
        f"NAS-Bench-101, figure 5. Mean {found.kind} accuracy and training time by depth (edges on the longest path "
        "from input to output) and width (largest directed cut: edges leaving a set of vertices that no edge enters "
        "again). "
        f"{best}published: depth 3, width 5. Numbers of cells: depth {_listed(found.depth_count)}; width "
        f"{_listed(found.width_count)}. Table {found.table}.{found.note}"
    )


def _listed(count: NDArray[np.int64]) -> str:
    return ", ".join(f"{size}: {number:,}" for size, number in enumerate(count.tolist(), start=1) if number)


def draw(found: DepthAndWidth, width: float) -> Figure:
    """Draw accuracy and time against depth and width."""
    blue, orange = METHODS["regularized_evolution"][1], METHODS["reinforce"][1]
    sizes = np.arange(1, 7)
    pairs = (
        ("Depth", found.depth_accuracy, found.depth_seconds),
        ("Width", found.width_accuracy, found.width_seconds),
    )
    with house():
        figure, axes = panels(2, width, 2.3)
        for ax, (name, accuracy, seconds) in zip(axes, pairs, strict=True):
            ax.plot(sizes, accuracy, marker="o", color=blue)
            ax.set_xlabel(name)
            ax.set_ylabel(f"Mean {found.kind} accuracy", color=blue)
            ax.set_xticks(sizes)
            ax.grid(True, axis="x")
            other = ax.twinx()
            other.plot(sizes, seconds, marker="s", color=orange, linestyle=(0, (4, 1.5)))
            other.set_ylabel("Mean training time (s)", color=orange)
            other.spines["right"].set_visible(True)
            title(ax, found.table, found.reconstruction)
    return figure
