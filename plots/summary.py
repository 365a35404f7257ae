"""The tables of a report: final regret, time to reach given regrets, pairwise tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from regretta.harness.regret import final_regret
from regretta.harness.result import RunResult
from regretta.plots.axes import human_time
from regretta.plots.regret_curve import regret_kind
from regretta.plots.statistics import (
    Interval,
    PairwiseTest,
    bootstrap_interval,
    interquartile_mean,
    pairwise_tests,
)
from regretta.plots.tables import ReportTable

_NONE = "\u2014"


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
        Over the same runs; NaN without one.
    evaluations, unique_cells
        Medians over all runs; NaN without a run.
    """

    label: str
    runs: int
    silent: int
    mean: Interval | None
    median: float
    interquartile: Interval | None
    evaluations: float
    unique_cells: float


@dataclass(frozen=True)
class Reach:
    """How fast one method reaches one regret.

    Attributes
    ----------
    label, target
        The method, and the regret to reach.
    runs, reached
        Number of runs, and of those that reached it within the limit.
    half
        Simulated seconds by which half of the runs reached it; infinite where fewer did.
    speedup
        The baseline's `half` over this one; NaN where either is infinite or there is no baseline.
    """

    label: str
    target: float
    runs: int
    reached: int
    half: float
    speedup: float


def summarize(runs: Mapping[str, Sequence[RunResult]], kind: str) -> tuple[Summary, ...]:
    """Final regret and effort of every label on one table; `kind` is as in `RunResult.regret`."""
    found = []
    for label, group in runs.items():
        values = final_regret(group, kind)
        values = values[~np.isnan(values)]
        some = len(values) > 0
        found.append(
            Summary(
                label=label,
                runs=len(group),
                silent=len(group) - len(values),
                mean=bootstrap_interval(values) if some else None,
                median=float(np.median(values)) if some else np.nan,
                interquartile=bootstrap_interval(values, interquartile_mean) if some else None,
                evaluations=_median([run.evaluations for run in group]),
                unique_cells=_median([run.unique_cells for run in group]),
            )
        )
    return tuple(found)


def _median(values: Sequence[float]) -> float:
    return float(np.median(values)) if len(values) else np.nan


def time_to_reach(runs: Sequence[RunResult], target: float, kind: str) -> NDArray[np.float64]:
    """Simulated seconds until each run's incumbent first has at most that regret: shape ``[runs]``, else infinite."""
    times = np.full(len(runs), np.inf)
    for i, run in enumerate(runs):
        hits = np.flatnonzero(run.regret(kind) <= target)
        if len(hits):
            times[i] = run.trajectory.time[hits[0]]
    return times


def choose_targets(runs: Mapping[str, Sequence[RunResult]], kind: str) -> tuple[float, ...]:
    """Up to three round regrets, easiest first, around the one at which half of the methods end.

    A method ends where half of its runs do. The hardest target is one step below that and some
    method reaches it; no target is so easy that half of all runs start with it.
    """
    ends = [
        float(np.median(values))
        for group in runs.values()
        if len(values := _known(final_regret(group, kind)))
    ]
    starts = [
        run.regret(kind)[0] for group in runs.values() for run in group if len(run.trajectory)
    ]
    if not ends:
        return ()
    ladder = [step * 10.0**power for power in range(-6, 1) for step in (1, 2, 5)]
    useful = [target for target in ladder if min(ends) <= target < float(np.median(starts))]
    middle = sum(target < float(np.median(ends)) for target in useful)
    return tuple(useful[max(middle - 1, 0) :][:3][::-1])


