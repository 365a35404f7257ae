"""NAS-Bench-201, figures 7 and 8: what methods that share weights derive after each epoch, with
running estimates in batch normalization (7) and with the statistics of each batch (8)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import MaxNLocator

from regretta.harness.store.results import SuiteResults
from regretta.plots.axes import title
from regretta.plots.legend import method_legend
from regretta.plots.paper.columns import FigureError
from regretta.plots.paper.figure import SuiteFigure
from regretta.plots.paper.nasbench201.derived_cells import (
    NEEDED,
    Curve,
    Judged,
    Searches,
    curve,
    judged,
    searches,
)
from regretta.plots.paper.nasbench201.final_accuracy import learnt_elsewhere
from regretta.plots.paper.nasbench201.published import (
    ALL,
    BATCH,
    BATCH_NORMS,
    DATASETS,
    EVERY_LAYER,
    INDEPENDENT,
    RUNNING,
    WEIGHT_SHARING,
)
from regretta.plots.style import MethodStyle, figure, house, human_name, method_styles, span

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MARKERS = 6
_ROW = 1.65


@dataclass(frozen=True, eq=False)
class DerivedCells:
    """The figure.

    Attributes
    ----------
    searches
        Of each name and kind of batch normalization.
    judged
        Accuracy of derived cells, a data set each.
    skipped
        Batch normalization → name → share of edges that are skip connections.
    styles
        By name.
    unlogged
        Number of runs without a log, left out.
    dataset, source
        What was searched on: its data set, and where its numbers come from.
    reconstruction
        What of it is modelled.
    """

    searches: tuple[Searches, ...]
    judged: tuple[Judged, ...]
    skipped: Mapping[str, Mapping[str, Curve]]
    styles: Mapping[str, MethodStyle]
    unlogged: int
    dataset: str
    source: str
    reconstruction: str


def compute(suite: SuiteResults, table: str) -> DerivedCells:
    """Accuracy and skip connections of the cells that were derived from supernets.

    Raises
    ------
    FigureError
        If no run on the table has a log of derived cells.
    """
    shown = searches(suite, table)
    if not shown:
        raise FigureError(
            f"{suite.folder.name} has no run on {table} of a method that shares weights"
        )
    skipped: dict[str, dict[str, Curve]] = {}
    for one in shown:
        skipped.setdefault(one.batch_norm, {})[one.name] = curve(
            one.runs, [run.log["skip_edges"] for run in one.runs]
        )
    about = suite.identity.tables[table]
    return DerivedCells(
        searches=shown,
        judged=judged(suite, table),
        skipped=skipped,
        styles=method_styles(list(dict.fromkeys((one.name, one.optimizer) for one in shown))),
        unlogged=sum(
            run.optimizer in WEIGHT_SHARING and not set(NEEDED) <= run.log.keys()
            for runs in suite.runs[table].values()
            for run in runs
        ),
        dataset=about.dataset,
        source=about.source,
        reconstruction=about.reconstruction,
    )


def caption(found: DerivedCells) -> str:
    """What the figure shows, what is published, and whether what must agree agrees."""
    runs = span([len(one.runs) for one in found.searches])
    looked_up = [one.table for one in found.judged if one.looked_up]
    parts = [
        "NAS-Bench-201, figures 7 and 8. Accuracy, as its table has it after the longest training"
        " (mean over repeats), of the cell that each method derives after each epoch of its"
        " supernet, which is evaluated with running estimates in batch normalization (figure 7) or"
        " with the statistics of each batch (figure 8); below, the share of its six"
        f" edges that are skip connections. Mean and standard deviation (ddof 0) over {runs} runs;"
        " epoch 0 is the untrained supernet; grey: the best cell."
    ]
    if looked_up:
        parts.append(
            f"Searched on {found.judged[0].table} alone; the same cells are looked up in"
            f" {' and '.join(looked_up)}."
        )
    runs_shown = (run for search in found.searches for run in search.runs)
    parts += filter(None, [learnt_elsewhere(run.settings for run in runs_shown)])
    parts += _checks(found)
    if found.dataset not in DATASETS:
        parts.append(f"The paper's data sets are others than {found.dataset or 'this one'}.")
    if ALL in found.skipped:
        parts.append(EVERY_LAYER)
    for kind, enough in ((RUNNING, {RUNNING}), (BATCH, {BATCH, ALL})):
        if not enough & found.skipped.keys():
            parts.append(f"Missing: runs with {BATCH_NORMS[kind].lower()}.")
    if found.unlogged:
        parts.append(f"Left out: {found.unlogged} runs without a log.")
    if found.reconstruction:
        parts.append(f"Reconstruction: {found.reconstruction}.")
    return " ".join(parts)


def _checks(found: DerivedCells) -> Iterator[str]:
    """Methods that do not depend on the kind of batch normalization: shown twice, or compared."""
    once = [s for s in found.searches if s.borrowed]
    if once:
        names = ", ".join(dict.fromkeys(human_name(one.optimizer) for one in once))
        kinds = dict.fromkeys(BATCH_NORMS[one.batch_norm].lower() for one in once)
        yield (
            f"{names} never choose by an evaluation of the supernet, so that all kinds are one and"
            f" the same search: run once, and drawn dashed under {' and '.join(kinds)}."
        )
    own = [s for s in found.searches if not s.borrowed]
    for optimizer in INDEPENDENT:
        theirs = {s.batch_norm: s for s in own if s.optimizer == optimizer}
        if len(theirs) > 1:
            first = found.judged[0]
            ends = [first.curves[kind][one.name].mean[-1] for kind, one in theirs.items()]
            one, *others = theirs.values()
            outcome = (
                "derived the same cells"
                if all(_alike(one, other) for other in others)
                else "differ by their seeds alone, at the end by"
                f" {max(ends) - min(ends):.2f} points of mean {first.kind} accuracy"
            )
            under = "both" if len(theirs) == 2 else "each"
            yield (
                f"Check: {human_name(optimizer)} does not depend on it; its runs under {under}"
                f" {outcome}."
            )


def _alike(one: Searches, other: Searches) -> bool:
    cells = [[run.log["cell"].tolist() for run in each.runs] for each in (one, other)]
    return cells[0] == cells[1]


def draw(found: DerivedCells, width: float) -> Figure:
    """Draw a row a data set and one of skip connections, a column a kind of normalization."""
    kinds = [kind for kind in BATCH_NORMS if kind in found.skipped]
    counts: dict[str, set[int]] = {}
    for search in found.searches:
        counts.setdefault(search.name, set()).add(len(search.runs))
    legend = method_legend(found.styles, {k: sorted(v) for k, v in counts.items()}, width, 2)
    rows = len(found.judged) + 1
    with house():
        made = figure(width, rows * _ROW + 0.3 + legend.height)
        grid = made.subplots(rows, len(kinds), squeeze=False, sharex=True, sharey="row")
        handles: dict[str, object] = {}
        for column, kind in enumerate(kinds):
            for ax, one in zip(grid[:, column], found.judged, strict=False):
                if np.isfinite(one.best):
                    ax.axhline(one.best, color="#999999", linewidth=0.8, zorder=1)
                handles |= _draw_curves(ax, one.curves[kind], found, kind)
            _draw_curves(grid[-1, column], found.skipped[kind], found, kind)
            grid[-1, column].set_xlabel("Epochs of the supernet")
            title(grid[0, column], BATCH_NORMS[kind], found.reconstruction)
        for ax, one in zip(grid[:, 0], found.judged, strict=False):
            ax.set_ylabel(f"{one.table}\n{one.kind} accuracy (%)")
        grid[-1, 0].set_ylabel("Skip connections\n(% of edges)")
        grid[-1, 0].set_ylim(-4, 104)
        legend.draw(made, handles)
    return made


def _draw_curves(
    ax: Axes, curves: Mapping[str, Curve], found: DerivedCells, kind: str
) -> dict[str, object]:
    handles: dict[str, object] = {}
    borrowed = {s.name for s in found.searches if s.borrowed and s.batch_norm == kind}
    for nth, (name, shown) in enumerate(curves.items()):
        style = found.styles[name]
        ax.fill_between(
            *(shown.epoch, shown.mean - shown.deviation, shown.mean + shown.deviation),
            color=style.color,
            alpha=0.12,
            linewidth=0,
        )
        look = {**style.line(), "linewidth": 0.8}
        if name in borrowed:
            look["linestyle"] = (0, (3, 1.5))
        step = max(len(shown.epoch) // _MARKERS, 1)
        start = nth * step // max(len(curves), 1)
        ax.plot(shown.epoch, shown.mean, markevery=(start, step), zorder=3 + nth, **look)
        (handles[name],) = ax.plot([], [], **style.line())
    ax.grid(True)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MaxNLocator(5))
    return handles


FIGURE = SuiteFigure(
    *("7-and-8", "cells derived from supernets", "digits201-table5", compute, caption, draw)
)
"""A picture for every table that was searched."""
