"""One run: its clock, its incumbents and its accounting, by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from regretta.harness.protocol import Protocol
from regretta.harness.protocols import get_protocol
from regretta.harness.run import Run, run
from regretta.harness.search import OptimizerError
from regretta.optimizers.base import Optimizer, Proposal
from regretta.optimizers.random_search import RandomSearch
from regretta.tabular_data.spaces import GridSpace
from regretta.tabular_data.table import Table
from tests.harness.scripted import ManyAtOnce, OneByOne, Scripted, scripted

MEAN = Protocol("mean", "", observe="mean")


def c(*entries: int) -> np.ndarray:
    return np.array(entries, dtype=np.int8)


def make(
    table: Table,
    optimizer: type[Optimizer],
    limit: float = 1e6,
    protocol: Protocol = MEAN,
    **changes: Any,
) -> Run:
    spec = Run(table, table, protocol, optimizer, optimizer.make_settings(), "label", 0, 0, limit)
    return replace(spec, **changes)


def test_the_clock_adds_costs_and_incumbents_improve_strictly(grid_table: Table) -> None:
    """At budget 9 cells 0, 2, 1, 2, 3 cost 110.5, 130.5, 120.5, 130.5, 140.5 s.

    Cell 2 again is no improvement.
    """
    result = run(make(grid_table, scripted(c(0, 0), c(1, 0), c(0, 1), c(1, 0), c(1, 1))))
    steps = result.trajectory
    assert steps.time.tolist() == [110.5, 241.0, 632.5]
    assert steps.cell.tolist() == [0, 2, 3]
    assert steps.evaluation.tolist() == [1, 2, 5]
    assert steps.validation_error == pytest.approx([0.475, 0.275, 0.175])
    assert steps.test_error == pytest.approx([0.525, 0.325, 0.225])
    assert result.regret("test") == pytest.approx([0.3, 0.1, 0.0])
    assert (result.evaluations, result.proposals, result.unique_cells) == (5, 5, 4)
    assert result.elapsed == 632.5


@pytest.mark.parametrize("together", [False, True])
def test_an_equal_mean_is_no_improvement(together: bool) -> None:
    """The repeats .905, .906, .908 in two orders: their means differ by 1e-16, by rounding alone.

    The third cell is better by one image of 10,000 in one of the three repeats: 3.3e-5.
    """
    repeats = [[0.905, 0.906, 0.908], [0.905, 0.908, 0.906], [0.905, 0.906, 0.9081]]
    table = Table.from_arrays(
        "ties",
        GridSpace({"a": [1, 2, 3]}),
        (9,),
        validation_accuracy=np.array(repeats)[:, None, :],
        training_seconds=np.full((3, 1, 3), 30.0),
    )
    script = [np.array([[0], [1], [2]], dtype=np.int8)] if together else [c(0), c(1), c(2)]
    steps = run(make(table, scripted(*script))).trajectory
    assert steps.cell is not None
    assert steps.cell.tolist() == [0, 2]
    assert steps.time.tolist() == [30.0, 90.0]


def test_a_batch_is_one_evaluation_after_another(grid_table: Table) -> None:
    single = run(make(grid_table, scripted(c(0, 0), c(1, 0), c(0, 1), c(1, 0), c(1, 1))))
    batch = run(
        make(
            grid_table, scripted(np.array([[0, 0], [1, 0], [0, 1], [1, 0], [1, 1]], dtype=np.int8))
        )
    )
    assert single.to_json() == batch.to_json()


@pytest.mark.parametrize(
    ("limit", "evaluations"), [(110.4, 0), (110.5, 1), (240.9, 1), (241.0, 2), (1e6, 3)]
)
def test_an_evaluation_counts_if_it_finishes_within_the_limit(
    grid_table: Table, limit: float, evaluations: int
) -> None:
    for script in (
        [c(0, 0), c(1, 0), c(0, 1)],
        [np.array([[0, 0], [1, 0], [0, 1]], dtype=np.int8)],
    ):
        result = run(make(grid_table, scripted(*script), limit))
        assert result.evaluations == evaluations
        assert result.elapsed <= limit


def test_the_crossing_evaluation_counts_where_the_protocol_says_so(grid_table: Table) -> None:
    crossing = replace(MEAN, crossing=True)
    for script in (
        [c(0, 0), c(1, 0), c(0, 1)],
        [np.array([[0, 0], [1, 0], [0, 1]], dtype=np.int8)],
    ):
        result = run(make(grid_table, scripted(*script), 200.0, crossing))
        assert (result.evaluations, result.elapsed) == (2, 241.0)


def test_budgets_are_charged_in_full_and_mixed_in_the_incumbent(grid_table: Table) -> None:
    """Cell 3 at budget 1 (error 0.195, 40.5 s) stays the incumbent against cell 2 at budget 9
    (0.275).
    """
    script = [Proposal(c(1, 1)[None, :], 1.0), Proposal(c(1, 0)[None, :], 9.0)]
    result = run(make(grid_table, scripted(*script)))
    assert result.trajectory.budget.tolist() == [1.0]
    assert result.trajectory.validation_error == pytest.approx([0.195])
    # Judged at the largest budget, whatever budget it was seen at.
    assert result.trajectory.mean_validation_error == pytest.approx([0.175])
    assert result.elapsed == pytest.approx(40.5 + 130.5)
    assert result.evaluations_by_budget == {"1": 1, "9": 1}


def test_only_the_largest_budget_makes_an_incumbent_where_the_protocol_says_so(
    grid_table: Table,
) -> None:
    script = [Proposal(c(1, 1)[None, :], 1.0), Proposal(c(1, 0)[None, :], 9.0)]
    result = run(make(grid_table, scripted(*script), protocol=replace(MEAN, incumbent="largest")))
    assert result.trajectory.cell.tolist() == [2]


def test_the_notebook_reports_the_test_error_of_the_observed_repeat(grid_table: Table) -> None:
    protocol = Protocol("colab", "", test="repeat")
    result = run(make(grid_table, scripted(c(1, 0)), protocol=protocol))
    observed = result.trajectory.validation_error[0]
    assert result.trajectory.test_error == pytest.approx([observed + 0.05])


def test_what_the_optimizer_is_told_is_what_a_real_search_would_see(grid_table: Table) -> None:
    optimizer = scripted(Proposal(np.array([[0, 0], [1, 1]], dtype=np.int8), 1.0, tag="mine"))
    run(make(grid_table, optimizer))
    (seen,) = optimizer.told
    assert (seen.budget, seen.tag, seen.start) == (1.0, "mine", 0)
    assert seen.errors == pytest.approx([0.495, 0.195])
    assert seen.costs.tolist() == [10.5, 40.5]
    assert seen.valid.tolist() == [True, True]
    assert not any("test" in name for name in dir(seen))


def test_one_at_a_time_and_in_batches_give_the_same_bytes(small101: Path) -> None:
    table = Table.open(small101)
    results = [run(make(table, o, 3e4, get_protocol("default"))) for o in (OneByOne, ManyAtOnce)]
    one, many = (replace(result, optimizer="", proposals=0) for result in results)
    assert one.to_json() == many.to_json()


def test_the_seed_table_label_and_number_are_a_runs_address(small101: Path) -> None:
    table = Table.open(small101)
    base = make(table, RandomSearch, 2e4, get_protocol("default"))
    first = run(base).to_json()
    assert run(base).to_json() == first
    for change in ({"seed": 1}, {"label": "other"}, {"number": 1}):
        assert (
            run(replace(base, **change)).trajectory.cell.tolist()
            != run(base).trajectory.cell.tolist()
        )


def test_invalid_configurations_are_free_and_counted_as_proposals(small101: Path) -> None:
    table = Table.open(small101)
    result = run(make(table, RandomSearch, 2e4, get_protocol("default")))
    assert result.proposals > result.evaluations > 0
    valid = table.space.valid(table.space.sample(np.random.default_rng(0), 20_000)).mean()
    assert result.evaluations / result.proposals == pytest.approx(valid, abs=0.1)


def test_a_run_without_a_finished_evaluation_has_an_empty_trajectory(grid_table: Table) -> None:
    result = run(make(grid_table, scripted(c(0, 0)), 1.0))
    assert len(result.trajectory) == 0
    assert (result.evaluations, result.elapsed) == (0, 0.0)


class Raises(Scripted):
    def ask(self) -> Any:
        raise RuntimeError("no idea")


class Forgets(Scripted):
    def tell(self, observation: Any) -> None:
        raise KeyError("lost")


@pytest.mark.parametrize(
    ("optimizer", "said"),
    [
        (Raises, "ask raised RuntimeError: no idea"),
        (type("F", (Forgets,), {"script": [c(0, 0)]}), "tell raised KeyError: 'lost'"),
        (
            scripted(Proposal(c(0, 0)[None, :], 4.0)),
            "budget 4.0 is not offered on grid; offered are 1, 9",
        ),
        (scripted(c(0, 7)), "parameter 'y' of grid cannot be 7"),
        (scripted(c(0)), "has 2 entries"),
        (scripted(np.array(["a", "b"])), "holds numbers"),
        (scripted(np.empty((0, 2), dtype=np.int8)), "at least one configuration"),
        (scripted({"x": "a"}), "ask proposed something invalid"),
    ],
)
def test_what_an_optimizer_does_wrong_is_one_line_with_the_run(
    grid_table: Table, optimizer: type[Optimizer], said: str
) -> None:
    with pytest.raises(OptimizerError) as caught:
        run(make(grid_table, optimizer))
    assert said in str(caught.value)
    assert str(caught.value).startswith("label, run 0 on grid: ")
    assert "\n" not in str(caught.value)


def test_an_optimizer_that_proposes_only_invalid_configurations_does_not_hang() -> None:
    table = Table.from_arrays(
        "t",
        GridSpace({"x": list("ab")}),
        [1],
        validation_accuracy=[0.5, np.nan],
        training_seconds=[3, np.nan],
        partial=True,
    )

    class Stubborn(Scripted):
        def ask(self) -> Any:
            return np.ones((50_000, 1), dtype=np.int8)

    with pytest.raises(OptimizerError, match="invalid configurations in a row"):
        run(make(table, Stubborn))


def test_a_searched_table_may_be_another_than_the_judged_one(grid_table: Table) -> None:
    """Search finds cell 3; judged on a table where cell 3 is the worst."""
    worst = Table.from_arrays(
        "worst",
        grid_table.space,
        (1, 9),
        validation_accuracy=grid_table.columns["validation_accuracy"][::-1],
        test_accuracy=np.asarray(grid_table.columns["test_accuracy"])[::-1],
        training_seconds=grid_table.columns["training_seconds"],
    )
    result = run(replace(make(grid_table, scripted(c(1, 1))), benchmark=worst, searched=grid_table))
    assert result.trajectory.validation_error == pytest.approx([0.175])
    assert result.trajectory.test_error == pytest.approx([1 - (0.52 + 0.01 / 2 - 0.05)])
    assert result.table_checksum == f"{worst.checksum}+{grid_table.checksum}"
