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
        self._latest: list[tuple[Configurations, Answers, int, Sequence[float], int]] = []
        self._waiting = 0
        self._columns: list[list[NDArray[Any]]] = []
        self.too_long = False

    def add(
        self,
        configurations: Configurations,
        answers: Answers,
        level: int,
        times: Sequence[float],
        worker: int = 0,
    ) -> None:
        """Take down evaluations at one budget; the arguments are those of `Record.add`."""
        if self.too_long or not times:
            return
        kept = configurations[: len(times), : self._dim].copy()
        self._latest.append((kept, answers, level, times, worker))
        self._waiting += len(times)
        if self._waiting >= _MANY:
            self._pack()

    def _pack(self) -> None:
        """Put what came last into arrays, valid evaluations only."""
        if not self._waiting:
            return
        answers = Answers([], [], [], [])
        times: list[float] = []
        levels: list[int] = []
        workers: list[int] = []
        for _, each, level, finished, worker in self._latest:
            n = len(finished)
            answers.rows.extend(each.rows[:n])
            answers.repeats.extend(each.repeats[:n])
            answers.errors.extend(each.errors[:n])
            answers.costs.extend(each.costs[:n])
            times.extend(finished)
            levels += [level] * n
            workers += [worker] * n
        cells = np.array(answers.rows, dtype=np.int64)
        valid = cells >= 0
        self._kept += int(valid.sum())
        self.too_long = self._kept > self._most
        if self.too_long:
            self._columns = []
        else:
            self._columns.append(
                [
                    np.array(times, dtype=np.float64)[valid],
                    np.array(answers.costs, dtype=np.float64)[valid],
                    np.array(workers, dtype=np.int16)[valid],
                    np.array(levels, dtype=np.int32)[valid],
                    np.array(answers.repeats, dtype=np.int64)[valid],
                    np.array(answers.errors, dtype=np.float64)[valid],
                    cells[valid],
                    np.concatenate([kept for kept, *_ in self._latest])[valid],
                ]
            )
        self._latest, self._waiting = [], 0

    def trace(self) -> Trace | None:
        """What was taken down; None if it was too long to be kept."""
        self._pack()
        if self.too_long:
            return None
        parts = zip(*self._columns, strict=True) if self._columns else ()
        columns = [np.concatenate(part) for part in parts]
        if not columns:
            columns = [np.zeros(0)] * 7 + [np.zeros((0, self._dim), dtype=self._dtype)]
        time, cost, worker, level, repeat, error, cell, configuration = columns
        return Trace(
            time,
            cost,
            worker.astype(np.int64),
            self._budgets[level.astype(np.intp)],
            repeat.astype(np.int64),
            error,
            cell.astype(np.int64) if self._numbered else None,
            configuration if self._dim else None,
        )
