"""Statistics of final regret over independent runs: intervals, pairwise tests, effect sizes.

Lower values are better throughout, and values within `regretta.harness.regret.TOLERANCE` are tied.
A run without any value is worse than every run that has one, and tied with others of its kind,
wherever only the order of the runs matters; means are over the runs that have a value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from regretta.harness.regret import level_ties
from regretta.tabular_data.errors import UserError

LEVEL = 0.05
"""Below such a corrected p-value a difference is claimed."""

_FEW = 8
"""Up to so many runs of the smaller sample a p-value is counted out, above it is normal."""


class StatisticsError(UserError):
    """A statistic whose assumptions the data do not meet; the message says which."""


_BATCH = 250_000
"""Numbers resampled at a time: of thousands of runs, all of them would fill memory."""


@dataclass(frozen=True)
class Interval:
    """An estimate from `runs` runs with its confidence interval; none (NaN) of a single run."""

    estimate: float
    low: float
    high: float
    runs: int


@dataclass(frozen=True)
class PairwiseTest:
    """Two methods compared by Mann and Whitney's U test.

    Attributes
    ----------
    first, second
        Labels.
    runs
        Number of runs of the first and of the second.
    statistic
        U of the first sample: pairs of runs in which it is worse, ties half.
    p
        Two-sided p-value.
    p_holm
        The same after Holm's correction over all pairs tested together.
    least_p
        The least p-value that so many runs can have; above `LEVEL` nothing can be shown.
    superiority
        Vargha and Delaney's A: probability that a run of the first is better than one of the
        second, ties half.
    delta
        Cliff's delta, ``2 A - 1``: from -1 (the first always worse) to 1 (always better).
    magnitude
        `magnitude` of delta.
    """

    first: str
    second: str
    runs: tuple[int, int]
    statistic: float
    p: float
    p_holm: float
    least_p: float
    superiority: float
    delta: float
    magnitude: str

    @property
    def better(self) -> str | None:
        """The label that is better at `LEVEL` after the correction; None if neither is shown."""
        if self.p_holm >= LEVEL:
            return None
        return self.first if self.delta > 0 else self.second


def interquartile_mean(values: ArrayLike, axis: int = -1) -> NDArray[np.float64]:
    """Mean of the middle half: a quarter of the values, rounded down, is cut from either end."""
    return np.asarray(
        stats.trim_mean(np.asarray(values, dtype=np.float64), 0.25, axis=axis), dtype=np.float64
    )


def difference_interval(first: ArrayLike, second: ArrayLike) -> Interval:
    """Mean of the first sample minus that of the second, with a 95 % bootstrap interval.

    Both are resampled on their own; none (NaN) where one of them is a single run.
    """
    one, two = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    runs = min(len(one), len(two))
    estimate = float(one.mean() - two.mean())
    if runs == 1:
        return Interval(estimate, np.nan, np.nan, 1)
    found = stats.bootstrap(
        (one, two),
        lambda a, b, axis: np.mean(a, axis=axis) - np.mean(b, axis=axis),
        n_resamples=2000,
        batch=max(1, _BATCH // max(len(one), len(two))),
        method="percentile",
        vectorized=True,
        rng=np.random.default_rng(0),
    ).confidence_interval
    return Interval(estimate, float(found.low), float(found.high), runs)


def worst_if_missing(values: ArrayLike) -> NDArray[np.float64]:
    """The values with infinity where one is missing (NaN)."""
    array = np.asarray(values, dtype=np.float64)
    return np.where(np.isnan(array), np.inf, array)


def superiority(first: ArrayLike, second: ArrayLike) -> float:
    """How likely a value of the first is below one of the second, ties half.

    Vargha and Delaney's A (2000) for minimization. What is missing (NaN) is worst.
    """
    one, two = level_ties(worst_if_missing(first), worst_if_missing(second))
    two = np.sort(two)
    above = len(two) - np.searchsorted(two, one, side="right")
    tied = np.searchsorted(two, one, side="right") - np.searchsorted(two, one, side="left")
    return float((above + 0.5 * tied).sum() / (len(one) * len(two)))


def magnitude(delta: float) -> str:
    """Size of Cliff's delta in words, by the thresholds of Romano and others (2006).

    These are .147, .33 and .474.
    """
    words = ("negligible", "small", "medium", "large")
    return words[int(np.searchsorted([0.147, 0.33, 0.474], abs(delta), side="right"))]


def holm(p: ArrayLike) -> NDArray[np.float64]:
    """p-values after Holm's step-down correction (1979): shape of `p`."""
    values = np.asarray(p, dtype=np.float64)
    order = np.argsort(values)
    corrected = np.empty(len(values))
    corrected[order] = np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1))
    return np.minimum(corrected, 1.0)


