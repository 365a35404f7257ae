"""Regret as right-continuous steps and at the end, and when two regrets are the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from regretta.harness.result import RunResult

TOLERANCE = 1e-6
"""Two errors, accuracies or regrets that differ by no more are equal: the one rule for ties.

Regret is a difference of means, so that equal cells differ by rounding: 1e-16 where a table holds
double precision, up to 6e-8 where it holds the single precision of the published files (a mean of
three values below one is off by half a unit in the last place, 3e-8, to either side). A real
difference is one image in one repeat: 1 / (3 × 10,000) = 3.3e-5 on CIFAR, 1 / (3 × 6,000) on
ImageNet16-120. The tolerance lies between, more than an order of magnitude from both. Where
accuracies are continuous, as those of surrogates, it is a ten-thousandth of a percentage point.
"""


def snap_to_zero(regret: ArrayLike) -> NDArray[np.float64]:
    """Regret in which what is within `TOLERANCE` of zero is zero: shape of `regret`."""
    values = np.asarray(regret, dtype=np.float64)
    return np.where(np.abs(values) <= TOLERANCE, 0.0, values)


def at_most(regret: ArrayLike, target: float) -> NDArray[np.bool_]:
    """Whether regret is at or below a target, up to `TOLERANCE`; false where it is missing."""
    return np.asarray(regret, dtype=np.float64) <= target + TOLERANCE


def level_ties(*samples: ArrayLike) -> list[NDArray[np.float64]]:
    """The samples with tied values made equal, so that they may be compared and ranked exactly.

    Values are walked in ascending order over all samples together; those within `TOLERANCE` of the
    first of a group take its value. Rounding to a grid would not do: neighbours on either side of
    the middle between two grid points part, however close they are.

    Parameters
    ----------
    samples
        Arrays of any shape. What is infinite or missing (NaN) stays so.

    Returns
    -------
    list of arrays
        In the shapes given.
    """
    arrays = [np.asarray(sample, dtype=np.float64) for sample in samples]
    if not arrays:
        return []
    pooled = np.concatenate([array.ravel() for array in arrays])
    known = np.isfinite(pooled)
    values, place = np.unique(pooled[known], return_inverse=True)
    after = np.searchsorted(values, values + TOLERANCE, side="right").tolist()
    starts = [0]
    while starts[-1] < len(values):
        starts.append(after[starts[-1]])
    pooled[known] = np.repeat(values[starts[:-1]], np.diff(starts))[place]
    edges = np.cumsum([array.size for array in arrays])[:-1]
    return [
        part.reshape(array.shape)
        for part, array in zip(np.split(pooled, edges), arrays, strict=True)
    ]


def steps_at(time: NDArray[Any], value: NDArray[Any], when: ArrayLike) -> NDArray[np.float64]:
    """Value of a right-continuous step function: shape of `when`.

    Parameters
    ----------
    time
        Step positions, non-decreasing: shape ``[k]``. Of several at one moment the last counts.
    value
        Value from each step on: shape ``[k]``.
    when
        Moments to read it at. Before the first step there is no value: NaN.
    """
    when = np.asarray(when, dtype=np.float64)
    if len(time) == 0:
        return np.full(when.shape, np.nan)
    index = np.searchsorted(time, when, side="right") - 1
    return np.where(index >= 0, value[np.maximum(index, 0)], np.nan)


def final_regret(runs: Sequence[RunResult], kind: str) -> NDArray[np.float64]:
    """Regret of each run's last incumbent: shape ``[runs]``; NaN where a run has none."""
    return np.array(
        [run.regret(kind)[-1] if len(run.trajectory) else np.nan for run in runs], dtype=np.float64
    )
