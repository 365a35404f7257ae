"""Are two methods alike? Two one-sided tests of their means, and the runs that these need."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from regretta.plots.power import POWER
from regretta.plots.statistics import LEVEL, StatisticsError


@dataclass(frozen=True)
class Equivalence:
    """Two samples compared by two one-sided Welch tests (Schuirmann 1987).

    Attributes
    ----------
    difference
        Mean of the first sample minus that of the second.
    low, high
        Its 90 % interval; within the bound, the two are shown to be equivalent.
    bound
        Largest difference that does not matter, fixed before the samples were seen.
    p
        The larger p-value of the two tests.
    """

    difference: float
    low: float
    high: float
    bound: float
    p: float

    @property
    def shown(self) -> bool:
        """Whether equivalence is shown at `LEVEL`."""
        return self.p < LEVEL


def equivalence(first: ArrayLike, second: ArrayLike, bound: float) -> Equivalence:
    """Whether the means of two samples differ by less than a bound.

    Parameters
    ----------
    first, second
        Two values or more each, all finite: shapes ``[n]`` and ``[m]``.
    bound
        As in `Equivalence`.

    Raises
    ------
    StatisticsError
        If there are fewer values, or one is missing.
    """
    one, two = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    for sample in (one, two):
        if len(sample) < 2 or not np.isfinite(sample).all():
            raise StatisticsError(
                f"equivalence is tested on two finite values or more, got {sample.tolist()[:4]}"
            )
    interval = stats.ttest_ind(one, two, equal_var=False).confidence_interval(1 - 2 * LEVEL)
    p = max(
        stats.ttest_ind(one, two - bound, equal_var=False, alternative="greater").pvalue,
        stats.ttest_ind(one, two + bound, equal_var=False, alternative="less").pvalue,
    )
    return Equivalence(
        float(one.mean() - two.mean()), float(interval.low), float(interval.high), bound, float(p)
    )


def runs_for_equivalence(deviation: float, bound: float) -> int:
    """Runs of either method with which equal means are shown to be equivalent with `POWER`.

    After Julious, Sample sizes for clinical trials with normal data, Statistics in Medicine 23
    (2004), section 4.

    Parameters
    ----------
    deviation
        Standard deviation of a run's value.
    bound
        As in `Equivalence`.
    """
    quantiles = stats.norm.isf(LEVEL) + stats.norm.isf((1 - POWER) / 2)
    return ceil(2 * (quantiles * deviation / bound) ** 2)
