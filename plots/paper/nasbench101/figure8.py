"""NAS-Bench-101, figure 8: does what searches teach on the cells of up to 6 vertices hold on all cells?"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from regretta.harness.regret import final_regret, level_ties, regret_matrix
from regretta.harness.result import RunResult
from regretta.harness.store.folder import SuiteResults
from regretta.plots.axes import marker_positions, time_axis, title
from regretta.plots.paper.columns import FigureError
from regretta.plots.paper.figure import StudyFigure
from regretta.plots.regret_curve import regret_kind
from regretta.plots.style import (
    CYCLE,
    MethodStyle,
    graded_styles,
    house,
    method_styles,
    panels,
    span,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PROTOCOL = "nb101-colab"
"""Name of the protocol of the paper's notebook."""

_LIMIT = 5e6
_POINTS = 200
_COLUMNS = ("method", "rate", "tournament")


@dataclass(frozen=True)
class Setting:
    """What one label of the suite searches with.

    Attributes
    ----------
    method
        ``"RS"``, ``"NRE"`` (evolution that removes the worst) or ``"RE"`` (evolution that removes
        the oldest).
    rate, tournament
        Mutation rate p and tournament size t of evolution; 0 for random search.
    """

    method: str
    rate: float = 0.0
    tournament: int = 0


@dataclass(frozen=True, eq=False)
class Spread:
    """Regret of one setting's runs on one table.

    Attributes
    ----------
    runs
        Number of runs that finished an evaluation.
    time
        Simulated seconds, from the moment on at which every run has a value: shape ``[k]``.
    quartiles
        First quartile, median and third quartile over runs: shape ``[3, k]``.
    final
        The same three of the runs' last incumbents: shape ``[3]``.
    """

    runs: int
    time: NDArray[np.float64]
    quartiles: NDArray[np.float64]
    final: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class OnTable:
    """The searches on one table.

    Attributes
    ----------
    table, vertices
        Its name, and the most vertices of its cells.
    spreads
        By setting.
    reconstruction
        What of the table is modelled; empty for measured tables.
    """

    table: str
    vertices: int
    spreads: Mapping[Setting, Spread]
    reconstruction: str


@dataclass(frozen=True, eq=False)
class Generalization:
    """The study on all of its tables.

    Attributes
    ----------
    kind
        ``"test"`` or ``"validation"`` regret.
    tables
        From the smallest cells to the largest.
    base
        The setting of evolution with ageing from which one thing is changed at a time.
    agreement
        Spearman's correlation of median final regret between the first table and the last, over the
        settings that both have; NaN for fewer than three.
    missing
        What of the paper's figure the suite does not have.
    """

    kind: str
    tables: tuple[OnTable, ...]
    base: Setting
    agreement: float
    missing: tuple[str, ...]

    def shown(self, column: str, method: str = "RE") -> tuple[Setting, ...]:
        """Settings that differ from `base` in one thing only, ascending: the column's.

        Parameters
        ----------
        column
            ``"method"``, ``"rate"`` or ``"tournament"``.
        method
            Of ``"rate"`` and ``"tournament"``: whose settings.
        """
        known = {setting for on in self.tables for setting in on.spreads}
        rate, tournament = self.base.rate, self.base.tournament
        match column:
            case "method":
                chosen = [Setting("RS"), Setting("NRE", rate, tournament), self.base]
            case "rate":
                chosen = [s for s in known if s.method == method and s.tournament == tournament]
            case _:
                chosen = [s for s in known if s.method == method and s.rate == rate]
        if column != "method":
            chosen.sort(key=lambda setting: (setting.rate, setting.tournament))
        return tuple(setting for setting in chosen if setting in known)


def _vertices(suite: SuiteResults) -> dict[str, int]:
    """Table of NAS-Bench-101's cells → most vertices."""
    spaces = {name: table.space for name, table in suite.identity.tables.items()}
    found = {table: re.match(r"nasbench101(?:-(\d)v)?/", space) for table, space in spaces.items()}
    return {table: int(match[1] or 7) for table, match in found.items() if match}


def _settings(suite: SuiteResults) -> dict[str, Setting]:
    """Label → setting, of the labels that have runs and are of the study; of labels alike in all three the first."""
    found: dict[str, Setting] = {}
    for label in suite.labels:
        run = next((group[label][0] for group in suite.runs.values() if group[label]), None)
        if run is None or run.optimizer not in ("random_search", "regularized_evolution"):
            continue
        setting = Setting("RS")
        if run.optimizer == "regularized_evolution":
            method = "RE" if run.settings.get("ageing", True) else "NRE"
            rate, tournament = (
                run.settings.get("mutation_rate", 1.0),
                run.settings.get("tournament_size", 10),
            )
            setting = Setting(method, float(rate), int(tournament))
        if setting not in found.values():
            found[label] = setting
    return found


