"""Regret over time: trajectories read as right-continuous steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from regretta.harness.result import RunResult


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


def regret_matrix(runs: Sequence[RunResult], when: ArrayLike, kind: str) -> NDArray[np.float64]:
    """Regret of many runs at common moments: shape ``[runs, moments]``, NaN before a run's first
    evaluation.

    `kind` is as in `RunResult.regret`.
    """
    moments = np.asarray(when, dtype=np.float64)
    out = np.empty((len(runs), len(moments)))
    for i, run in enumerate(runs):
        out[i] = steps_at(run.trajectory.time, run.regret(kind), moments)
    return out


def final_regret(runs: Sequence[RunResult], kind: str) -> NDArray[np.float64]:
    """Regret of each run's last incumbent: shape ``[runs]``, NaN for a run that finished no evaluation."""
    return np.array(
        [run.regret(kind)[-1] if len(run.trajectory) else np.nan for run in runs], dtype=np.float64
    )
