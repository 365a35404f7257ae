"""NAS-Bench-101, figure 8: does what the cells of up to 6 vertices teach hold on all cells?"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from regretta.harness.axis import first_position, regret_matrix, run_end
from regretta.harness.regret import final_regret, level_ties
from regretta.harness.reported import regret_kind
from regretta.harness.result import RunResult
from regretta.harness.store.results import SuiteResults
from regretta.plots.axes import human_time
from regretta.plots.paper.columns import FigureError
from regretta.plots.statistics import LEVEL, PairwiseTest, pairwise_tests
from regretta.plots.style import span

PROTOCOL = "nb101-colab"
"""Name of the protocol of the paper's notebook, which counts a cell's edges after pruning."""

METHODS = ("RS", "NRE", "RE")

MOMENTS = (0.02, 0.2, 1.0)
"""Parts of the time limit after which the methods are compared."""

_LIMIT = 5e6
_POINTS = 200


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
    tests
        Simulated seconds → regret of the three methods then, compared in pairs, labelled with
        `METHODS`: at `MOMENTS` of the time limit.
    reconstruction
        What of the table is modelled; empty for measured tables.
    """

    table: str
    vertices: int
    spreads: Mapping[Setting, Spread]
    tests: Mapping[float, tuple[PairwiseTest, ...]]
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
    """Label → setting, of the labels with runs of the study; of labels alike the first."""
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
            f"{suite.folder.name} has no finished evaluation for figure 8; run the suite first"
        )
    if len(set(vertices.values())) < 2 or not {"RS", "NRE", "RE"} <= {
        s.method for s in settings.values()
    }:
        raise FigureError(
            f"{suite.folder.name} is not the study of figure 8: random search, and evolution with"
            " and without ageing, on NAS-Bench-101's cells of two sizes"
        )
    kind = regret_kind({"": everything})
    base = next(setting for setting in settings.values() if setting.method == "RE")
    methods = (Setting("RS"), replace(base, method="NRE"), base)
    tables = tuple(
        OnTable(
            table,
            vertices[table],
            {setting: spread(some, kind) for setting, some in runs[table].items() if some},
            _tests({s.method: some for s, some in runs[table].items() if s in methods}, kind),
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
    small, large = tables[0].spreads, tables[-1].spreads
    both = [setting for setting in small if setting in large]
    agreement = np.nan
    if len(both) > 2:
        medians = [[float(on[setting].final[1]) for setting in both] for on in (small, large)]
        (one,), (other,) = (level_ties(values) for values in medians)
        agreement = float(spearmanr(one, other).statistic)
    return Generalization(
        kind, tables, base, agreement, tuple(_missing(suite, tables, everything, kind))
    )


def _tests(
    runs: Mapping[str, Sequence[RunResult]], kind: str
) -> dict[float, tuple[PairwiseTest, ...]]:
    limit = max((run_end(run) for some in runs.values() for run in some), default=0.0)
    found = {}
    for part in MOMENTS:
        regrets = {
            name: final_regret(some, kind)
            if part == 1
            else regret_matrix(some, [part * limit], kind)[:, 0]
            for name, some in runs.items()
        }
        found[part * limit] = pairwise_tests(regrets)
    return found


def spread(runs: Sequence[RunResult], kind: str, points: int = _POINTS) -> Spread:
    """Quartiles over runs that each finished an evaluation, on a logarithmic grid of moments."""
    start, limit = (
        max(map(first_position, runs)),
        max(run_end(run) for run in runs),
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
    suite: SuiteResults, tables: Sequence[OnTable], runs: Sequence[RunResult], kind: str
) -> Iterator[str]:
    protocols = {str(run.protocol.get("name", "")) for run in runs}
    if protocols != {PROTOCOL}:
        yield (
            f"the notebook's protocol ({PROTOCOL}): the suite follows"
            f" {', '.join(sorted(protocols))}"
        )
    if {str(run.protocol.get("counting")) for run in runs} != {"after"}:
        yield "the notebook's rule for edges, which counts them after pruning"
    if kind == "validation":
        yield "test error of every incumbent: validation regret is shown"
    if (limit := max(run_end(run) for run in runs)) < _LIMIT:
        yield f"the notebook's {_LIMIT:,.0f} simulated seconds: the runs have {limit:,.0f}"
    for on in tables:
        counts = {
            label: on.spreads[setting].runs if setting in on.spreads else 0
            for label, setting in _settings(suite).items()
        }
        planned = {label: suite.planned(label) for label in counts}
        if short := [count for label, count in counts.items() if count < planned[label]]:
            yield (
                f"runs: {span(short)} of {span(list(planned.values()))} planned on {on.table}"
                f" (settings: {len(short)})"
            )


def conclusion(found: Generalization) -> str:
    """What the runs say of the methods on the first table, and whether the last says it too."""
    small, large = found.tables[0], found.tables[-1]
    said = [
        f"after {human_time(moment)} {_compared(tests, large.tests.get(moment, ()))}"
        for moment, tests in small.tests.items()
    ]
    return (
        f"Methods that differ on {small.table}, by two-sided rank-sum tests with Holm's correction"
        f" (p < {LEVEL:g}), and what of it holds on {large.table}: {'; '.join(said)}."
    )


def _compared(small: Sequence[PairwiseTest], large: Sequence[PairwiseTest]) -> str:
    shown = [test for test in small if test.better is not None]
    if not shown:
        return "none"
    verdict = {frozenset((test.first, test.second)): test.better for test in large}
    same = sum(verdict.get(frozenset((t.first, t.second))) == t.better for t in shown)
    there = sum(verdict.get(frozenset((t.first, t.second))) is not None for t in shown)
    pairs = ", ".join(
        f"{t.better} before {t.second if t.better == t.first else t.first}" for t in shown
    )
    return f"{pairs} ({same} of {len(shown)} in the same direction, {there - same} in the other)"


def _medians(found: Generalization, on: OnTable) -> str:
    ordered = sorted(
        (float(on.spreads[s].final[1]), s.method) for s in found.shown("method") if s in on.spreads
    )
    return ", ".join(f"{method} {median:.4f}" for median, method in ordered).replace("-", "\u2212")


def caption(found: Generalization) -> str:
    """What the figure shows, what is published, and what is missing."""
    counts = span(sorted({spread_.runs for on in found.tables for spread_ in on.spreads.values()}))
    sizes = " and ".join(f"{on.table} (V = {on.vertices})" for on in found.tables)
    medians = "; ".join(f"{on.table} {_medians(found, on)}" for on in found.tables)
    agreement = ""
    if np.isfinite(found.agreement):
        agreement = (
            " Spearman's correlation of the median final regrets of all settings between"
            f" {found.tables[0].table} and {found.tables[-1].table}: {found.agreement:.2f}."
        ).replace("-0.", "\u22120.")
    parts = [
        "NAS-Bench-101, figure 8. Does what holds on small cells hold on all? Median and"
        f" interquartile range of {found.kind} regret over n = {counts} runs of each setting on the"
        f" cells of up to V vertices: {sizes}. Left: random search (RS), evolution that removes the"
        " worst (NRE), evolution that removes the oldest (RE). Middle: RE with mutation rate p."
        " Right: RE, below also NRE, with tournament size t. Where not told, p ="
        f" {found.base.rate:g} and t = {found.base.tournament}. Upper rows: against simulated"
        " wall-clock time; bottom row: at the end. Regret is taken from the best mean error of the"
        " table's own cells; where the protocol reports the test error of the one repeat that was"
        f" seen, it can be below zero. Median final regret, the lowest first: {medians}."
        f" {conclusion(found)}{agreement} Published: 100"
        " runs; of the paper's grid only p = 0.5 and 2 are known here"
        " (google-research/nasbench#11)."
    ]
    if found.missing:
        parts.append(f"Missing: {'; '.join(found.missing)}.")
    for words in dict.fromkeys(on.reconstruction for on in found.tables if on.reconstruction):
        modelled = ", ".join(on.table for on in found.tables if on.reconstruction == words)
        parts.append(f"Reconstruction ({modelled}): {words}.")
    return " ".join(parts)
