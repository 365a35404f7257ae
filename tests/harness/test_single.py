"""`regretta.search`: one search from one line."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import regretta
from regretta import (
    GridSpace,
    Optimizer,
    OptimizerEntry,
    SuiteSpec,
    Table,
    UserError,
    load_suite,
    run_suite,
)


class Listed(Optimizer):
    """Proposes one cell after another, from the first asked for."""

    @dataclass(frozen=True)
    class Settings:
        first: int = 0

    name = "listed"

    def setup(self) -> None:
        self.next = self.settings.first

    def ask(self) -> Any:
        self.next += 1
        return self.space.configurations([(self.next - 1) % self.space.n_cells])[0]


@pytest.fixture
def three() -> Table:
    """Three cells of 10 s with validation accuracy .5, .7, .9 and test accuracy .4, .8, .7."""
    return Table.from_arrays(
        "three",
        GridSpace({"width": [1, 2, 3]}),
        budgets=[1],
        validation_accuracy=np.array([0.5, 0.7, 0.9]).reshape(3, 1, 1),
        test_accuracy=np.array([0.4, 0.8, 0.7]).reshape(3, 1, 1),
        training_seconds=np.full((3, 1, 1), 10.0),
    )


def test_it_gives_curve_and_best_cell(three: Table) -> None:
    found = regretta.search(three, Listed, seconds=35)
    times, regrets = found.curve
    assert times.tolist() == [10, 20, 30]
    assert regrets == pytest.approx([0.4, 0.0, 0.1])  # the best test accuracy is 0.8
    assert found.kind == "test"
    assert found.configuration == {"width": "3"}
    assert found.cell == "width=3"
    assert found.validation_error == pytest.approx(0.1)
    assert found.test_error == pytest.approx(0.3)
    assert found.regret == pytest.approx(0.1)
    assert found.run.evaluations == 3
    assert "listed on three: test regret 0.10000 after 3 evaluations" in str(found)


def test_an_optimizer_without_a_problem_is_its_settings(three: Table) -> None:
    found = regretta.search(three, Listed(first=2), seconds=15)
    assert found.cell == "width=3"
    assert found.run.settings == {"first": 2}


def test_without_test_data_regret_is_validation_regret(three: Table) -> None:
    blind = Table.from_arrays(
        "blind",
        three.space,
        budgets=[1],
        validation_accuracy=np.array([0.5, 0.7, 0.9]).reshape(3, 1, 1),
        training_seconds=np.full((3, 1, 1), 10.0),
    )
    found = regretta.search(blind, Listed, seconds=25)
    assert found.kind == "validation"
    assert found.regret == pytest.approx(0.2)
    assert found.test_error is None


def test_it_is_the_run_of_a_suite_with_that_seed(small101: Path, tmp_path: Path) -> None:
    spec = SuiteSpec(
        "one",
        (str(small101),),
        (OptimizerEntry("regularized_evolution"),),
        time_limit=5e3,
        runs=2,
        seed=7,
    )
    run_suite(spec, tmp_path / "out", workers=1)
    suite = load_suite(tmp_path / "out")
    table = suite.tables[0]
    for number, kept in enumerate(suite.runs[table]["regularized_evolution"]):
        found = regretta.search(
            small101, "regularized_evolution", seconds=5e3, seed=7, number=number
        )
        assert replace(found.run, code=kept.code).to_json() == kept.to_json()


@pytest.mark.parametrize(
    ("benchmark", "optimizer", "seconds", "said"),
    [
        ("digits11", "random_search", 10, "digits101"),
        ("digits101", "random_serch", 10, "random_search"),
        ("digits101", "random_search", None, "give seconds="),
        ("digits101", "random_search", 1e-3, "too short for a single evaluation"),
        ("./nowhere", "random_search", 10, "nowhere"),
    ],
)
def test_what_does_not_fit_is_one_line(
    benchmark: str, optimizer: str, seconds: float | None, said: str
) -> None:
    with pytest.raises(UserError, match=said) as refused:
        regretta.search(benchmark, optimizer, seconds=seconds)
    assert "\n" not in str(refused.value)


def test_a_setting_that_is_unknown_is_one_line() -> None:
    with pytest.raises(UserError, match="did you mean 'first'"):
        Listed(frist=1)


def test_a_search_that_evaluated_nothing_says_so(three: Table) -> None:
    class Idle(Optimizer):
        """Proposes nothing."""

        name = "idle"

        def ask(self) -> None:
            return None

    found = regretta.search(three, Idle, seconds=30)
    assert "no evaluation in 30 s" in str(found)
    with pytest.raises(UserError, match="evaluated nothing within 30 s"):
        found.cell  # noqa: B018
