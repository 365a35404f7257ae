"""The oracle: answers a search from a benchmark under a protocol, and charges simulated time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from regretta.harness.protocol import Protocol
from regretta.tabular_data.benchmark import Answers, Benchmark, BenchmarkError
from regretta.tabular_data.spaces import Configurations

_DRAWS = 1024


class Oracle:
    """Validation errors and costs of configurations, under a protocol.

    It holds what a search may see and nothing else: no search can reach a test error through it.
    Every evaluation takes one number from `rng`, whether it is asked for alone or among others, so
    that the answers do not depend on how proposals are batched.

    Parameters
    ----------
    benchmark
        What is searched.
    protocol
        What is observed and charged.
    rng
        Stream of the repeats, the run's own and apart from the optimizer's.

    Raises
    ------
    BenchmarkError
        If the benchmark cannot follow the protocol's rule.
    """

    def __init__(self, benchmark: Benchmark, protocol: Protocol, rng: np.random.Generator) -> None:
        self.space = benchmark.space
        self.budgets = protocol.offered_budgets(benchmark)
        self.name = benchmark.name
        self._observer = benchmark.observer(protocol.rule())
        self.notes = self._observer.notes
        self._levels = [
            benchmark.budget_index(
                budget if protocol.trained_budget is None else protocol.trained_budget
            )
            for budget in self.budgets
        ]
        self._level_of = {budget: level for level, budget in enumerate(self.budgets)}
        self._rng = rng
        self._ahead: list[float] = []
        self._next = 0

    def level(self, budget: float | None) -> int:
        """Position of an asked budget among those offered; None asks for the largest.

        Raises
        ------
        BenchmarkError
            If the budget is not offered.
        """
        if budget is None:
            return len(self.budgets) - 1
        known = self._level_of.get(budget)
        if known is not None:
            return known
        for level, offered in enumerate(self.budgets):
            if abs(offered - budget) <= 1e-9 * offered:
                return level
        shown = ", ".join(f"{offered:.12g}" for offered in self.budgets)
        raise BenchmarkError(
            f"budget {budget!r} is not offered on {self.name}; offered are {shown}"
        )

    def answer(self, configurations: Configurations, level: int) -> Answers:
        """What came of configurations, shape ``[n, dim]``, at the budget of a level.

        Raises
        ------
        BenchmarkError
            If the benchmark lacks a valid cell at that budget.
        SpaceError
            If one is no configuration of the space.
        """
        draws = self._draws(len(configurations))
        return self._observer.answer(configurations, self._levels[level], draws)

    def _draws(self, n: int) -> Sequence[float] | NDArray[np.float64]:
        """The next `n` numbers of the repeat stream; for few of them some are drawn ahead."""
        left = len(self._ahead) - self._next
        if left < n:
            rest, self._next = self._ahead[self._next :], 0
            if n >= _DRAWS // 2:
                self._ahead = []
                return np.concatenate([rest, self._rng.random(n - left)])
            self._ahead = rest + self._rng.random(_DRAWS).tolist()
        start, self._next = self._next, self._next + n
        return self._ahead[start : self._next]
