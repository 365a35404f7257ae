"""What a search spends, counted as it goes, and regret read against it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from regretta.harness.axis import (
    AXES,
    AxisError,
    counted_axes,
    first_position,
    get_axis,
    positions,
    regret_matrix,
    run_end,
    steps_of,
)
from regretta.harness.protocol import Protocol
from regretta.harness.protocols import get_protocol
from regretta.harness.record import Record
from regretta.harness.result import ResultError, RunResult
from regretta.harness.run import Run, run
from regretta.optimizers.base import Optimizer, Proposal
from regretta.optimizers.registry import get_optimizer
from regretta.tabular_data.table import Table
from tests.harness.scripted import scripted

MEAN = Protocol("mean", "", observe="mean")
CELLS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=np.int8)
NAN = np.nan


def make(table: Table, optimizer: type[Optimizer], limit: float, **changes: Any) -> Run:
    spec = Run(
        *(table, table, get_protocol("default"), optimizer, optimizer.make_settings()),
        *("label", 0, 0, limit),
    )
    return replace(spec, **changes)


@pytest.fixture(scope="module")
def by_hand(grid_table: Table) -> RunResult:
    """Cell 0 at budget 1, cell 0 at 9, cell 3 at 9, cell 1 at 9; in the mean they take 10.5, 110.5,
    140.5 and 120.5 s. The first three are incumbents; at budget 9 cell 0 is 0.3 worse than cell 3.
    """
    script = [(0, 1.0), (0, 9.0), (3, 9.0), (1, 9.0)]
    proposals = [Proposal(CELLS[[cell]], budget) for cell, budget in script]
    return run(make(grid_table, scripted(*proposals), 1000.0, protocol=MEAN))


def test_an_incumbent_knows_what_was_spent_until_then(by_hand: RunResult) -> None:
    found = {name: positions(by_hand, axis).tolist() for name, axis in AXES.items()}
    assert found == {
        "seconds": [10.5, 121.0, 261.5],
        "evaluations": [1, 2, 3],
        "cells": [1, 1, 2],
        "epochs": [1, 10, 19],
    }


def test_a_run_ends_with_what_it_spent_in_all_and_with_the_seconds_that_it_had(
    by_hand: RunResult,
) -> None:
    ends = {name: run_end(by_hand, axis) for name, axis in AXES.items()}
    assert ends == {"seconds": 1000, "evaluations": 4, "cells": 3, "epochs": 28}


@pytest.mark.parametrize(
    ("axis", "when", "expected"),
    [
        ("seconds", [10, 10.5, 121, 261.4, 261.5, 1000, 1001], [NAN, 0.3, 0.3, 0.3, 0, 0, NAN]),
        ("evaluations", [0, 1, 2, 2.5, 3, 4, 5], [NAN, 0.3, 0.3, 0.3, 0, 0, NAN]),
        ("cells", [0.5, 1, 1.9, 2, 3, 3.1], [NAN, 0.3, 0.3, 0, 0, NAN]),
        ("epochs", [0, 1, 10, 18, 19, 28, 29, np.inf], [NAN, 0.3, 0.3, 0.3, 0, 0, NAN, 0]),
    ],
)
def test_regret_is_a_step_function_of_every_axis_and_unknown_beyond_the_end(
    by_hand: RunResult, axis: str, when: list[float], expected: list[float]
) -> None:
    (found,) = regret_matrix([by_hand], when, "validation", axis)
    np.testing.assert_allclose(found, expected, atol=1e-7)
    steps = steps_of(by_hand, "validation", get_axis(axis))
    assert len(steps.position) == len(steps.regret) == 3


def test_a_search_that_evaluates_no_cell_has_no_place_among_evaluations(grid_table: Table) -> None:
    class Derives(scripted()):  # type: ignore[misc]
        name = "derives"
        script = [Proposal(CELLS[:0], seconds=7.0)] * 2

        def recommend(self) -> Any:
            return CELLS[3]

    result = run(make(grid_table, Derives, 100.0))
    assert [run_end(result, axis) for axis in AXES.values()] == [100, 0, 0, 0]
    assert first_position(result) == 7
    assert np.isnan(first_position(result, AXES["evaluations"]))


def test_runs_from_before_counts_were_kept_are_refused_on_their_axes_only(
    by_hand: RunResult,
) -> None:
    old = replace(
        by_hand, epochs=None, trajectory=replace(by_hand.trajectory, unique_cells=None, epochs=None)
    )
    again = RunResult.from_json(old.to_json())
    assert [axis.name for axis in counted_axes([again, by_hand])] == ["seconds", "evaluations"]
    with pytest.raises(ResultError, match=r"before runs counted different cells.*run it again"):
        positions(again, AXES["cells"])
    with pytest.raises(ResultError, match="from before runs counted epochs"):
        run_end(again, AXES["epochs"])
    foreign = replace(again, proposals=-1)
    with pytest.raises(ResultError, match="is from elsewhere, where nobody counted epochs"):
        run_end(foreign, AXES["epochs"])
    with pytest.raises(AxisError, match=r"unknown axis 'second'.*seconds"):
        get_axis("second")


class Counting(Record):
    """Keeps what was evaluated, one after another."""

    seen: list[tuple[int, float]]

    def add(self, configurations: Any, answers: Any, level: int, times: Any) -> None:
        super().add(configurations, answers, level, times)
        done = [row for row in answers.rows[: len(times)] if row >= 0]
        self.seen.extend((row, self._budgets[level]) for row in done)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(["random_search", "hyperband", "asha", "regularized_evolution", "bohb"]),
    number=st.integers(0, 99),
    limit=st.floats(150, 3000),
    workers=st.sampled_from([1, 1, 2, 5]),
)
def test_counts_add_up(
    grid_table: Table, name: str, number: int, limit: float, workers: int
) -> None:
    """However the search goes about it, every count is that of the evaluations one by one."""
    optimizer = get_optimizer(name)
    workers = workers if optimizer.parallel else 1
    Counting.seen = seen = []
    with patch("regretta.harness.run.Record", Counting):
        result = run(make(grid_table, optimizer, limit, number=number, simulated_workers=workers))
    assert result.evaluations == len(seen) == sum(result.evaluations_by_budget.values())
    assert result.unique_cells == len({row for row, _ in seen})
    assert result.epochs == sum(budget for _, budget in seen)
    steps = result.trajectory
    for i, count in enumerate(steps.evaluation.tolist()):
        assert positions(result, AXES["cells"])[i] == len({row for row, _ in seen[:count]})
        assert positions(result, AXES["epochs"])[i] == sum(budget for _, budget in seen[:count])
