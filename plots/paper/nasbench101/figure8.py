"""Draws figure 8 of NAS-Bench-101: a row of curves a table, and a row of final regrets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from regretta.plots.axes import marker_positions, time_axis, title
from regretta.plots.paper.figure import StudyFigure
from regretta.plots.paper.nasbench101.generalization import (
    METHODS,
    Generalization,
    OnTable,
    Setting,
    caption,
    compute,
)
from regretta.plots.style import (
    CYCLE,
    MethodStyle,
    graded_styles,
    house,
    method_styles,
    panels,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLUMNS = ("method", "rate", "tournament")


def draw(found: Generalization, width: float) -> Figure:
    """Draw a row of curves a table, and a row of final regrets."""
    modelled = next((on.reconstruction for on in found.tables if on.reconstruction), "")
    with house():
        figure, axes = panels(3 * (len(found.tables) + 1), width, 2.2)
        rows = [axes[start : start + 3] for start in range(0, len(axes), 3)]
        for row, on in zip(rows, found.tables, strict=False):
            for column, ax in zip(_COLUMNS, row, strict=True):
                _draw_curves(ax, found, on, column)
                title(ax, f"{on.table} (V \u2264 {on.vertices})", on.reconstruction)
            row[0].set_ylabel(f"Median {found.kind} regret (fraction)")
        for column, ax in zip(_COLUMNS, rows[-1], strict=True):
            _draw_final(ax, found, column)
            title(ax, "At the end", modelled)
        rows[-1][0].set_ylabel(f"Median final {found.kind} regret (fraction)")
        for row in rows:
            limits = [limit for ax in row for limit in ax.get_ylim()]
            low, high = min(limits), max(limits)
            for ax in row:
                ax.set_ylim(
                    low - 0.05 * (high - low), high + 0.3 * (high - low)
                )  # room for the legends above
    return figure


def _styles(found: Generalization, column: str) -> dict[Setting, MethodStyle]:
    settings = found.shown(column)
    if column == "method":
        looks = method_styles(
            [
                ("RE", "regularized_evolution"),
                ("NRE", "regularized_evolution"),
                ("RS", "random_search"),
            ]
        )
        return {setting: looks[setting.method] for setting in settings}
    letter, values = (
        ("p", [s.rate for s in settings])
        if column == "rate"
        else ("t", [s.tournament for s in settings])
    )
    return dict(
        zip(settings, graded_styles([f"{letter} = {value:g}" for value in values]), strict=True)
    )


def _draw_curves(ax: Axes, found: Generalization, on: OnTable, column: str) -> None:
    styles = {
        setting: style for setting, style in _styles(found, column).items() if setting in on.spreads
    }
    limit = max(
        (
            float(on.spreads[setting].time[-1])
            for setting in styles
            if len(on.spreads[setting].time)
        ),
        default=1,
    )
    begin = (
        10 ** np.floor(np.log10(limit)) / 100
    )  # three decades; before them there is little but chance
    extent = [0.0]
    for nth, (setting, style) in enumerate(styles.items()):
        shown = on.spreads[setting]
        first, median, third = shown.quartiles
        ax.fill_between(
            shown.time, first, third, step="post", color=style.color, alpha=0.12, linewidth=0
        )
        markers = marker_positions(shown.time, begin, limit, nth, len(styles), 5)
        line = style.line() | {"markersize": 3, "linewidth": 1.1}
        ax.plot(
            shown.time, median, drawstyle="steps-post", markevery=markers, label=style.name, **line
        )
        extent += [*first[shown.time >= begin], *third[shown.time >= begin]]
    time_axis(ax, begin, limit)
    if max(extent) > min(extent):
        ax.set_ylim(min(extent), max(extent))
    ax.grid(True)
    ax.legend(loc="upper right", handlelength=2, labelspacing=0.3)


def _draw_final(ax: Axes, found: Generalization, column: str) -> None:
    methods = ("RE", "NRE") if column == "tournament" else ("RE",)
    series = [(nth, on, method) for nth, on in enumerate(found.tables) for method in methods]
    ticks: dict[float, str] = {}
    for beside, (nth, on, method) in enumerate(series):
        shown = [setting for setting in found.shown(column, method) if setting in on.spreads]
        names = dict(_places(column, shown))
        ticks |= names
        first, median, third = (
            np.array([on.spreads[setting].final for setting in shown]).reshape(-1, 3).T
        )
        color, marker = CYCLE[nth % len(CYCLE)]
        ax.errorbar(
            np.array(list(names)) + 0.16 * (beside - (len(series) - 1) / 2),
            median,
            yerr=[median - first, third - median],
            color=color,
            marker=marker,
            markerfacecolor="white" if method == "NRE" else color,
            linestyle="none" if column == "method" else (0, (4, 1.5)) if method == "NRE" else "-",
            linewidth=1.1,
            elinewidth=0.7,
            label=on.table if len(methods) == 1 else f"{method}, V \u2264 {on.vertices}",
        )
    ax.set_xticks(list(ticks), list(ticks.values()))
    ax.set_xlabel(
        {"method": "Method", "rate": "Mutation rate p", "tournament": "Tournament size t"}[column]
    )
    ax.axhline(0, color="#999999", linewidth=0.8, linestyle=(0, (2, 2)), zorder=0)
    ax.grid(True, axis="y")
    ax.margins(x=0.12)
    ax.legend(
        loc="upper center",
        ncols=len(methods),
        handlelength=1.6,
        labelspacing=0.3,
        columnspacing=0.8,
    )


def _places(column: str, settings: Sequence[Setting]) -> list[tuple[float, str]]:
    """Places on the horizontal axis and their names; numbers stand by their logarithm."""
    if column == "method":
        return [(float(METHODS.index(setting.method)), setting.method) for setting in settings]
    numbers = [setting.rate if column == "rate" else setting.tournament for setting in settings]
    return [(float(np.log2(number)), f"{number:g}") for number in numbers]


FIGURE = StudyFigure(
    *("8", "generalization from cells of up to 6 vertices", "nasbench101-generalization"),
    *(compute, caption, draw),
)
