"""The answer of a comparison in words, computed from the tests.

Who leads, from when, by how much, how sure that is, and what cannot be told.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import comb

import numpy as np
from numpy.typing import NDArray

from regretta.harness.regret import TOLERANCE, final_regret
from regretta.harness.result import RunResult
from regretta.plots.axes import human_time
from regretta.plots.friedman import Friedman, final_regrets, friedman_of_runs, signed_rank_test
from regretta.plots.power import MOST_RUNS, runs_needed, share_of_variance, shown_superiority
from regretta.plots.rank_over_time import expected_ranks, rank_curves
from regretta.plots.regret_curve import measured, regret_kind
from regretta.plots.statistics import (
    LEVEL,
    Interval,
    PairwiseTest,
    StatisticsError,
    difference_interval,
    fewest_runs,
    pairwise_tests,
    superiority,
)
from regretta.plots.summary import MOST_METHODS
from regretta.plots.tables import percent


@dataclass(frozen=True)
class Answer:
    """What a table's runs say about its methods.

    Attributes
    ----------
    labels
        Methods with runs, by expected rank at the end, best first.
    ranks
        Their expected ranks.
    behind
        Methods that the first is shown to be better than.
    level_with
        Methods of which that is not shown, the best first.
    since
        Simulated seconds from which the first has had a better expected rank than any other until
        the end; NaN where another has the same at the end.
    tests
        The tests of the first with every other, in the order of `labels`; `p_holm` is corrected for
        the pairs of all methods.
    gap
        Mean regret of the best method of `level_with`, or else of the second, minus that of the
        first, with its 95 % bootstrap interval; None where one has no run with a value.
    odds
        Probability that a run of the first is better than one of that method, ties half.
    shown_odds
        The least such probability that the runs there are would show with `POWER`; infinite where
        they would show none.
    needed
        Runs a method that would show such odds with `POWER`, see `runs_needed`.
    """

    labels: tuple[str, ...]
    ranks: tuple[float, ...]
    behind: tuple[str, ...]
    level_with: tuple[str, ...]
    since: float
    tests: tuple[PairwiseTest, ...]
    gap: Interval | None
    odds: float
    shown_odds: float
    needed: int


def answer(runs: Mapping[str, Sequence[RunResult]]) -> Answer:
    """Compare the methods of one table, of which two or more have runs and one has a value."""
    there = {label: group for label, group in runs.items() if len(group)}
    kind = regret_kind(there)
    finals = {label: final_regret(group, kind) for label, group in there.items()}
    ranks = expected_ranks(list(finals.values()))
    order = np.argsort(np.round(ranks, 9), kind="stable")
    labels = [list(finals)[i] for i in order]
    tests = _tests_of(labels[0], finals)
    first = [tests[label] for label in labels[1:] if label in tests]
    behind = tuple(t.second for t in first if t.better == labels[0])
    rest = tuple(label for label in labels[1:] if label not in behind)
    rival = rest[0] if rest else labels[1]
    pairs = comb(len(labels), 2)
    best, other = _known(finals[labels[0]]), _known(finals[rival])
    odds = superiority(finals[labels[0]], finals[rival])
    ties = share_of_variance(finals[labels[0]], finals[rival])
    fewest = min(len(finals[labels[0]]), len(finals[rival]))
    return Answer(
        labels=tuple(labels),
        ranks=tuple(float(ranks[i]) for i in order),
        behind=behind,
        level_with=rest,
        since=_since(there, labels[0]),
        tests=tuple(first),
        gap=difference_interval(other, best) if len(best) and len(other) else None,
        odds=odds,
        shown_odds=shown_superiority(fewest, pairs, ties),
        needed=runs_needed(odds, pairs, ties),
    )


def _tests_of(leader: str, finals: Mapping[str, NDArray[np.float64]]) -> dict[str, PairwiseTest]:
    """The leader's tests by the other label, with the leader as first.

    The leader is chosen by the same data, so that the family is all pairs also where only its own
    are computed.
    """
    everyone = {leader: finals[leader], **finals}
    if len(finals) <= MOST_METHODS:
        found = pairwise_tests(everyone)
        return {t.second: t for t in found if t.first == leader}
    pairs = comb(len(finals), 2)
    return {
        t.second: replace(t, p_holm=min(1.0, t.p * pairs))
        for t in pairwise_tests(everyone, against=leader)
    }


def _known(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return values[~np.isnan(values)]


def _since(runs: Mapping[str, Sequence[RunResult]], leader: str) -> float:
    shown = rank_curves({"": runs})
    own = shown.labels.index(leader)
    others = np.delete(shown.ranks, own, axis=0).min(axis=0)
    behind = np.flatnonzero(others < shown.ranks[own] + 1e-9)
    first = behind[-1] + 1 if len(behind) else 0
    return float(shown.time[first]) if first < len(shown.time) else np.nan


# -- in words --------------------------------------------------------------------------------


def answers(
    tables: Mapping[str, Mapping[str, Sequence[RunResult]]], names: Mapping[str, str]
) -> list[str]:
    """A paragraph on who leads on each table, before them one on all tables where they are several.

    Parameters
    ----------
    tables
        Table → label → runs.
    names
        What a reader sees, by label.
    """
    found: dict[str, Answer] = {}
    lines = []
    for table, group in tables.items():
        there = {label: runs for label, runs in group.items() if len(runs)}
        if not any(len(run.trajectory) for runs in there.values() for run in runs):
            lines.append(f"{table}: no run finished an evaluation, so there is nothing to compare.")
        elif len(there) < 2:
            lines.append(f"{table}: one method only, so there is nothing to compare.")
        elif len({run.table_checksum for runs in there.values() for run in runs}) > 1:
            lines.append(f"{table}: the runs are of different tables, and are not compared.")
        else:
            found[table] = answer(there)
            lines.append(f"{table}: {_in_words(found[table], there, names)}")
    if len(found) > 1:
        lines.insert(0, _over_tables(found, {t: tables[t] for t in found}, names))
    return lines


def _in_words(
    found: Answer, runs: Mapping[str, Sequence[RunResult]], names: Mapping[str, str]
) -> str:
    measure = measured(runs)
    counts = sorted({len(group) for group in runs.values()})
    n = f"n = {counts[0]}" if len(counts) == 1 else f"n = {counts[0]} to {counts[-1]}"
    everyone = "both methods" if len(runs) == 2 else f"all {len(runs)} methods"
    if max(found.ranks) - min(found.ranks) < 1e-9:
        return f"{everyone} end alike: they have the same average rank by final {measure} ({n})."
    if counts[-1] == 1:
        return (
            f"{names[found.labels[0]]} ends with the lowest {measure}, by one run of each"
            " method: nothing can be said about how it would do in another."
        )
    text = (
        _unclear(found, names, measure, n) if found.level_with else _clear(found, names, measure, n)
    )
    silent = sum(not len(run.trajectory) for group in runs.values() for run in group)
    if silent:
        counted = "1 run" if silent == 1 else f"{silent} runs"
        count = "it counts" if silent == 1 else "they count"
        text += f" {counted} finished no evaluation: {count} as the worst, in no mean."
    return text


def _clear(found: Answer, names: Mapping[str, str], measure: str, n: str) -> str:
    first, second, others = names[found.labels[0]], names[found.labels[1]], len(found.labels) - 1
    everyone = "the other method" if others == 1 else f"each of the other {others} methods"
    worst = max(test.p_holm for test in found.tests)
    return (
        f"{first} leads: at the end it is better than {everyone} ({n}, {_p(worst)} after"
        f" correction), and it has had the best average rank from {human_time(found.since)} on."
        f" {_margin(found, second, measure)}."
    )


def _unclear(found: Answer, names: Mapping[str, str], measure: str, n: str) -> str:
    first, rival = names[found.labels[0]], names[found.level_with[0]]
    behind, since = "", ""
    if np.isfinite(found.since):
        since = f" from {human_time(found.since)} on"
    if found.behind:
        behind = f"; it is better than {_listed([names[label] for label in found.behind])}"
    lead = (
        f"no method can be said to lead. {first} has the best average rank{since}"
        f" ({found.ranks[0]:.2f} of {len(found.labels)} at the end), but {n} cannot tell it from"
        f" {_listed([names[label] for label in found.level_with])}{behind}."
    )
    margin = _margin(found, rival, measure)
    if found.needed > MOST_RUNS:
        needed = "no practical number of runs would show what is seen"
    else:
        needed = f"about {_round(found.needed):,} a method would be needed to show what is seen"
    if np.isfinite(found.shown_odds):
        shown = (
            f"so many runs would show a probability of {found.shown_odds:.2f} or more (four times"
            " in"
            " five)"
        )
    else:
        pairs = comb(len(found.labels), 2)
        tests = "the test of a pair needs" if pairs == 1 else f"tests of {pairs} pairs need"
        shown = f"so few runs could hardly show any ({tests} {fewest_runs(pairs)} at the least)"
    text = f"{lead} {margin}; {shown}, and {needed}."
    if found.gap is not None and found.gap.low > TOLERANCE:
        text += (
            " The interval of the means excludes zero all the same: a few bad runs weigh on a mean,"
            " and hardly on the order."
        )
    return text


def _margin(found: Answer, other: str, measure: str) -> str:
    """By how much the first is ahead of another method."""
    odds = f"a run of it beats one of {other} with probability {found.odds:.2f}"
    if found.gap is None:
        return f"A{odds[1:]}"
    if found.gap.estimate > TOLERANCE:
        return f"Its mean {measure} is {_points(found.gap)} below that of {other}; {odds}"
    return f"Its mean {measure} is no lower than that of {other}; {odds}"


def _over_tables(
    found: Mapping[str, Answer],
    tables: Mapping[str, Mapping[str, Sequence[RunResult]]],
    names: Mapping[str, str],
) -> str:
    labels = [label for label in names if all(tables[t].get(label) for t in tables)]
    if len(labels) < 2:
        return (
            f"Over {len(tables)} tables: fewer than two methods have runs on every table, so there"
            " is nothing to compare."
        )
    shared = {t: {label: group[label] for label in labels} for t, group in tables.items()}
    ranks = rank_curves(shared, fractions=(1.0,)).ranks[:, 0]
    best = int(np.argmin(np.round(ranks, 9)))
    leads = Counter(one.labels[0] for one in found.values() if not one.level_with)
    shown = ", ".join(f"{names[label]} on {count}" for label, count in leads.most_common())
    one = f"{names[labels[best]]} has the best average rank at the end"
    if np.ptp(ranks) < 1e-9:
        one = "all methods have the same average rank at the end"
    parts = [
        f"Over {len(tables)} tables: {one} ({ranks[best]:.2f} of {len(labels)}).",
        f"Shown to lead: {shown}; nobody on {len(tables) - leads.total()}.",
    ]
    try:
        if len(labels) == 2:
            parts.append(_by_signed_ranks(*signed_rank_test(final_regrets(shared)), names))
        else:
            parts.append(_by_friedman(friedman_of_runs(shared), names))
    except StatisticsError as error:
        parts.append(f"Nothing can be said about tables in general: {error}.")
    return " ".join(parts).replace("Shown to lead: ; nobody on", "Nobody is shown to lead on")


def _by_signed_ranks(better: str, p: float, names: Mapping[str, str]) -> str:
    if p < LEVEL:
        return f"Over tables {names[better]} is better by Wilcoxon's signed-rank test ({_p(p)})."
    return f"Over tables Wilcoxon's signed-rank test shows no difference ({_p(p)})."


def _by_friedman(found: Friedman, names: Mapping[str, str]) -> str:
    first, last = found.groups[0] if found.groups else (0, 0)
    level = [names[label] for label in found.labels[1 : last + 1]] if first == 0 else []
    behind = [names[label] for label in found.labels[len(level) + 1 :]]
    best, p = names[found.labels[0]], f"F = {found.f:.3g}, {_p(found.p)}"
    if not behind:
        return f"Friedman's test with Nemenyi's tells {best} from no other method ({p})."
    rest = f", but not from {_listed(level)}" if level else ""
    return f"Friedman's test with Nemenyi's tells {best} from {_listed(behind)}{rest} ({p})."


def _points(gap: Interval) -> str:
    bounds = f" [{percent(gap.low)}, {percent(gap.high)}]" if np.isfinite(gap.low) else ""
    return f"{percent(gap.estimate)}{bounds} percentage points"


def _round(runs: int) -> int:
    """A number of runs with two digits, rounded up."""
    unit = int(10 ** max(len(str(runs)) - 2, 0))
    return -(-runs // unit) * unit


def _p(value: float) -> str:
    return "p < 0.0001" if value < 1e-4 else f"p = {value:.2g}"


def _listed(names: Sequence[str], most: int = 6) -> str:
    shown = list(names[:most])
    if len(names) > most:
        shown.append(f"{len(names) - most} others")
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
