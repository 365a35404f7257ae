"""Statistics of final regret: intervals, pairwise tests with effect sizes, ranks, critical
difference.

Lower values are better throughout. A run without any value counts as infinitely bad wherever only
the order of the runs matters; means take finite values only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from regretta.tabular_data.errors import UserError

FEWEST_BLOCKS = 10
"""Blocks below which the chi-squared approximation of Friedman's statistic is not to be trusted."""


class StatisticsError(UserError):
    """A statistic whose assumptions the data do not meet; the message says which."""


@dataclass(frozen=True)
class Interval:
    """An estimate from `runs` runs with its confidence interval; without one (NaN) from a single run."""

    estimate: float
    low: float
    high: float
    runs: int


@dataclass(frozen=True)
class PairwiseTest:
    """Two methods compared.

    Attributes
    ----------
    first, second
        Labels.
    runs
        Number of runs of the first and of the second.
    test
        Which test it was.
    statistic
        Of the test: U of the first sample, or the signed-rank sum.
    p
        Two-sided p-value.
    p_holm
        The same after Holm's correction over all pairs tested together.
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
    test: str
    statistic: float
    p: float
    p_holm: float
    superiority: float
    delta: float
    magnitude: str


@dataclass(frozen=True, eq=False)
class Friedman:
    """Methods ranked within blocks.

    Attributes
    ----------
    labels
        By mean rank, best first.
    ranks
        Mean ranks in that order, 1 is best: shape ``[k]``.
    blocks, tables, runs
        Number of blocks, which are tables × runs.
    statistic, p
        Friedman's chi-squared, corrected for ties, and its p-value.
    critical_difference
        Nemenyi's: mean ranks further apart differ.
    groups
        First and last position, in the order of `labels`, of each largest group without any
        difference.
    """

    labels: tuple[str, ...]
    ranks: NDArray[np.float64]
    blocks: int
    tables: int
    runs: int
    statistic: float
    p: float
    critical_difference: float
    groups: tuple[tuple[int, int], ...]


def interquartile_mean(values: ArrayLike, axis: int = -1) -> NDArray[np.float64]:
    """Mean of the middle half: a quarter of the values, rounded down, is cut from either end."""
    return np.asarray(
        stats.trim_mean(np.asarray(values, dtype=np.float64), 0.25, axis=axis), dtype=np.float64
    )


def bootstrap_interval(
    values: ArrayLike,
    statistic: Callable[..., Any] = np.mean,
    *,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """Percentile bootstrap interval of a statistic of the runs.

    Parameters
    ----------
    values
        One a run: shape ``[runs]``.
    statistic
        A function of values and ``axis``.
    confidence
        Coverage asked for.
    resamples, seed
        Size and seed of the bootstrap: the same values give the same interval.

    Raises
    ------
    StatisticsError
        If there is no value, or one is not finite.
    """
    sample = np.asarray(values, dtype=np.float64)
    if len(sample) == 0 or not np.isfinite(sample).all():
        raise StatisticsError(
            f"an interval needs finite values, got {len(sample)} of which some are missing"
        )
    estimate = float(statistic(sample, axis=-1))
    if len(sample) == 1:
        return Interval(estimate, np.nan, np.nan, 1)
    found = stats.bootstrap(
        (sample,),
        statistic,
        confidence_level=confidence,
        n_resamples=resamples,
        method="percentile",
        vectorized=True,
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return Interval(estimate, float(found.low), float(found.high), len(sample))


def superiority(first: ArrayLike, second: ArrayLike) -> float:
    """Vargha and Delaney's A for minimization: how likely a value of the first is below one of the
    second.

    Ties count half. Not-a-numbers count as infinite.
    """
    one, two = _worst_if_missing(first), np.sort(_worst_if_missing(second))
    above = len(two) - np.searchsorted(two, one, side="right")
    tied = np.searchsorted(two, one, side="right") - np.searchsorted(two, one, side="left")
    return float((above + 0.5 * tied).sum() / (len(one) * len(two)))


def magnitude(delta: float) -> str:
    """Size of Cliff's delta in words, by the thresholds of Romano and others (2006): .147, .33 and .474."""
    words = ("negligible", "small", "medium", "large")
    return words[int(np.searchsorted([0.147, 0.33, 0.474], abs(delta), side="right"))]


def holm(p: ArrayLike) -> NDArray[np.float64]:
    """p-values after Holm's step-down correction: shape of `p`."""
    from statsmodels.stats.multitest import multipletests  # a second to import

    values = np.asarray(p, dtype=np.float64)
    return np.asarray(multipletests(values, method="holm")[1]) if len(values) else values


def pairwise_tests(
    samples: Mapping[str, ArrayLike], *, paired: bool = False
) -> tuple[PairwiseTest, ...]:
    """Two-sided tests between all pairs of methods, with Holm's correction over all of them.

    Parameters
    ----------
    samples
        Final regret of each run, by label; labels without a run are left out, as are pairs in which
        both have fewer than two runs.
    paired
        Whether run i of every method shares its random numbers with run i of the others. Then
        Wilcoxon's signed-rank test, otherwise Mann and Whitney's U test: the harness draws every
        run from an address of its own, so its runs are independent.

    Raises
    ------
    StatisticsError
        If the design is paired and the numbers of runs differ or a value is missing.
    """
    arrays = {label: np.asarray(values, dtype=np.float64) for label, values in samples.items()}
    names = [label for label, values in arrays.items() if len(values)]
    pairs = [(a, b) for a, b in combinations(names, 2) if max(len(arrays[a]), len(arrays[b])) > 1]
    found = [(_signed_rank if paired else _rank_sum)(arrays[a], arrays[b]) for a, b in pairs]
    corrected = holm([p for _, p in found])
    tests = []
    for (a, b), (statistic, p), p_holm in zip(pairs, found, corrected, strict=True):
        better = superiority(arrays[a], arrays[b])
        tests.append(
            PairwiseTest(
                first=a,
                second=b,
                runs=(len(arrays[a]), len(arrays[b])),
                test="Wilcoxon signed-rank" if paired else "Mann-Whitney U",
                statistic=statistic,
                p=p,
                p_holm=float(p_holm),
                superiority=better,
                delta=2 * better - 1,
                magnitude=magnitude(2 * better - 1),
            )
        )
    return tuple(tests)


