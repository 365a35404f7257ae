"""What cells methods that share weights derive, epoch by epoch, from the logs of their runs.

`RunResult.log` of such a run has a row an epoch: ``epoch`` (0 is the untrained supernet), ``cell``
(table row of the cell that it derives) and ``skip_edges`` (share of the cell's edges).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from regretta.harness.reported import regret_kind
from regretta.harness.result import RunResult
from regretta.harness.store.results import SuiteResults
from regretta.plots.paper.nasbench201.beside import beside
from regretta.plots.paper.nasbench201.final_accuracy import batch_norm
from regretta.plots.paper.nasbench201.published import BATCH_NORMS, INDEPENDENT, WEIGHT_SHARING
from regretta.tabular_data.table import Table

NEEDED = ("epoch", "cell", "skip_edges")


@dataclass(frozen=True, eq=False)
class Curve:
    """Mean and standard deviation over runs after each epoch, percent.

    Attributes
    ----------
    runs
        Number of runs.
    epoch
        Those that every run has: shape ``[k]``, ascending.
    mean, deviation
        Shape ``[k]``; the deviation divides by n, as the paper's does.
    """

    runs: int
    epoch: NDArray[np.float64]
    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Searches:
    """The runs of one label under one kind of batch normalization.

    Attributes
    ----------
    name, optimizer
        Whose they are: the optimizer, or the label where several have one optimizer and kind of
        batch normalization.
    batch_norm
        One of `BATCH_NORMS`.
    borrowed
        Whether they were run under another kind, which makes no difference to the method.
    runs
        Those with a log.
    """

    name: str
    optimizer: str
    batch_norm: str
    borrowed: bool
    runs: tuple[RunResult, ...]


def searches(suite: SuiteResults, table: str) -> tuple[Searches, ...]:
    """Searches with a log of one table, in the suite's order; methods that do not depend on the
    kind of batch normalization stand under every kind that there is.
    """
    found = []
    for label, group in suite.runs[table].items():
        runs = tuple(run for run in group if set(NEEDED) <= run.log.keys())
        if runs and runs[0].optimizer in WEIGHT_SHARING:
            kind = batch_norm(runs[0].optimizer, runs[0].settings)
            found.append(Searches(label, runs[0].optimizer, kind, False, runs))
    kinds = Counter((one.optimizer, one.batch_norm) for one in found)
    several = {optimizer for (optimizer, _), count in kinds.items() if count > 1}
    found = [one if one.optimizer in several else replace(one, name=one.optimizer) for one in found]
    present = [kind for kind in BATCH_NORMS if any(kind == other for _, other in kinds)]
    first = {one.optimizer: one.batch_norm for one in reversed(found)}
    for one in tuple(found):
        if one.optimizer in INDEPENDENT and one.batch_norm == first[one.optimizer]:
            lacking = [kind for kind in present if not kinds[one.optimizer, kind]]
            found += [replace(one, batch_norm=kind, borrowed=True) for kind in lacking]
    return tuple(found)


def curve(runs: Sequence[RunResult], values: Sequence[NDArray[np.float64]]) -> Curve:
    """The curve of a value of every epoch of every run, fractions.

    Epochs that a run does not have, or has no value of, are left out.
    """
    by_epoch = [
        {
            epoch: value
            for epoch, value in zip(run.log["epoch"].tolist(), some.tolist(), strict=True)
            if np.isfinite(value)
        }
        for run, some in zip(runs, values, strict=True)
    ]
    common = sorted(set.intersection(*(set(one) for one in by_epoch)))
    matrix = 100 * np.array([[one[epoch] for epoch in common] for one in by_epoch])
    return Curve(len(runs), np.array(common), matrix.mean(axis=0), matrix.std(axis=0))


def accuracy(run: RunResult, kind: str, table: Table | None = None) -> NDArray[np.float64]:
    """Mean accuracy at the reported budget of the cell of each epoch: shape ``[epochs]``.

    Parameters
    ----------
    run
        With a log.
    kind
        ``"test"`` or ``"validation"``.
    table
        Where to look the cells up; by default what the run was judged on, whose values its
        incumbents carry. An epoch whose cell was no incumbent has none then.
    """
    cells = run.log["cell"]
    if table is not None:
        errors = table.mean_test_error if kind == "test" else table.mean_validation_error
        assert errors is not None
        return 1 - np.asarray(errors[cells.astype(np.int64), -1], dtype=np.float64)
    steps = run.trajectory
    known = steps.test_error if kind == "test" else steps.mean_validation_error
    assert known is not None
    assert steps.cell is not None
    judged = dict(zip(steps.cell.tolist(), known.tolist(), strict=True))
    return 1 - np.array([judged.get(int(cell), np.nan) for cell in cells])


@dataclass(frozen=True, eq=False)
class Judged:
    """Accuracy of derived cells on one data set.

    Attributes
    ----------
    table
        Where the accuracies are from.
    kind
        ``"test"`` or ``"validation"``, where a table has no test accuracy.
    looked_up
        Whether the search was on another table.
    best
        Accuracy of the best cell, percent; NaN where unknown.
    curves
        Batch normalization → name → curve.
    """

    table: str
    kind: str
    looked_up: bool
    best: float
    curves: Mapping[str, Mapping[str, Curve]]


def judged(suite: SuiteResults, table: str) -> tuple[Judged, ...]:
    """Derived cells of a suite's table on it and, of the paper's, on the data sets beside it."""
    shown = searches(suite, table)
    runs = [run for one in shown for run in one.runs]
    kind = regret_kind({"": runs})
    best = runs[0].reference
    error = None if best is None else best.test_error if kind == "test" else best.validation_error
    found = [
        Judged(table, kind, False, 100 * (1 - (np.nan if error is None else error)),
               _curves(shown, kind))
    ]  # fmt: skip
    for other in beside(suite, table).values():
        kind = "test" if other.mean_test_error is not None else "validation"
        errors = other.mean_test_error if kind == "test" else other.mean_validation_error
        assert errors is not None
        lowest = float(np.nanmin(errors[:, -1]))
        found.append(
            Judged(other.name, kind, True, 100 * (1 - lowest), _curves(shown, kind, other))
        )
    return tuple(found)


def _curves(
    shown: Sequence[Searches], kind: str, table: Table | None = None
) -> Mapping[str, Mapping[str, Curve]]:
    found: dict[str, dict[str, Curve]] = {}
    for one in shown:
        values = [accuracy(run, kind, table) for run in one.runs]
        found.setdefault(one.batch_norm, {})[one.name] = curve(one.runs, values)
    return found
