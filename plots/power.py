"""How many runs tell two methods apart: power of the rank-sum test.

After Noether, Sample size determination for some common nonparametric tests, JASA 82 (1987).
"""

from __future__ import annotations

from math import ceil

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from regretta.harness.regret import TOLERANCE
from regretta.plots.statistics import LEVEL, fewest_runs, superiority

POWER = 0.8
"""Probability with which a difference should be shown."""

MOST_RUNS = 100_000
"""More runs than these are not proposed."""

_SCATTER = 2000


def runs_needed(residuals: ArrayLike, difference: float, tests: int = 1) -> int:
    """Runs of either method with which a rank-sum test shows a difference with `POWER`.

    Noether's ``(z of level + z of power)² / (6 (A - 1/2)²)`` for equal samples, A being the
    probability that a run of the better method is the better one. It is taken of samples that are
    scattered as the residuals are and lie the difference apart.

    Parameters
    ----------
    residuals
        Regrets minus the mean of their method, of both methods; one or more.
    difference
        In mean regret, above zero.
    tests
        Number of tests that the level is shared among (Bonferroni).

    Returns
    -------
    int
        `MOST_RUNS` and one where more would be needed.
    """
    return _needed(_thinned(residuals), difference, tests)


def detectable_difference(residuals: ArrayLike, runs: int, tests: int = 1) -> float:
    """The least difference in regret for which `runs_needed` are no more than so many runs.

    Infinite where so few runs show no difference at all.
    """
    if runs < fewest_runs(tests):
        return np.inf
    scatter = _thinned(residuals)
    low, high = TOLERANCE, 2 * float(np.ptp(scatter)) + 10 * TOLERANCE
    if _needed(scatter, high, tests) > runs:
        return np.inf
    while high > 1.01 * low:
        middle = float(np.sqrt(low * high))
        low, high = (low, middle) if _needed(scatter, middle, tests) <= runs else (middle, high)
    return high


def _needed(residuals: NDArray[np.float64], difference: float, tests: int) -> int:
    effect = superiority(residuals - difference, residuals) - 0.5
    quantiles = stats.norm.isf(LEVEL / (2 * tests)) + stats.norm.ppf(POWER)
    if effect <= 0 or quantiles**2 / (6 * effect**2) > MOST_RUNS:
        return MOST_RUNS + 1
    return max(ceil(quantiles**2 / (6 * effect**2)), fewest_runs(tests))


def _thinned(residuals: ArrayLike) -> NDArray[np.float64]:
    """Sorted residuals, of very many an even choice."""
    ordered = np.sort(np.asarray(residuals, dtype=np.float64))
    places = np.linspace(0, len(ordered) - 1, min(len(ordered), _SCATTER))
    return np.asarray(ordered[np.rint(places).astype(int)])
