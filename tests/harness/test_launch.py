"""What a suite will take is said before it starts, or that nobody knows."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from regretta.harness import launch
from regretta.harness.launch import expected_costs, in_words, unit_seconds
from regretta.harness.planning import plan
from regretta.harness.spec import OptimizerEntry, SuiteSpec
from regretta.optimizers.registry import BUILT_IN
from regretta.tabular_data.benchmark import Provenance
from regretta.tabular_data.spaces import GridSpace
from regretta.tabular_data.table import Table
from tests.harness.odd import odd

SQUARE = {"proposals_an_evaluation": 2.0, "proposals": [10, 1000], "units": [1.0, 10_000.0]}
"""Two proposals in the time of an evaluation; units are a hundredth of their square."""


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SuiteSpec:
    """Evaluations of 10 seconds on average; 500 seconds."""
    table = Table.from_arrays(
        "tens",
        GridSpace({"x": [1, 2, 3, 4]}),
        budgets=[1, 9],
        validation_accuracy=np.full((4, 2, 1), 0.5),
        training_seconds=np.array([[[1.0], [seconds]] for seconds in (4.0, 8.0, 12.0, 16.0)]),
        provenance=Provenance(source="hand", licence="CC0"),
    )
    table.write(tmp_path / "tens")
    monkeypatch.setattr(launch, "_measured", lambda: {"random_search": SQUARE, "smac": SQUARE})
    entries = (OptimizerEntry("random_search"),)
    return SuiteSpec("s", (str(tmp_path / "tens"),), entries, time_limit=500.0, runs=4)


def test_costs_follow_from_the_proposals_that_fit_into_the_limit(spec: SuiteSpec) -> None:
    (cost,) = expected_costs(plan(spec), {("tens", "random_search"): 3}, unit=0.01)
    # 50 evaluations, 100 proposals, 100 units of 0.01 s
    assert (cost.label, cost.runs) == ("random_search", 3)
    assert cost.seconds == pytest.approx(3 * 1.0)
    (longer,) = expected_costs(
        plan(replace(spec, time_limit=50_000.0)), {("tens", "random_search"): 1}, unit=0.01
    )
    assert longer.seconds == pytest.approx(10_000.0)


def test_what_is_done_costs_nothing(spec: SuiteSpec) -> None:
    assert expected_costs(plan(spec), {("tens", "random_search"): 0}, unit=0.01) == []


def test_of_plugins_and_of_other_parts_nothing_is_known(spec: SuiteSpec, tmp_path: Path) -> None:
    other = OptimizerEntry("smac", "stock", settings={"forest": "stock", "bookkeeping": "stock"})
    suite = plan(odd(replace(spec, optimizers=(*spec.optimizers, other)), tmp_path, "pass"))
    left = dict.fromkeys(suite.counts(), 1)
    costs = expected_costs(suite, left, unit=36.0)
    assert {cost.label: cost.seconds is None for cost in costs} == {
        "random_search": False,
        "stock": True,
        "odd": True,
    }
    line = in_words(costs, workers=2)
    assert line.startswith("estimate before the start")
    assert line.endswith(
        "random_search 1.0 core-hours; in all 1.0 core-hours, 0.5 hours with 2 workers; nothing is"
        " known yet of stock, odd"
    )


def test_every_optimizer_that_comes_along_was_measured_but_the_stock_one() -> None:
    costs = json.loads(files("regretta.harness").joinpath("costs.json").read_text())
    for name, cost in costs["optimizers"].items():
        assert name in BUILT_IN
        assert len(cost["proposals"]) == len(cost["units"]) >= 2
        assert cost["proposals"] == sorted(cost["proposals"])
        assert cost["units"] == sorted(cost["units"])
    paper = {"random_search", "regularized_evolution", "reinforce", "hyperband", "smac", "bohb"}
    assert paper <= set(costs["optimizers"])


def test_the_unit_is_a_moment_of_this_machine() -> None:
    assert 0 < unit_seconds() < 60
