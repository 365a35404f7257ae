"""Looking up a table's evaluations, as fast as it goes: one at a time, and many at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from regretta.tabular_data.benchmark import Answers, BenchmarkError, Draws, Observer, Rule
from regretta.tabular_data.spaces import Configurations
from regretta.tabular_data.table import Table

_FEW = 32
"""So many configurations are quicker looked up one by one than at once."""


class Lookup(Observer):
    """A table's validation accuracies and seconds under a rule.

    Parameters
    ----------
    table
        The table. Nothing of it that a search must not see is kept.
    rule
        What an evaluation shows and costs.
    """

    def __init__(self, table: Table, rule: Rule) -> None:
        self._space = table.space
        self._name = table.name
        self._budgets = table.budgets
        self._accuracy = table.columns["validation_accuracy"]
        self._seconds = table.columns["training_seconds"]
        # Both columns as Python reads one entry of them quickest, a float of the very same value.
        self._views = (
            memoryview(self._accuracy.reshape(-1)),  # type: ignore[arg-type]
            memoryview(self._seconds.reshape(-1)),  # type: ignore[arg-type]
        )
        self._available = table.available
        self._order = table.repeat_order
        self._shape = self._accuracy.shape
        self._complete = bool((self._available == self._shape[2]).all())
        self._partial = table.partial
        self._mean = rule.mean
        self._repeat = rule.repeat
        self._evaluation = table.columns.get("evaluation_seconds") if rule.evaluation else None
        if rule.evaluation and self._evaluation is None:
            self.notes = (f"table {table.name} has no evaluation times: only training is charged",)

    def answer(self, configurations: Configurations, level: int, draws: Draws) -> Answers:
        if len(configurations) > _FEW or self._mean:
            return self._at_once(configurations, level, np.asarray(draws))
        accuracy, seconds = self._views
        _, budgets, most = self._shape
        complete, order, evaluation = self._complete, self._order, self._evaluation
        fixed = self._repeat
        rows = self._space.find_row_list(configurations)
        repeats: list[int] = []
        errors: list[float] = []
        costs: list[float] = []
        for k, row in enumerate(rows):
            if row < 0 or (self._partial and not self._available[row].any()):
                rows[k] = -1
                repeats.append(-1)
                errors.append(1.0)
                costs.append(0.0)
                continue
            count = most if complete else int(self._available[row, level])
            if not count:
                raise self._lacks(row, level)
            repeat = int(draws[k] * count) if fixed is None else fixed
            if order is not None and fixed is None:
                repeat = int(order[row, level, repeat])
            place = (row * budgets + level) * most + repeat
            repeats.append(repeat)
            errors.append(1.0 - accuracy[place])
            cost = seconds[place]
            costs.append(cost if evaluation is None else cost + float(evaluation[row]))
        return Answers(rows, repeats, errors, costs)

    def _at_once(
        self, configurations: Configurations, level: int, draws: NDArray[np.float64]
    ) -> Answers:
        rows = self._space.find_rows(self._space.check(configurations))
        valid = rows >= 0
        if self._partial:
            valid[valid] = self._available[rows[valid]].any(axis=1)
        if valid.all():
            return Answers(rows.tolist(), *self._values(rows, level, draws))
        rows = np.where(valid, rows, -1)
        repeats = np.full(len(rows), -1)
        errors, costs = np.ones(len(rows)), np.zeros(len(rows))
        if valid.any():
            values = self._values(rows[valid], level, draws[valid])
            repeats[valid], errors[valid], costs[valid] = values
        return Answers(rows.tolist(), repeats.tolist(), errors.tolist(), costs.tolist())

    def _values(
        self, rows: NDArray[np.integer], level: int, draws: NDArray[np.float64]
    ) -> tuple[list[int], list[float], list[float]]:
        """Repeats, errors and costs of valid cells."""
        _, budgets, repeats = self._shape
        count: NDArray[np.integer] | int = repeats
        if not self._complete:
            count = available = self._available[rows, level]
            if not available.all():
                raise self._lacks(int(rows[np.argmin(available)]), level)
        if self._mean:
            drawn = np.full(len(rows), -1)
            errors = 1.0 - _mean(self._accuracy[rows, level])
            costs = _mean(self._seconds[rows, level])
        else:
            drawn = (draws * count).astype(np.intp)
            if self._repeat is not None:
                drawn = np.full(len(rows), self._repeat, dtype=np.intp)
            elif self._order is not None:
                drawn = self._order[rows, level, drawn].astype(np.intp)
            place = (rows.astype(np.intp) * budgets + level) * repeats + drawn
            errors = 1.0 - self._accuracy.take(place).astype(np.float64)
            costs = self._seconds.take(place).astype(np.float64)
        if self._evaluation is not None:
            costs += self._evaluation[rows]
        return drawn.tolist(), errors.tolist(), costs.tolist()

    def _lacks(self, row: int, level: int) -> BenchmarkError:
        return BenchmarkError(
            f"table {self._name} has no repeat of cell {row} ({self._space.describe(row)})"
            f" at budget {self._budgets[level]:.12g}"
        )


def _mean(values: NDArray[np.floating]) -> NDArray[np.float64]:
    mean: NDArray[np.float64] = np.nanmean(values, axis=1, dtype=np.float64)
    return mean