def pairwise_tests(
    samples: Mapping[str, ArrayLike], *, against: str | None = None
) -> tuple[PairwiseTest, ...]:
    """Two-sided Mann-Whitney U tests between methods, with Holm's correction over all of them.

    The harness draws every run from an address of its own, so that run i of one method has nothing
    in common with run i of another: the samples are independent, and no test of pairs would do.

    Parameters
    ----------
    samples
        Final regret of each run, by label; labels without a run are left out, as are pairs in which
        both have fewer than two runs.
    against
        Compare every other label with this one only: the number of tests then grows with the
        number of labels and not with its square. By default all pairs are tested.
    """
    arrays = {label: worst_if_missing(values) for label, values in samples.items()}
    arrays = {label: values for label, values in arrays.items() if len(values)}
    arrays = dict(zip(arrays, level_ties(*arrays.values()), strict=True))
    pairs = [
        (a, b) for a, b in _pairs(list(arrays), against) if max(len(arrays[a]), len(arrays[b])) > 1
    ]
    found = [rank_sum_test(arrays[a], arrays[b]) for a, b in pairs]
    tests = []
    corrected = holm([p for _, p in found])
    for (a, b), (statistic, p), p_holm in zip(pairs, found, corrected, strict=True):
        runs = (len(arrays[a]), len(arrays[b]))
        better = 1 - statistic / (runs[0] * runs[1])
        tests.append(
            PairwiseTest(
                first=a,
                second=b,
                runs=runs,
                statistic=statistic,
                p=p,
                p_holm=float(p_holm),
                least_p=least_p(*runs),
                superiority=better,
                delta=2 * better - 1,
                magnitude=magnitude(2 * better - 1),
            )
        )
    return tuple(tests)


def _pairs(labels: list[str], against: str | None) -> list[tuple[str, str]]:
    if against is None:
        return list(combinations(labels, 2))
    return [(against, label) for label in labels if label != against and against in labels]


def rank_sum_test(first: ArrayLike, second: ArrayLike) -> tuple[float, float]:
    """Mann and Whitney's U of the first sample, and its two-sided p-value.

    With up to eight runs in the smaller sample the p-value is counted out over all ways to split
    the pooled ranks, ties as they are; the normal approximation, which has 0.047 for three runs
    against three where no p-value is below 0.1, serves larger samples.

    Parameters
    ----------
    first, second
        Samples of one run or more each; what is missing (NaN) is worst.
    """
    one, two = level_ties(worst_if_missing(first), worst_if_missing(second))
    ranks = stats.rankdata(np.concatenate([one, two]))
    above = float(ranks[: len(one)].sum() - len(one) * (len(one) + 1) / 2)
    if (ranks == ranks[0]).all():
        return above, 1.0  # all runs alike: the approximation would divide by zero
    if min(len(one), len(two)) > _FEW:
        result = stats.mannwhitneyu(
            ranks[: len(one)], ranks[len(one) :], alternative="two-sided", method="asymptotic"
        )
        return above, float(result.pvalue)
    smaller = ranks[: len(one)] if len(one) <= len(two) else ranks[len(one) :]
    return above, _exact_p(ranks, smaller)


def _exact_p(ranks: NDArray[np.float64], smaller: NDArray[np.float64]) -> float:
    """Share of the samples of pooled ranks whose sum is as far from its mean as the one seen."""
    doubled = np.rint(2 * ranks).astype(int)  # ranks of ties are halves
    size, most = len(smaller), 2 * len(smaller) * len(ranks)
    ways = np.zeros((size + 1, most + 1))  # by number of ranks taken and their sum
    ways[0, 0] = 1
    for rank in doubled:
        ways[1:, rank:] += ways[:-1, : most + 1 - rank]
    distance = np.abs(np.arange(most + 1) - size * (len(ranks) + 1))
    seen = abs(int(np.rint(2 * smaller.sum())) - size * (len(ranks) + 1))
    return float(ways[size, distance >= seen].sum() / ways[size].sum())


def least_p(first: int, second: int) -> float:
    """The least two-sided p-value of a rank-sum test of so many runs: two orders are extreme."""
    return min(1.0, 2 / comb(first + second, first))


def fewest_runs(tests: int) -> int:
    """Runs a method with which one of so many corrected tests can find a difference at `LEVEL`."""
    runs = 1
    while tests * least_p(runs, runs) >= LEVEL:
        runs += 1
    return runs
