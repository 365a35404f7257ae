"""Searches and suites on many simulated workers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from regretta.harness.campaign import run_suite
from regretta.harness.identity import SuiteError
from regretta.harness.planning import plan
from regretta.harness.run import run
from regretta.harness.search import WorkersError
from regretta.harness.spec import OptimizerEntry, SuiteSpec, read_spec
from regretta.harness.store.results import load_suite
from regretta.optimizers.base import Observation
from regretta.optimizers.registry import get_optimizer
from regretta.tabular_data.table import Table
from tests.harness.runs import run_of

PARALLEL = ("random_search", "regularized_evolution", "reinforce", "hyperband", "asha")


@pytest.mark.parametrize("name", [*PARALLEL, "bohb"])
def test_more_workers_do_more_in_the_same_time(small101: Path, name: str) -> None:
    table = Table.open(small101)
    one, ten = (run(run_of(table, name, 1500.0, workers)) for workers in (1, 10))
    assert 7 * one.evaluations < ten.evaluations < 13 * one.evaluations
    assert (np.diff(ten.trajectory.time) >= 0).all()
    assert ten.elapsed <= 1500.0
    assert (one.simulated_workers, ten.simulated_workers) == (1, 10)
    assert run(run_of(table, name, 1500.0, 10)).to_json() == ten.to_json()


@pytest.mark.parametrize(
    ("name", "limit", "least"),
    [
        ("random_search", 240, 9_500),
        ("regularized_evolution", 130, 1_000),
        ("reinforce", 130, 1_000),
        ("hyperband", 20, 9_500),
        ("asha", 9, 9_500),
    ],
)
def test_ten_thousand_workers(small101: Path, name: str, limit: float, least: int) -> None:
    """A training takes from 1 to 2.2 s an epoch.

    4 to 9 s at the lowest budget, 108 to 238 s at the largest.
    """
    result = run(run_of(Table.open(small101), name, limit, 10_000))
    assert result.evaluations >= least
    assert result.elapsed <= limit
    assert (np.diff(result.trajectory.time) >= 0).all()


def asked_at_the_start(small101: Path, name: str, workers: int) -> list[tuple[float | None, int]]:
    """Budget and size of every proposal before the first answer."""
    asked: list[tuple[float | None, int]] = []
    original = get_optimizer(name)

    class Watched(original):  # type: ignore[misc, valid-type]
        def ask(self) -> Any:
            proposal = super().ask()
            if not self.heard:
                asked.append((proposal.budget, len(proposal.configurations)))
            return proposal

        def setup(self) -> None:
            super().setup()
            self.heard = False

        def tell(self, observation: Observation) -> None:
            self.heard = self.heard or bool(observation.valid[0])
            super().tell(observation)

    run(run_of(Table.open(small101), Watched, 10.0, workers))
    return asked


def test_hyperband_opens_brackets_while_rungs_are_under_way(small101: Path) -> None:
    """Workers without a job open [9, 3, 1], [6, 2], [4] and the next [27, …] beside the first
    bracket's 27.
    """
    asked = asked_at_the_start(small101, "hyperband", 200)
    assert asked[:5] == [(4.0, 27), (12.0, 9), (36.0, 6), (108.0, 4), (4.0, 27)]


def test_bohb_opens_brackets_as_hpbandsters_scheduler_does(small101: Path) -> None:
    asked = asked_at_the_start(small101, "bohb", 200)
    assert (
        asked[:50]
        == [(4.0, 1)] * 27 + [(12.0, 1)] * 9 + [(36.0, 1)] * 6 + [(108.0, 1)] * 4 + [(4.0, 1)] * 4
    )


def suite(small101: Path, workers: int, *names: str) -> SuiteSpec:
    entries = tuple(OptimizerEntry(name) for name in names or ("random_search", "asha"))
    return SuiteSpec(
        "many", (str(small101),), entries, time_limit=200.0, runs=2, simulated_workers=workers
    )


def test_a_suite_runs_on_its_simulated_workers(small101: Path, tmp_path: Path) -> None:
    path = tmp_path / "many.toml"
    path.write_text(
        f'tables = ["{small101}"]\ntime_limit = 200\nsimulated_workers = 20\n[[optimizers]]\nname ='
        ' "asha"'
    )
    spec = read_spec(path)
    run_suite(spec, tmp_path / "out")
    found = load_suite(tmp_path / "out")
    assert found.identity.simulated_workers == 20
    assert {result.simulated_workers for result in found.runs["small101"]["asha"]} == {20}
    assert spec.changed(simulated_workers=3).simulated_workers == 3
    assert spec.changed().simulated_workers == 20


def test_the_number_of_simulated_workers_is_part_of_what_a_suite_is(
    small101: Path, tmp_path: Path
) -> None:
    run_suite(suite(small101, 3), tmp_path)
    with pytest.raises(
        SuiteError, match="simulated_workers is 3 there and 4 here; choose another --out"
    ):
        run_suite(suite(small101, 4), tmp_path)
    three, four = plan(suite(small101, 3)), plan(suite(small101, 4))
    task = next(iter(three.tasks()))
    result = load_suite(tmp_path).runs[task.table][task.label][0]
    assert three.identity().owns(result)
    assert not four.identity().owns(result)


def test_a_suite_that_cannot_is_refused_before_the_first_run(
    small101: Path, tmp_path: Path
) -> None:
    plugin = tmp_path / "plugin.py"
    plugin.write_text(
        "from regretta import Optimizer\n"
        "class OneByOne(Optimizer):\n"
        "    name = 'one_by_one'\n"
        "    def ask(self):\n"
        "        return self.space.sample(self.rng, 1)[0]\n"
    )
    with_plugin = replace(suite(small101, 8, "asha", "one_by_one"), plugins=(plugin,))
    for spec, said in (
        (with_plugin, "one_by_one cannot search on 8 simulated workers"),
        (suite(small101, 0), "simulated workers must be from 1 to 10,000, got 0"),
    ):
        with pytest.raises(WorkersError, match=said):
            run_suite(spec, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    run_suite(replace(with_plugin, simulated_workers=1), tmp_path / "out")
