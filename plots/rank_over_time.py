"""Average rank of the methods over time and tables, as curves and at chosen moments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray

from regretta.harness.regret import first_moment, level_ties, regret_matrix
from regretta.harness.result import RunResult
from regretta.plots.axes import human_time, log_axis, marker_positions, time_axis, title
from regretta.plots.legend import method_legend
from regretta.plots.regret_curve import measured, regret_kind
from regretta.plots.statistics import worst_if_missing
from regretta.plots.style import MethodStyle, house, is_wide, panels, span
from regretta.plots.tables import NONE, ReportTable, finite

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOMENTS = (0.01, 0.03, 0.1, 0.3, 1.0)
"""Fractions of the time limit at which ranks are tabulated."""

_AT_ONCE = 30
"""Moments ranked at a time: of thousands of runs, all of them would fill memory."""


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
        Mean rank, 1 is best: shape ``[labels, k]``; NaN where no method has a value yet.
    measure
        What was ranked, the same on all tables, such as ``"test regret"``.
    reconstruction
        Whether any table has modelled columns.
    """

    tables: tuple[str, ...]
    labels: tuple[str, ...]
    runs: Mapping[str, tuple[int, ...]]
    time: NDArray[np.float64]
    ranks: NDArray[np.float64]
    measure: str
    reconstruction: bool


def expected_ranks(samples: Sequence[ArrayLike]) -> NDArray[np.float64]:
    """Mean rank of each method over all ways to draw one run of each: shape ``[methods]``.

    1 is best. Exact: one, and the probability that another is better and half of that of a tie,
    summed over the others. No run is matched with another by its number, which would mean nothing
    for independent runs. Ties share their mean rank; what is missing (NaN) is worst.

    Parameters
    ----------
    samples
        Values of each method's runs, one run or more of each.
    """
    arrays = level_ties(*[worst_if_missing(sample) for sample in samples])
    sizes = [len(array) for array in arrays]
    weight = np.repeat(1 / np.array(sizes), sizes)
    _, place = np.unique(np.concatenate(arrays), return_inverse=True)
    mass = np.bincount(place, weight)
    better = np.cumsum(mass) - mass / 2  # expected number of methods below, and half of the tied
    starts = np.cumsum([0, *sizes[:-1]])
    return np.asarray(0.5 + np.add.reduceat(weight * better[place], starts))


def rank_curves(
    tables: Mapping[str, Mapping[str, Sequence[RunResult]]],
    *,
    points: int = 120,
    fractions: Sequence[float] = (),
) -> RankCurves:
    """Average rank over time of the methods that have runs on every table.

    Ranks are expected ranks of one run drawn of each method, see `expected_ranks`; a run without a
    value yet ranks last. Several tables are averaged at equal fractions of their time limits, by
    one kind of regret: validation regret where a table has no test regret.

    Parameters
    ----------
    tables
        Table → label → runs; each table with at least one run that finished an evaluation.
    points
        Size of the grid, logarithmically spaced.
    fractions
        Moments to rank at instead, ascending fractions of the time limits.
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
        first_moment(run) / limits[table]
        for table, group in tables.items()
        for runs in group.values()
        for run in runs
        if len(run.trajectory)
    )
    fraction = np.array(fractions) if fractions else np.geomspace(min(start, 0.5), 1.0, points)
    kind = regret_kind(*tables.values())
    ranks = np.zeros((len(labels), len(fraction)))
    silent = np.ones(len(fraction), dtype=bool)
    for table, group in tables.items():
        # the end is what a run ends with, an evaluation that crosses its limit included
        moments = np.where(fraction < 1, fraction * limits[table], np.inf)
        for first in range(0, len(moments), _AT_ONCE):
            some = slice(first, first + _AT_ONCE)
            matrices = [regret_matrix(group[label], moments[some], kind) for label in labels]
            silent[some] &= np.all([np.isnan(matrix).all(axis=0) for matrix in matrices], axis=0)
            for k, values in enumerate(zip(*(matrix.T for matrix in matrices), strict=True)):
                ranks[:, first + k] += expected_ranks(values) / len(tables)
    ranks[:, silent] = np.nan
    return RankCurves(
        tables=tuple(tables),
        labels=tuple(labels),
        runs={label: tuple(len(group[label]) for group in tables.values()) for label in labels},
        time=fraction * (next(iter(limits.values())) if len(tables) == 1 else 1.0),
        ranks=ranks,
        measure=measured(*tables.values()),
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
        f"Average rank by {shown.measure} over time on {where}; n = {runs} runs"
        " per method; 1 is best. The rank is the expected rank among one run drawn of each method,"
        " so every run counts and none is matched with another; a run without a finished"
        " evaluation ranks last, and ties share their rank."
    )


def rank_table(
    tables: Mapping[str, Mapping[str, Sequence[RunResult]]],
    names: Mapping[str, str],
    suffix: str = "",
) -> ReportTable:
    """Average ranks at `MOMENTS`; arguments as in `rank_curves`.

    Parameters
    ----------
    names
        What a reader sees, by label.
    suffix
        Of the file name.
    """
    shown = rank_curves(tables, fractions=MOMENTS)
    alone = shown.tables[0] if len(shown.tables) == 1 else ""
    heads = [
        f"{100 * fraction:g} %" + (f" ({human_time(float(time))})" if alone else "")
        for fraction, time in zip(MOMENTS, shown.time, strict=True)
    ]
    return ReportTable(
        name=f"ranks{suffix}",
        title=f"Average rank by {shown.measure}"
        f" on {alone or f'{len(shown.tables)} tables'} at fractions of the time limit",
        caption=(
            f"Expected rank among one run drawn of each of the {len(shown.labels)} methods; 1 is"
            " best, ties share their mean rank, and a run without a finished evaluation is last"
            f" ({NONE}: no run has one yet)."
        ),
        columns=("Method", *heads),
        rows=[
            (names[label], *(NONE if np.isnan(rank) else f"{rank:.2f}" for rank in ranks))
            for label, ranks in zip(shown.labels, shown.ranks, strict=True)
        ],
        data_columns=("tables", "measure", "label", "fraction_of_limit", "rank"),
        data_rows=[
            (" ".join(shown.tables), shown.measure, label, fraction, finite(float(rank)))
            for label, ranks in zip(shown.labels, shown.ranks, strict=True)
            for fraction, rank in zip(MOMENTS, ranks, strict=True)
        ],
    )


def draw_ranks(shown: RankCurves, styles: Mapping[str, MethodStyle], width: float) -> Figure:
    """Draw the ranks of two methods or more; `width` is `ONE_COLUMN` or `TWO_COLUMNS`."""
    legend = method_legend(styles, shown.runs, width)
    low, high = float(shown.time[0]), float(shown.time[-1])
    with house():
        figure, (ax,) = panels(1, width, 2.8 if is_wide(width) else 2.5, legend.height)
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
            log_axis(ax, "x")
            ax.set_xlabel("Fraction of the simulated time limit")
        ax.set_ylim(len(shown.labels) + 0.15, 0.85)
        ax.yaxis.set_major_locator(MaxNLocator(integer=True))
        ax.set_ylabel(f"Average rank by {shown.measure}")
        ax.grid(True, which="major")
        name = shown.tables[0] if len(shown.tables) == 1 else f"{len(shown.tables)} tables"
        title(ax, name, "reconstruction" if shown.reconstruction else "")
        legend.draw(figure, handles)
    return figure
