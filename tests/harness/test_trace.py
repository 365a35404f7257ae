"""Traces add up: every incumbent, count and clock of a run follows from its evaluations."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import regretta
from regretta.harness import trace as tracing
from regretta.harness.protocol import Protocol
from regretta.harness.protocols import get_protocol
from regretta.harness.regret import TOLERANCE
from regretta.harness.result import RunResult
from regretta.harness.run import Run, run
from regretta.harness.trace import Trace
from regretta.harness.trace_bytes import from_bytes, to_bytes
from regretta.optimizers.base import Optimizer, Proposal
from regretta.optimizers.registry import get_optimizer
from regretta.tabular_data.benchmark import Benchmark, Judged, Observed
from regretta.tabular_data.catalog import open_table
from regretta.tabular_data.spaces import Space
from regretta.tabular_data.spaces.parameters import Real
from regretta.tabular_data.table import Table
from tests.harness.scripted import scripted

CELLS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=np.int8)
QUICK = ("random_search", "regularized_evolution", "reinforce", "hyperband", "asha", "bohb")
RUN = "0" * 64


def made(
    table: Benchmark, optimizer: str | type[Optimizer], limit: float, workers: int = 1, **more: Any
) -> Run:
    cls = get_optimizer(optimizer) if isinstance(optimizer, str) else optimizer
    given = Run(
        benchmark=table,
        searched=table,
        protocol=get_protocol("default"),
        optimizer=cls,
        settings=cls.make_settings(),
        label=cls.name,
        number=0,
        seed=0,
        time_limit=limit,
        simulated_workers=workers,
        trace=True,
    )
    return replace(given, **more)


def traced(spec: Run) -> tuple[RunResult, Trace]:
    """The run and its trace, as read again from its bytes."""
    result = run(spec)
    assert result.trace is not None
    return result, from_bytes(to_bytes(result.trace, RUN), RUN)


def assert_it_adds_up(
    result: RunResult, trace: Trace, *, tie: float = 0.0, top: bool = False
) -> None:
    """The run's counts, clock and incumbents, computed from its evaluations."""
    assert len(trace) == result.evaluations
    budgets, counts = np.unique(trace.budget, return_counts=True)
    known = {float(budget): n for budget, n in result.evaluations_by_budget.items() if n}
    assert list(known.values()) == counts.tolist()
    assert np.array(list(known)) == pytest.approx(budgets)
    assert (np.diff(trace.time) >= 0).all()
    if trace.cell is not None:
        assert len(np.unique(trace.cell)) == result.unique_cells
    steps, best, found = result.trajectory, np.inf, []
    for i, error in enumerate(trace.validation_error.tolist()):
        eligible = not top or trace.budget[i] == max(map(float, result.evaluations_by_budget))
        if eligible and error < best - tie:
            best = error
            found.append(i)
    assert (steps.evaluation - 1).tolist() == found
    assert steps.time.tolist() == trace.time[found].tolist()
    assert steps.budget.tolist() == trace.budget[found].tolist()
    assert steps.validation_error.tolist() == trace.validation_error[found].tolist()
    if trace.configuration is not None:
        assert (steps.configuration == trace.configuration[found]).all()
    if steps.cell is not None:
        assert trace.cell is not None
        assert steps.cell.tolist() == trace.cell[found].tolist()


def assert_workers_do_one_thing_at_a_time(trace: Trace, workers: int) -> None:
    """On every worker an evaluation begins no earlier than its last one finished."""
    assert set(trace.worker.tolist()) <= set(range(workers))
    for worker in range(workers):
        mine = trace.worker == worker
        begins = trace.time[mine] - trace.cost[mine]
        finished = trace.time[mine]
        assert (begins[1:] >= finished[:-1] * (1 - 1e-12)).all()
        assert (begins >= -1e-9).all()


