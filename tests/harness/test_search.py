"""Searches on simulated workers.

Schedules by hand, and the sequential run as the case of one worker.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from regretta.harness.oracle import Oracle
from regretta.harness.protocol import Protocol
from regretta.harness.protocols import get_protocol
from regretta.harness.record import Record
from regretta.harness.result import RunResult
from regretta.harness.run import Run, run
from regretta.harness.search import OptimizerError, Search, WorkersError
from regretta.optimizers.base import Observation, Optimizer, Problem, Proposal
from regretta.tabular_data.spaces import GridSpace
from regretta.tabular_data.table import Table
from tests.harness.runs import run_of
from tests.harness.scripted import OneByOne, scripted

MEAN = Protocol("mean", "", observe="mean")
CELLS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=np.int8)
PARALLEL = ("random_search", "regularized_evolution", "reinforce", "hyperband", "asha")


def job(*cells: int, budget: float = 1.0, tag: Any = None) -> Proposal:
    """A proposal of cells of `grid_table`.

    In the mean cell c takes 10·c + 10.5 s at budget 1, 100 s more at 9.
    """
    return Proposal(CELLS[list(cells)], budget, tag)


def schedule(
    table: Table,
    script: Sequence[Any],
    workers: int,
    limit: float = 1e6,
    protocol: Protocol = MEAN,
) -> tuple[list[tuple[float, int]], list[Observation], float]:
    """Time and cell of everything that was counted, what the optimizer was told, and when the run
    ended.
    """
    counted: list[tuple[float, int]] = []

    class Log(Record):
        def add(self, configurations: Any, answers: Any, level: int, times: Any) -> None:
            counted.extend(zip(times, answers.rows, strict=True))

    oracle = Oracle(table, protocol, np.random.default_rng(0))
    optimizer = scripted(*script)
    search = Search(
        optimizer(Problem(table.space, oracle.budgets), np.random.default_rng(0)),
        oracle,
        Log(protocol, table, oracle.budgets),
        limit=limit,
        crossing=protocol.crossing,
    )
    elapsed = search.side_by_side(workers)
    return counted, optimizer.told, elapsed


def by_events(spec: Run) -> RunResult:
    """The run of one worker by the event queue instead of the sequential loop."""

    with patch.object(Search, "alone", lambda search: search.side_by_side(1)):
        return run(spec)


# -- schedules by hand -----------------------------------------------------------------------


def test_two_workers_take_the_next_proposal_when_they_are_free(grid_table: Table) -> None:
    """Cells 0 (110.5 s) and 3 (140.5 s) start at 0.

    1 (120.5 s) at 110.5 and 2 (130.5 s) at 140.5.
    """
    script = [job(cell, budget=9.0, tag=f"cell {cell}") for cell in (0, 3, 1, 2)]
    counted, told, elapsed = schedule(grid_table, script, 2)
    assert counted == [(110.5, 0), (140.5, 3), (231.0, 1), (271.0, 2)]
    assert [seen.tag for seen in told] == ["cell 0", "cell 3", "cell 1", "cell 2"]
    assert [seen.cost for seen in told] == [110.5, 140.5, 120.5, 130.5]
    assert elapsed == 271.0


def test_a_batch_is_split_into_jobs_that_are_told_where_they_stood(grid_table: Table) -> None:
    """Jobs take 40.5, 10.5, 10.5 and 20.5 s.

    The second worker does three of them while the first does one.
    """
    counted, told, _ = schedule(grid_table, [job(3, 0, 0, 1, tag="batch")], 2)
    assert counted == [(10.5, 0), (21.0, 0), (40.5, 3), (41.5, 1)]
    assert [seen.start for seen in told] == [1, 2, 0, 3]
    assert {seen.tag for seen in told} == {"batch"}
    assert [seen.configurations.tolist() for seen in told] == [
        [[0, 0]],
        [[0, 0]],
        [[1, 1]],
        [[0, 1]],
    ]
    assert [seen.errors.shape for seen in told] == [(1,)] * 4


def test_jobs_of_several_proposals_are_under_way_together(grid_table: Table) -> None:
    """Three workers: 40.5 s and 30.5 s of the first proposal, and 10.5 s of the second."""
    _, told, elapsed = schedule(grid_table, [job(3, 2, tag="a"), job(0, 1, tag="b")], 3)
    assert [(seen.tag, seen.start) for seen in told] == [("b", 0), ("a", 1), ("b", 1), ("a", 0)]
    assert elapsed == 40.5


class Diary(Optimizer):
    """Proposes cell 0 four times, and writes down what happens in which order."""

    name = "diary"
    parallel = True

    def setup(self) -> None:
        self.lines: list[str] = []
        self.asked = 0

    def ask(self) -> Proposal | None:
        self.asked += 1
        self.lines.append(f"ask {self.asked}")
        return job(0, tag=self.asked) if self.asked <= 4 else None

    def tell(self, observation: Observation) -> None:
        self.lines.append(f"tell {observation.tag}")


def test_jobs_that_finish_together_are_told_in_the_order_of_asking_before_anything_new(
    grid_table: Table,
) -> None:
    diary = Diary(Problem(grid_table.space, grid_table.budgets), np.random.default_rng(0))
    oracle = Oracle(grid_table, MEAN, np.random.default_rng(0))
    record = Record(MEAN, grid_table, oracle.budgets)
    Search(diary, oracle, record, limit=1e6).side_by_side(2)
    first = ["ask 1", "ask 2", "tell 1", "tell 2"]
    # Once nothing was proposed, one free worker waits for both; what comes back is reason to ask
    # again.
    assert diary.lines == [*first, "ask 3", "ask 4", "tell 3", "tell 4", "ask 5"]


class Barrier(Optimizer):
    """Two cells, nothing before both are back, two more, and the end."""

    name = "barrier"
    parallel = True

    def setup(self) -> None:
        self.asked = self.heard = 0

    def ask(self) -> Proposal | None:
        if self.asked == 4 or (self.asked == 2 and self.heard < 2):
            return None
        self.asked += 1
        return job((3, 0, 1, 2)[self.asked - 1])

    def tell(self, observation: Observation) -> None:
        self.heard += 1


def test_a_worker_idles_while_the_optimizer_waits(grid_table: Table) -> None:
    """40.5 s and 10.5 s, then 20.5 s and 30.5 s from 40.5 s on.

    The second worker idles from 10.5 to 40.5 s.
    """
    result = run(run_of(grid_table, Barrier, 1e6, 2, protocol=MEAN))
    assert (result.evaluations, result.elapsed) == (4, 71.0)
    assert run(run_of(grid_table, Barrier, 1e6, 50, protocol=MEAN)).elapsed == 71.0


@pytest.mark.parametrize(
    ("limit", "counted"),
    [
        (10.4, []),
        (10.5, [(10.5, 0)]),
        # The worker that took cell 3 at 10.5 s never comes back; the other goes on.
        (50.9, [(10.5, 0), (20.5, 1), (31.0, 0), (41.5, 0)]),
        (51.0, [(10.5, 0), (20.5, 1), (31.0, 0), (41.5, 0), (51.0, 3)]),
    ],
)
def test_a_job_that_would_finish_after_the_limit_is_not_counted_and_keeps_its_worker(
    grid_table: Table, limit: float, counted: list[tuple[float, int]]
) -> None:
    script = [job(0), job(1), job(3), job(0), job(0), job(2), job(2)]
    found, told, elapsed = schedule(grid_table, script, 2, limit)
    assert found == counted
    assert len(told) == len(counted)
    assert elapsed == (counted[-1][0] if counted else 0.0)


def test_the_first_job_to_cross_the_limit_counts_where_the_protocol_says_so(
    grid_table: Table,
) -> None:
    found, _, elapsed = schedule(
        grid_table, [job(0), job(1), job(3), job(3)], 2, 30.0, replace(MEAN, crossing=True)
    )
    assert found == [(10.5, 0), (20.5, 1), (51.0, 3)]
    assert elapsed == 51.0


def test_each_job_draws_one_repeat_in_the_order_of_starts(grid_table: Table) -> None:
    """Repeat r of cell c at budget 1 has error 0.5 − 0.1·c − 0.01·r."""
    cells = [0, 1, 2, 3, 0, 1, 2, 3, 3, 2, 1, 0]
    repeats = (np.random.default_rng(0).random(12) * 2).astype(int).tolist()
    assert set(repeats) == {0, 1}
    expected = {
        k: 0.5 - 0.1 * cell - 0.01 * repeat
        for k, (cell, repeat) in enumerate(zip(cells, repeats, strict=True))
    }
    singles = [job(cell, tag=k) for k, cell in enumerate(cells)]
    for workers in (1, 2, 3, 12):
        for script in (singles, [job(*cells, tag=0)]):
            _, told, _ = schedule(grid_table, script, workers, protocol=get_protocol("default"))
            assert {seen.tag + seen.start: seen.error for seen in told} == pytest.approx(expected)


# -- invalid configurations ------------------------------------------------------------------


@pytest.fixture(scope="session")
def letters() -> Table:
    """Cells a, b and c take 1, 2 and 3 s; d is invalid."""
    seconds = np.array([1.0, 2.0, 3.0, np.nan])
    return Table.from_arrays(
        "letters",
        GridSpace({"x": list("abcd")}),
        [1],
        validation_accuracy=[0.5, 0.6, 0.7, np.nan],
        training_seconds=seconds,
        partial=True,
    )


def word(text: str) -> np.ndarray:
    return np.array([["abcd".index(letter)] for letter in text], dtype=np.int8)


def test_an_invalid_configuration_returns_at_once_and_keeps_no_worker_busy(letters: Table) -> None:
    counted, told, elapsed = schedule(letters, [word("cddadb")], 2)
    assert counted == [(0.0, -1), (0.0, -1), (1.0, 0), (1.0, -1), (3.0, 2), (3.0, 1)]
    assert [seen.start for seen in told] == [1, 2, 3, 4, 0, 5]
    assert [seen.valid.tolist() for seen in told] == [
        [False],
        [False],
        [True],
        [False],
        [True],
        [True],
    ]
    assert (told[0].error, told[0].cost) == (1.0, 0.0)
    assert elapsed == 3.0


def test_an_optimizer_that_proposes_only_invalid_configurations_does_not_hang(
    letters: Table,
) -> None:
    class Stubborn(OneByOne):
        parallel = True

        def ask(self) -> Any:
            return word("d" * 5_000)

    said = "20000 invalid configurations in a row, and no simulated time passed"
    with (
        patch("regretta.harness.search._MOST_FREE", 20_000),
        pytest.raises(OptimizerError, match=said),
    ):
        run(run_of(letters, Stubborn, 10.0, 7, protocol=MEAN))


def listed(words: Sequence[str], workers: int, limit: float) -> list[tuple[float, int]]:
    """The same schedule without events: each job goes to the worker that is free first."""
    free = [0.0] * workers
    found = []
    for number, text in enumerate(words):
        for place, letter in enumerate(text):
            start = min(free)
            if start > limit or (place == 0 and start >= limit):
                return [(finish, row) for finish, _, _, row in sorted(found)]
            seconds = {"a": 1.0, "b": 2.0, "c": 3.0, "d": 0.0}[letter]
            finish = start + seconds
            free[free.index(start)] = finish if finish <= limit else np.inf
            if finish <= limit:
                found.append((finish, seconds == 0, (number, place), "abc".find(letter)))
    return [(finish, row) for finish, _, _, row in sorted(found)]


WORDS = st.lists(st.text("abcd", min_size=1, max_size=6), max_size=8)


@given(words=WORDS, workers=st.integers(1, 5), limit=st.integers(1, 12))
def test_every_schedule_is_that_of_a_list_scheduler(
    letters: Table, words: list[str], workers: int, limit: int
) -> None:
    counted, told, elapsed = schedule(
        letters, [word(text) for text in words], workers, float(limit)
    )
    assert counted == listed(words, workers, float(limit))
    assert len(told) == len(counted)
    assert elapsed == max((time for time, _ in counted), default=0.0)


# -- one worker is the sequential run --------------------------------------------------------


@given(words=WORDS, limit=st.integers(1, 12), crossing=st.booleans())
@example(words=["ad", "d"], limit=1, crossing=False)
@example(words=["add", "d"], limit=1, crossing=True)
@example(words=["ab", "a"], limit=1, crossing=True)
def test_one_worker_is_the_sequential_run_for_any_proposals(
    letters: Table, words: list[str], limit: int, crossing: bool
) -> None:
    spec = run_of(
        letters, scripted(*map(word, words)), limit, protocol=replace(MEAN, crossing=crossing)
    )
    assert by_events(spec).to_json() == run(spec).to_json()


@pytest.mark.parametrize("name", PARALLEL)
@settings(
    deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=st.integers(0, 2**32), limit=st.floats(1.0, 3e4), crossing=st.booleans())
def test_one_worker_is_the_sequential_run(
    small101: Path, name: str, seed: int, limit: float, crossing: bool
) -> None:
    protocol = replace(get_protocol("default"), crossing=crossing)
    spec = run_of(Table.open(small101), name, limit, seed=seed, protocol=protocol)
    assert by_events(spec).to_json() == run(spec).to_json()


@pytest.mark.parametrize("seed", range(3))
def test_one_worker_is_the_sequential_run_of_bohb(small101: Path, seed: int) -> None:
    spec = run_of(Table.open(small101), "bohb", 5e3, seed=seed)
    result = run(spec)
    assert by_events(spec).to_json() == result.to_json()
    assert result.evaluations > 50


# -- what cannot be ---------------------------------------------------------------------------


def test_an_optimizer_that_must_hear_first_is_refused(grid_table: Table) -> None:
    with pytest.raises(
        WorkersError,
        match=r"one_by_one cannot search on 2 simulated workers: .* \(parallel = False\)",
    ):
        run(run_of(grid_table, OneByOne, 100.0, 2))
    run(run_of(grid_table, OneByOne, 100.0, 1))


@pytest.mark.parametrize("workers", [-1, 0, 10_001])
def test_a_number_of_workers_that_is_none_is_refused(grid_table: Table, workers: int) -> None:
    with pytest.raises(WorkersError, match=f"from 1 to 10,000, got {workers}"):
        run(run_of(grid_table, "random_search", 100.0, workers))


@pytest.mark.parametrize("workers", [1, 5])
def test_what_an_optimizer_does_wrong_is_one_line_with_the_run(
    grid_table: Table, workers: int
) -> None:
    class Forgets(OneByOne):
        parallel = True

        def tell(self, observation: Observation) -> None:
            raise KeyError("lost")

    with pytest.raises(OptimizerError) as caught:
        run(run_of(grid_table, Forgets, 1e3, workers))
    assert str(caught.value) == "label, run 0 on grid: tell raised KeyError: 'lost'"


class _Fresh(Optimizer):
    """Random search that gives an array of its own for each proposal."""

    name = "reusing"
    parallel = True

    def ask(self) -> Any:
        return self.space.sample(self.rng, 1)[0]


class _Reusing(_Fresh):
    """The same, in one array that it writes into again and again."""

    def setup(self) -> None:
        self.buffer = np.zeros(2, dtype=np.int8)

    def ask(self) -> Any:
        self.buffer[:] = super().ask()
        return self.buffer


@pytest.mark.parametrize("workers", [1, 3])
def test_an_optimizer_may_use_its_array_again(grid_table: Table, workers: int) -> None:
    fresh, reusing = (
        run(run_of(grid_table, optimizer, 5e3, workers)) for optimizer in (_Fresh, _Reusing)
    )
    assert fresh.unique_cells == 4
    assert reusing.to_json() == fresh.to_json()
