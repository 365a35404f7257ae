"""Average rank of the methods over time or what else a search spends, as curves and a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray

from regretta.harness.axis import SECONDS, Axis, first_position, regret_matrix, run_end
from regretta.harness.regret import level_ties
from regretta.harness.reported import measured, regret_kind
from regretta.harness.result import RunResult
from regretta.plots.axes import human_position, log_axis, marker_positions, spent_axis, title
from regretta.plots.legend import method_legend
from regretta.plots.statistics import StatisticsError, worst_if_missing
from regretta.plots.style import MethodStyle, house, human_names, is_wide, panels, span
from regretta.plots.tables import NONE, ReportTable, finite

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOMENTS = (0.01, 0.03, 0.1, 0.3, 1.0)
"""Fractions of where the first run ends at which ranks are tabulated."""

_AT_ONCE = 30
"""Moments ranked at a time: of thousands of runs, all of them would fill memory."""


@dataclass(frozen=True, eq=False)
class RankCurves:
    """Average ranks along an axis.

    Attributes
    ----------
    tables
        Tables averaged over.
    labels
        Methods ranked: those with runs on every table.
    runs
        Numbers of runs of each label, a table each.
    axis
        What positions count.
    position
        Seconds, say, for one table; for several, the fraction of where each table's first run ends:
        shape ``[k]``.
    ranks
        Mean rank, 1 is best: shape ``[labels, k]``; NaN where no method has a value yet.
    measure
        What was ranked, the same on all tables, such as ``"test regret"``.
    reconstruction
        Whether any table has modelled columns.
    first_to_end
        Table → label of the run that ends first, where runs end at different places.
    absent
        Labels that have a run that spends nothing of the axis: they have no rank.
    """

    tables: tuple[str, ...]
    labels: tuple[str, ...]
    runs: Mapping[str, tuple[int, ...]]
    axis: Axis
    position: NDArray[np.float64]
    ranks: NDArray[np.float64]
    measure: str
    reconstruction: bool
    first_to_end: Mapping[str, str]
    absent: tuple[str, ...] = ()


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
    axis: Axis = SECONDS,
    points: int = 120,
    fractions: Sequence[float] = (),
) -> RankCurves:
    """Average rank along an axis of the methods that have runs on every table.

    Ranks are expected ranks of one run drawn of each method, see `expected_ranks`; a run without a
    value yet ranks last. They end where the first run does, as beyond it there is nothing to
    compare. Several tables are averaged at equal fractions of these ends, by one kind of regret:
    validation regret where a table has no test regret.

    Parameters
    ----------
    tables
        Table → label → runs; each table with at least one run that finished an evaluation.
    axis
        What positions count.
    points
        Size of the grid, logarithmically spaced.
    fractions
        Places to rank at instead, ascending fractions of the ends.

    Raises
    ------
    StatisticsError
        If no method that has runs on every table spends anything of the axis.
    """
    everywhere = [
        label
        for label in next(iter(tables.values()))
        if all(group[label] for group in tables.values())
    ]
    absent = [
        label
        for label in everywhere
        if any(_spends_nothing(run, axis) for group in tables.values() for run in group[label])
    ]
    labels = [label for label in everywhere if label not in absent]
    ends: dict[str, float] = {}
    first_to_end: dict[str, str] = {}
    start = 0.5
    for table, group in tables.items():
        every = [run for label in labels for run in group[label] if run_end(run, axis) > 0]
        some = [run for run in every if len(run.trajectory)] or every
        if not some:
            raise StatisticsError(
                f"there is no rank against {axis.words} on {table}, as no method has a run there"
                " with any"
            )
        first = min(some, key=lambda run: run_end(run, axis))
        ends[table] = run_end(first, axis)
        if any(run_end(run, axis) > ends[table] for run in some):
            first_to_end[table] = first.label
        places = [first_position(run, axis) for run in some]
        start = min([start, *(place / ends[table] for place in places if place > 0)])
    fraction = np.array(fractions) if fractions else np.geomspace(start, 1.0, points)
    kind = regret_kind(*tables.values())
    ranks = np.zeros((len(labels), len(fraction)))
    silent = np.ones(len(fraction), dtype=bool)
    for table, group in tables.items():
        # Where all runs end together, the end is what they end with, an evaluation that crosses
        # the time limit included.
        together = axis == SECONDS and table not in first_to_end
        moments = np.where((fraction < 1) | (not together), fraction * ends[table], np.inf)
        for begin in range(0, len(moments), _AT_ONCE):
            part = slice(begin, begin + _AT_ONCE)
            matrices = [regret_matrix(group[label], moments[part], kind, axis) for label in labels]
            silent[part] &= np.all([np.isnan(matrix).all(axis=0) for matrix in matrices], axis=0)
            for k, values in enumerate(zip(*(matrix.T for matrix in matrices), strict=True)):
                ranks[:, begin + k] += expected_ranks(values) / len(tables)
    ranks[:, silent] = np.nan
    return RankCurves(
        tables=tuple(tables),
        labels=tuple(labels),
        runs={label: tuple(len(group[label]) for group in tables.values()) for label in labels},
        axis=axis,
        position=fraction * (next(iter(ends.values())) if len(tables) == 1 else 1.0),
        ranks=ranks,
        measure=measured(*tables.values()),
        reconstruction=any(
            r.reconstruction for group in tables.values() for runs in group.values() for r in runs
        ),
        first_to_end=first_to_end,
        absent=tuple(absent),
    )


def _spends_nothing(run: RunResult, axis: Axis) -> bool:
    return len(run.trajectory) > 0 and not run_end(run, axis) > 0


def rank_caption(shown: RankCurves) -> str:
    """What a reader must know to read the figure."""
    where = (
        shown.tables[0]
        if len(shown.tables) == 1
        else f"{len(shown.tables)} tables: {', '.join(shown.tables)}"
    )
    runs = span([count for counts in shown.runs.values() for count in counts])
    over = "over time" if shown.axis == SECONDS else f"against {shown.axis.words}"
    return (
        f"Average rank by {shown.measure} {over} on {where}; n = {runs} runs"
        " per method; 1 is best. The rank is the expected rank among one run drawn of each method,"
        " so every run counts and none is matched with another; a run without a finished"
        f" evaluation ranks last, and ties share their rank.{_about_ends(shown)}"
    )


def _about_ends(shown: RankCurves) -> str:
    """Where ranks end, if not where all runs do, and who has none."""
    said = ""
    if shown.first_to_end:
        names = human_names(list(dict.fromkeys(shown.first_to_end.values())))
        at = ""
        if len(shown.tables) == 1:
            at = f" at {human_position(float(shown.position[-1]), shown.axis)}"
        said = f" Ranks end where the first run does{at}: one of {' or '.join(names)}."
    if shown.absent:
        names = human_names(list(shown.absent))
        why = f"as runs of theirs have no {shown.axis.words} that are known"
        said += f" Without a rank, {why}: {', '.join(names)}."
    return said


def rank_table(
    tables: Mapping[str, Mapping[str, Sequence[RunResult]]],
    names: Mapping[str, str],
    suffix: str = "",
    axis: Axis = SECONDS,
) -> ReportTable:
    """Average ranks at `MOMENTS`; arguments and errors as in `rank_curves`.

    Parameters
    ----------
    names
        What a reader sees, by label.
    suffix
        Of the file name.
    """
    shown = rank_curves(tables, axis=axis, fractions=MOMENTS)
    alone = shown.tables[0] if len(shown.tables) == 1 else ""
    heads = [
        f"{100 * fraction:g} %"
        + (f" ({human_position(_rounded(place, axis), axis)})" * bool(alone))
        for fraction, place in zip(MOMENTS, shown.position.tolist(), strict=True)
    ]
    return ReportTable(
        name=f"ranks{suffix}",
        title=f"Average rank by {shown.measure}"
        f" on {alone or f'{len(shown.tables)} tables'} at fractions of {_whole(shown)}",
        caption=(
            f"Expected rank among one run drawn of each of the {len(shown.labels)} methods; 1 is"
            " best, ties share their mean rank, and a run without a finished evaluation is last"
            f" ({NONE}: no run has one yet).{_about_ends(shown)}"
        ),
        columns=("Method", *heads),
        rows=[
            (names[label], *(NONE if np.isnan(rank) else f"{rank:.2f}" for rank in ranks))
            for label, ranks in zip(shown.labels, shown.ranks, strict=True)
        ],
        data_columns=("tables", "measure", "label", "axis", "fraction_of_limit", "rank"),
        data_rows=[
            (" ".join(shown.tables), shown.measure, label, axis.name, fraction, finite(float(rank)))
            for label, ranks in zip(shown.labels, shown.ranks, strict=True)
            for fraction, rank in zip(MOMENTS, ranks, strict=True)
        ],
    )


def _rounded(place: float, axis: Axis) -> float:
    """A place as a table's head has it: of whole numbers the one that was read."""
    return float(np.floor(place + 1e-9)) if axis.whole else place


