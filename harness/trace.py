"""Everything a search did: an entry for each evaluation, in the order in which they finished."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regretta.tabular_data.benchmark import Answers, Benchmark
from regretta.tabular_data.spaces import Configurations
from regretta.tabular_data.spaces.parameters import Real

LARGEST_TRACE = 1 << 26
"""Bytes of memory that a trace may take; that of a longer search is not kept."""

BYTES_AN_EVALUATION = 48
"""What an evaluation takes of these, besides its configuration."""

_MANY = 4096


@dataclass(frozen=True, eq=False, slots=True)
class Trace:
    """All valid evaluations of a run that counted, in the order in which they finished.

    Entry i is the evaluation that a trajectory calls number i + 1. Invalid configurations cost
    nothing and are no evaluations.

    Attributes
    ----------
    time
        Simulated seconds at which it finished, non-decreasing: shape ``[n]``.
    cost
        Seconds that it was charged: shape ``[n]``. Seconds that the search spent itself come
        between evaluations.
    worker
        Simulated worker that did it, from 0: shape ``[n]``.
    budget
        Budget at which it was asked for: shape ``[n]``.
    repeat
        Repeat that was observed, shape ``[n]``; −1 where it was not one repeat.
    validation_error
        Validation error that the search observed: shape ``[n]``.
    cell
        Table row, shape ``[n]``; None where the benchmark's cells are not numbered.
    configuration
        What was proposed, shape ``[n, dim]``, of a trace that was read in the smallest integers
        that hold it. None where it has real numbers and `cell` says what they mean: they would take
        twenty times the rest.
    """

    time: NDArray[np.float64]
    cost: NDArray[np.float64]
    worker: NDArray[np.int64]
    budget: NDArray[np.float64]
    repeat: NDArray[np.int64]
    validation_error: NDArray[np.float64]
    cell: NDArray[np.int64] | None
    configuration: NDArray[Any] | None

    def __len__(self) -> int:
        return len(self.time)


class Tracer:
    """Takes down a search's evaluations while it goes.

    Of a search with more of them than `LARGEST_TRACE` holds, nothing is kept.

    Parameters
    ----------
    benchmark
        What is searched.
    budgets
        Budgets offered to the search, ascending.
    """

    def __init__(self, benchmark: Benchmark, budgets: tuple[float, ...]) -> None:
        space = benchmark.space
        self._budgets = np.array(budgets, dtype=np.float64)
        self._numbered = benchmark.numbered
        real = any(isinstance(parameter, Real) for parameter in space.parameters)
        self._dim = 0 if real and self._numbered else space.dim
        self._dtype = space.dtype
        self._most = LARGEST_TRACE // (BYTES_AN_EVALUATION + self._dim * space.dtype.itemsize)
        self._kept = 0
        self._columns: list[list[NDArray[Any]]] = []
        self._clear()
        self.too_long = False

    def _clear(self) -> None:
        self._answers = Answers([], [], [], [])
        self._times: list[float] = []
        self._levels: list[int] = []
        self._workers: list[int] = []
        self._configurations = bytearray()

    def add(
        self,
        configurations: Configurations,
        answers: Answers,
        level: int,
        times: Sequence[float],
        worker: int = 0,
    ) -> None:
        """Take down evaluations at one budget; the arguments are those of `Record.add`."""
        n = len(times)
        if not n or self.too_long or max(answers.rows) < 0:
            return
        rows, repeats, errors, costs = answers
        if n < len(rows):
            rows, repeats, errors, costs = rows[:n], repeats[:n], errors[:n], costs[:n]
            configurations = configurations[:n]
        kept = self._answers
        kept.rows.extend(rows)
        kept.repeats.extend(repeats)
        kept.errors.extend(errors)
        kept.costs.extend(costs)
        self._times += times
        self._levels += [level] * n
        self._workers += [worker] * n
        if self._dim:
            self._configurations += configurations.tobytes()
        if len(kept.rows) >= _MANY:
            self._pack()

    def _pack(self) -> None:
        """Put what came last into arrays, valid evaluations only."""
        rows, repeats, errors, costs = self._answers
        cells = np.array(rows, dtype=np.int64)
        valid = cells >= 0
        entries = np.frombuffer(bytes(self._configurations), dtype=self._dtype)
        self._kept += int(valid.sum())
        self.too_long = self._kept > self._most
        self._columns.append(
            [
                np.array(self._times, dtype=np.float64)[valid],
                np.array(costs, dtype=np.float64)[valid],
                np.array(self._workers, dtype=np.int16)[valid],
                np.array(self._levels, dtype=np.int32)[valid],
                np.array(repeats, dtype=np.int64)[valid],
                np.array(errors, dtype=np.float64)[valid],
                cells[valid],
                entries.reshape(len(cells), self._dim)[valid],
            ]
        )
        if self.too_long:
            self._columns = []
        self._clear()

    def trace(self) -> Trace | None:
        """What was taken down; None if it was too long to be kept."""
        self._pack()
        if self.too_long:
            return None
        parts = zip(*self._columns, strict=True)
        time, cost, worker, level, repeat, error, cell, configuration = map(np.concatenate, parts)
        return Trace(
            time,
            cost,
            worker.astype(np.int64),
            self._budgets[level],
            repeat,
            error,
            cell if self._numbered else None,
            configuration if self._dim else None,
        )
