"""Mean regret over runs against simulated wall-clock time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from regretta.harness.regret import first_moment, regret_matrix
from regretta.harness.result import RunResult
from regretta.plots.axes import (
    log_axis,
    mark_zero,
    marker_positions,
    time_axis,
    title,
    zero_line,
)
from regretta.plots.legend import method_legend
from regretta.plots.spread import RESAMPLES, STATISTICS, band_name, spread
from regretta.plots.style import MethodStyle, house, is_wide, panels, span
from regretta.plots.text import picture_names

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_BANDS = 12
"""Curves in a panel that have bands; where there are more, the bands would hide the curves."""


@dataclass(frozen=True, eq=False)
class RegretCurve:
    """Regret of one method: a statistic of its runs over time.

    Attributes
    ----------
    label
        The method's label in its suite.
    runs
        Number of runs averaged.
    silent
        Number of runs without any finished evaluation; they have no value and are not among `runs`.
    time
        Simulated seconds, ascending, from the moment every run has a value on: shape ``[k]``, empty
        without runs.
    value, low, high
        The statistic and its band: shape ``[k]``. Each holds from its moment to the next.
    """

    label: str
    runs: int
    silent: int
    time: NDArray[np.float64]
    value: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


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
    time_limit
        Simulated seconds.
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
    time_limit: float
    reconstruction: str
    curves: tuple[RegretCurve, ...]


def regret_kind(*tables: Mapping[str, Sequence[RunResult]]) -> str:
    """``"test"`` where every run of all the tables has test errors, otherwise ``"validation"``.

    What is compared or averaged is of one kind; test and validation regret never meet.
    """
    every = (run for runs in tables for group in runs.values() for run in group)
    return "test" if all(run.has_test for run in every) else "validation"


def measured(*tables: Mapping[str, Sequence[RunResult]], kind: str | None = None) -> str:
    """What `RunResult.regret` gives of the tables' runs, as a reader calls it.

    ``"test regret"``, or ``"test error"`` where nobody knows the best there is, so that there is
    nothing to subtract; ``"regret or error"`` where that is so of some runs only.
    """
    known = {
        run.reference is not None for runs in tables for group in runs.values() for run in group
    }
    words = " or ".join(
        word for word, there in (("regret", True), ("error", False)) if there in known
    )
    return f"{kind or regret_kind(*tables)} {words or 'regret'}"


def regret_curve(
    label: str,
    runs: Sequence[RunResult],
    grid: NDArray[np.float64],
    *,
    kind: str,
    statistic: str = "mean",
    band: str = "ci",
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> RegretCurve:
    """A statistic of one method's runs over time, and its band.

    Parameters
    ----------
    grid
        Simulated seconds at which to read the runs, ascending. The moment at which the last run
        gets its first value is added, and what lies before is dropped: a mean over fewer runs would
        be the mean of another population.
    kind
        As in `RunResult.regret`.
    statistic
        A key of `STATISTICS`.
    band
        ``"ci"`` for a 95 % interval of the statistic over runs (see `spread`), ``"iqr"`` for the
        quartiles of the runs, ``"sd"`` for a standard deviation of them (n − 1) to either side.
    resamples, seed
        Size and seed of the bootstrap.
    """
    speaking = [run for run in runs if len(run.trajectory)]
    silent = len(runs) - len(speaking)
    if not speaking:
        none = np.empty(0)
        return RegretCurve(label, 0, silent, none, none, none, none)
    start = max(map(first_moment, speaking))
    time = np.concatenate(([start], grid[grid > start]))
    values = regret_matrix(speaking, time, kind)
    value, low, high = spread(values, statistic, band, resamples=resamples, seed=seed)
    return RegretCurve(label, len(speaking), silent, time, value, low, high)


def regret_curves(
    runs: Mapping[str, Sequence[RunResult]],
    *,
    kind: str | None = None,
    statistic: str = "mean",
    band: str = "ci",
    points: int = 400,
) -> RegretCurves:
    """Regret of every label on one table, on a common grid of logarithmically spaced moments.

    Parameters
    ----------
    runs
        The table's runs by label; at least one run in all.
    kind
        As in `RunResult.regret`; by default `regret_kind`.
    statistic, band
        Keys of `STATISTICS` and `BANDS`.
    points
        Size of the grid.
    """
    everything = [run for group in runs.values() for run in group]
    first, chosen = everything[0], kind or regret_kind(runs)
    limit = max(run.time_limit for run in everything)
    starts = [first_moment(run) for run in everything if len(run.trajectory)]
    grid = np.geomspace(min(starts, default=limit), limit, points)
    grid[-1] = limit
    curves = tuple(
        regret_curve(label, group, grid, kind=chosen, statistic=statistic, band=band)
        for label, group in runs.items()
    )
    modelled = next((run.reconstruction for run in everything if run.reconstruction), "")
    measure = measured(runs, kind=chosen)
    return RegretCurves(first.table, chosen, measure, statistic, band, limit, modelled, curves)


def regret_caption(panels_: Sequence[RegretCurves]) -> str:
    """What a reader must know to read the figure: kind of regret, runs, band, starts, zeros."""
    first = panels_[0]
    what = STATISTICS[first.statistic]
    drawn = [curve for panel in panels_ for curve in panel.curves if curve.runs]
    measures = {panel.measure for panel in panels_}
    where = first.table if len(panels_) == 1 else f"{len(panels_)} tables"
    parts = [
        f"{what.capitalize()} {' or '.join(sorted(measures))} over runs against simulated"
        f" wall-clock time on {where}; {_runs(drawn)}."
    ]
    if any(curve.runs > 1 for curve in drawn):
        most = max(sum(curve.runs > 0 for curve in panel.curves) for panel in panels_)
        parts.append(
            f"Bands: {band_name(first.statistic, first.band)}."
            if most <= MOST_BANDS
            else f"No bands: they would hide the {most} curves."
        )
    parts.append(
        "Curves are right-continuous steps. A run has no value before its first finished"
        " evaluation, so each curve starts where every run of its method has one."
    )
    if "validation regret" in measures:
        parts.append(
            "Validation regret: mean validation error of the incumbent over its repeats at the"
            " largest budget, minus that of the best cell."
        )
    if "test regret" in measures:
        parts.append(
            "Test regret: test error of the incumbent minus that of the best cell; no search saw"
            " test data."
        )
    if any(measure.endswith("error") for measure in measures):
        parts.append("Errors: nobody knows the best there is, so that there is no regret.")
    if any((curve.value <= 0).any() for curve in drawn):
        parts.append(
            f"A {what} regret of zero or less has no place on a log axis: it is drawn on the line"
            " marked \u2264 0."
        )
    elif any((curve.low <= 0).any() for curve in drawn):
        parts.append("Bands that reach zero are cut at the lower edge.")
    silent = sum(curve.silent for panel in panels_ for curve in panel.curves)
    if silent:
        runs = "1 run" if silent == 1 else f"{silent} runs"
        parts.append(f"Left out: {runs} that finished no evaluation within the limit.")
    parts += [
        f"Reconstruction ({panel.table}): {panel.reconstruction}"
        for panel in panels_
        if panel.reconstruction
    ]
    return " ".join(parts)


def _runs(curves: Sequence[RegretCurve]) -> str:
    counts = sorted({curve.runs for curve in curves})
    if not counts:
        return "no finished run"
    return f"n = {span(counts)} runs per method"


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
    low_time = min((float(curve.time[0]) for curve in drawn), default=panel.time_limit / 10)
    if not 0 < low_time < panel.time_limit:
        low_time = panel.time_limit / 10
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
                curve.time,
                np.maximum(curve.low, bottom),
                np.maximum(curve.high, bottom),
                step="post",
                color=style.color,
                alpha=0.15,
                linewidth=0,
            )
        (handles[curve.label],) = ax.plot(
            curve.time,
            np.where(curve.value > 0, curve.value, bottom),
            drawstyle="steps-post",
            markevery=marker_positions(curve.time, low_time, panel.time_limit, nth, len(drawn)),
            zorder=2 if style.background else 3 + nth / len(drawn),
            **style.line(),
        )
    ax.set_yscale("log")
    ax.set_ylim(bottom / 1.15 if reached else bottom, top)
    log_axis(ax, "y")
    if reached:
        mark_zero(ax, "y", bottom, float(smallest))
    time_axis(ax, low_time, panel.time_limit)
    if labelled:
        what = STATISTICS[panel.statistic].capitalize()
        ax.set_ylabel(f"{what} {panel.measure} (fraction)")
    ax.grid(True, which="major")
    title(ax, panel.table, panel.reconstruction)
    return handles