@given(
    st.sampled_from(QUICK),
    st.integers(1, 5),
    st.floats(1, 4).map(lambda power: 10**power),
    st.integers(0, 2**16),
    st.booleans(),
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_run_follows_from_its_trace(
    small101: Path, name: str, workers: int, limit: float, seed: int, crossing: bool
) -> None:
    table = Table.open(small101)
    workers = workers if get_optimizer(name).parallel else 1
    rules = replace(get_protocol("default"), crossing=crossing)
    spec = made(table, name, limit, workers, seed=seed, protocol=rules)
    result, trace = traced(spec)
    assert_it_adds_up(result, trace)
    assert_workers_do_one_thing_at_a_time(trace, workers)
    accuracies, seconds = table.columns["validation_accuracy"], table.columns["training_seconds"]
    levels = np.searchsorted(table.budgets, trace.budget)
    at = (trace.cell, levels, trace.repeat)
    assert trace.validation_error.tolist() == (1 - accuracies[at].astype(float)).tolist()
    assert trace.cost.tolist() == seconds[at].astype(float).tolist()
    assert trace.configuration is not None
    assert table.space.rows(trace.configuration.astype(table.space.dtype)).tolist() == (
        trace.cell.tolist()
    )
    if workers == 1 and len(trace):
        assert trace.time.tolist() == np.add.accumulate(trace.cost).tolist()
        assert trace.time[-1] == result.elapsed
    assert run(replace(spec, trace=False)).to_json() == result.to_json()


def test_evaluations_of_one_worker_finish_as_their_costs_add_up(grid_table: Table) -> None:
    # Cell c at budget 9 in repeat r takes 110 + 10 c + r seconds.
    result, trace = traced(made(grid_table, scripted(CELLS[2], CELLS[0], CELLS[:2]), 1000.0))
    assert trace.cell is not None
    assert trace.cell.tolist() == [2, 0, 0, 1]
    assert (trace.cost - trace.repeat).tolist() == [130, 110, 110, 120]
    assert trace.time.tolist() == np.cumsum(trace.cost).tolist()
    assert trace.worker.tolist() == [0, 0, 0, 0]
    assert result.elapsed == trace.time[-1]


def test_which_worker_did_what(grid_table: Table) -> None:
    # In the mean cell c takes 110.5 + 10 c seconds at budget 9. Worker 0 has cell 3 until 140.5,
    # worker 1 cell 0 until 110.5 and then cell 1 until 231; cell 2 begins at 140.5 on worker 0.
    rules = Protocol("mean", "", observe="mean")
    optimizer = scripted(*CELLS[[3, 0, 1, 2]])
    optimizer.parallel = True
    spec = made(grid_table, optimizer, 1e6, 2, protocol=rules)
    result, trace = traced(spec)
    assert trace.cell is not None
    assert list(zip(trace.worker, trace.cell, trace.time, strict=True)) == [
        (1, 0, 110.5),
        (0, 3, 140.5),
        (1, 1, 231.0),
        (0, 2, 271.0),
    ]
    assert trace.repeat.tolist() == [-1] * 4
    assert_it_adds_up(result, trace, tie=TOLERANCE)


def test_seconds_of_the_search_itself_lie_between_evaluations(grid_table: Table) -> None:
    script = (
        Proposal(CELLS[:1], seconds=7.0),
        Proposal(np.empty((0, 2), dtype=np.int8), seconds=5.0),
        Proposal(CELLS[1:3], seconds=3.0),
    )
    result, trace = traced(made(grid_table, scripted(*script), 1000.0))
    before = trace.time - trace.cost - np.array([0.0, *trace.time[:-1]])
    assert before.tolist() == pytest.approx([7, 8, 0])
    assert result.search_seconds == 15
    assert trace.cost.sum() + result.search_seconds == pytest.approx(result.elapsed)
    assert_it_adds_up(result, trace)


class Averaging(Optimizer):
    """Recommends the cell that it has seen most often."""

    name = "averaging"

    def setup(self) -> None:
        self.seen = np.zeros(4, dtype=int)

    def ask(self) -> Proposal:
        return Proposal(self.space.sample(self.rng, 3), seconds=1.0)

    def tell(self, observation: Any) -> None:
        for row in self.space.rows(observation.configurations):
            self.seen[row] += 1

    def recommend(self) -> Any:
        return CELLS[int(np.argmax(self.seen))]


def test_a_recommended_cells_error_is_that_of_its_last_evaluation(grid_table: Table) -> None:
    result, trace = traced(made(grid_table, Averaging, 20_000.0))
    steps = result.trajectory
    assert len(steps) > 1
    assert len(trace) == result.evaluations
    assert trace.cell is not None
    assert steps.cell is not None
    for time, by_then, cell, error in zip(
        steps.time, steps.evaluation, steps.cell, steps.validation_error, strict=True
    ):
        assert (trace.time <= time).sum() == by_then
        mine = np.flatnonzero(trace.cell[:by_then] == cell)
        assert error == trace.validation_error[mine[-1]]


def test_only_the_largest_budget_makes_incumbents_where_the_protocol_says_so(
    small101: Path,
) -> None:
    rules = replace(get_protocol("default"), incumbent="largest")
    result, trace = traced(made(Table.open(small101), "hyperband", 5e3, protocol=rules))
    assert len(np.unique(trace.budget)) > 1
    assert_it_adds_up(result, trace, top=True)


def test_invalid_configurations_are_no_evaluations(small101: Path) -> None:
    result, trace = traced(made(Table.open(small101), "random_search", 1e3))
    assert result.proposals > result.evaluations == len(trace)


class Bowl(Benchmark):
    """A formula of two real numbers, whose cells have no numbers."""

    name = "bowl"
    budgets = (1.0,)

    class _Square(Space):
        n_cells = 1 << 40

        def __init__(self) -> None:
            super().__init__([Real("x", -1.0, 1.0), Real("y", -1.0, 1.0)])
            self.name = "square"

        def find_rows(self, configurations: Any) -> Any:
            return np.zeros(len(configurations), dtype=np.int64)

        def describe(self, row: int) -> str:
            return "a point"

    space = _Square()

    def observe(self, configurations: Any, budget: float, draws: Any) -> Observed:
        return Observed((configurations**2).sum(axis=1), 1.0 + draws)

    def judge(self, configurations: Any, budget: float) -> Judged:
        return Judged((configurations**2).sum(axis=1))


def test_real_numbers_are_kept_where_no_cell_says_what_they_mean() -> None:
    result, trace = traced(made(Bowl(), "random_search", 30.0))
    assert trace.cell is None
    assert trace.configuration is not None
    assert trace.configuration.dtype == np.float64
    assert_it_adds_up(result, trace)
    assert trace.validation_error.tolist() == (trace.configuration**2).sum(axis=1).tolist()


def test_real_numbers_are_left_out_where_cells_say_what_they_mean(small101: Path) -> None:
    table = open_table(str(small101), "C")
    _, trace = traced(made(table, "random_search", 1e3))
    assert trace.configuration is None
    assert trace.cell is not None


def test_a_run_without_an_evaluation_has_an_empty_trace(grid_table: Table) -> None:
    result, trace = traced(made(grid_table, "random_search", 1.0))
    assert result.evaluations == len(trace) == 0


def test_a_trace_that_grows_too_long_is_let_go(
    grid_table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracing, "LARGEST_TRACE", 500 * (tracing.BYTES_AN_EVALUATION + 2))
    assert run(made(grid_table, "random_search", 40_000.0)).trace is not None
    assert run(made(grid_table, "random_search", 4e6)).trace is None


def test_one_line_searches_keep_their_trace() -> None:
    found = regretta.search("digits101", "regularized_evolution", seconds=10, trace=True)
    assert found.run.trace is not None
    assert len(found.run.trace) == found.run.evaluations
    assert regretta.search("digits101", "regularized_evolution", seconds=10).run.trace is None
