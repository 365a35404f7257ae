"""Critical-difference diagram: mean ranks on a line, bars over methods that do not differ.

After Demšar (2006), figure 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import MaxNLocator

from regretta.plots.friedman import Friedman
from regretta.plots.statistics import LEVEL
from regretta.plots.style import MethodStyle, figure, house, is_wide
from regretta.plots.text import POINTS, text_width

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ROW = 0.17
"""Inches between two names."""


def critical_difference_caption(found: Friedman, reconstruction: str = "") -> str:
    """What a reader must know to read the figure."""
    degrees = len(found.labels) - 1
    p = "p < 0.0001" if found.p < 1e-4 else f"p = {found.p:.2g}"
    parts = [
        f"Mean ranks of final {found.measure} over {found.tables} tables, each method's runs on"
        " a table averaged first; 1 is best, ties share their mean rank. Friedman's test in Iman"
        f" and Davenport's form: F = {found.f:.3g} with {degrees} and"
        f" {degrees * (found.tables - 1)} degrees of freedom, {p} (\u03c7\u00b2 ="
        f" {found.statistic:.3g}). Methods joined by a bar are closer than Nemenyi's critical"
        f" difference of {found.critical_difference:.3g} (level {LEVEL:g})."
    ]
    if found.p >= LEVEL:
        parts.append("Friedman's test finds no difference, so none is claimed between any two.")
    if found.unfinished:
        often = "once" if found.unfinished == 1 else f"{found.unfinished} times"
        parts.append(
            "A method with a run that finished no evaluation on a table ranks last there, which is"
            f" so {often}."
        )
    return " ".join([*parts, *([f"Reconstruction: {reconstruction}"] if reconstruction else [])])


def draw_critical_difference(
    found: Friedman, styles: Mapping[str, MethodStyle], width: float, reconstruction: bool = False
) -> Figure:
    """Draw the diagram: the better half of the methods on the left, the others on the right; on one
    column all left.

    Parameters
    ----------
    found
        From `regretta.plots.friedman.friedman_of_runs`.
    styles
        From `regretta.plots.style.method_styles`.
    width
        `ONE_COLUMN` or `TWO_COLUMNS`.
    reconstruction
        Whether any of the tables has modelled columns.
    """
    count = len(found.labels)
    left = -(-count // 2) if is_wide(width) else count
    names = [
        f"{styles[label].name} ({rank:.2f})"
        for label, rank in zip(found.labels, found.ranks, strict=True)
    ]
    bars = _rows_of_bars(found)
    top, below = 0.42, 0.14 + 0.09 * (max(bars, default=0) + 1)
    height = top + below + _ROW * left + (0.15 if reconstruction else 0.0)
    before, after = _room(names[:left]), _room(names[left:])
    with house():
        drawn = figure(width, height)
        drawn.set_layout_engine("none")
        ax = drawn.add_axes((before / width, 0.0, 1 - (before + after) / width, 1 - top / height))
        inches = height - top  # of the axes; y runs down from the line of ranks, in inches
        ax.set_xlim(1, count)
        ax.set_ylim(inches, 0)
        _line_of_ranks(ax)
        for place, (label, name, rank) in enumerate(
            zip(found.labels, names, found.ranks, strict=True)
        ):
            style, on_left = styles[label], place < left
            y = below + _ROW * (place if on_left else count - 1 - place) + _ROW / 2
            edge = 1.0 if on_left else float(count)
            ax.plot([rank, rank, edge], [0, y, y], color=style.color, linewidth=0.9, clip_on=False)
            ax.plot(
                rank,
                0,
                marker=style.marker,
                color=style.color,
                markersize=4,
                clip_on=False,
                zorder=4,
            )
            ax.annotate(
                name,
                (edge, y),
                (-4 if on_left else 4, 0),
                textcoords="offset points",
                ha="right" if on_left else "left",
                va="center",
                fontsize=POINTS,
                annotation_clip=False,
            )
        for (first, last), row in zip(found.groups, bars, strict=True):
            y = 0.1 + 0.09 * row
            reach = (found.ranks[first] - 0.04 * count / 7, found.ranks[last] + 0.04 * count / 7)
            ax.plot(
                reach,
                (y, y),
                color="#333333",
                linewidth=2.4,
                solid_capstyle="butt",
                clip_on=False,
                zorder=5,
            )
        _ruler(ax, found.critical_difference, count)
        if reconstruction:
            ax.text(
                0.5,
                inches,
                "reconstruction",
                ha="center",
                va="bottom",
                style="italic",
                color="#555555",
                transform=ax.get_yaxis_transform(),
            )
    return drawn


def _room(names: Sequence[str]) -> float:
    """Inches that names take beside the axes."""
    return 0.15 + max((text_width(name, POINTS) for name in names), default=0.0)


def _rows_of_bars(found: Friedman) -> list[int]:
    """The row of each bar: the first in which it touches no other."""
    ends: list[float] = []
    rows = []
    apart = 0.2 * len(found.labels) / 7
    for first, last in found.groups:
        row = next((i for i, end in enumerate(ends) if end + apart < found.ranks[first]), len(ends))
        ends[row : row + 1] = [float(found.ranks[last])]
        rows.append(row)
    return rows


def _line_of_ranks(ax: Axes) -> None:
    for side in ("left", "right", "bottom"):
        ax.spines[side].set_visible(False)
    ax.spines["top"].set_visible(True)
    ax.yaxis.set_visible(False)
    ax.xaxis.tick_top()
    ax.xaxis.set_major_locator(MaxNLocator(9, integer=True))
    ax.patch.set_alpha(0)


def _ruler(ax: Axes, length: float, count: int) -> None:
    """The critical difference to scale, above the line."""
    y, stop = -0.27, min(1 + length, float(count))
    ax.plot([1, stop], [y, y], color="black", linewidth=1, clip_on=False)
    for end in np.unique([1, stop]):
        ax.plot([end, end], [y - 0.03, y + 0.03], color="black", linewidth=1, clip_on=False)
    ax.annotate(
        f"CD = {length:.2f}",
        (stop, y),
        (4, 0),
        textcoords="offset points",
        va="center",
        fontsize=7,
        annotation_clip=False,
    )