def _whole(shown: RankCurves) -> str:
    """What fractions are of."""
    if shown.axis == SECONDS and not shown.first_to_end:
        return "the simulated time limit"
    return f"the {shown.axis.words} that every run has"


def position_label(shown: RankCurves) -> str:
    """What stands beside the axis of positions."""
    alone = len(shown.tables) == 1
    return shown.axis.label if alone else f"Fraction of {_whole(shown)}"


def draw_ranks(shown: RankCurves, styles: Mapping[str, MethodStyle], width: float) -> Figure:
    """Draw the ranks of two methods or more; `width` is `ONE_COLUMN` or `TWO_COLUMNS`."""
    legend = method_legend(styles, shown.runs, width)
    low, high = float(shown.position[0]), float(shown.position[-1])
    with house():
        figure, (ax,) = panels(1, width, 2.8 if is_wide(width) else 2.5, legend.height)
        handles: dict[str, Any] = {}
        for nth, label in enumerate(shown.labels):
            (handles[label],) = ax.plot(
                *(shown.position, shown.ranks[nth]),
                drawstyle="steps-post",
                markevery=marker_positions(shown.position, low, high, nth, len(shown.labels)),
                **styles[label].line(),
            )
        if len(shown.tables) == 1:
            spent_axis(ax, shown.axis, low, high)
        else:
            ax.set_xscale("log")
            ax.set_xlim(low, high)
            log_axis(ax, "x")
            ax.set_xlabel(position_label(shown))
        ax.set_ylim(len(shown.labels) + 0.15, 0.85)
        ax.yaxis.set_major_locator(MaxNLocator(integer=True))
        ax.set_ylabel(f"Average rank by {shown.measure}")
        ax.grid(True, which="major")
        name = shown.tables[0] if len(shown.tables) == 1 else f"{len(shown.tables)} tables"
        title(ax, name, "reconstruction" if shown.reconstruction else "")
        legend.draw(figure, handles)
    return figure
