"""What a run leaves behind: its incumbents, and how they do on the data that no search sees."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from regretta.harness.protocol import Protocol
from regretta.harness.regret import TOLERANCE
from regretta.harness.result import Trajectory
from regretta.tabular_data.benchmark import Answers, Benchmark, Reference
from regretta.tabular_data.spaces import Configuration, Configurations
from regretta.tabular_data.table import Table


class RecommendationError(ValueError):
    """An incumbent that an optimizer recommended and that cannot be judged."""


class Record:
    """Keeps the incumbents of a run while it goes, and judges them when it is over.

    The incumbent is the lowest error seen so far, or what the optimizer recommends. Where means are
    observed, an error replaces it only if it is lower by more than
    `regretta.harness.regret.TOLERANCE`: means of equal repeats differ by rounding.

    Parameters
    ----------
    protocol
        Which evaluations may become the incumbent, and how it is judged.
    benchmark
        What is searched.
    budgets
        Budgets offered to the search, ascending.
    recommending
        Whether incumbents come from `recommend`, not from what was evaluated.
    """

    def __init__(
        self,
        protocol: Protocol,
        benchmark: Benchmark,
        budgets: tuple[float, ...],
        *,
        recommending: bool = False,
    ) -> None:
        self._protocol = protocol
        self._benchmark = benchmark
        self._budgets = budgets
        self.recommending = recommending
        self._top = len(budgets) - 1 if protocol.incumbent == "largest" else 0
        self._best = np.inf
        self._tie = TOLERANCE if protocol.observe == "mean" else 0.0
        self._steps: list[tuple[float, int, float, int, float]] = []
        self._configurations: list[Configuration] = []
        self._cells: list[list[int]] = []
        self._numbers: dict[bytes, int] = {}
        self._spent: list[tuple[int, int]] = []
        self._last: dict[bytes, tuple[float, int, float]] = {}
        self.by_level = [0] * len(budgets)
        self.proposals = 0
        self.evaluations = 0

    def add(
        self,
        configurations: Configurations,
        answers: Answers,
        level: int,
        times: Sequence[float],
    ) -> None:
        """Note evaluations at one budget, in the order in which they finished.

        Parameters
        ----------
        configurations
            Shape ``[n, dim]``; those beyond ``len(times)`` did not finish.
        answers
            What came of them.
        level
            Position of the budget among those offered.
        times
            When each evaluation finished: `n` numbers or fewer, non-decreasing.
        """
        rows, _, errors, _ = answers
        done = len(times)
        if done < len(rows):
            rows, errors = rows[:done], errors[:done]
        valid = done - rows.count(-1)
        self.proposals += done
        if not valid:
            return
        cells, numbers = rows, self._numbers
        if not self._benchmark.numbered:  # configurations are numbered as they come up
            cells = [
                numbers.setdefault(configuration.tobytes(), len(numbers)) if row >= 0 else -1
                for configuration, row in zip(configurations, rows, strict=False)
            ]
        self._cells.append(cells)
        self._spent.append((level, valid))
        if self.recommending:
            self._remember(configurations, answers, level, done)
        elif level >= self._top and min(errors) < self._best - self._tie:
            self._improve(configurations, answers, level, times)
        self.by_level[level] += valid
        self.evaluations += valid

    def _improve(
        self,
        configurations: Configurations,
        answers: Answers,
        level: int,
        times: Sequence[float],
    ) -> None:
        evaluation = self.evaluations
        for i, (time, row, error) in enumerate(
            zip(times, answers.rows, answers.errors, strict=False)
        ):
            if row < 0:
                continue
            evaluation += 1
            if error < self._best - self._tie:
                self._best = error
                step = (time, evaluation, error, answers.repeats[i], self._budgets[level])
                self._steps.append(step)
                self._configurations.append(configurations[i].copy())

    def _remember(
        self, configurations: Configurations, answers: Answers, level: int, done: int
    ) -> None:
        for i in range(done):
            if answers.rows[i] >= 0:
                self._last[configurations[i].tobytes()] = (
                    answers.errors[i],
                    answers.repeats[i],
                    self._budgets[level],
                )

    def recommend(self, configuration: Configuration, time: float) -> None:
        """Make a configuration the incumbent from `time` on.

        Its observed error, repeat and budget are those of its last evaluation in this search; where
        there was none they are missing.

        Raises
        ------
        SpaceError
            If it is no configuration of the space.
        RecommendationError
            If it means no cell, or the protocol reports an observed repeat and none was observed.
        """
        checked: Configuration = self._benchmark.space.check(np.asarray(configuration)[None])[0]
        if self._configurations and np.array_equal(self._configurations[-1], checked):
            return
        if not self._benchmark.space.valid(checked[None, :])[0]:
            raise RecommendationError("it recommends a configuration that means no cell")
        error, repeat, budget = self._last.get(checked.tobytes(), (np.nan, -1, np.nan))
        if self._protocol.test == "repeat" and repeat < 0:
            raise RecommendationError(
                "it recommends a cell that it has not evaluated, and the protocol reports the test"
                " error of an observed repeat"
            )
        self._steps.append((time, self.evaluations, error, repeat, budget))
        self._configurations.append(checked.copy())

    def unique_cells(self) -> NDArray[np.int64]:
        """Different cells among the first n evaluations, n from 0: shape ``[evaluations + 1]``."""
        cells = np.fromiter(chain.from_iterable(self._cells), dtype=np.int64)
        cells = cells[cells >= 0]
        new = np.zeros(len(cells) + 1, dtype=np.int64)
        new[np.unique(cells, return_index=True)[1] + 1] = 1
        return new.cumsum()

    def epochs(self) -> NDArray[np.float64]:
        """Budget trained by the first n evaluations, n from 0: shape ``[evaluations + 1]``.

        Every evaluation trains its budget from the start, as it is charged.
        """
        trained = self._protocol.trained_budget
        budgets = np.array(self._budgets if trained is None else [trained] * len(self._budgets))
        levels, counts = np.array(self._spent, dtype=np.int64).reshape(-1, 2).T
        return np.concatenate([[0.0], np.repeat(budgets[levels], counts)]).cumsum()

    def trajectory(self, judge: Benchmark) -> Trajectory:
        """The incumbents, judged on a benchmark as the protocol says."""
        space = self._benchmark.space
        k = len(self._steps)
        configurations = np.array(self._configurations, dtype=space.dtype).reshape(k, space.dim)
        columns = np.array(self._steps, dtype=np.float64).reshape(k, 5)
        cells = None
        if self._benchmark.numbered:
            cells = space.rows(configurations).astype(np.int64)
        judged = judge.judge(configurations, reported(self._protocol, judge))
        test = judged.test_error
        if self._protocol.test == "repeat":
            test = self._test_of_repeats(cells)
        evaluation = columns[:, 1].astype(np.int64)
        return Trajectory(
            time=columns[:, 0],
            evaluation=evaluation,
            budget=columns[:, 4],
            configuration=configurations,
            cell=cells,
            validation_error=columns[:, 2],
            mean_validation_error=judged.validation_error,
            test_error=test,
            unique_cells=self.unique_cells()[evaluation],
            epochs=self.epochs()[evaluation],
        )

    def _test_of_repeats(self, cells: NDArray[np.int64] | None) -> NDArray[np.float64]:
        """Test errors of the very repeats that were observed."""
        assert isinstance(self._benchmark, Table)
        assert cells is not None
        levels = [self._benchmark.budget_index(budget) for *_, budget in self._steps]
        repeats = [repeat for _, _, _, repeat, _ in self._steps]
        column = self._benchmark.columns["test_accuracy"]
        errors: NDArray[np.float64] = 1.0 - column[cells, levels, repeats].astype(np.float64)
        return errors


def reported(protocol: Protocol, benchmark: Benchmark) -> float:
    """The budget at which incumbents are judged."""
    return benchmark.budgets[-1] if protocol.report_budget is None else protocol.report_budget


def reference(protocol: Protocol, benchmark: Benchmark) -> Reference | None:
    """The errors that regret is measured from: the best of any cell at the reported budget."""
    return benchmark.best(reported(protocol, benchmark))
