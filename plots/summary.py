"""The tables of a report about final regret: how good it is, and which methods differ in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from regretta.harness.regret import TOLERANCE, final_regret
from regretta.harness.reported import measured, regret_kind
from regretta.harness.result import RunResult
from regretta.plots.report_notes import count
from regretta.plots.spread import interval
from regretta.plots.statistics import (
    LEVEL,
    Interval,
    PairwiseTest,
    fewest_runs,
    pairwise_tests,
    worst_if_missing,
)
from regretta.plots.tables import NONE, ReportTable, finite, percent

MARK = "\u2020"
"""Marks methods that are not shown to be worse than the best."""

MOST_METHODS = 20
"""So many methods are tested in all pairs, 190 of them; more are tested against one only."""


@dataclass(frozen=True)
class Summary:
    """Final regret and effort of one method on one table.

    Attributes
    ----------
    label
        The method's label.
    runs, silent
        Number of finished runs, and of those among them that finished no evaluation.
    mean, interquartile
        With 95 % bootstrap intervals over the runs that have a value; None without one.
    median
        Over all runs, those without a value being the worst; infinite where half of them have
        none, NaN without a run.
    evaluations, unique_cells
        Medians over all runs that were counted; NaN without one.
    """

    label: str
    runs: int
    silent: int
    mean: Interval | None
    median: float
    interquartile: Interval | None
    evaluations: float
    unique_cells: float


def summarize(runs: Mapping[str, Sequence[RunResult]], kind: str) -> tuple[Summary, ...]:
    """Final regret and effort of every label on one table; `kind` is as in `RunResult.regret`."""
    found = []
    for label, group in runs.items():
        every = final_regret(group, kind)
        values = every[~np.isnan(every)]
        some = len(values) > 0
        found.append(
            Summary(
                label=label,
                runs=len(group),
                silent=len(group) - len(values),
                mean=interval(values) if some else None,
                median=_median(worst_if_missing(every)),
                interquartile=interval(values, "iqm") if some else None,
                evaluations=_median([run.evaluations for run in group if run.counted]),
                unique_cells=_median([run.unique_cells for run in group if run.counted]),
            )
        )
    return tuple(found)


def _median(values: ArrayLike) -> float:
    return float(np.median(np.asarray(values))) if np.size(values) else np.nan


# -- as tables -------------------------------------------------------------------------------


def final_table(
    runs: Mapping[str, Sequence[RunResult]], names: Mapping[str, str], table: str, suffix: str = ""
) -> ReportTable:
    """Final regret and effort of every label.

    Parameters
    ----------
    runs
        The table's runs by label.
    names
        What a reader sees, by label.
    table
        The table's name.
    suffix
        Of the file name.
    """
    kind, measure = regret_kind(runs), measured(runs)
    found = summarize(runs, kind)
    best = _best(found)
    tests = _against_the_best(runs, best, kind)
    level = {label for t in tests for label in (t.first, t.second) if t.better != best[0]} - set(
        best[:1]
    )
    return ReportTable(
        name=f"final-regret{suffix}",
        title=f"Final {measure} on {table}, in percent",
        caption=(
            "95 % intervals over runs (none of a single run): of the mean by the percentile"
            " bootstrap, of the interquartile mean by Tukey and McLaughlin's t interval."
            " Evaluations and unique cells (different cells among the evaluations) are medians"
            " over runs. Bold: the lowest mean."
            + (
                f" {MARK}: not shown to be worse at level {LEVEL:g} (Mann-Whitney U, two-sided,"
                f" Holm's correction over {count(len(tests), 'comparison')} with it)."
                if level
                else ""
            )
            + _silence(found)
        ),
        columns=(
            "Method",
            "Runs",
            "Mean",
            "Median",
            "Interquartile mean",
            "Evaluations",
            "Unique cells",
        ),
        rows=[
            (
                f"{names[s.label]} {MARK}" if s.label in level else names[s.label],
                f"{s.runs - s.silent} of {s.runs}" if s.silent else str(s.runs),
                _interval(s.mean),
                percent(s.median),
                _interval(s.interquartile),
                *(NONE if np.isnan(v) else f"{v:,.0f}" for v in (s.evaluations, s.unique_cells)),
            )
            for s in found
        ],
        data_columns=(
            *(
                "table",
                "measure",
                "label",
                "runs",
                "runs_without_value",
                "mean",
                "mean_low",
                "mean_high",
                "median",
            ),
            *("iqm", "iqm_low", "iqm_high", "median_evaluations", "median_unique_cells"),
        ),
        data_rows=[
            (
                *(
                    table,
                    measure,
                    s.label,
                    s.runs,
                    s.silent,
                    *_three(s.mean),
                    finite(s.median),
                    *_three(s.interquartile),
                ),
                *(finite(s.evaluations), finite(s.unique_cells)),
            )
            for s in found
        ],
        strong={(i, 2) for i, s in enumerate(found) if s.label in best},
    )


def _best(found: Sequence[Summary]) -> list[str]:
    """Labels with the lowest mean; several where they are tied, none where none has a mean."""
    means = {s.label: s.mean.estimate for s in found if s.mean is not None}
    lowest = min(means.values(), default=np.nan)
    return [label for label, mean in means.items() if mean <= lowest + TOLERANCE]


def _against_the_best(
    runs: Mapping[str, Sequence[RunResult]], best: Sequence[str], kind: str
) -> Sequence[PairwiseTest]:
    """Tests of every other label against the first of the best."""
    if not best:
        return ()
    finals = {label: final_regret(group, kind) for label, group in runs.items() if len(group)}
    return pairwise_tests(finals, against=best[0])


def _silence(found: Sequence[Summary]) -> str:
    silent = sum(s.silent for s in found)
    if not silent:
        return ""
    return (
        f" {silent} of {sum(s.runs for s in found)} runs finished no evaluation within the limit:"
        " they have no regret, are not in the means, and count as the worst in the medians"
        f" ({NONE}: half of the runs are such)."
    )


def pairwise_table(
    runs: Mapping[str, Sequence[RunResult]],
    names: Mapping[str, str],
    table: str,
    suffix: str = "",
    baseline: str | None = None,
) -> ReportTable | None:
    """Tests between the labels of one table; None where there is no pair to test.

    Parameters
    ----------
    runs, names, table, suffix
        As in `final_table`.
    baseline
        Label that all others are tested against where there are more than `MOST_METHODS`; by
        default the first.
    """
    kind, measure = regret_kind(runs), measured(runs)
    finals = {label: final_regret(group, kind) for label, group in runs.items() if len(group)}
    against = None
    if len(finals) > MOST_METHODS:
        against = baseline if baseline in finals else next(iter(finals))
    tests = pairwise_tests(finals, against=against)
    if not tests:
        return None
    return ReportTable(
        name=f"pairwise-tests{suffix}",
        title=f"Pairwise tests of final {measure} on {table}",
        caption=_pairwise_caption(finals, tests, names[against] if against else ""),
        columns=(
            *("First", "Second", "Runs", "A", "\u03b4", "Effect", "p", "p (Holm)"),
            f"At level {LEVEL:g}",
        ),
        words=(0, 1, 5, 8),
        rows=[
            (
                *(names[t.first], names[t.second], f"{t.runs[0]}, {t.runs[1]}"),
                *(f"{t.superiority:.2f}", f"{t.delta:+.2f}".replace("-", "\u2212"), t.magnitude),
                *(_p(t.p), _p(t.p_holm), _verdict(t, names)),
            )
            for t in tests
        ],
        data_columns=(
            *("table", "measure", "first", "second", "runs_first", "runs_second"),
            *("test", "statistic", "p", "p_holm", "superiority", "cliffs_delta", "effect"),
        ),
        data_rows=[
            (
                *(table, measure, t.first, t.second, *t.runs),
                *("Mann-Whitney U", t.statistic, t.p, t.p_holm),
                *(t.superiority, t.delta, t.magnitude),
            )
            for t in tests
        ],
    )


def _pairwise_caption(
    finals: Mapping[str, NDArray[np.float64]], tests: Sequence[PairwiseTest], against: str
) -> str:
    """What a reader must know: the test, its family, ties, missing runs, and what it can show."""
    parts = [
        "Two-sided Mann-Whitney U tests, since all runs are independent of each other; p-values"
        f" after Holm's correction over the {len(tests)} tests of this table. A: probability that a"
        " run of the first is better than one of the second, ties half (Vargha and Delaney);"
        " \u03b4 = 2A \u2212 1 (Cliff). Regrets that differ by rounding only are ties."
    ]
    if against:
        parts.append(
            f"With more than {MOST_METHODS} methods the pairs would be too many to test or to read:"
            f" {len(finals)} methods are compared with {against} only."
        )
    if any(np.isnan(values).any() for values in finals.values()):
        parts.append("A run that finished no evaluation counts as worse than any that did.")
    single = sum(len(values) == 1 for values in finals.values())
    if single > 1:
        parts.append(f"{single} methods have a single run, and are not tested with each other.")
    if len(tests) * min(t.least_p for t in tests) >= LEVEL:
        parts.append(
            f"With so few runs no outcome of these {len(tests)} tests could show a difference;"
            f" {fewest_runs(len(tests))} runs a method could."
        )
    return " ".join(parts)


def _verdict(test: PairwiseTest, names: Mapping[str, str]) -> str:
    if test.better is not None:
        return f"{names[test.better]} better"
    return "too few runs" if test.least_p >= LEVEL else "no difference shown"


def _interval(found: Interval | None) -> str:
    if found is None:
        return NONE
    bounds = "" if np.isnan(found.low) else f" [{percent(found.low)}, {percent(found.high)}]"
    return percent(found.estimate) + bounds


def _p(value: float) -> str:
    return "< 0.0001" if value < 1e-4 else f"{value:.4f}"


def _three(found: Interval | None) -> tuple[float | None, float | None, float | None]:
    if found is None:
        return None, None, None
    return found.estimate, finite(found.low), finite(found.high)