def _rank_sum(first: NDArray[np.float64], second: NDArray[np.float64]) -> tuple[float, float]:
    one, two = _worst_if_missing(first), _worst_if_missing(second)
    if len(np.unique(np.concatenate([one, two]))) == 1:
        return len(one) * len(two) / 2, 1.0  # all runs alike: scipy would divide by zero
    result = stats.mannwhitneyu(one, two, alternative="two-sided")
    return float(result.statistic), float(result.pvalue)


def _signed_rank(first: NDArray[np.float64], second: NDArray[np.float64]) -> tuple[float, float]:
    if len(first) != len(second):
        raise StatisticsError(
            f"a paired test needs equally many runs, got {len(first)} and {len(second)}"
        )
    difference = first - second
    if not np.isfinite(difference).all():
        raise StatisticsError(
            "a paired test needs a value of every run; some finished no evaluation"
        )
    if not difference.any():
        return 0.0, 1.0
    result = stats.wilcoxon(difference, alternative="two-sided")
    return float(result.statistic), float(result.pvalue)


def expected_ranks(samples: Sequence[ArrayLike]) -> NDArray[np.float64]:
    """Mean rank of each method over all ways to draw one run of each, 1 is best: shape
    ``[methods]``.

    Exact, by ``1 + sum over the others of P(other is better) + P(tie) / 2``; no run is matched with
    another by its number, which would mean nothing for independent runs.
    """
    ranks = np.ones(len(samples))
    for i, j in combinations(range(len(samples)), 2):
        better = superiority(samples[i], samples[j])
        ranks[i] += 1 - better
        ranks[j] += better
    return ranks


def nemenyi_critical_difference(methods: int, blocks: int, alpha: float = 0.05) -> float:
    """Difference of mean ranks beyond which two methods differ (Demšar 2006, section 3.2.2)."""
    quantile = float(stats.studentized_range.ppf(1 - alpha, methods, np.inf)) / np.sqrt(2)
    return float(quantile * np.sqrt(methods * (methods + 1) / (6 * blocks)))


def friedman(tables: Mapping[str, Mapping[str, ArrayLike]], alpha: float = 0.05) -> Friedman:
    """Friedman's test and Nemenyi's critical difference over blocks of table × run.

    A block holds one run of each method on one table. Runs are independent, so which runs of a
    table share a block is of no consequence for the test's level; what is claimed is claimed about
    these tables.

    Parameters
    ----------
    tables
        Table → label → final regret of each run.
    alpha
        Level of the critical difference.

    Raises
    ------
    StatisticsError
        Where the test does not apply: fewer than two tables or three methods, blocks that are not
        complete, too few of them, or methods that never differ.
    """
    names = list(next(iter(tables.values()), {}))
    if len(names) < 3:
        raise StatisticsError(
            f"it compares three methods or more, and there are {len(names)}; see the pairwise tests"
        )
    if len(tables) < 2:
        raise StatisticsError(
            "it generalizes over tables, and there is one; see the pairwise tests"
        )
    counts = {len(np.asarray(group[name])) for group in tables.values() for name in names}
    if len(counts) > 1:
        raise StatisticsError(
            f"it needs as many runs of every method on every table, and there are {min(counts)} to"
            f" {max(counts)}"
        )
    (runs,) = counts
    blocks = np.concatenate(
        [np.column_stack([_worst_if_missing(group[n]) for n in names]) for group in tables.values()]
    )
    if len(blocks) < FEWEST_BLOCKS:
        raise StatisticsError(
            f"its approximation needs {FEWEST_BLOCKS} blocks (tables × runs), and there are"
            f" {len(blocks)}"
        )
    ranks = stats.rankdata(blocks, axis=1)
    if (ranks == ranks[:, :1]).all():
        raise StatisticsError("all methods are tied in every block")
    result = stats.friedmanchisquare(*blocks.T)
    mean = ranks.mean(axis=0)
    order = np.argsort(mean, kind="stable")
    difference = nemenyi_critical_difference(len(names), len(blocks), alpha)
    return Friedman(
        labels=tuple(names[i] for i in order),
        ranks=mean[order],
        blocks=len(blocks),
        tables=len(tables),
        runs=runs,
        statistic=float(result.statistic),
        p=float(result.pvalue),
        critical_difference=difference,
        groups=_groups(mean[order], difference),
    )


def _groups(ranks: NDArray[np.float64], difference: float) -> tuple[tuple[int, int], ...]:
    """First and last position of each maximal stretch of ascending ranks that spans no more than the difference."""
    groups: list[tuple[int, int]] = []
    for first in range(len(ranks)):
        last = int(np.searchsorted(ranks, ranks[first] + difference, side="right")) - 1
        if last > first and (not groups or last > groups[-1][1]):
            groups.append((first, last))
    return tuple(groups)


def _worst_if_missing(values: ArrayLike) -> NDArray[np.float64]:
    array = np.asarray(values, dtype=np.float64)
    return np.where(np.isnan(array), np.inf, array)