def compute(suite: SuiteResults) -> Generalization:
    """Quartiles of regret over runs, over time and at the end, of every setting on every table.

    Raises
    ------
    FigureError
        If the suite is another study, or has no finished evaluation.
    """
    settings, vertices = _settings(suite), _vertices(suite)
    order = sorted(vertices, key=vertices.__getitem__)
    runs = {
        table: {
            setting: [run for run in suite.runs[table][label] if len(run.trajectory)]
            for label, setting in settings.items()
        }
        for table in order
    }
    everything = [run for group in runs.values() for some in group.values() for run in some]
    if not everything:
        raise FigureError(
            f"{suite.folder} has no finished evaluation for figure 8; run the suite first"
        )
    if len(set(vertices.values())) < 2 or not {"RS", "NRE", "RE"} <= {
        s.method for s in settings.values()
    }:
        raise FigureError(
            f"{suite.folder} is not the study of figure 8: random search, and evolution with and"
            " without ageing, on NAS-Bench-101's cells of two sizes"
        )
    kind = regret_kind({"": everything})
    tables = tuple(
        OnTable(
            table,
            vertices[table],
            {setting: spread(some, kind) for setting, some in runs[table].items() if some},
            next(
                (
                    run.reconstruction
                    for some in runs[table].values()
                    for run in some
                    if run.reconstruction
                ),
                "",
            ),
        )
        for table in order
    )
    base = next(setting for setting in settings.values() if setting.method == "RE")
    small, large = tables[0].spreads, tables[-1].spreads
    both = [setting for setting in small if setting in large]
    agreement = np.nan
    if len(both) > 2:
        medians = [[float(on[setting].final[1]) for setting in both] for on in (small, large)]
        (one,), (other,) = (level_ties(values) for values in medians)
        agreement = float(spearmanr(one, other).statistic)
    return Generalization(kind, tables, base, agreement, tuple(_missing(suite, tables, everything)))


def spread(runs: Sequence[RunResult], kind: str, points: int = _POINTS) -> Spread:
    """Quartiles over runs that each finished an evaluation, on a logarithmic grid of moments up to the time limit."""
    start, limit = (
        max(float(run.trajectory.time[0]) for run in runs),
        max(run.time_limit for run in runs),
    )
    # Where an only evaluation crosses the limit, there is no moment within it at which every run
    # has a value.
    time = np.geomspace(start, limit, points) if start <= limit else np.empty(0)
    time[-1:] = limit
    over_time, final = (
        np.quantile(values, [0.25, 0.5, 0.75], axis=0)
        for values in (regret_matrix(runs, time, kind), final_regret(runs, kind))
    )
    return Spread(len(runs), time, over_time, final)


def _missing(
    suite: SuiteResults, tables: Sequence[OnTable], runs: Sequence[RunResult]
) -> Iterator[str]:
    protocols = {str(run.protocol.get("name", "")) for run in runs}
    if protocols != {PROTOCOL}:
        yield (
            f"the notebook's protocol ({PROTOCOL}): the suite follows"
            f" {', '.join(sorted(protocols))}"
        )
    if (limit := max(run.time_limit for run in runs)) < _LIMIT:
        yield f"the notebook's {_LIMIT:,.0f} simulated seconds: the runs have {limit:,.0f}"
    for on in tables:
        counts = [on.spreads[s].runs if s in on.spreads else 0 for s in _settings(suite).values()]
        if short := [count for count in counts if count < suite.planned]:
            yield (
                f"runs: {span(short)} of {suite.planned} planned on {on.table} (settings:"
                f" {len(short)})"
            )


def caption(found: Generalization) -> str:
    """What the figure shows, what is published, and what is missing."""
    counts = span(sorted({spread_.runs for on in found.tables for spread_ in on.spreads.values()}))
    sizes = " and ".join(f"{on.table} (V = {on.vertices})" for on in found.tables)
    medians = "; ".join(
        f"{on.table} "
        + ", ".join(
            f"{s.method} {on.spreads[s].final[1]:.4f}"
            for s in found.shown("method")
            if s in on.spreads
        ).replace("-", "\u2212")
        for on in found.tables
    )
    agreement = ""
    if np.isfinite(found.agreement):
        agreement = (
            " Spearman's correlation of the median final regrets of all settings between"
            f" {found.tables[0].table} and {found.tables[-1].table}: {found.agreement:.2f}."
        )
    parts = [
        "NAS-Bench-101, figure 8. Does what holds on small cells hold on all? Median and"
        f" interquartile range of {found.kind} regret over n = {counts} runs of each setting on the"
        f" cells of up to V vertices: {sizes}. Left: random search (RS), evolution that removes the"
        " worst (NRE), evolution that removes the oldest (RE). Middle: RE with mutation rate p."
        " Right: RE, below also NRE, with tournament size t. Where not told, p ="
        f" {found.base.rate:g} and t = {found.base.tournament}. Upper rows: against simulated"
        " wall-clock time; bottom row: at the end. Regret is taken from the best mean error of the"
        " table's own cells; where the protocol reports the test error of the one repeat that was"
        f" seen, it can be below zero. Median final regret: {medians}.{agreement} Published: 100"
        " runs; of the paper's grid only p = 0.5 and 2 are known here"
        " (google-research/nasbench#11)."
    ]
    if found.missing:
        parts.append(f"Missing: {'; '.join(found.missing)}.")
    for words in dict.fromkeys(on.reconstruction for on in found.tables if on.reconstruction):
        modelled = ", ".join(on.table for on in found.tables if on.reconstruction == words)
        parts.append(f"Reconstruction ({modelled}): {words}.")
    return " ".join(parts)


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
    """Places on the horizontal axis and their names: methods one after the other, numbers by their logarithm."""
    if column == "method":
        return [
            (float(("RS", "NRE", "RE").index(setting.method)), setting.method)
            for setting in settings
        ]
    numbers = [setting.rate if column == "rate" else setting.tournament for setting in settings]
    return [(float(np.log2(number)), f"{number:g}") for number in numbers]


FIGURE = StudyFigure(
    *("8", "generalization from cells of up to 6 vertices", "nasbench101-generalization"),
    *(compute, caption, draw),
)
