"""One search from one line: an optimizer, a benchmark, a number of seconds or evaluations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regretta.harness.limits import check_limits, in_words
from regretta.harness.planning import check_method, open_tables, planned_table
from regretta.harness.protocol import Protocol
from regretta.harness.protocols import get_protocol
from regretta.harness.result import ResultError, RunResult
from regretta.harness.run import Run, run
from regretta.optimizers.base import Optimizer
from regretta.optimizers.registry import get_optimizer
from regretta.tabular_data.benchmark import Benchmark


@dataclass(frozen=True, eq=False)
class SearchResult:
    """What one search found.

    Attributes
    ----------
    run
        All that is kept of a run: trajectory, counts, notes.
    benchmark
        What was searched and judged on.
    """

    run: RunResult
    benchmark: Benchmark

    @property
    def kind(self) -> str:
        """``"test"``, or ``"validation"`` where the benchmark has no test data."""
        return "test" if self.run.has_test else "validation"

    @property
    def curve(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Simulated seconds, and the regret of the incumbent from then on: two of shape ``[k]``.

        Regret of what `kind` says; where nobody knows the best there is, the errors themselves.
        """
        return self.run.trajectory.time, self.run.regret(self.kind)

    @property
    def configuration(self) -> dict[str, str | int | float]:
        """The last incumbent: parameter → value."""
        last = self.run.trajectory.configuration[self._last]
        return self.benchmark.space.to_values(last)

    @property
    def cell(self) -> str:
        """The last incumbent as the field writes it."""
        cells = self.run.trajectory.cell
        if cells is None:
            return ", ".join(f"{name}={value}" for name, value in self.configuration.items())
        return self.benchmark.space.describe(int(cells[self._last]))

    @property
    def validation_error(self) -> float:
        """Expected validation error of the last incumbent, a fraction."""
        return float(self.run.trajectory.mean_validation_error[self._last])

    @property
    def test_error(self) -> float | None:
        """Test error of the last incumbent, a fraction; None without test data."""
        errors = self.run.trajectory.test_error
        return None if errors is None else float(errors[self._last])

    @property
    def regret(self) -> float:
        """Regret of the last incumbent, of what `kind` says."""
        return float(self.run.regret(self.kind)[self._last])

    @property
    def _last(self) -> int:
        steps = len(self.run.trajectory)
        if not steps:
            raise ResultError(
                f"{self.run.label} on {self.run.table} evaluated nothing within {_limit(self.run)}"
            )
        return steps - 1

    def __str__(self) -> str:
        done = self.run
        if not len(done.trajectory):
            return f"{done.label} on {done.table}: no evaluation in {_limit(done)}"
        what = f"{self.kind} {'error' if done.reference is None else 'regret'}"
        said = (
            f"{done.label} on {done.table}: {what} {self.regret:.5f} after {done.evaluations:,}"
            f" evaluations in {done.elapsed:.6g} simulated seconds; {self.cell}"
        )
        return f"{said} (reconstruction)" if done.reconstruction else said


def _limit(run: RunResult) -> str:
    return in_words(run.time_limit, run.evaluation_limit)


def search(
    benchmark: str | Path | Benchmark,
    optimizer: str | type[Optimizer] | Optimizer,
    *,
    seconds: float | None = None,
    evaluations: int | None = None,
    seed: int = 0,
    number: int = 0,
    protocol: str | Mapping[str, Any] | Protocol = "default",
    encoding: str = "",
    simulated_workers: int = 1,
    trace: bool = False,
) -> SearchResult:
    """Search a benchmark once.

    The same as run `number` of a suite of that seed in which the optimizer has its own name as
    label.

    Parameters
    ----------
    benchmark
        A table's name or folder, or anything that can be searched.
    optimizer
        A name, a class for its default settings, or ``MyOptimizer(population_size=20)``.
    seconds, evaluations
        Simulated seconds, or evaluations, after which it ends, whichever comes first; where neither
        is given, the protocol's own seconds.
    seed, number
        All chance comes from them.
    protocol
        What the search sees and is charged: as in `regretta.get_protocol`.
    encoding
        Of the search space, where it has several; empty for the table's own.
    simulated_workers
        Workers on which the search evaluates side by side.
    trace
        Whether every evaluation is kept, as ``run.trace`` of the result.

    Raises
    ------
    UserError
        If one of these is unknown or does not fit the others, in one line.
    OptimizerError
        If the optimizer fails.

    Examples
    --------
    >>> import regretta
    >>> found = regretta.search("digits101", "random_search", seconds=100, seed=1)
    >>> times, regrets = found.curve
    """
    rules = get_protocol(protocol)
    if isinstance(benchmark, Benchmark):
        table = searched = benchmark
    else:
        name = benchmark if isinstance(benchmark, str) else str(benchmark.resolve())
        table, searched = open_tables(name, rules, encoding)
    no_limit = (
        f"protocol {rules.name!r} has no time limit for {table.name!r}; give seconds=… or"
        " evaluations=…"
    )
    check_limits(seconds, evaluations, "search")
    planned = planned_table(rules, table, searched, seconds, evaluations, no_limit)
    if isinstance(optimizer, Optimizer):
        cls, settings = type(optimizer), optimizer.settings
    else:
        cls = get_optimizer(optimizer) if isinstance(optimizer, str) else optimizer
        settings = cls.make_settings()
    check_method(rules, [planned], cls.name, cls, settings, simulated_workers)
    made = Run(
        benchmark=table,
        searched=searched,
        protocol=rules,
        optimizer=cls,
        settings=settings,
        label=cls.name,
        number=number,
        seed=seed,
        time_limit=planned.time_limit,
        evaluations=planned.evaluations,
        simulated_workers=simulated_workers,
        trace=trace,
    )
    return SearchResult(run(made), table)
