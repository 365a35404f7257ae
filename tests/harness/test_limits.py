"""Limits in evaluations: a run ends with its n-th one, and is until then as if there were none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import regretta
from regretta.cli import main
from regretta.experiments.catalog import find_suite
from regretta.harness.axis import AXES, run_end
from regretta.harness.campaign import run_suite
from regretta.harness.identity import SuiteError
from regretta.harness.limits import LimitError
from regretta.harness.planning import plan
from regretta.harness.protocol import Protocol
from regretta.harness.protocols import get_protocol
from regretta.harness.record import Record
from regretta.harness.result import RunResult
from regretta.harness.run import Run, run
from regretta.harness.search import OptimizerError
from regretta.harness.spec import OptimizerEntry, SpecError, SuiteSpec, read_spec
from regretta.harness.store.results import load_suite
from regretta.optimizers.base import Optimizer, Proposal
from regretta.optimizers.registry import get_optimizer
from regretta.plots.look import Look, axis_of
from regretta.plots.methods_paragraph import methods_paragraph
from regretta.tabular_data.benchmark import Benchmark, Judged, Observed
from regretta.tabular_data.spaces import GridSpace
from regretta.tabular_data.table import Table
from tests.harness.scripted import ManyAtOnce, scripted

MEAN = Protocol("mean", "", observe="mean")
CELLS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=np.int8)
METHODS = ("random_search", "hyperband", "asha", "regularized_evolution", "bohb", "reinforce")


def make(table: Benchmark, optimizer: type[Optimizer], limit: float | None, **changes: Any) -> Run:
    spec = Run(
        *(table, table, get_protocol("default"), optimizer, optimizer.make_settings()),
        *("label", 0, 0, limit),
    )
    return replace(spec, **changes)


class Seen(Record):
    """Keeps what was evaluated, one after another."""

    kept: list[tuple[float, int, int, float]]

    def add(self, configurations: Any, answers: Any, level: int, times: Any) -> None:
        super().add(configurations, answers, level, times)
        lines = zip(times, answers.rows, answers.errors, strict=False)
        self.kept.extend((time, level, row, error) for time, row, error in lines if row >= 0)


def watched(spec: Run) -> tuple[RunResult, list[Any]]:
    Seen.kept = []
    with patch("regretta.harness.run.Record", Seen):
        return run(spec), Seen.kept


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    optimizer=st.sampled_from([ManyAtOnce, *map(get_optimizer, METHODS)]),
    number=st.integers(0, 99),
    evaluations=st.integers(1, 40),
    workers=st.sampled_from([1, 1, 2, 5]),
    crossing=st.booleans(),
)
@example(ManyAtOnce, 0, 30, 1, True)
def test_a_run_of_n_evaluations_is_the_first_n_of_the_run_without_that_limit(
    grid_table: Table,
    optimizer: type[Optimizer],
    number: int,
    evaluations: int,
    workers: int,
    crossing: bool,
) -> None:
    workers = workers if optimizer.parallel else 1
    spec = make(
        *(grid_table, optimizer, 2000.0),
        number=number,
        simulated_workers=workers,
        protocol=replace(get_protocol("default"), crossing=crossing),
    )
    whole, everything = watched(spec)
    both, first = watched(replace(spec, evaluations=evaluations))
    assert first == everything[:evaluations]
    assert both.evaluations == min(evaluations, whole.evaluations)
    steps = whole.trajectory.evaluation <= evaluations
    np.testing.assert_array_equal(both.trajectory.time, whole.trajectory.time[steps])
    np.testing.assert_array_equal(
        both.trajectory.configuration, whole.trajectory.configuration[steps]
    )
    if evaluations <= whole.evaluations:
        assert both.elapsed == everything[evaluations - 1][0] == run_end(both)
        alone, only = watched(replace(spec, time_limit=None, evaluations=evaluations))
        assert only == first
        assert (alone.time_limit, alone.evaluation_limit) == (None, evaluations)
        assert run_end(alone, AXES["evaluations"]) == evaluations
        assert not alone.ended_early
    else:
        assert run_end(both) == 2000


def test_whichever_limit_comes_first_ends_the_run(grid_table: Table) -> None:
    """Cells 0 to 3 at budget 1 take 10.5, 20.5, 30.5 and 40.5 s in the mean."""
    cells = scripted(*(Proposal(CELLS[[cell]], 1.0) for cell in range(4)))

    def ends(seconds: float | None, evaluations: int | None) -> tuple[int, float, bool]:
        spec = make(grid_table, cells, seconds, evaluations=evaluations, protocol=MEAN)
        result = run(spec)
        return result.evaluations, result.elapsed, result.ended_early

    assert ends(100.0, 3) == (3, 61.5, False)
    assert ends(40.0, 3) == (2, 31.0, False)
    assert ends(None, 2) == (2, 31.0, False)
    assert ends(None, 9) == (4, 102.0, True)


def test_with_workers_the_nth_to_finish_ends_the_run_and_what_is_under_way_is_lost(
    grid_table: Table,
) -> None:
    """At budget 9 cells 0, 3, 1, 2 take 110.5, 140.5, 120.5, 130.5 s: on two workers they finish at
    110.5, 140.5, 231 and 271.
    """

    class Cells(scripted(*(Proposal(CELLS[[cell]], 9.0) for cell in (0, 3, 1, 2)))):  # type: ignore[misc]
        parallel = True

    spec = make(grid_table, Cells, None, protocol=MEAN, simulated_workers=2, evaluations=3)
    result = run(spec)
    assert (result.evaluations, result.elapsed) == (3, 231.0)
    assert result.proposals == 3


class Odd(Benchmark):
    """Configurations below 0.5 are invalid; an evaluation takes a second."""

    name = "odd"
    space = GridSpace({"x": [0, 1]})
    budgets = (1.0,)

    def observe(self, configurations: Any, budget: float, draws: Any) -> Observed:
        x = configurations[:, 0].astype(float)
        return Observed(0.5 - x / 10, np.ones(len(x)), x == 1)

    def judge(self, configurations: Any, budget: float) -> Judged:
        return Judged(0.5 - configurations[:, 0] / 10)

    has_test = False


def test_invalid_configurations_are_no_evaluations() -> None:
    batch = np.array([[0], [1], [0], [1], [0], [1]], dtype=np.int8)
    result = run(make(Odd(), scripted(batch, batch), None, evaluations=2))
    assert (result.evaluations, result.proposals, result.elapsed) == (2, 4, 2.0)


def test_a_search_that_evaluates_nothing_is_ended_by_itself_only(grid_table: Table) -> None:
    class Derives(scripted()):  # type: ignore[misc]
        name = "derives"
        finite = True
        script = [Proposal(CELLS[:0], seconds=7.0)] * 3

        def recommend(self) -> Any:
            return CELLS[3]

    result = run(make(grid_table, Derives, None, evaluations=1))
    assert (result.evaluations, result.elapsed) == (0, 21.0)
    assert any("evaluates no cell, so that a limit of evaluations" in n for n in result.notes)

    class Endless(Derives):
        def ask(self) -> Any:
            return self.script[0]

    with (
        patch("regretta.harness.search._MOST_FREE", 100),
        pytest.raises(OptimizerError, match="there is no time limit"),
    ):
        run(make(grid_table, Endless, None, evaluations=1))


def test_a_run_without_any_limit_is_refused(grid_table: Table) -> None:
    with pytest.raises(LimitError, match="it has no limit; give time_limit or evaluations"):
        run(make(grid_table, ManyAtOnce, None))


# -- suites ----------------------------------------------------------------------------------

ENTRIES = (OptimizerEntry("random_search"), OptimizerEntry("hyperband"))


def test_a_suite_of_evaluations_goes_on_from_its_folder(small101: Path, tmp_path: Path) -> None:
    spec = SuiteSpec("counted", (str(small101),), ENTRIES, evaluations=7, runs=2)
    folder = run_suite(spec, tmp_path / "out").folder
    found = load_suite(folder)
    runs = [run for group in found.runs["small101"].values() for run in group]
    assert [run.evaluations for run in runs] == [7] * 4
    again = find_suite(folder)
    assert (again.evaluations, again.time_limit) == (7, {})
    assert run_suite(again, folder).new == 0
    with pytest.raises(SuiteError, match="evaluations is 7 there and 8 here"):
        run_suite(replace(spec, evaluations=8), folder)
    assert axis_of(found, Look()).name == "evaluations"
    assert axis_of(found, Look(axis="seconds")).name == "seconds"
    assert "7 evaluations a search" in methods_paragraph(found, Look())
    frame = found.frame("final")
    assert set(frame["evaluation_limit"]) == {7}
    assert frame["time_limit"].isna().all()


def test_evaluations_take_the_place_of_a_protocols_own_time_limit(
    tmp_path: Path, grid_table: Table
) -> None:
    from regretta.harness.planning import planned_table

    timed = replace(MEAN, time_limits={"": 50.0})
    limits = [(None, None), (None, 5), (9.0, 5)]
    planned = [planned_table(timed, grid_table, grid_table, *limit, "") for limit in limits]
    assert [(p.time_limit, p.evaluations) for p in planned] == [(50, None), (None, 5), (9, 5)]
    with pytest.raises(SuiteError, match="no limit at all"):
        planned_table(MEAN, grid_table, grid_table, None, None, "no limit at all")


def test_a_limit_that_is_given_takes_the_place_of_both_of_the_suites() -> None:
    spec = SuiteSpec("s", ("t",), ENTRIES, time_limit=9.0, evaluations=5)
    changes = [{"evaluations": 3}, {"time_limit": 2.0}, {"time_limit": 2.0, "evaluations": 3}, {}]
    found = [spec.changed(**change) for change in changes]  # type: ignore[arg-type]
    assert [(s.time_limit, s.evaluations) for s in found] == [(None, 3), (2, None), (2, 3), (9, 5)]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("0", "a limit of evaluations is a whole number from 1 to 1,000,000,000, got 0"),
        ("2.5", "evaluations must be a whole number"),
        ("true", "evaluations must be a whole number"),
        ('"many"', "evaluations must be a whole number"),
        ("[5]", "evaluations must be a whole number"),
    ],
)
def test_what_is_no_number_of_evaluations_is_refused(value: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    entry = '[[optimizers]]\nname = "random_search"\n'
    path.write_text(f'tables = ["digits101"]\nevaluations = {value}\n{entry}')
    with pytest.raises(SpecError, match=said):
        read_spec(path)


def test_bad_limits_are_one_line_and_exit_code_2(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["run", "quick", "--evaluations", "-1", "--out", str(tmp_path / "o")]) == 2
    said = capsys.readouterr().err.strip()
    assert said.count("\n") == 0
    assert "a limit of evaluations is a whole number from 1" in said
    with pytest.raises(LimitError, match="whole number from 1"):
        regretta.search("digits101", "random_search", evaluations=0)


def test_one_search_of_some_evaluations(small101: Path) -> None:
    found = regretta.search(small101, "regularized_evolution", evaluations=12)
    assert found.run.evaluations == 12
    assert "after 12 evaluations" in str(found)


def test_a_plan_says_both_ways_to_a_limit(small101: Path) -> None:
    with pytest.raises(SuiteError, match="set time_limit or evaluations"):
        plan(SuiteSpec("s", (str(small101),), ENTRIES))
