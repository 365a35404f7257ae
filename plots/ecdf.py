"""Empirical distribution of final regret over runs: how robust a method is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from regretta.harness.regret import final_regret, level_ties
from regretta.harness.reported import measured, regret_kind
from regretta.harness.result import RunResult
from regretta.plots.axes import log_axis, mark_zero, title, zero_line
from regretta.plots.legend import method_legend
from regretta.plots.style import MethodStyle, house, is_wide, panels, span

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, eq=False)
class RegretDistribution:
    """Final regret of one method's runs.

    Attributes
    ----------
    label
        The method's label in its suite.
    runs
        Number of runs, those without a value included.
    regret
        Ascending final regret of the runs that have one: shape ``[k]``.
    fraction
        Fraction of all runs with at most that regret: shape ``[k]``; below 1 throughout where a run
        has no value.
    """

    label: str
    runs: int
    regret: NDArray[np.float64]
    fraction: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class RegretDistributions:
    """The curves of one panel: of a table, of one measure, and what of the table is modelled."""

    table: str
    measure: str
    reconstruction: str
    curves: tuple[RegretDistribution, ...]


def distributions(
    runs: Mapping[str, Sequence[RunResult]], *, kind: str | None = None
) -> RegretDistributions:
    """Distribution of final regret of every label on one table; at least one run in all."""
    chosen = kind or regret_kind(runs)
    curves = []
    finals = level_ties(*(final_regret(group, chosen) for group in runs.values()))
    for (label, group), values in zip(runs.items(), finals, strict=True):
        values = np.sort(values[~np.isnan(values)])
        curves.append(
            RegretDistribution(
                label, len(group), values, np.arange(1, len(values) + 1) / max(len(group), 1)
            )
        )
    measure = measured(runs, kind=chosen)
    every = [run for group in runs.values() for run in group]
    modelled = next((run.reconstruction for run in every if run.reconstruction), "")
    return RegretDistributions(every[0].table, measure, modelled, tuple(curves))


ZERO = "Regret of zero or less has no place on a log axis: it lies at the mark \u2264 0."


def ecdf_caption(shown: RegretDistributions, logarithmic: bool = True) -> str:
    """What a reader must know to read the figure, whose axis is logarithmic or not."""
    parts = [
        f"Empirical distribution over runs of {shown.measure} at the end of the simulated time"
        f" on {shown.table}; n = {span([curve.runs for curve in shown.curves])} runs per method."
        " Further left is better, steeper is more robust."
    ]
    if logarithmic and any((curve.regret <= 0).any() for curve in shown.curves):
        parts.append(ZERO)
    if any(len(curve.regret) < curve.runs for curve in shown.curves):
        parts.append("A curve that ends below 1 has runs that finished no evaluation.")
    return " ".join(parts)


def draw_ecdf(
    shown: RegretDistributions, styles: Mapping[str, MethodStyle], width: float
) -> Figure:
    """Draw the distributions, of which one run at least has a value.

    `width` is `ONE_COLUMN` or `TWO_COLUMNS`.
    """
    drawn = [curve for curve in shown.curves if len(curve.regret)]
    values = np.concatenate([curve.regret for curve in drawn])
    positive = values[values > 0]
    smallest, largest = (positive.min(), positive.max()) if len(positive) else (1e-3, 1e-2)
    zero = bool((values <= 0).any())
    line = zero_line(float(smallest), float(largest))
    low, high = (line / 1.3 if zero else float(smallest) / 1.3), float(largest) * 1.3
    legend = method_legend(styles, {curve.label: [curve.runs] for curve in drawn}, width)
    with house():
        figure, (ax,) = panels(1, width, 2.8 if is_wide(width) else 2.5, legend.height)
        handles: dict[str, Any] = {}
        for nth, curve in enumerate(drawn):
            x = np.concatenate([[low], np.where(curve.regret > 0, curve.regret, line), [high]])
            y = np.concatenate([[0.0], curve.fraction, [curve.fraction[-1]]])
            marks = np.linspace(1, len(curve.regret), 6)[1:-1] + nth * len(curve.regret) / 6 / len(
                drawn
            )
            (handles[curve.label],) = ax.plot(
                *(x, y),
                drawstyle="steps-post",
                markevery=sorted({min(int(i), len(curve.regret)) for i in marks}),
                **styles[curve.label].line(),
            )
        ax.set_xscale("log")
        ax.set_xlim(low, high)
        ax.set_ylim(0, 1.02)
        log_axis(ax, "x")
        if zero:
            mark_zero(ax, "x", line, float(smallest))
        ax.set_xlabel(f"Final {shown.measure} (fraction)")
        ax.set_ylabel("Fraction of runs")
        ax.grid(True, which="major")
        title(ax, shown.table, shown.reconstruction)
        legend.draw(figure, handles)
    return figure
