"""The answer of a comparison, computed from the tests; `regretta.plots.verdict` says it in words.

Who leads, from when, by how much, how sure that is, and what cannot be told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import comb

import numpy as np
from numpy.typing import NDArray

from regretta.harness.axis import SECONDS, Axis
from regretta.harness.regret import final_regret
from regretta.harness.reported import regret_kind
from regretta.harness.result import RunResult
from regretta.plots.power import runs_needed, share_of_variance, shown_superiority
from regretta.plots.rank_over_time import expected_ranks, rank_curves
from regretta.plots.statistics import (
    Interval,
    PairwiseTest,
    StatisticsError,
    difference_interval,
    pairwise_tests,
    superiority,
)
from regretta.plots.summary import MOST_METHODS


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
    since, until
        Positions, simulated seconds say, between which the first has had a better expected rank
        than any other: until ranks end; NaN where another has the same there, or it has no rank on
        the axis. `until` is NaN where all runs end together.
    before
        The method that was as good or better right before that; None where the first has led from
        the start, or does not lead at the end.
    tests
        The tests of the first with every other, in the order of `labels`; `p_holm` is corrected for
        the pairs of all methods.
    others
        The tests of the others with each other; empty where the methods are more than
        `MOST_METHODS`, too many to test in all pairs.
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
    until: float
    before: str | None
    tests: tuple[PairwiseTest, ...]
    others: tuple[PairwiseTest, ...]
    gap: Interval | None
    odds: float
    shown_odds: float
    needed: int


def answer(runs: Mapping[str, Sequence[RunResult]], axis: Axis = SECONDS) -> Answer:
    """Compare the methods of one table, of which two or more have runs and one has a value.

    Parameters
    ----------
    runs
        By label.
    axis
        What is counted until a method leads; who leads is decided by what runs end with.
    """
    there = {label: group for label, group in runs.items() if len(group)}
    kind = regret_kind(there)
    finals = {label: final_regret(group, kind) for label, group in there.items()}
    ranks = expected_ranks(list(finals.values()))
    order = np.argsort(np.round(ranks, 9), kind="stable")
    labels = [list(finals)[i] for i in order]
    tests, others = _tests(labels[0], finals)
    first = [tests[label] for label in labels[1:] if label in tests]
    since, until, before = _since(there, labels[0], axis)
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
        since=since,
        until=until,
        before=before,
        tests=tuple(first),
        others=others,
        gap=difference_interval(other, best) if len(best) and len(other) else None,
        odds=odds,
        shown_odds=shown_superiority(fewest, pairs, ties),
        needed=runs_needed(odds, pairs, ties),
    )


def _tests(
    leader: str, finals: Mapping[str, NDArray[np.float64]]
) -> tuple[dict[str, PairwiseTest], tuple[PairwiseTest, ...]]:
    """The leader's tests by the other label, with the leader as first, and those of the others.

    The leader is chosen by the same data, so that the family is all pairs also where only its own
    are computed.
    """
    everyone = {leader: finals[leader], **finals}
    if len(finals) <= MOST_METHODS:
        found = pairwise_tests(everyone)
        own = {t.second: t for t in found if t.first == leader}
        return own, tuple(t for t in found if t.first != leader)
    pairs = comb(len(finals), 2)
    own = {
        t.second: replace(t, p_holm=min(1.0, t.p * pairs))
        for t in pairwise_tests(everyone, against=leader)
    }
    return own, ()


def _known(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return values[~np.isnan(values)]


def _since(
    runs: Mapping[str, Sequence[RunResult]], leader: str, axis: Axis
) -> tuple[float, float, str | None]:
    """From where to where the leader has led, and who did before."""
    nowhere = np.nan, np.nan, None
    try:
        shown = rank_curves({"": runs}, axis=axis)
    except StatisticsError:
        return nowhere
    if leader not in shown.labels or len(shown.labels) < 2:
        return nowhere
    own = shown.labels.index(leader)
    others = np.delete(shown.ranks, own, axis=0)
    behind = np.flatnonzero(others.min(axis=0) < shown.ranks[own] + 1e-9)
    first = int(behind[-1]) + 1 if len(behind) else 0
    if first == len(shown.position):
        return nowhere
    since, until = shown.position[[first, -1]].tolist()
    if axis.whole:  # what is read between whole numbers is that of the one below
        since = float(np.floor(since + 1e-9))
    rivals = [label for label in shown.labels if label != leader]
    before = rivals[int(np.argmin(others[:, first - 1]))] if first else None
    return since, until if shown.first_to_end else np.nan, before