def _known(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return values[~np.isnan(values)]


def reach(
    runs: Mapping[str, Sequence[RunResult]],
    targets: Sequence[float],
    kind: str,
    baseline: str | None,
) -> tuple[Reach, ...]:
    """Time to reach each target, of every label with runs; speed-ups over the label `baseline` if there is one."""
    found = []
    for target in targets:
        times = {
            label: time_to_reach(group, target, kind) for label, group in runs.items() if len(group)
        }
        halves = {
            label: float(np.sort(values)[(len(values) - 1) // 2]) for label, values in times.items()
        }
        base = halves.get(baseline or "", np.inf)
        for label, values in times.items():
            both = np.isfinite(base) and np.isfinite(halves[label]) and halves[label] > 0
            speedup = base / halves[label] if both else np.nan
            reached = int(np.isfinite(values).sum())
            found.append(Reach(label, float(target), len(values), reached, halves[label], speedup))
    return tuple(found)


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
    kind = regret_kind(runs)
    found = summarize(runs, kind)
    return ReportTable(
        name=f"final-regret{suffix}",
        title=f"Final {kind} regret on {table}, in percent",
        caption=(
            "Mean and interquartile mean with 95 % percentile bootstrap intervals over runs."
            " Evaluations and unique cells (different cells among the evaluations) are medians over"
            " runs. A run that finished no evaluation has no regret and is not in the means."
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
                names[s.label],
                f"{s.runs - s.silent} of {s.runs}" if s.silent else str(s.runs),
                _interval(s.mean),
                _percent(s.median),
                _interval(s.interquartile),
                *(
                    "\u2014" if np.isnan(v) else f"{v:,.0f}"
                    for v in (s.evaluations, s.unique_cells)
                ),
            )
            for s in found
        ],
        data_columns=(
            *(
                "table",
                "regret",
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
                    kind,
                    s.label,
                    s.runs,
                    s.silent,
                    *_three(s.mean),
                    _plain(s.median),
                    *_three(s.interquartile),
                ),
                *(_plain(s.evaluations), _plain(s.unique_cells)),
            )
            for s in found
        ],
    )


def reach_table(
    runs: Mapping[str, Sequence[RunResult]],
    names: Mapping[str, str],
    table: str,
    *,
    baseline: str | None,
    targets: Sequence[float] = (),
    suffix: str = "",
) -> ReportTable | None:
    """Time to reach given regrets and the speed-up over the baseline; None where no method has a
    value.

    Parameters
    ----------
    runs, names, table, suffix
        As in `final_table`.
    baseline
        Label that speed-ups are taken over; the regret that half of its runs end with is a further
        target.
    targets
        Regrets to reach, fractions; by default `choose_targets`.
    """
    kind = regret_kind(runs)
    chosen = [*(targets or choose_targets(runs, kind))]
    heads = [f"\u2264 {100 * target:g} %" for target in chosen]
    own = _known(final_regret(runs.get(baseline or "", ()), kind))
    if len(own):
        chosen.append(float(np.median(own)))
        heads.append(f"\u2264 {_percent(chosen[-1])} % (final median of {names[baseline or '']})")
    found = reach(runs, chosen, kind, baseline)
    if not found:
        return None
    by_label = {
        label: [r for r in found if r.label == label]
        for label in dict.fromkeys(r.label for r in found)
    }
    over = f" Speed-up (\u00d7) over {names[baseline]}." if baseline in by_label else ""
    return ReportTable(
        name=f"time-to-regret{suffix}",
        title=f"Simulated time to reach a {kind} regret on {table}",
        caption=(
            f"Time by which half of the runs have an incumbent with that regret. {_NONE}: fewer"
            f" than half of the runs reach it within the limit, their number in brackets.{over}"
            " Runs:"
            f" {', '.join(f'{names[label]} {group[0].runs}' for label, group in by_label.items())}."
        ),
        columns=("Method", *heads),
        rows=[(names[label], *(_reached(r) for r in group)) for label, group in by_label.items()],
        data_columns=(
            "table",
            "regret",
            "label",
            "target",
            "runs",
            "runs_reached",
            "seconds_half_of_runs",
            "speedup",
        ),
        data_rows=[
            (table, kind, r.label, r.target, r.runs, r.reached, _plain(r.half), _plain(r.speedup))
            for r in found
        ],
    )


def pairwise_table(
    runs: Mapping[str, Sequence[RunResult]], names: Mapping[str, str], table: str, suffix: str = ""
) -> ReportTable | None:
    """Tests between all pairs of labels on one table; None where there is no pair to test."""
    kind = regret_kind(runs)
    tests = pairwise_tests({label: final_regret(group, kind) for label, group in runs.items()})
    if not tests:
        return None
    return ReportTable(
        name=f"pairwise-tests{suffix}",
        title=f"Pairwise tests of final {kind} regret on {table}",
        caption=(
            "Two-sided Mann-Whitney U tests, since the runs of different methods are independent;"
            f" p-values after Holm's correction over these {len(tests)} pairs. A: probability that"
            " a run of the first is better than one of the second, ties half (Vargha and Delaney);"
            " \u03b4 = 2A \u2212 1 (Cliff). A run that finished no evaluation counts as worse than"
            " any other."
        ),
        columns=(
            "First",
            "Second",
            "Runs",
            "A",
            "\u03b4",
            "Effect",
            "p",
            "p (Holm)",
            "At level 0.05",
        ),
        rows=[
            (
                *(
                    names[t.first],
                    names[t.second],
                    f"{t.runs[0]}, {t.runs[1]}",
                    f"{t.superiority:.2f}",
                ),
                *(
                    f"{t.delta:+.2f}".replace("-", "\u2212"),
                    t.magnitude,
                    _p(t.p),
                    _p(t.p_holm),
                    _verdict(t, names),
                ),
            )
            for t in tests
        ],
        data_columns=(
            *(
                "table",
                "regret",
                "first",
                "second",
                "runs_first",
                "runs_second",
                "test",
                "statistic",
                "p",
                "p_holm",
            ),
            *("superiority", "cliffs_delta", "effect"),
        ),
        data_rows=[
            (
                *(table, kind, t.first, t.second, *t.runs, t.test, t.statistic, t.p, t.p_holm),
                *(t.superiority, t.delta, t.magnitude),
            )
            for t in tests
        ],
    )


def _verdict(test: PairwiseTest, names: Mapping[str, str]) -> str:
    if test.p_holm >= 0.05:
        return "no difference shown"
    return f"{names[test.first if test.delta > 0 else test.second]} better"


def _reached(found: Reach) -> str:
    if not np.isfinite(found.half):
        return f"{_NONE} ({found.reached})"
    return human_time(found.half) + (
        "" if np.isnan(found.speedup) else f" (\u00d7{found.speedup:.3g})"
    )


def _percent(value: float) -> str:
    return _NONE if np.isnan(value) else f"{100 * value:.3f}".replace("-", "\u2212")


def _interval(found: Interval | None) -> str:
    if found is None:
        return _NONE
    bounds = "" if np.isnan(found.low) else f" [{_percent(found.low)}, {_percent(found.high)}]"
    return _percent(found.estimate) + bounds


def _p(value: float) -> str:
    return "< 0.0001" if value < 1e-4 else f"{value:.4f}"


def _plain(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _three(found: Interval | None) -> tuple[float | None, float | None, float | None]:
    return (
        (None, None, None)
        if found is None
        else (found.estimate, _plain(found.low), _plain(found.high))
    )
