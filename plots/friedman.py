"""Methods compared over many tables: Friedman's test, Nemenyi's difference, signed ranks of two.

After Demšar, Statistical comparisons of classifiers over multiple data sets, JMLR 7 (2006).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import lgamma

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from regretta.harness.regret import final_regret, level_ties, snap_to_zero
from regretta.harness.reported import measured, regret_kind
from regretta.harness.result import RunResult
from regretta.plots.statistics import LEVEL, StatisticsError, worst_if_missing

FEWEST_TABLES = 11
"""Tables that the test's approximation needs: more than ten.

Demšar's rule of thumb (section 3.2.2, page 11) for the distribution of Friedman's statistic with N
data sets and k methods: N > 10 and k > 5. He himself applies the test to four methods on 14 data
sets, and so it is done here: the rule for the tables is kept, that for the methods is not.
"""

FEWEST_METHODS = 3
"""Methods that the test needs; two are compared by pairwise tests."""


FEWEST_PAIRS = 6
"""Tables that the signed-rank test of two methods needs: 2 of the 2^6 signs are below 0.05."""


@dataclass(frozen=True, eq=False)
class Friedman:
    """Methods ranked within tables.

    Attributes
    ----------
    labels
        By mean rank, best first.
    ranks
        Mean ranks in that order, 1 is best: shape ``[k]``.
    tables
        Number of tables, which are the blocks of the test.
    measure
        What was ranked, the same on all tables, such as ``"test regret"``.
    statistic
        Friedman's chi-squared with ``k - 1`` degrees of freedom, corrected for ties.
    f, p
        Iman and Davenport's F of it, with ``k - 1`` and ``(k - 1) (tables - 1)`` degrees of freedom
        (Demšar, section 3.2.2), and its p-value.
    critical_difference
        Nemenyi's, at `regretta.plots.statistics.LEVEL`: mean ranks further apart differ.
    groups
        First and last position, in the order of `labels`, of each largest group without any
        difference; all of them where `p` is not below the level.
    unfinished
        Pairs of method and table ranked last because a run has no value.
    """

    labels: tuple[str, ...]
    ranks: NDArray[np.float64]
    tables: int
    measure: str
    statistic: float
    f: float
    p: float
    critical_difference: float
    groups: tuple[tuple[int, int], ...]
    unfinished: int


def friedman_of_runs(tables: Mapping[str, Mapping[str, Sequence[RunResult]]]) -> Friedman:
    """`friedman` of the final regret of runs: table → label → runs.

    Regret is of one kind on all tables: validation regret where one of them has no test regret.
    """
    return friedman(final_regrets(tables), measure=measured(*tables.values()))


def final_regrets(
    tables: Mapping[str, Mapping[str, Sequence[RunResult]]],
) -> dict[str, dict[str, NDArray[np.float64]]]:
    """Final regret of the runs, of one kind on all tables: table → label → values."""
    kind = regret_kind(*tables.values())
    return {
        table: {label: final_regret(runs, kind) for label, runs in group.items()}
        for table, group in tables.items()
    }


def friedman(
    tables: Mapping[str, Mapping[str, ArrayLike]], *, measure: str = "test regret"
) -> Friedman:
    """Friedman's test and Nemenyi's critical difference, with the tables as blocks.

    The runs of a method on a table are averaged first: runs repeat a measurement on the same table
    and are no further tables, so that taking each for a block would claim more than is known.

    Parameters
    ----------
    tables
        Table → label → final regret of each run, the same labels everywhere. A method with a run
        without a value (NaN) has no mean there, and ranks last on that table.
    measure
        What the values are.

    Raises
    ------
    StatisticsError
        Where the test does not apply: fewer than `FEWEST_TABLES` tables or `FEWEST_METHODS`
        methods, a method without a run on a table, or methods that never differ.
    """
    names = list(next(iter(tables.values()), {}))
    _check(tables, names)
    means = np.array(
        [[worst_if_missing(group[name]).mean() for name in names] for group in tables.values()]
    )
    ranks = np.array([stats.rankdata(level_ties(row)[0]) for row in means])
    blocks, k = ranks.shape
    if (ranks == ranks[:, :1]).all():
        raise StatisticsError("all methods are tied on every table")
    statistic = float(stats.friedmanchisquare(*ranks.T).statistic)
    left = blocks * (k - 1) - statistic
    if left > 1e-9 * blocks * k:
        f = (blocks - 1) * statistic / left
        p = float(stats.f.sf(f, k - 1, (k - 1) * (blocks - 1)))
    else:  # all tables rank alike: the chance that the others order the methods as the first does
        _, tied = np.unique(ranks[0], return_counts=True)
        orders = lgamma(k + 1) - sum(lgamma(count + 1) for count in tied)
        f, p = np.inf, float(np.exp((1 - blocks) * orders))
    mean = ranks.mean(axis=0)
    order = np.argsort(mean, kind="stable")
    difference = nemenyi_critical_difference(k, blocks)
    return Friedman(
        labels=tuple(names[i] for i in order),
        ranks=mean[order],
        tables=blocks,
        measure=measure,
        statistic=statistic,
        f=float(f),
        p=p,
        critical_difference=difference,
        groups=_groups(mean[order], difference) if p < LEVEL else ((0, k - 1),),
        unfinished=int(np.isinf(means).sum()),
    )


def _check(tables: Mapping[str, Mapping[str, ArrayLike]], names: Sequence[str]) -> None:
    if len(names) < FEWEST_METHODS:
        raise StatisticsError(
            f"it compares three methods or more, and {len(names)} have runs on every"
            " table; see the pairwise tests of each table"
        )
    if len(tables) < FEWEST_TABLES:
        raise StatisticsError(
            f"its approximation needs more than {FEWEST_TABLES - 1} tables (Demšar 2006, section"
            f" 3.2.2), since runs on one table are no further tables, and there are"
            f" {len(tables)}; see the pairwise tests of each table"
        )
    for table, group in tables.items():
        for name in names:
            if not len(np.asarray(group.get(name, ()))):
                raise StatisticsError(f"{name} has no run on {table}")


def signed_rank_test(tables: Mapping[str, Mapping[str, ArrayLike]]) -> tuple[str, float]:
    """Wilcoxon's signed-rank test of two methods, with the tables as pairs.

    As in Demšar's section 3.1.3; each method's runs on a table are averaged first. Tables on which
    the two tie are ranked, and speak for neither. The p-value is counted out over all signs.

    Parameters
    ----------
    tables
        As of `friedman`, with two labels.

    Returns
    -------
    str, float
        The label with the lower ranks, the first where neither has, and the two-sided p-value.

    Raises
    ------
    StatisticsError
        Where there are other than two methods, or fewer than `FEWEST_PAIRS` tables.
    """
    names = list(next(iter(tables.values()), {}))
    if len(names) != 2:
        raise StatisticsError(f"it compares two methods, and there are {len(names)}")
    if len(tables) < FEWEST_PAIRS:
        raise StatisticsError(
            f"two methods need {FEWEST_PAIRS} tables or more, since fewer show no difference"
            f" whatever the outcome, and there are {len(tables)}; see the tests of each table"
        )
    first, second = (
        np.array([worst_if_missing(group[name]).mean() for group in tables.values()])
        for name in names
    )
    unfinished = np.isinf(first) & np.isinf(second)
    difference = np.subtract(first, second, where=~unfinished, out=np.zeros(len(first)))
    difference = snap_to_zero(difference)
    doubled = np.rint(2 * stats.rankdata(level_ties(np.abs(difference))[0])).astype(int)
    signed = int((np.sign(difference) * doubled).sum())
    doubled = doubled[difference != 0]
    most = int(doubled.sum())
    share = np.zeros(2 * most + 1)  # of the signs that give a sum from -most to most
    share[most] = 1.0
    for rank in doubled:
        share = (np.roll(share, rank) + np.roll(share, -rank)) / 2
    extreme = np.abs(np.arange(-most, most + 1)) >= abs(signed)
    return names[int(signed > 0)], min(1.0, float(share[extreme].sum()))


def nemenyi_critical_difference(methods: int, blocks: int, alpha: float = LEVEL) -> float:
    """Difference of mean ranks beyond which two methods differ (Demšar 2006, section 3.2.2)."""
    quantile = float(stats.studentized_range.ppf(1 - alpha, methods, np.inf)) / np.sqrt(2)
    return float(quantile * np.sqrt(methods * (methods + 1) / (6 * blocks)))


def _groups(ranks: NDArray[np.float64], difference: float) -> tuple[tuple[int, int], ...]:
    """First and last position of each maximal stretch that spans no more than the difference."""
    groups: list[tuple[int, int]] = []
    for first in range(len(ranks)):
        last = int(np.searchsorted(ranks, ranks[first] + difference, side="right")) - 1
        if last > first and (not groups or last > groups[-1][1]):
            groups.append((first, last))
    return tuple(groups)
