"""A suite's results as tidy columns: what frames show, and what CSV and Parquet files hold.

A column has one meaning wherever it stands: `MEANINGS` says which.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain, repeat
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from regretta.harness.identity import SuiteError
from regretta.harness.regret import first_moment, regret_matrix
from regretta.harness.result import RunResult
from regretta.tabular_data.names import unknown
from regretta.tabular_data.spaces import Space, SpaceError, get_space

if TYPE_CHECKING:
    from regretta.harness.store.results import SuiteResults

_MOMENTS = 101

_METHOD = {
    "table": "table that incumbents are judged on",
    "label": "label of the method",
    "optimizer": "name of its optimizer",
    "settings": "all settings of the optimizer, as JSON",
    "protocol": "name of the protocol",
    "seed": "seed of the suite",
    "time_limit": "simulated seconds that the search had",
    "reconstruction": "which of the table's numbers are modelled; empty for measured tables",
}
_RUN = {
    "run": "number of the run, from 0",
    "elapsed": "simulated seconds when its last evaluation finished",
    "ended_early": "whether the optimizer had nothing more to propose before the limit",
}
_INCUMBENT = {
    "time": "simulated seconds at which the incumbent became it; of a curve, the moment",
    "evaluation": "valid evaluations finished by then",
    "budget": "budget at which the incumbent was observed; of counts, that of the evaluations",
    "cell": "row of the incumbent's cell in the table",
    "architecture": "the cell, as the field writes it",
    "configuration": "the configuration that was proposed, as JSON",
    "validation_error": "validation error that the search observed",
    "mean_validation_error": "mean validation error, which no search sees",
    "test_error": "test error as the protocol reports it",
    "regret_observed": "validation_error less the lowest mean validation error of any cell",
    "regret_validation": "mean_validation_error less the lowest of any cell",
    "regret_test": "test_error less the lowest of any cell",
}
_COUNTS = {
    "evaluations": "valid evaluations finished within the limit; with a budget, those at it",
    "proposals": "configurations proposed, invalid ones included",
    "unique_cells": "different cells among the evaluations",
    "search_seconds": "simulated seconds that the search spent itself, part of elapsed",
    "simulated_workers": "workers that evaluated side by side",
}

MEANINGS: Mapping[str, str] = MappingProxyType(_METHOD | _RUN | _INCUMBENT | _COUNTS)
"""Every column of any frame, and what it means."""

FRAMES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "trajectory": (*_METHOD, *_RUN, *_INCUMBENT),
        "final": (*_METHOD, *_RUN, *_COUNTS, *_INCUMBENT),
        "evaluations": (*_METHOD, *_RUN, "budget", "evaluations"),
        "curves": (
            "table",
            "label",
            "reconstruction",
            "run",
            "time",
            "regret_observed",
            "regret_validation",
            "regret_test",
        ),
    }
)
"""Kind of frame → its columns, in their order.

