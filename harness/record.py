"""What a run leaves behind: its incumbents, and how they do on the data that no search sees."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from regretta.harness.oracle import Answers
from regretta.harness.protocol import Protocol
from regretta.harness.result import Reference, Trajectory
from regretta.tabular_data.table import Table


class Record:
    """Keeps the incumbents of a run while it goes, and judges them when it is over.

    Parameters
    ----------
    protocol
        Which evaluations may become the incumbent.
    budgets
        Budgets offered to the search, ascending.
    """

    def __init__(self, protocol: Protocol, budgets: tuple[float, ...]) -> None:
        self._budgets = budgets
        self._top = len(budgets) - 1 if protocol.incumbent == "largest" else 0
        self._best = np.inf
        self._time: list[float] = []
        self._evaluation: list[int] = []
        self._level: list[int] = []
        self._cell: list[int] = []
        self._repeat: list[int] = []
        self._error: list[float] = []
        self._seen: list[NDArray[np.int32]] = []
        self._seen_single: list[int] = []
        self.by_level = [0] * len(budgets)
        self.proposals = 0
        self.evaluations = 0

    def add_one(self, row: int, repeat: int, error: float, level: int, time: float) -> None:
        """Note one evaluation that finished at `time`."""
        self.proposals += 1
        if row < 0:
            return
        self.evaluations += 1
        self.by_level[level] += 1
        self._seen_single.append(row)
        if error < self._best and level >= self._top:
            self._improve(row, repeat, error, level, time, self.evaluations)

    def add(self, answers: Answers, level: int, times: NDArray[np.float64]) -> None:
        """Note many evaluations, in the order in which they finished; `times` has shape ``[n]``."""
        self.proposals += len(times)
        valid = np.flatnonzero(answers.rows >= 0)
        if not len(valid):
            return
        self.by_level[level] += len(valid)
        self._seen.append(answers.rows)
        if level >= self._top and answers.errors.min() < self._best:
            errors = answers.errors[valid]
            lowest = np.minimum.accumulate(errors)
            for k in np.flatnonzero(
                lowest < np.concatenate([[self._best], np.minimum(lowest[:-1], self._best)])
            ).tolist():
                i = valid[k]
                self._improve(
                    int(answers.rows[i]),
                    int(answers.repeats[i]),
                    float(errors[k]),
                    level,
                    float(times[i]),
                    self.evaluations + k + 1,
                )
        self.evaluations += len(valid)

    def _improve(
        self, row: int, repeat: int, error: float, level: int, time: float, evaluation: int
    ) -> None:
        self._best = error
        self._time.append(time)
        self._evaluation.append(evaluation)
        self._level.append(level)
        self._cell.append(row)
        self._repeat.append(repeat)
        self._error.append(error)

    @property
    def unique_cells(self) -> int:
        """Number of different cells evaluated."""
        seen = np.concatenate([*self._seen, np.array(self._seen_single, dtype=np.int32)])
        return len(np.unique(seen[seen >= 0]))

    def trajectory(self, protocol: Protocol, table: Table, search_table: Table) -> Trajectory:
        """The incumbents, judged on `table` as the protocol says."""
        cells = np.array(self._cell, dtype=np.int64)
        report = (
            table.budget_index(protocol.report_budget) if protocol.report_budget is not None else -1
        )
        test: NDArray[np.float64] | None
        if protocol.test == "repeat":
            levels = [search_table.budget_index(self._budgets[level]) for level in self._level]
            test = 1.0 - search_table.columns["test_accuracy"][cells, levels, self._repeat].astype(
                np.float64
            )
        else:
            test = None if table.mean_test_error is None else table.mean_test_error[cells, report]
        return Trajectory(
            time=np.array(self._time, dtype=np.float64),
            evaluation=np.array(self._evaluation, dtype=np.int64),
            budget=np.array([self._budgets[level] for level in self._level], dtype=np.float64),
            cell=cells,
            validation_error=np.array(self._error, dtype=np.float64),
            mean_validation_error=table.mean_validation_error[cells, report],
            test_error=test,
        )

    @staticmethod
    def reference(protocol: Protocol, table: Table) -> Reference:
        """The errors that regret is measured from: the best mean of any cell at the budget that is reported."""
        report = (
            table.budget_index(protocol.report_budget) if protocol.report_budget is not None else -1
        )
        test = table.mean_test_error
        return Reference(
            validation_error=float(np.nanmin(table.mean_validation_error[:, report])),
            test_error=None if test is None else float(np.nanmin(test[:, report])),
        )
