"""Average rank of the methods over time and tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from regretta.harness.regret import regret_matrix
from regretta.harness.result import RunResult
from regretta.plots.axes import log_axis, marker_positions, time_axis, title
from regretta.plots.regret_curve import regret_kind
from regretta.plots.statistics import expected_ranks
from regretta.plots.style import (
    TWO_COLUMNS,
    MethodStyle,
    house,
    legend,
    legend_height,
    panels,
    span,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, eq=False)
class RankCurves:
    """Average ranks over time.

    Attributes
    ----------
    tables
        Tables averaged over.
    labels
        Methods ranked: those with runs on every table.
    runs
        Numbers of runs of each label, a table each.
    time
        Simulated seconds for one table; for several, the fraction of each table's time limit: shape
        ``[k]``.
    ranks
        Mean rank, 1 is best: shape ``[labels, k]``.
    kinds
        Kinds of regret that were ranked.
    reconstruction
        Whether any table has modelled columns.
    """

    tables: tuple[str, ...]
    labels: tuple[str, ...]
    runs: Mapping[str, tuple[int, ...]]
    time: NDArray[np.float64]
    ranks: NDArray[np.float64]
    kinds: tuple[str, ...]
    reconstruction: bool


def rank_curves(
    tables: Mapping[str, Mapping[str, Sequence[RunResult]]], *, points: int = 120
) -> RankCurves:
    """Average rank over time of the methods that have runs on every table.

    Ranks are expected ranks of one run drawn of each method, see `expected_ranks`; a run without a
    value yet ranks last. Several tables are averaged at equal fractions of their time limits.

    Parameters
    ----------
    tables
        Table → label → runs; each table with at least one run that finished an evaluation.
    points
        Size of the grid, logarithmically spaced.
    """
    labels = [
        label
        for label in next(iter(tables.values()))
        if all(group[label] for group in tables.values())
    ]
    limits = {
        t: max(run.time_limit for runs in group.values() for run in runs)
        for t, group in tables.items()
    }
    start = min(
        run.trajectory.time[0] / limits[table]
        for table, group in tables.items()
        for runs in group.values()
        for run in runs
        if len(run.trajectory)
    )
    fraction = np.geomspace(min(start, 0.5), 1.0, points)
    kinds = {table: regret_kind(group) for table, group in tables.items()}
    ranks = np.zeros((len(labels), points))
    for table, group in tables.items():
        matrices = [
            regret_matrix(group[label], fraction * limits[table], kinds[table]) for label in labels
        ]
        for moment in range(points):
            ranks[:, moment] += expected_ranks([matrix[:, moment] for matrix in matrices]) / len(
                tables
            )
    return RankCurves(
        tables=tuple(tables),
        labels=tuple(labels),
        runs={label: tuple(len(group[label]) for group in tables.values()) for label in labels},
        time=fraction * (next(iter(limits.values())) if len(tables) == 1 else 1.0),
        ranks=ranks,
        kinds=tuple(sorted(set(kinds.values()))),
        reconstruction=any(
            r.reconstruction for group in tables.values() for runs in group.values() for r in runs
        ),
    )


def rank_caption(shown: RankCurves) -> str:
    """What a reader must know to read the figure."""
    where = (
        shown.tables[0]
        if len(shown.tables) == 1
        else f"{len(shown.tables)} tables: {', '.join(shown.tables)}"
    )
    runs = span([count for counts in shown.runs.values() for count in counts])
    return (
        f"Average rank by {' or '.join(shown.kinds)} regret over time on {where}; n = {runs} runs"
        " per method; 1 is best. The rank is the expected rank among one run drawn of each method,"
        " so every run counts and none is matched with another; a run without a finished"
        " evaluation ranks last, and ties share their rank."
    )


def draw_ranks(shown: RankCurves, styles: Mapping[str, MethodStyle], width: float) -> Figure:
    """Draw the ranks; `width` is `ONE_COLUMN` or `TWO_COLUMNS`. There must be two methods or more."""
    beside = width >= TWO_COLUMNS
    low, high = float(shown.time[0]), float(shown.time[-1])
    with house():
        figure, (ax,) = panels(
            1,
            width,
            2.8 if beside else 2.5,
            0.0 if beside else legend_height(len(shown.labels), width),
        )
        handles: dict[str, Any] = {}
        for nth, label in enumerate(shown.labels):
            (handles[label],) = ax.plot(
                *(shown.time, shown.ranks[nth]),
                drawstyle="steps-post",
                markevery=marker_positions(shown.time, low, high, nth, len(shown.labels)),
                **styles[label].line(),
            )
        if len(shown.tables) == 1:
            time_axis(ax, low, high)
        else:
            ax.set_xscale("log")
            ax.set_xlim(low, high)
            log_axis(ax, "x", low, high)
            ax.set_xlabel("Fraction of the simulated time limit")
        ax.set_ylim(len(shown.labels) + 0.15, 0.85)
        ax.yaxis.set_major_locator(MaxNLocator(integer=True))
        ax.set_ylabel(f"Average rank by {' or '.join(shown.kinds)} regret")
        ax.grid(True, which="major")
        name = shown.tables[0] if len(shown.tables) == 1 else f"{len(shown.tables)} tables"
        title(ax, name, "reconstruction" if shown.reconstruction else "")
        legend(
            figure, handles, {label: styles[label].name for label in handles}, shown.runs, beside
        )
    return figure