``trajectory`` has a line an incumbent and ``final`` a line a run, with its last incumbent;
``evaluations`` has a line a run and budget, also where there was none; ``curves`` has a line a run
and moment. In all but ``curves`` a run without an evaluation and a method without a run have a line
too, which ends where there is nothing to say.
"""

Columns = dict[str, list[Any]]


def suite_columns(suite: SuiteResults, kind: str, times: ArrayLike | None = None) -> Columns:
    """The columns of a kind of frame, all of one length; None where there is nothing to say.

    Parameters
    ----------
    suite
        From `load_suite`.
    kind
        A key of `FRAMES`.
    times
        Of ``curves``: simulated seconds, ascending; where None, 101 moments a table, equally
        spaced on a logarithmic axis from its first incumbent to the limit.

    Raises
    ------
    SuiteError
        If the kind is unknown, or the suite has no run.
    """
    if kind not in FRAMES:
        raise SuiteError(unknown("frame", kind, FRAMES))
    if not any(suite.runs[table][label] for table in suite.tables for label in suite.labels):
        raise SuiteError(f"{suite.folder} has no finished run; run the suite first")
    if times is not None:
        times = np.asarray(times, dtype=np.float64)
        if times.ndim != 1 or not len(times) or not (np.diff(times) > 0).all() or times[0] < 0:
            raise SuiteError("times of curves are seconds from 0 on, ascending: a list")
    columns: Columns = {key: [] for key in FRAMES[kind]}
    for table in suite.tables:
        if kind == "curves":
            _add_curves(columns, suite, table, times)
            continue
        lines = {"trajectory": _incumbents, "final": _ends, "evaluations": _by_budget}[kind]
        cell_of = _described(_space(suite.identity.tables[table].space_spec))
        for label in suite.labels:
            about = _about(suite, table, label)
            runs = suite.runs[table][label]
            for line in chain.from_iterable(lines(run, cell_of) for run in runs) if runs else [{}]:
                told = about | line
                for key, column in columns.items():
                    column.append(told.get(key))
    return columns


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
        "reconstruction": suite.identity.tables[table].reconstruction,
    }


def _of_run(result: RunResult) -> dict[str, Any]:
    return {"run": result.number, "elapsed": result.elapsed, "ended_early": result.ended_early}


_Describe = Callable[[RunResult, int], dict[str, Any]]
"""Run, number of an incumbent → its architecture and configuration."""


def _described(space: Space | None) -> _Describe:
    if space is None:
        return lambda run, i: {
            "configuration": json.dumps(run.trajectory.configuration[i].tolist())
        }
    architecture = lru_cache(1 << 16)(space.describe)

    def describe(run: RunResult, i: int) -> dict[str, Any]:
        steps = run.trajectory
        told: dict[str, Any] = {
            "configuration": json.dumps(space.to_values(steps.configuration[i].astype(space.dtype)))
        }
        if steps.cell is not None:
            told["architecture"] = architecture(int(steps.cell[i]))
        return told

    return describe


def _space(spec: str | Mapping[str, Any]) -> Space | None:
    try:
        return get_space(spec)
    except SpaceError:  # that of a benchmark of the user's own
        return None


def numbers(values: Any) -> list[float | None]:
    """Numbers as a list, None for NaN."""
    return [value if value == value else None for value in values.tolist()]


def _incumbents(result: RunResult, describe: _Describe) -> Iterator[dict[str, Any]]:
    """A line an incumbent; one for a run without any."""
    steps = result.trajectory
    n = len(steps)
    if not n:
        yield _of_run(result)
    columns: dict[str, Sequence[Any]] = {
        "time": steps.time.tolist(),
        "evaluation": steps.evaluation.tolist(),
        "budget": numbers(steps.budget),
        "cell": [None] * n if steps.cell is None else steps.cell.tolist(),
        "validation_error": numbers(steps.validation_error),
        "mean_validation_error": numbers(steps.mean_validation_error),
        "test_error": [None] * n if steps.test_error is None else numbers(steps.test_error),
        "regret_observed": numbers(result.regret("observed")),
        "regret_validation": numbers(result.regret("validation")),
        "regret_test": numbers(result.regret("test")) if result.has_test else [None] * n,
    }
    for i in range(n):
        line = {key: values[i] for key, values in columns.items()}
        yield _of_run(result) | line | describe(result, i)


def _ends(result: RunResult, describe: _Describe) -> Iterator[dict[str, Any]]:
    """A line a run: its counts and its last incumbent."""
    *_, last = _incumbents(result, describe)
    yield last | {key: getattr(result, key) for key in _COUNTS}


def _by_budget(result: RunResult, _: _Describe) -> Iterator[dict[str, Any]]:
    """A line a budget at which the run evaluated something; one for a run that did nothing."""
    done = {float(budget): count for budget, count in result.evaluations_by_budget.items()}
    if not done:
        yield _of_run(result) | {"evaluations": 0}
    for budget, count in done.items():
        yield _of_run(result) | {"budget": budget, "evaluations": count}


def _add_curves(columns: Columns, suite: SuiteResults, table: str, times: Any) -> None:
    """Regret of every run at common moments; None before its first incumbent."""
    about = suite.identity.tables[table]
    if times is None:
        starts = [
            first_moment(run)
            for label in suite.labels
            for run in suite.runs[table][label]
            if len(run.trajectory)
        ]
        if not starts:
            return
        times = np.geomspace(min(starts), max(min(starts), about.time_limit), _MOMENTS)
    for label in suite.labels:
        for run in suite.runs[table][label]:
            if not len(run.trajectory):
                continue
            for key, value in (
                ("table", table),
                ("label", label),
                ("reconstruction", about.reconstruction),
                ("run", run.number),
            ):
                columns[key] += repeat(value, len(times))
            columns["time"] += times.tolist()
            for kind in ("observed", "validation", "test"):
                known = kind != "test" or run.has_test
                values = numbers(regret_matrix([run], times, kind)[0]) if known else None
                columns[f"regret_{kind}"] += values or [None] * len(times)
