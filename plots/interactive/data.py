"""What the interactive figures show, computed by the functions of the still ones.

Nothing is computed in the browser: every statistic, band and axis of every table is here, on a
coarser grid than that of the still figures, at whose places the values are the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from regretta.harness.axis import (
    Axis,
    counted_axes,
    first_position,
    positions,
    regret_matrix,
    run_end,
)
from regretta.harness.regret import final_regret
from regretta.harness.reported import measured, regret_kind
from regretta.harness.result import RunResult
from regretta.harness.store.results import SuiteResults
from regretta.plots.axes import zero_line
from regretta.plots.colors import on_dark
from regretta.plots.curve_caption import CUT, NO_BANDS, caption_parts
from regretta.plots.ecdf import ZERO, distributions, ecdf_caption
from regretta.plots.elsewhere_notes import remark
from regretta.plots.interactive.packing import Arrays
from regretta.plots.rank_over_time import (
    expected_ranks,
    position_label,
    rank_caption,
    rank_curves,
)
from regretta.plots.regret_curve import MOST_BANDS, RegretCurves, regret_curves_of
from regretta.plots.report_notes import reader_notes
from regretta.plots.spread import BANDS, STATISTICS
from regretta.plots.statistics import Interval, StatisticsError
from regretta.plots.style import OTHERS, MethodStyle
from regretta.plots.summary import summarize
from regretta.plots.tables import NONE, percent

Runs = Mapping[str, Sequence[RunResult]]

MOST_NUMBERS = 150_000
"""Numbers of curves that a page should hold: grids become coarser where there are many curves."""

FEWEST_POINTS, MOST_POINTS = 50, 160
"""Places at which a curve is read."""

MOST_RUNS, MOST_RUNS_OF_ONE = 250, 50
"""Single runs shown of a table, and of one method."""

MOST_STEPS = 200
"""Incumbents of a single run that are kept; a longer run is read at so many moments."""

SILENT_MEDIAN = "Final medians count runs that finished no evaluation as the worst."

MOST_NOTES = 8

MOST_RANKED = 800_000
"""Runs times places at which ranks are found: of many runs at fewer places, or it would take long;
`FEWEST_RANKS` at least and `MOST_RANKS` at most."""

FEWEST_RANKS, MOST_RANKS = 40, 120

_SYMBOLS: Mapping[Any, str] = {
    "o": "circle",
    "s": "square",
    "^": "triangle-up",
    "D": "diamond",
    "v": "triangle-down",
    "P": "cross",
    "X": "x",
    "<": "triangle-left",
    ">": "triangle-right",
    "p": "pentagon",
    "h": "hexagon",
    "*": "star",
    "d": "diamond-tall",
    (4, 1, 0): "star-diamond",
    (3, 1, 0): "star-triangle-up",
    (6, 1, 0): "hexagram",
}


def explorer_data(
    suite: SuiteResults,
    tables: Sequence[str],
    styles: Mapping[str, MethodStyle],
    names: Mapping[str, str],
    axis: Axis,
    statistic: str = "mean",
    band: str = "ci",
) -> dict[str, Any]:
    """All that the page's script reads, as JSON can hold it.

    Parameters
    ----------
    suite
        The results.
    tables
        Those with a run that finished an evaluation, one at least.
    styles, names
        How methods look in pictures, and what a reader calls them, by label.
    axis, statistic, band
        What to show first.
    """
    arrays = Arrays()
    every = [run for table in tables for group in suite.runs[table].values() for run in group]
    axes = sorted(counted_axes(every), key=lambda one: one != axis)
    series = len(suite.labels) * len(tables) * len(axes) * len(STATISTICS) * len(BANDS) * 2
    points = int(np.clip(MOST_NUMBERS // series, FEWEST_POINTS, MOST_POINTS))
    protocol = suite.identity.protocol
    return {
        "methods": [_method(styles[label], names[label]) for label in suite.labels],
        "statistics": list(STATISTICS.items()),
        "bands": list(BANDS.items()),
        "first": {"statistic": statistic, "band": band},
        "axes": [
            {"label": one.label.removesuffix(" (s)"), "name": one.name, "whole": one.whole}
            for one in axes
        ],
        "mostBands": MOST_BANDS,
        "noBands": NO_BANDS,
        "cut": CUT,
        "silentMedian": SILENT_MEDIAN,
        "protocol": f"Protocol {protocol.name}: {protocol.summary}.{remark(suite)}",
        "tables": [_table(suite, table, axes, arrays, points) for table in tables],
        "overall": _overall(suite, tables, axes, arrays),
        "arrays": arrays.texts(),
    }


def _method(style: MethodStyle, name: str) -> dict[str, Any]:
    dash = "solid"
    if not isinstance(style.linestyle, str):
        dash = ",".join(f"{2 * length:g}px" for length in style.linestyle[1])
    symbol = _SYMBOLS.get(style.marker, "circle")
    return {
        "name": name,
        "short": style.name,
        "color": style.color,
        "dark": "#5C5C5C" if style.color == OTHERS else on_dark(style.color),
        "dash": dash,
        "symbol": f"{symbol}-open" if style.hollow else symbol,
        "background": style.background,
    }


def _table(
    suite: SuiteResults, table: str, axes: Sequence[Axis], arrays: Arrays, points: int
) -> dict[str, Any]:
    runs = suite.runs[table]
    there = {label: group for label, group in runs.items() if group}
    every = [run for group in runs.values() for run in group]
    notes = _notes_on(suite, table)
    if len(notes) > MOST_NOTES:
        notes = [*notes[:MOST_NOTES], "More is said at the top of the page."]
    return {
        "name": table,
        "measure": measured(runs),
        "reconstruction": any(run.reconstruction for run in every),
        "notes": notes,
        "finals": _finals(runs),
        "silent": any(not len(run.trajectory) for run in every),
        "curves": [_curves(runs, axis, arrays, points) for axis in axes],
        "ranks": [_ranks({table: there}, suite.labels, axis, arrays) for axis in axes],
        "distribution": _distribution(runs, arrays),
        "single": [_single_runs(runs, axis, arrays) for axis in axes],
    }


def _notes_on(suite: SuiteResults, table: str) -> list[str]:
    """What a reader must know of one table."""
    identity = replace(suite.identity, tables={table: suite.identity.tables[table]})
    failures = tuple(failure for failure in suite.failures if failure.table == table)
    alone = replace(
        suite, identity=identity, runs={table: suite.runs[table]}, failures=failures, damaged=()
    )
    return reader_notes(alone)


def _finals(runs: Runs) -> list[dict[str, Any] | None]:
    """Of each method what the table of final regret says; None without a run."""
    kind = regret_kind(runs)
    found = summarize(runs, kind)
    finals = {label: final_regret(group, kind) for label, group in runs.items() if group}
    ranks = dict(zip(finals, expected_ranks(list(finals.values())), strict=True))
    return [
        None
        if not one.runs
        else {
            "runs": f"{one.runs - one.silent} of {one.runs}" if one.silent else str(one.runs),
            "mean": _final(one.mean),
            "median": [percent(one.median), _sortable(one.median)],
            "iqm": _final(one.interquartile),
            "rank": [f"{ranks[one.label]:.2f}", _sortable(ranks[one.label])],
        }
        for one in found
    ]


def _final(found: Interval | None) -> list[Any]:
    if found is None:
        return [NONE, None]
    bounds = ""
    if np.isfinite(found.low):
        bounds = f" [{percent(found.low)}, {percent(found.high)}]"
    return [percent(found.estimate) + bounds, _sortable(found.estimate)]


def _sortable(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _curves(runs: Runs, axis: Axis, arrays: Arrays, points: int) -> dict[str, Any]:
    choices = [(statistic, band) for statistic in STATISTICS for band in BANDS]
    found = regret_curves_of(runs, choices, axis=axis, points=points)
    return {
        f"{statistic} {band}": _panel(found[statistic, band], arrays) for statistic, band in choices
    }


def _panel(panel: RegretCurves, arrays: Arrays) -> dict[str, Any]:
    values = [curve.value for curve in panel.curves]
    highs = [curve.high for curve in panel.curves]
    return {
        "caption": asdict(caption_parts([panel])),
        "floor": _floor([*values, *highs]),
        "lines": [
            [arrays.add(line) for line in (curve.position, curve.value, curve.low, curve.high)]
            if curve.runs
            else None
            for curve in panel.curves
        ],
        "runs": [curve.runs for curve in panel.curves],
    }


def _floor(values: Sequence[Any]) -> float:
    """Where a logarithmic axis shows what is zero or less."""
    every = np.concatenate([np.empty(0), *values])
    positive = every[every > 0]
    if not len(positive):
        return 1e-3
    return zero_line(float(positive.min()), float(positive.max()))


def _ranks(
    tables: Mapping[str, Runs], labels: Sequence[str], axis: Axis, arrays: Arrays
) -> dict[str, Any] | None:
    """Ranks along an axis; None where there are not two methods to rank."""
    if sum(all(group.get(label) for group in tables.values()) for label in labels) < 2:
        return None
    try:
        runs = sum(len(group) for table in tables.values() for group in table.values())
        points = int(np.clip(MOST_RANKED // runs, FEWEST_RANKS, MOST_RANKS))
        shown = rank_curves(tables, axis=axis, points=points)
    except StatisticsError:
        return None
    if len(shown.labels) < 2:
        return None
    found = dict(zip(shown.labels, shown.ranks, strict=True))
    return {
        "caption": rank_caption(shown),
        "label": position_label(shown),
        "x": arrays.add(shown.position),
        "y": [arrays.add(found[label]) if label in found else None for label in labels],
        "measure": shown.measure,
        "reconstruction": shown.reconstruction,
    }


def _distribution(runs: Runs, arrays: Arrays) -> dict[str, Any]:
    shown = distributions({label: group for label, group in runs.items() if group})
    found = {curve.label: curve for curve in shown.curves}
    return {
        "caption": ecdf_caption(shown, logarithmic=False),
        "zero": ZERO,
        "floor": _floor([curve.regret for curve in shown.curves]),
        "lines": [
            [arrays.add(found[label].regret), arrays.add(found[label].fraction)]
            if label in found and len(found[label].regret)
            else None
            for label in runs
        ],
    }


def _single_runs(runs: Runs, axis: Axis, arrays: Arrays) -> dict[str, Any]:
    """The first runs of each method, by number."""
    kind = regret_kind(runs)
    most = max(1, min(MOST_RUNS_OF_ONE, MOST_RUNS // max(len(runs), 1)))
    shown = [[run for run in group if len(run.trajectory)][:most] for group in runs.values()]
    seeds = {run.seed for group in shown for run in group}
    whole = all(len(group) <= most for group in runs.values())
    return {
        "said": "Thin: single runs."
        if whole
        else f"Thin: single runs, of each method the first {most}.",
        "lines": [
            [[_name(run, len(seeds) > 1), *_single(run, kind, axis, arrays)] for run in group]
            for group in shown
        ],
    }


def _name(run: RunResult, seeds: bool) -> int | str:
    """A run's number, and its seed where there are several."""
    return f"{run.number} of seed {run.seed}" if seeds and run.counted else run.number


def _single(run: RunResult, kind: str, axis: Axis, arrays: Arrays) -> list[int]:
    first, end = first_position(run, axis), run_end(run, axis)
    if not first <= end:  # it spends nothing of the axis, or nobody knows what
        return [arrays.add([]), arrays.add([])]
    place, regret = positions(run, axis), run.regret(kind)
    if len(place) > MOST_STEPS and first < end:
        place = np.geomspace(first, end, MOST_STEPS)
        place[-1] = end
        regret = regret_matrix([run], place, kind, axis)[0]
    place = np.maximum(place, first)  # zero has no place on a logarithmic axis
    kept = np.flatnonzero(np.diff(regret, prepend=np.nan) != 0)
    place = np.append(place[kept], max(end, float(place[-1])))
    return [arrays.add(place), arrays.add(np.append(regret[kept], regret[-1]))]


def _overall(
    suite: SuiteResults, tables: Sequence[str], axes: Sequence[Axis], arrays: Arrays
) -> dict[str, Any] | None:
    """What is shown of all tables together; None for one."""
    if len(tables) < 2:
        return None
    runs = {table: suite.runs[table] for table in tables}
    return {"ranks": [_ranks(runs, suite.labels, axis, arrays) for axis in axes]}
