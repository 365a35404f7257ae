"""The oracle: answers a search from the table, and charges simulated training time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from regretta.harness.protocol import Protocol
from regretta.tabular_data.errors import UserError
from regretta.tabular_data.spaces import Configurations
from regretta.tabular_data.table import Table

FEW = 32
"""So many configurations are quicker answered one by one than at once."""

_DRAWS = 1024


class OracleError(UserError):
    """A query for what the table does not hold."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What a search gets for each configuration, and which entry of the table it was.

    Attributes
    ----------
    rows
        Table rows, −1 for invalid configurations: shape ``[n]``.
    repeats
        Observed repeats, −1 for invalid configurations and for means: shape ``[n]``.
    errors
        Validation errors; 1 for invalid configurations: shape ``[n]``.
    costs
        Simulated seconds; 0 for invalid configurations: shape ``[n]``.
    """

    rows: NDArray[np.int32]
    repeats: NDArray[np.int16]
    errors: NDArray[np.float64]
    costs: NDArray[np.float64]


class Oracle:
    """Validation errors and costs of configurations, under a protocol.

    It holds the validation accuracies and times of a table and nothing else: no search can reach a
    test accuracy through it. Every evaluation takes one number from `rng` to draw its repeat,
    whether it is asked for alone or among others, so that the answers do not depend on how
    proposals are batched.

    Parameters
    ----------
    table
        The table to search.
    protocol
        What is observed and charged.
    rng
        Stream of the repeats, the run's own and apart from the optimizer's.
    """

    def __init__(self, table: Table, protocol: Protocol, rng: np.random.Generator) -> None:
        self.space = table.space
        self.budgets = protocol.offered_budgets(table)
        self._name = table.name
        self._rng = rng
        self._accuracy = table.columns["validation_accuracy"]
        self._seconds = table.columns["training_seconds"]
        # Both columns as Python reads one entry of them quickest, a float of the very same value.
        self._views = memoryview(self._accuracy.reshape(-1)), memoryview(self._seconds.reshape(-1))  # type: ignore[arg-type]
        self._available = table.available
        self._order = table.repeat_order
        self._shape = self._accuracy.shape
        self._complete = bool((self._available == self._shape[2]).all())
        self._partial = table.partial
        self._level_of = {budget: level for level, budget in enumerate(self.budgets)} | {
            None: len(self.budgets) - 1
        }
        self._mean_of_repeats = protocol.observe == "mean"
        trained = (
            [protocol.trained_budget] * len(self.budgets) if protocol.virtual else self.budgets
        )
        self._levels = [table.budget_index(budget) for budget in trained if budget is not None]
        charged = protocol.charge_evaluation != "never"
        self._evaluation = table.columns.get("evaluation_seconds") if charged else None
        self.notes: tuple[str, ...] = ()
        if charged and self._evaluation is None:
            self.notes = (f"table {table.name} has no evaluation times: only training is charged",)
        self._draws: list[float] = []

    def level(self, budget: float | None) -> int:
        """Position of an asked budget among those offered; None asks for the largest.

        Raises
        ------
        OracleError
            If the budget is not offered.
        """
        known = self._level_of.get(budget)
        if known is not None:
            return known
        for level, offered in enumerate(self.budgets):
            if budget is not None and abs(offered - budget) <= 1e-9 * offered:
                return level
        shown = ", ".join(f"{offered:g}" for offered in self.budgets)
        raise OracleError(f"budget {budget!r} is not offered on {self._name}; offered are {shown}")

    def answer(self, configurations: Configurations, level: int) -> Answers:
        """Answers for many configurations, shape ``[n, dim]``, at the budget of a level.

        Raises
        ------
        OracleError
            If the table lacks a valid cell at that budget.
        """
        rows = self.space.rows(configurations)
        uniform = self._uniform(len(rows))
        if self._partial:
            present = rows >= 0
            present[present] = self._available[rows[present]].any(axis=1)
            rows = np.where(present, rows, np.int32(-1))
        if rows.min() >= 0:
            return Answers(rows, *self._look_up(rows, self._levels[level], level, uniform))
        valid = np.flatnonzero(rows >= 0)
        repeats = np.full(len(rows), -1, dtype=np.int16)
        errors, costs = np.ones(len(rows)), np.zeros(len(rows))
        if len(valid):
            found = self._look_up(rows[valid], self._levels[level], level, uniform[valid])
            repeats[valid], errors[valid], costs[valid] = found
        return Answers(rows, repeats, errors, costs)

    def _look_up(
        self, rows: NDArray[np.int32], axis: int, level: int, uniform: NDArray[np.float64]
    ) -> tuple[NDArray[np.int16], NDArray[np.float64], NDArray[np.float64]]:
        """Repeats, errors and costs of valid cells."""
        _, budgets, repeats = self._shape
        count: NDArray[np.uint8] | int = repeats
        if not self._complete:
            count = available = self._available[rows, axis]
            if not available.all():
                raise self._lacks(int(rows[np.argmin(available)]), level)
        if self._mean_of_repeats:
            drawn = np.full(len(rows), -1, dtype=np.int16)
            errors, costs = (
                1.0 - _mean(self._accuracy[rows, axis]),
                _mean(self._seconds[rows, axis]),
            )
        else:
            drawn = (uniform * count).astype(np.int16)
            if self._order is not None:
                drawn = self._order[rows, axis, drawn].astype(np.int16)
            place = rows * np.intp(budgets * repeats) + (axis * repeats + drawn)
            errors = 1.0 - self._accuracy.take(place).astype(np.float64)
            costs = self._seconds.take(place).astype(np.float64)
        if self._evaluation is not None:
            costs += self._evaluation[rows]
        return drawn, errors, costs

    def answer_few(
        self, configurations: Configurations, level: int
    ) -> list[tuple[int, int, float, float]]:
        """Row, repeat, error and cost of each configuration; equal to `answer`'s, and quicker for
        up to `FEW`.

        Raises
        ------
        OracleError
            As `answer`.
        SpaceError
            If one is no configuration of the space.
        """
        draws, order, evaluation = self._draws, self._order, self._evaluation
        accuracy, seconds = self._views
        _, budgets, repeats = self._shape
        axis = self._levels[level]
        answers = []
        for row in self.space.row_list(configurations):
            uniform = draws.pop() if draws else self._next_draw()
            if row < 0 or (self._partial and not self._available[row].any()):
                answers.append((-1, -1, 1.0, 0.0))
                continue
            count = repeats if self._complete else int(self._available[row, axis])
            if not count:
                raise self._lacks(row, level)
            if self._mean_of_repeats:
                _, errors, costs = self._look_up(np.array([row]), axis, level, np.array([uniform]))
                answers.append((row, -1, float(errors[0]), float(costs[0])))
                continue
            repeat = int(uniform * count)
            if order is not None:
                repeat = int(order[row, axis, repeat])
            place = (row * budgets + axis) * repeats + repeat
            cost = seconds[place]
            if evaluation is not None:
                cost += float(evaluation[row])
            answers.append((row, repeat, 1.0 - accuracy[place], cost))
        return answers

    def _uniform(self, n: int) -> NDArray[np.float64]:
        """The next `n` numbers of the repeat stream; those drawn ahead come first, last to first."""
        ahead = [self._draws.pop() for _ in range(min(n, len(self._draws)))]
        return (
            np.concatenate([ahead, self._rng.random(n - len(ahead))])
            if ahead
            else self._rng.random(n)
        )

    def _next_draw(self) -> float:
        self._draws.extend(self._rng.random(_DRAWS)[::-1].tolist())
        return self._draws.pop()

    def _lacks(self, row: int, level: int) -> OracleError:
        return OracleError(
            f"table {self._name} has no repeat of cell {row} ({self.space.describe(row)}) "
            f"at budget {self.budgets[level]:g}"
        )


def _mean(values: NDArray[np.floating]) -> NDArray[np.float64]:
    mean: NDArray[np.float64] = np.nanmean(values, axis=1, dtype=np.float64)
    return mean
