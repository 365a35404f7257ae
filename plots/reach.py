"""What methods spend to reach a regret and stay there, and how much less one does than another.

The test regret of an incumbent can rise again, since a search sees validation errors only. A run
has reached a regret from the moment after which no incumbent is worse until the end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from regretta.harness.axis import SECONDS, Axis, positions, run_end
from regretta.harness.regret import at_most, final_regret
from regretta.harness.reported import measured, regret_kind
from regretta.harness.result import RunResult
from regretta.plots.axes import human_position
from regretta.plots.statistics import Interval, worst_if_missing
from regretta.plots.tables import NONE, ReportTable, finite, percent

_RESAMPLES = 4000


@dataclass(frozen=True)
class Reach:
    """How fast one method reaches one regret to stay at or below it.

    Attributes
    ----------
    label, target
        The method, and the regret to reach.
    runs, reached
        Number of runs, and of those at or below the target at the end. The others are censored:
        their place is beyond their end.
    end
        Where the first of its runs ends.
    half
        Position, simulated seconds say, from which half of the runs stay there, with its 95 %
        bootstrap interval over the runs; infinite is beyond the end.
    speedup
        The baseline's `half` over this one, with its interval; None where either is beyond the
        end, or there is no baseline, or this is it.
    """

    label: str
    target: float
    runs: int
    reached: int
    end: float
    half: Interval
    speedup: Interval | None


def place_of_reach(
    runs: Sequence[RunResult], target: float, kind: str, axis: Axis = SECONDS
) -> NDArray[np.float64]:
    """Position from which each run stays at or below a regret: shape ``[runs]``.

    Infinite for a run that does not end there.
    """
    places = np.full(len(runs), np.inf)
    for i, run in enumerate(runs):
        above = np.flatnonzero(~at_most(run.regret(kind), target))
        first = above[-1] + 1 if len(above) else 0
        if first < len(run.trajectory):
            places[i] = positions(run, axis)[first]
    return places


def choose_targets(runs: Mapping[str, Sequence[RunResult]], kind: str) -> tuple[float, ...]:
    """Up to three round regrets, easiest first, around the one at which half of the methods end.

    A method ends where half of its runs do. The hardest target is one step below that and some
    method reaches it; no target is so easy that half of all runs start with it.
    """
    ends = [_middle(group, kind) for group in runs.values() if group]
    starts = [
        run.regret(kind)[0] for group in runs.values() for run in group if len(run.trajectory)
    ]
    if not starts or np.isinf(min(ends)):
        return ()
    ladder = [step * 10.0**power for power in range(-6, 1) for step in (1, 2, 5)]
    useful = [
        target
        for target in ladder
        if at_most(min(ends), target) and not at_most(float(np.median(starts)), target)
    ]
    middle = sum(not at_most(float(np.median(ends)), target) for target in useful)
    return tuple(useful[max(middle - 1, 0) :][:3][::-1])


def _middle(runs: Sequence[RunResult], kind: str) -> float:
    """Regret that half of the runs end with or below; infinite where fewer have a value."""
    return float(np.median(worst_if_missing(final_regret(runs, kind))))


def reach(
    runs: Mapping[str, Sequence[RunResult]],
    targets: Sequence[float],
    kind: str,
    baseline: str | None,
    axis: Axis = SECONDS,
) -> tuple[Reach, ...]:
    """Where each target is reached, of every label with runs, and speed-ups over `baseline`."""
    ends = {
        label: min(run_end(r, axis) for r in [r for r in group if len(r.trajectory)] or group)
        for label, group in runs.items()
        if len(group)
    }
    found = []
    for target in targets:
        times = {
            label: np.sort(place_of_reach(group, target, kind, axis))
            for label, group in runs.items()
            if len(group)
        }
        base = times.get(baseline or "")
        for label, values in times.items():
            compared = base is not None and label != baseline
            found.append(
                Reach(
                    label=label,
                    target=float(target),
                    runs=len(values),
                    reached=int(np.isfinite(values).sum()),
                    end=ends[label],
                    half=half_of_runs(values),
                    speedup=speed_up(base, values) if compared and base is not None else None,
                )
            )
    return tuple(found)


def half_of_runs(times: NDArray[np.float64]) -> Interval:
    """Time by which half of the runs are there, with its 95 % percentile bootstrap interval.

    The bootstrap distribution of an order statistic is known, so nothing is drawn (Efron and
    Tibshirani 1993, section 2).

    Parameters
    ----------
    times
        Ascending, infinite where a run never is: shape ``[runs]``, one run or more.
    """
    middle = float(times[(len(times) - 1) // 2])
    if len(times) == 1:
        return Interval(middle, np.nan, np.nan, 1)
    low, high = times[np.searchsorted(_half_distribution(len(times)), [0.025, 0.975])]
    return Interval(middle, float(low), float(high), len(times))


def _half_distribution(runs: int) -> NDArray[np.float64]:
    """Probability that half of resampled runs are there by the j-th time: shape ``[runs]``."""
    needed = (runs + 1) // 2
    return np.asarray(stats.binom.sf(needed - 1, runs, np.arange(1, runs + 1) / runs))


def speed_up(base: NDArray[np.float64], own: NDArray[np.float64], seed: int = 0) -> Interval | None:
    """Ratio of the times by which half of the runs are there, with a 95 % bootstrap interval.

    Both samples are resampled. Where in a resample neither gets there in time, or both are there
    from second 0 on, their ratio is unknown: it counts as zero for the lower bound and as infinite
    for the upper one.

    Parameters
    ----------
    base, own
        Ascending times of the baseline and of the method compared with it, infinite where a run
        never is there.
    seed
        Of the bootstrap: the same times give the same interval.

    Returns
    -------
    Interval or None
        None where one of the two has no such time within the limit.
    """
    over, under = half_of_runs(base).estimate, half_of_runs(own).estimate
    if not (np.isfinite(over) and np.isfinite(under) and under > 0):
        return None
    runs = min(len(base), len(own))
    if runs == 1:
        return Interval(over / under, np.nan, np.nan, 1)
    uniform = np.random.default_rng(seed).random((2, _RESAMPLES))
    tops, bottoms = (
        times[np.searchsorted(_half_distribution(len(times)), draws)]
        for times, draws in zip((base, own), uniform, strict=True)
    )
    unknown = (np.isinf(tops) & np.isinf(bottoms)) | (tops + bottoms == 0)
    ratio = np.where(unknown, 1.0, tops) / np.where(unknown, 1.0, bottoms)
    low, high = (
        np.quantile(np.where(unknown, worst, ratio), share, method="inverted_cdf")
        for worst, share in ((0.0, 0.025), (np.inf, 0.975))
    )
    return Interval(over / under, float(low), float(high), runs)


# -- as tables -------------------------------------------------------------------------------


def reach_tables(
    runs: Mapping[str, Sequence[RunResult]],
    names: Mapping[str, str],
    table: str,
    *,
    baseline: str | None,
    axis: Axis = SECONDS,
    targets: Sequence[float] = (),
    suffix: str = "",
) -> list[ReportTable]:
    """What it takes to reach given regrets, and speed-ups over the baseline where there are any.

    A method with a run that spends nothing of the axis is left out.

    Parameters
    ----------
    runs, names, table, suffix
        As in `regretta.plots.summary.final_table`.
    baseline
        Label that speed-ups are taken over; the regret that half of its runs end with is a further
        target.
    axis
        What it takes: time, or evaluations, say.
    targets
        Regrets to reach, fractions; by default `choose_targets`.
    """
    kind, measure = regret_kind(runs), measured(runs)
    absent = [
        label
        for label, group in runs.items()
        if any(len(run.trajectory) and not run_end(run, axis) > 0 for run in group)
    ]
    runs = {label: group for label, group in runs.items() if label not in absent}
    chosen = [*(targets or choose_targets(runs, kind))]
    heads = [f"\u2264 {100 * target:g} %" for target in chosen]
    if baseline and runs.get(baseline) and np.isfinite(own := _middle(runs[baseline], kind)):
        chosen.append(own)
        heads.append(f"\u2264 {percent(own)} % (final median of {names[baseline]})")
    found = reach(runs, chosen, kind, baseline, axis)
    by_label: dict[str, list[Reach]] = {}
    for one in found:
        by_label.setdefault(one.label, []).append(one)
    if not found:
        return []
    timed = axis == SECONDS
    what = "Simulated time" if timed else axis.words.capitalize()
    ends = {label: group[0].end for label, group in by_label.items()}
    beyond = f"> {human_position(max(ends.values()), axis)}"
    if len(set(ends.values())) > 1:
        beyond = f"more ({_listed_ends(ends, names, axis)})"
    places = ReportTable(
        name=f"{'time' if timed else axis.name}-to-regret{suffix}",
        title=f"{what} to reach a {measure} on {table} and stay there",
        caption=(
            f"{'Time' if timed else what} from which half of the runs stay at or below that regret"
            " until the end (an incumbent's regret can rise again), with its 95 % percentile"
            " bootstrap interval over runs. Where not all runs end there, their number follows; the"
            f" others are censored: they count as {'later' if timed else 'more'} than the limit,"
            f" and a bound or {'time' if timed else 'number'} that falls among them is given as"
            f" {beyond}. Runs:"
            f" {', '.join(f'{names[label]} {group[0].runs}' for label, group in by_label.items())}."
            + _left_out(absent, names, axis)
        ),
        columns=("Method", *heads),
        rows=[
            (names[label], *(_place(one, axis) for one in group))
            for label, group in by_label.items()
        ],
        data_columns=(
            *("table", "measure", "label", "target", "runs", "runs_reached"),
            *(f"{axis.name}_half_of_runs", f"{axis.name}_low", f"{axis.name}_high"),
        ),
        data_rows=[
            (
                *(table, measure, one.label, one.target, one.runs, one.reached),
                *(finite(v) for v in (one.half.estimate, one.half.low, one.half.high)),
            )
            for one in found
        ],
    )
    if baseline not in by_label or len(by_label) == 1:
        return [places]
    return [places, _speed_ups(by_label, heads, names, table, measure, baseline, suffix, axis)]


def _listed_ends(ends: Mapping[str, float], names: Mapping[str, str], axis: Axis) -> str:
    """Where the first run of each method ends."""
    each = (f"{names[label]} > {human_position(end, axis)}" for label, end in ends.items())
    return f"of runs that end at different places, than where the first does: {', '.join(each)}"


def _left_out(absent: Sequence[str], names: Mapping[str, str], axis: Axis) -> str:
    if not absent:
        return ""
    shown = ", ".join(names[label] for label in absent)
    return f" Left out, as runs of theirs have no {axis.words} that are known: {shown}."


def _speed_ups(
    by_label: Mapping[str, Sequence[Reach]],
    heads: Sequence[str],
    names: Mapping[str, str],
    table: str,
    measure: str,
    baseline: str,
    suffix: str,
    axis: Axis,
) -> ReportTable:
    others = {label: group for label, group in by_label.items() if label != baseline}
    what = "Time" if axis == SECONDS else axis.words.capitalize()
    return ReportTable(
        name=f"speed-up{suffix}",
        title=f"Speed-up over {names[baseline]} in reaching a {measure} on {table}"
        + ("" if axis == SECONDS else f", in {axis.words}"),
        caption=(
            f"{what} from which half of the runs of {names[baseline]} stay at or below that regret,"
            " over that of the method, with a 95 % percentile bootstrap interval in which the runs"
            f" of both are resampled; an interval that holds 1 shows no difference. {NONE}: half of"
            " the runs of one of the two do not get there within the limit."
        ),
        columns=("Method", *heads),
        rows=[
            (names[label], *(_ratio(one.speedup) for one in group))
            for label, group in others.items()
        ],
        data_columns=(
            *("table", "measure", "label", "baseline", "target", "axis"),
            *("speedup", "speedup_low", "speedup_high"),
        ),
        data_rows=[
            (
                *(table, measure, one.label, baseline, one.target, axis.name),
                *(
                    (None, None, None)
                    if (ratio := one.speedup) is None
                    else (finite(ratio.estimate), finite(ratio.low), finite(ratio.high))
                ),
            )
            for group in others.values()
            for one in group
        ],
    )


def _place(found: Reach, axis: Axis) -> str:
    def at(place: float) -> str:
        if not np.isfinite(place):
            return f"> {at(found.end)}"
        return human_position(place, axis) if axis == SECONDS else f"{place:,.10g}"

    half = found.half
    bounds = "" if np.isnan(half.low) else f" [{at(half.low)}, {at(half.high)}]"
    count = f", {found.reached} of {found.runs}" if found.reached < found.runs else ""
    return at(half.estimate) + bounds + count


def _ratio(found: Interval | None) -> str:
    if found is None:
        return NONE
    low, high = found.low, found.high
    bounds = f"{low:.3g}, {high:.3g}" if np.isfinite(high) else f"\u2265 {low:.3g}"
    return f"\u00d7{found.estimate:.3g}" + ("" if np.isnan(low) else f" [{bounds}]")
