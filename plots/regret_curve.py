"""Mean regret over runs against simulated wall-clock time, or what else a search spends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from regretta.harness.axis import SECONDS, Axis, first_position, regret_matrix, run_end
from regretta.harness.reported import measured, regret_kind
from regretta.harness.result import RunResult
from regretta.plots.axes import (
    log_axis,
    mark_zero,
    marker_positions,
    spent_axis,
    title,
    zero_line,
)
from regretta.plots.legend import method_legend
from regretta.plots.spread import RESAMPLES, STATISTICS, spread
from regretta.plots.style import MethodStyle, house, is_wide, panels
from regretta.plots.text import picture_names

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_BANDS = 12
"""Curves in a panel that have bands; where there are more, the bands would hide the curves."""


@dataclass(frozen=True, eq=False)
class RegretCurve:
    """Regret of one method: a statistic of its runs along an axis.

    Attributes
    ----------
    label
        The method's label in its suite.
    runs
        Number of runs averaged.
    silent
        Number of runs without any finished evaluation; they have no value and are not among `runs`.
    position
        Seconds, or whatever the axis counts, ascending, from where every run has a value on to
        where the first of the runs ends: shape ``[k]``, empty without runs.
    value, low, high
        The statistic and its band: shape ``[k]``. Each holds from its position to the next.
    absent
        Why runs that are there have no curve on this axis; mostly empty.
    """

    label: str
    runs: int
    silent: int
    position: NDArray[np.float64]
    value: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    absent: str = ""

    @property
    def end(self) -> float:
        """Where the curve ends; NaN without runs."""
        return float(self.position[-1]) if len(self.position) else float("nan")


@dataclass(frozen=True, eq=False)
class RegretCurves:
    """The curves of one panel.

    Attributes
    ----------
    table
        The table's name.
    kind
        ``"test"``, ``"validation"`` or ``"observed"``, as in `RunResult.regret`.
    measure
        The same as a reader calls it, see `measured`.
    statistic, band
        Keys of `STATISTICS` and `BANDS`.
    axis
        What the curves are drawn against.
    end
        Where the axis ends: where the last of the curves does.
    reconstruction
        What of the table is modelled; empty for measured tables.
    curves
        One a label, in the suite's order.
    """

    table: str
    kind: str
    measure: str
    statistic: str
    band: str
    axis: Axis
    end: float
    reconstruction: str
    curves: tuple[RegretCurve, ...]


def regret_curve(
    label: str,
    runs: Sequence[RunResult],
    grid: NDArray[np.float64],
    *,
    kind: str,
    axis: Axis = SECONDS,
    statistic: str = "mean",
    band: str = "ci",
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> RegretCurve:
    """A statistic of one method's runs along an axis, and its band.

    Parameters
    ----------
    grid
        Positions at which to read the runs, ascending. Where the last run gets its first value and
        where the first run ends, if not beyond, are added, and what lies before or after is
        dropped: a mean over fewer runs would be the mean of another population.
    kind
        As in `RunResult.regret`.
    axis
        What positions count.
    statistic
        A key of `STATISTICS`.
    band
        ``"ci"`` for a 95 % interval of the statistic over runs (see `spread`), ``"iqr"`` for the
        quartiles of the runs, ``"sd"`` for a standard deviation of them (n − 1) to either side.
    resamples, seed
        Size and seed of the bootstrap.
    """
    (curve,) = _choices(label, runs, grid, [(statistic, band)], kind, axis, resamples, seed)
    return curve


def _choices(
    label: str,
    runs: Sequence[RunResult],
    grid: NDArray[np.float64],
    choices: Sequence[tuple[str, str]],
    kind: str,
    axis: Axis,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> list[RegretCurve]:
    """`regret_curve` for several pairs of a statistic and a band; the runs are read once."""
    speaking = [run for run in runs if len(run.trajectory)]
    silent = len(runs) - len(speaking)
    none = np.empty(0)

    def empty(why: str = "") -> list[RegretCurve]:
        return [RegretCurve(label, 0, silent, none, none, none, none, why) for _ in choices]

    if not speaking:
        return empty()
    ends = [run_end(run, axis) for run in speaking]
    end = min(ends)
    if not all(place > 0 for place in ends):
        counted = all(run.counted for run in speaking)
        why = f"run without {axis.words}" if counted else f"run whose {axis.words} are not known"
        return empty(f"has a {why}")
    start = max(first_position(run, axis) for run in speaking)
    if start > end:
        return empty("has no place where all its runs have a value")
    inner = grid[(grid > start) & (grid < end)]
    position = np.unique([start, *inner, max(start, min(end, float(grid[-1])))])
    values = regret_matrix(speaking, position, kind, axis)
    return [
        RegretCurve(
            *(label, len(speaking), silent, position),
            *spread(values, statistic, band, resamples=resamples, seed=seed),
        )
        for statistic, band in choices
    ]


def regret_curves(
    runs: Mapping[str, Sequence[RunResult]],
    *,
    kind: str | None = None,
    axis: Axis = SECONDS,
    statistic: str = "mean",
    band: str = "ci",
    points: int = 400,
) -> RegretCurves:
    """Regret of every label on one table, on a common grid of logarithmically spaced positions.

    Parameters
    ----------
    runs
        The table's runs by label; at least one run in all.
    kind
        As in `RunResult.regret`; by default `regret_kind`.
    axis
        What positions count.
    statistic, band
        Keys of `STATISTICS` and `BANDS`.
    points
        Size of the grid; of whole numbers only those that are different.

    Raises
    ------
    ResultError
        If a run is from before runs kept the axis's count.
    """
    (found,) = regret_curves_of(
        runs, [(statistic, band)], kind=kind, axis=axis, points=points
    ).values()
    return found


def regret_curves_of(
    runs: Mapping[str, Sequence[RunResult]],
    choices: Sequence[tuple[str, str]],
    *,
    kind: str | None = None,
    axis: Axis = SECONDS,
    points: int = 400,
) -> dict[tuple[str, str], RegretCurves]:
    """`regret_curves` by statistic and band, for several of them; the runs are read once."""
    everything = [run for group in runs.values() for run in group]
    first, chosen = everything[0], kind or regret_kind(runs)
    heard = [[run for run in group if len(run.trajectory)] for group in runs.values()]
    ends = [min(run_end(run, axis) for run in group) for group in heard if group]
    limit = max([end for end in ends if end > 0], default=0.0)
    limit = limit or max(
        [run_end(run, axis) for run in everything if run_end(run, axis) > 0] or [1.0]
    )
    starts = [
        start
        for group in heard
        for run in group
        if (start := first_position(run, axis)) <= limit  # neither later nor nowhere
    ]
    grid = np.geomspace(min(starts, default=limit), limit, points)
    grid = np.unique(np.ceil(grid - 1e-9)) if axis.whole else grid
    curves = [_choices(label, group, grid, choices, chosen, axis) for label, group in runs.items()]
    modelled = next((run.reconstruction for run in everything if run.reconstruction), "")
    measure = measured(runs, kind=chosen)
    return {
        (statistic, band): RegretCurves(
            *(first.table, chosen, measure, statistic, band, axis, limit, modelled),
            tuple(found[nth] for found in curves),
        )
        for nth, (statistic, band) in enumerate(choices)
    }


def draw_regret(
    panels_: Sequence[RegretCurves], styles: Mapping[str, MethodStyle], width: float
) -> Figure:
    """Draw a panel a table.

    Parameters
    ----------
    panels_
        At least one, each with at least one curve of a run.
    styles
        From `regretta.plots.style.method_styles`.
    width
        `ONE_COLUMN` or `TWO_COLUMNS`.
    """
    runs = {
        curve.label: [_curve(panel, curve.label).runs for panel in panels_]
        for curve in panels_[0].curves
    }
    runs = {label: counts for label, counts in runs.items() if any(counts)}
    legend = method_legend(styles, runs, width, len(panels_))
    single = len(panels_) == 1 and is_wide(width)
    tables = list(dict.fromkeys(panel.table for panel in panels_))
    titles = dict(zip(tables, picture_names(tables), strict=True))
    with house():
        figure, axes = panels(len(panels_), width, 3.3 if single else 2.7, legend.height)
        handles: dict[str, Any] = {}
        for nth, (ax, panel) in enumerate(zip(axes, panels_, strict=True)):
            leftmost = ax.get_subplotspec().is_first_col()  # type: ignore[union-attr]
            labelled = leftmost or panel.measure != panels_[nth - 1].measure
            handles |= draw_panel(ax, panel, styles, labelled)
            title(ax, titles[panel.table], panel.reconstruction)
        legend.draw(figure, handles)
    return figure


def _curve(panel: RegretCurves, label: str) -> RegretCurve:
    return next(curve for curve in panel.curves if curve.label == label)


def draw_panel(
    ax: Axes, panel: RegretCurves, styles: Mapping[str, MethodStyle], labelled: bool
) -> dict[str, Any]:
    """Draw curves into a panel, with the axis labelled or not.

    Returns
    -------
    The handles for a legend, by label.
    """
    drawn = [curve for curve in panel.curves if curve.runs]
    left = min((float(curve.position[0]) for curve in drawn), default=panel.end / 10)
    if not 0 < left < panel.end:
        left = panel.end / 10
    positive = np.concatenate([curve.value[curve.value > 0] for curve in drawn] or [np.empty(0)])
    smallest, largest = (positive.min(), positive.max()) if len(positive) else (1e-3, 1e-2)
    top = float(max([largest, *(curve.high.max() for curve in drawn)]) * 1.15)
    reached = any((curve.value <= 0).any() for curve in drawn)
    if reached:
        bottom = zero_line(float(smallest), top)
    else:
        bands = np.concatenate([curve.low[curve.low > 0] for curve in drawn] or [np.empty(0)])
        bottom = float(max(min(bands, default=smallest), smallest / 3) * 0.9)
    banded = len(drawn) <= MOST_BANDS
    handles: dict[str, Any] = {}
    for nth, curve in enumerate(drawn):
        style = styles[curve.label]
        if curve.runs > 1 and banded and not style.background:
            ax.fill_between(
                curve.position,
                np.maximum(curve.low, bottom),
                np.maximum(curve.high, bottom),
                step="post",
                color=style.color,
                alpha=0.15,
                linewidth=0,
            )
        (handles[curve.label],) = ax.plot(
            curve.position,
            np.where(curve.value > 0, curve.value, bottom),
            drawstyle="steps-post",
            markevery=marker_positions(curve.position, left, panel.end, nth, len(drawn)),
            zorder=2 if style.background else 3 + nth / len(drawn),
            **style.line(),
        )
    ax.set_yscale("log")
    ax.set_ylim(bottom / 1.15 if reached else bottom, top)
    log_axis(ax, "y")
    if reached:
        mark_zero(ax, "y", bottom, float(smallest))
    spent_axis(ax, panel.axis, left, panel.end)
    if labelled:
        what = STATISTICS[panel.statistic].capitalize()
        ax.set_ylabel(f"{what} {panel.measure} (fraction)")
    ax.grid(True, which="major")
    title(ax, panel.table, panel.reconstruction)
    return handles
