"""A suite's results as tidy columns: what frames show, and what CSV and Parquet files hold.

Which there are, and what they mean, is in `columns`.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from regretta.harness.axis import Axis, first_position, get_axis, regret_matrix, run_end
from regretta.harness.identity import SuiteError
from regretta.harness.result import ResultError, RunResult
from regretta.harness.store.columns import COUNTS, EVALUATION_TYPES, FRAMES
from regretta.harness.store.traces import MissingTraceError
from regretta.harness.trace import Trace
from regretta.tabular_data.names import unknown
from regretta.tabular_data.spaces import Space, SpaceError, get_space

if TYPE_CHECKING:
    from regretta.harness.store.results import SuiteResults

_MOMENTS = 101
_REMEMBERED = 1 << 16
_LINES = 100_000

Columns = dict[str, list[Any]]


def suite_columns(
    suite: SuiteResults, kind: str, times: ArrayLike | None = None, axis: str = "seconds"
) -> Columns:
    """The columns of a kind of frame, all of one length; None where there is nothing to say.

    Parameters
    ----------
    suite
        From `load_suite`.
    kind
        A key of `regretta.harness.store.columns.FRAMES`.
    times
        Of ``curves``: places on the axis, ascending; where None, 101 a table, equally spaced on a
        logarithmic axis from its first incumbent to the end of its last run.
    axis
        Of ``curves``: one of `regretta.harness.axis.AXES`. Its column takes the place of ``time``.

    Raises
    ------
    SuiteError
        If the kind is unknown, or the suite has no run, or evaluations are asked for and no run has
        a trace.

    Warns
    -----
    UserWarning
        If evaluations are asked for and some runs lack a trace that can be used.
    """
    if kind not in FRAMES:
        raise SuiteError(unknown("frame", kind, FRAMES))
    refuse_joined(suite)
    if not any(suite.runs[table][label] for table in suite.tables for label in suite.labels):
        raise SuiteError(f"{suite.folder} has no finished run; run the suite first")
    if kind == "evaluations":
        return _all_evaluations(suite)
    if times is not None:
        times = np.asarray(times, dtype=np.float64)
        if times.ndim != 1 or not len(times) or not (np.diff(times) > 0).all() or times[0] < 0:
            raise SuiteError("times of curves are numbers from 0 on, ascending: a list")
    along = get_axis(axis)
    keys = (_PLACES[axis] if key == "time" and kind == "curves" else key for key in FRAMES[kind])
    columns: Columns = {key: [] for key in keys}
    for table in suite.tables:
        if kind == "curves":
            _add_curves(columns, suite, table, times, along)
            continue
        lines = {"trajectory": _incumbents, "final": _ends, "budgets": _by_budget}[kind]
        describe = _described(suite, table)
        for label in suite.labels:
            about = _about(suite, table, label)
            runs = suite.runs[table][label]
            for line in chain.from_iterable(lines(run, describe) for run in runs) if runs else [{}]:
                told = about | line
                for key, column in columns.items():
                    column.append(told.get(key))
    return columns


def refuse_joined(suite: SuiteResults) -> None:
    """Refuse results with which others were joined for a report.

    Raises
    ------
    SuiteError
        If that is so.
    """
    if suite.elsewhere or suite.seeds:
        raise SuiteError(
            "frames and exports are of one folder's own runs; take what load_suite gives, without"
            " other seeds and trajectories from elsewhere"
        )


def _about(suite: SuiteResults, table: str, label: str) -> dict[str, Any]:
    method = suite.identity.methods[label]
    return {
        "table": table,
        "label": label,
        "optimizer": method.optimizer,
        "settings": json.dumps(dict(method.settings)),
        "protocol": suite.identity.protocol.name,
        "seed": suite.identity.seed,
        "time_limit": suite.identity.tables[table].time_limit,
        "evaluation_limit": suite.identity.evaluations,
        "reconstruction": suite.identity.tables[table].reconstruction,
    }


def _of_run(result: RunResult) -> dict[str, Any]:
    return {"run": result.number, "elapsed": result.elapsed, "ended_early": result.ended_early}


class _Described:
    """Architectures and configurations of a space, as people write them."""

    def __init__(self, space: Space | None) -> None:
        self._space = space
        if space is not None:
            self._architecture = lru_cache(_REMEMBERED)(space.describe)
            self._values = lru_cache(_REMEMBERED)(_written(space))

    def columns(
        self, cells: NDArray[np.int64] | None, configurations: NDArray[Any] | None
    ) -> dict[str, Sequence[Any]]:
        """Row, architecture and configuration of each; what there is not is left out."""
        told: dict[str, Sequence[Any]] = {}
        if cells is not None:
            told["cell"] = cells.tolist()
            if self._space is not None:
                told["architecture"] = [self._architecture(cell) for cell in cells.tolist()]
        if configurations is not None:
            if self._space is None:
                told["configuration"] = [json.dumps(entry) for entry in configurations.tolist()]
            else:
                entries = configurations.astype(self._space.dtype)
                told["configuration"] = [self._values(entry.tobytes()) for entry in entries]
        return told


def _written(space: Space) -> Callable[[bytes], str]:
    """The bytes of a configuration → its values as JSON."""
    return lambda entry: json.dumps(space.to_values(np.frombuffer(entry, space.dtype)))


def _described(suite: SuiteResults, table: str) -> _Described:
    try:
        return _Described(get_space(suite.identity.tables[table].space_spec))
    except SpaceError:  # that of a benchmark of the user's own
        return _Described(None)


def numbers(values: Any) -> list[float | None]:
    """Numbers as a list, None for NaN."""
    return [value if value == value else None for value in values.tolist()]


def _listed(values: Any, n: int) -> list[Any]:
    """Numbers as a list, None for NaN; where there are none, as many None."""
    return [None] * n if values is None else numbers(values)


def _incumbents(result: RunResult, describe: _Described) -> Iterator[dict[str, Any]]:
    """A line an incumbent; one for a run without any."""
    steps = result.trajectory
    n = len(steps)
    if not n:
        yield _of_run(result)
    columns: dict[str, Sequence[Any]] = {
        "time": steps.time.tolist(),
        "evaluation": steps.evaluation.tolist(),
        "cells_by_then": _listed(steps.unique_cells, n),
        "epochs_by_then": _listed(steps.epochs, n),
        "budget": numbers(steps.budget),
        **describe.columns(steps.cell, steps.configuration),
        "validation_error": numbers(steps.validation_error),
        "mean_validation_error": numbers(steps.mean_validation_error),
        "test_error": _listed(steps.test_error, n),
        "regret_observed": numbers(result.regret("observed")),
        "regret_validation": numbers(result.regret("validation")),
        "regret_test": numbers(result.regret("test")) if result.has_test else [None] * n,
    }
    for i in range(n):
        line = {key: values[i] for key, values in columns.items()}
        yield _of_run(result) | line


def _ends(result: RunResult, describe: _Described) -> Iterator[dict[str, Any]]:
    """A line a run: its counts and its last incumbent."""
    *_, last = _incumbents(result, describe)
    yield last | {key: getattr(result, key) for key in COUNTS}


def _by_budget(result: RunResult, _: _Described) -> Iterator[dict[str, Any]]:
    """A line a budget at which the run evaluated something; one for a run that did nothing."""
    done = {float(budget): count for budget, count in result.evaluations_by_budget.items()}
    if not done:
        yield _of_run(result) | {"evaluations": 0}
    for budget, count in done.items():
        yield _of_run(result) | {"budget": budget, "evaluations": count}


_PLACES = {
    "seconds": "time",
    "evaluations": "evaluation",
    "cells": "cells_by_then",
    "epochs": "epochs_by_then",
}
"""Name of an axis → column of its positions."""


def _add_curves(columns: Columns, suite: SuiteResults, table: str, places: Any, axis: Axis) -> None:
    """Regret of every run at common places; None before its first incumbent and after its end."""
    every = [run for label in suite.labels for run in suite.runs[table][label]]
    starts = {id(run): first_position(run, axis) for run in every}
    shown = [run for run in every if starts[id(run)] > 0]
    if not shown:
        return
    if places is None:
        start, end = min(starts[id(run)] for run in shown), max(run_end(r, axis) for r in shown)
        places = np.geomspace(start, max(start, end), _MOMENTS)
        if axis.whole:
            places = np.unique(np.round(places))
    about = suite.identity.tables[table]
    for run in shown:
        for key, value in (
            ("table", table),
            ("label", run.label),
            ("reconstruction", about.reconstruction),
            ("run", run.number),
        ):
            columns[key] += repeat(value, len(places))
        columns[_PLACES[axis.name]] += places.tolist()
        for kind in ("observed", "validation", "test"):
            known = kind != "test" or run.has_test
            values = numbers(regret_matrix([run], places, kind, axis)[0]) if known else None
            columns[f"regret_{kind}"] += values or [None] * len(places)


@dataclass(frozen=True)
class Untraced:
    """Runs without a trace that can be used, as they were met.

    Attributes
    ----------
    missing, damaged
        A line each about runs that have none, and about traces that are not as they were written.
    """

    missing: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """What is to be said: one line for all that are missing, and one for each damaged."""
        missing = self.missing[:1]
        if len(self.missing) > 1:
            missing = [f"{len(self.missing):,} runs lack a trace, the first of them: {missing[0]}"]
        return missing + self.damaged


def evaluation_columns(suite: SuiteResults, untraced: Untraced) -> Iterator[Columns]:
    """The columns of ``evaluations``, some hundred thousand lines at a time.

    Parameters
    ----------
    suite
        From `load_suite`.
    untraced
        Gets the runs without a trace that can be used, which have one empty line each.
    """
    columns: Columns = {key: [] for key in EVALUATION_TYPES}
    for table in suite.tables:
        describe = _described(suite, table)
        for label in suite.labels:
            about = _about(suite, table, label)
            for run in suite.runs[table][label] or (None,):
                told: dict[str, Sequence[Any]] = {}
                n = 1
                if run is not None:
                    about["run"] = run.number
                    try:
                        trace = suite.trace(table, label, run.number)
                        told, n = _evaluations(trace, describe), max(len(trace), 1)
                    except MissingTraceError as error:
                        untraced.missing.append(str(error))
                    except ResultError as error:
                        untraced.damaged.append(str(error))
                for key, column in columns.items():
                    column += told.get(key) or [about.get(key)] * n
                if len(columns["run"]) >= _LINES:
                    yield columns
                    columns = {key: [] for key in columns}
    if columns["run"]:
        yield columns


def _evaluations(trace: Trace, describe: _Described) -> dict[str, Sequence[Any]]:
    """The columns of one run."""
    return {
        "evaluation": range(1, len(trace) + 1),
        "time": trace.time.tolist(),
        "cost": trace.cost.tolist(),
        "worker": trace.worker.tolist(),
        "budget": trace.budget.tolist(),
        "repeat": trace.repeat.tolist(),
        "validation_error": trace.validation_error.tolist(),
        **describe.columns(trace.cell, trace.configuration),
    }


def _all_evaluations(suite: SuiteResults) -> Columns:
    untraced = Untraced()
    columns: Columns = {key: [] for key in EVALUATION_TYPES}
    for part in evaluation_columns(suite, untraced):
        for key, values in part.items():
            columns[key] += values
    said = untraced.lines()
    if said and all(time is None for time in columns["time"]):
        raise SuiteError(said[0])
    for line in said:
        warnings.warn(line, stacklevel=4)
    return columns
