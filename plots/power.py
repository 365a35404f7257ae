"""How many runs tell two methods apart: power of the rank-sum test.

After Noether, Sample size determination for some common nonparametric tests, JASA 82 (1987), with
the variance of the ranks as ties leave it.
"""

from __future__ import annotations

from math import ceil

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from regretta.harness.regret import level_ties
from regretta.plots.statistics import LEVEL, fewest_runs, worst_if_missing

POWER = 0.8
"""Probability with which a difference should be shown."""

MOST_RUNS = 100_000
"""More runs than these are not proposed."""


def runs_needed(superiority: float, tests: int = 1, ties: float = 1.0) -> int:
    """Runs of either method with which a rank-sum test shows a difference with `POWER`.

    Parameters
    ----------
    superiority
        Probability that a run of the one is better than one of the other, ties half.
    tests
        Number of tests that the level is shared among (Bonferroni).
    ties
        `share_of_variance` of the regrets.

    Returns
    -------
    int
        `MOST_RUNS` and one where more would be needed, or none are enough.
    """
    needed = ties * _quantiles(tests) ** 2 / 6
    if needed >= MOST_RUNS * (superiority - 0.5) ** 2:
        return MOST_RUNS + 1
    return max(ceil(needed / (superiority - 0.5) ** 2), fewest_runs(tests))


def shown_superiority(runs: int, tests: int = 1, ties: float = 1.0) -> float:
    """The least superiority that so many runs of either method show with `POWER`.

    Parameters as in `runs_needed`; infinite where no superiority is shown.
    """
    least = 0.5 + _quantiles(tests) * float(np.sqrt(ties / (6 * runs)))
    return least if least <= 1 and runs >= fewest_runs(tests) else np.inf


def share_of_variance(*samples: ArrayLike) -> float:
    """What ties leave of the variance of the pooled ranks: 1 without ties, 0 if all are tied."""
    pooled = np.concatenate(level_ties(*[worst_if_missing(sample) for sample in samples]))
    return float(stats.tiecorrect(np.rint(2 * stats.rankdata(pooled)).astype(int)))


def _quantiles(tests: int) -> float:
    return float(stats.norm.isf(LEVEL / (2 * tests)) + stats.norm.ppf(POWER))
