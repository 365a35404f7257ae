"""Axes against which regret is read: simulated seconds, evaluations, different cells, epochs.

On each axis a run is a right-continuous step function from its first incumbent to its own end, and
nothing beyond.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from regretta.harness.regret import steps_at
from regretta.harness.result import ResultError, RunResult
from regretta.tabular_data.errors import UserError
from regretta.tabular_data.names import unknown


class AxisError(UserError):
    """An axis that does not exist, or that runs have no counts for."""


@dataclass(frozen=True)
class Axis:
    """What a search spends.

    Attributes
    ----------
    name
        How options call it.
    words
        How sentences call it.
    label
        What stands beside the axis of a figure.
    whole
        Whether positions are whole numbers.
    """

    name: str
    words: str
    label: str
    whole: bool = False


SECONDS = Axis("seconds", "simulated wall-clock time", "Simulated wall-clock time (s)")

AXES: Mapping[str, Axis] = MappingProxyType(
    {
        axis.name: axis
        for axis in (
            SECONDS,
            Axis("evaluations", "evaluations", "Evaluations", whole=True),
            Axis("cells", "different cells evaluated", "Different cells evaluated", whole=True),
            Axis("epochs", "epochs trained", "Epochs trained"),
        )
    }
)
"""All axes by name.

Evaluations are those that are charged: valid ones, whatever their budget, a cell again each time.
Cells count once. Epochs are the budgets of all evaluations together, each trained from the start as
it is charged, in the unit of the benchmark's budgets.
"""


def get_axis(name: str) -> Axis:
    """The axis of a name.

    Raises
    ------
    AxisError
        If there is none.
    """
    if name not in AXES:
        raise AxisError(unknown("axis", name, AXES))
    return AXES[name]


def positions(run: RunResult, axis: Axis = SECONDS) -> NDArray[np.float64]:
    """Where on an axis each incumbent of a run became it, non-decreasing: shape ``[k]``.

    Raises
    ------
    ResultError
        If the run is from before runs kept that count.
    """
    steps = run.trajectory
    found = {
        "seconds": steps.time,
        "evaluations": steps.evaluation,
        "cells": steps.unique_cells,
        "epochs": steps.epochs,
    }[axis.name]
    if found is None:
        raise _uncounted(run, axis)
    return np.asarray(found, dtype=np.float64)


def run_end(run: RunResult, axis: Axis = SECONDS) -> float:
    """Where on an axis a run ended: what it did in all; of seconds, all that it had.

    Zero where nobody counted, as of trajectories from elsewhere (`RunResult.counted`).

    Where a limit of evaluations ended it, it had the seconds that it took.

    Raises
    ------
    ResultError
        If the run is from before runs kept that count.
    """
    found = {
        "seconds": _seconds(run),
        "evaluations": run.evaluations,
        "cells": run.unique_cells,
        "epochs": run.epochs,
    }[axis.name]
    if found is None:
        raise _uncounted(run, axis)
    return float(found)


def _seconds(run: RunResult) -> float:
    limit = run.evaluation_limit
    if run.time_limit is None or (limit is not None and run.evaluations >= limit):
        return run.elapsed
    return run.time_limit


def first_position(run: RunResult, axis: Axis = SECONDS) -> float:
    """Position above zero from which on a run has an incumbent; NaN where it has none.

    A search may recommend a cell before it has spent anything, and zero has no place on a
    logarithmic axis: such a run counts from its next incumbent on or, where it has none, from a
    tenth of its end, of whole numbers from one. A run that spends nothing of an axis, as one that
    evaluates no cell has no evaluations, has no place there.
    """
    end = run_end(run, axis)
    if not len(run.trajectory) or not end > 0:
        return float("nan")
    places = positions(run, axis)
    later = places[places > 0]
    if len(later):
        return float(later[0])
    return 1.0 if axis.whole else end / 10


def counted_axes(runs: Iterable[RunResult]) -> tuple[Axis, ...]:
    """The axes of which all runs have counts."""
    every = [run for run in runs if run.counted]
    missing = {
        "cells": any(run.trajectory.unique_cells is None for run in every),
        "epochs": any(run.trajectory.epochs is None or run.epochs is None for run in every),
    }
    return tuple(axis for axis in AXES.values() if not missing.get(axis.name))


@dataclass(frozen=True, eq=False)
class Steps:
    """A run's regret on an axis, a right-continuous step function.

    Attributes
    ----------
    position
        Where each value begins, non-decreasing: shape ``[k]``. Of several at one place the last
        counts.
    regret
        The values: shape ``[k]``.
    end
        Where the run ended: nothing is known beyond.
    """

    position: NDArray[np.float64]
    regret: NDArray[np.float64]
    end: float


def steps_of(run: RunResult, kind: str, axis: Axis = SECONDS) -> Steps:
    """A run's regret on an axis; `kind` is as in `RunResult.regret`."""
    return Steps(positions(run, axis), run.regret(kind), run_end(run, axis))


def regret_matrix(
    runs: Sequence[RunResult], when: ArrayLike, kind: str, axis: str | Axis = SECONDS
) -> NDArray[np.float64]:
    """Regret of many runs at common positions of an axis: shape ``[runs, positions]``.

    NaN before a run's first incumbent and after its end; at infinity it is what a run ended with.

    Parameters
    ----------
    when
        Seconds, or as many evaluations, cells or epochs.
    kind
        As in `RunResult.regret`.
    axis
        One of `AXES`, or its name.
    """
    axis = get_axis(axis) if isinstance(axis, str) else axis
    places = np.asarray(when, dtype=np.float64)
    out = np.empty((len(runs), len(places)))
    for i, run in enumerate(runs):
        steps = steps_of(run, kind, axis)
        out[i] = steps_at(steps.position, steps.regret, places)
        out[i, (places > steps.end) & np.isfinite(places)] = np.nan
    return out


def _uncounted(run: RunResult, axis: Axis) -> ResultError:
    run_of = f"run {run.number} of {run.label!r} on {run.table!r}"
    if not run.counted:
        return ResultError(
            f"{run_of} is from elsewhere, where nobody counted {axis.words}; choose --axis seconds"
            " or evaluations"
        )
    return ResultError(
        f"{run_of} is from before runs counted {axis.words}; run it again, or choose --axis seconds"
        " or evaluations"
    )
