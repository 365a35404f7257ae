"""SMAC: the real package, and components of ours that must do as its own do."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from regretta.optimizers.base import Observation, Problem, Proposal, SettingsError
from regretta.optimizers.smac import Smac, SmacStock
from regretta.tabular_data.spaces import GridSpace, Space, get_space
from regretta.testing import OptimizerConformance


class TestSmac(OptimizerConformance):
    optimizer = Smac
    settings: ClassVar[dict[str, Any]] = {"challengers": 1000}
    evaluations = 40


class TestSmacStock(OptimizerConformance):
    optimizer = SmacStock
    settings: ClassVar[dict[str, Any]] = {"challengers": 50, "local_search_iterations": 1}
    evaluations = 10
    spaces = ("nasbench201", "nasbench101-4v/C")


def run(search: SmacStock, n: int) -> list[Proposal]:
    """Ask and tell `n` times, less where the search ends."""
    asked = []
    for _ in range(n):
        proposal = search.ask()
        if proposal is None:
            break
        asked.append(proposal)
        tell(search, proposal)
    return asked


def tell(search: SmacStock, proposal: Proposal) -> None:
    """An error that a forest can learn."""
    space, found = search.space, proposal.configurations
    weights = np.cos(np.arange(space.dim))
    entries = found[0] / np.maximum(1, np.array(space.cardinalities))
    valid = space.valid(found)
    error = float(0.3 + 0.1 * np.tanh(weights @ entries)) if valid[0] else 1.0
    search.tell(Observation(found, 108.0, np.array([error]), np.array([9.0]), valid, proposal.tag))


def smac(space: Space, seed: int = 0, preset: str | None = None, **values: Any) -> Smac:
    return Smac(
        Problem(space, (108.0,)), np.random.default_rng(seed), Smac.make_settings(preset, values)
    )


def proposed(search: SmacStock, n: int) -> list[list[float]]:
    return [proposal.configurations[0].tolist() for proposal in run(search, n)]


# -- settings


def test_a_random_fraction_of_1_is_random_search() -> None:
    """Uniform draws of ConfigSpace's, after the initial one, which a copy of the space draws."""
    space = get_space("nasbench101")
    found = proposed(smac(space, 3, random_fraction=1.0), 40)
    seed = int(np.random.default_rng(3).integers(2**31 - 1))
    sampler = space.configuration_space(seed)
    drawn = [space.from_values(dict(sampler.sample_configuration())).tolist() for _ in range(40)]
    assert found == drawn


def test_evaluations_of_a_configuration_are_the_setting_s() -> None:
    search = smac(get_space("nasbench201"), preset="script")
    times = Counter(proposal.configurations.tobytes() for proposal in run(search, 60))
    assert max(times.values()) == 4
    again = smac(get_space("nasbench201"))
    assert max(Counter(p.configurations.tobytes() for p in run(again, 60)).values()) == 1


def test_an_invalid_configuration_costs_what_the_setting_says() -> None:
    space = get_space("nasbench101")
    search = smac(space, invalid_error=0.7, bookkeeping="stock")
    valid = [bool(space.valid(proposal.configurations)[0]) for proposal in run(search, 40)]
    costs = [trial.cost for trial in search.smac.runhistory.values()]
    assert [cost == 0.7 for cost in costs] == [not v for v in valid]
    assert not all(valid)


def test_the_facade_s_initial_design_is_ten_sobol_points_a_parameter() -> None:
    search = smac(get_space("nasbench201"), initial_design="sobol", initial_configurations=0)
    design = smac(
        get_space("nasbench201"),
        initial_design="sobol",
        initial_configurations=0,
        bookkeeping="stock",
    ).smac._config_selector._initial_design_configs
    found = proposed(search, 60)
    assert len(design) == 60
    assert found == [search.space.from_values(dict(c)).tolist() for c in design]


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("n_trees", 0),
        ("max_config_calls", 0),
        ("random_fraction", -0.1),
        ("initial_design", "grid"),
        ("invalid_error", float("inf")),
        ("search", "fast"),
        ("forest", "wide"),
        ("bookkeeping", "none"),
        ("forest", "stock"),
    ],
)
def test_refuses_values_that_make_no_sense(setting: str, value: Any) -> None:
    with pytest.raises(SettingsError, match=setting):
        Smac.make_settings(values={setting: value})


def test_the_stock_optimizer_has_none_of_our_components() -> None:
    from smac.acquisition.maximizer.local_and_random_search import LocalAndSortedRandomSearch
    from smac.intensifier.intensifier import Intensifier
    from smac.main.config_selector import ConfigSelector
    from smac.model.random_forest.random_forest import RandomForest
    from smac.runhistory.runhistory import RunHistory

    facade = SmacStock(Problem(get_space("nasbench201"), (1.0,)), np.random.default_rng(0)).smac
    parts = (
        facade._model,
        facade._acquisition_maximizer,
        facade._intensifier,
        facade._config_selector,
    )
    assert [type(part) for part in parts] == [
        RandomForest,
        LocalAndSortedRandomSearch,
        Intensifier,
        ConfigSelector,
    ]
    assert type(facade.runhistory) is RunHistory
    assert not SmacStock.reproducible


# -- the search as a whole


def test_the_search_is_over_when_smac_finds_no_new_configuration() -> None:
    asked = proposed(smac(GridSpace({"x": ["a", "b"], "y": ["c", "d"]})), 20)
    assert len(asked) == len(set(map(tuple, asked)))
    assert 2 <= len(asked) <= 4


def test_several_proposals_may_be_under_way() -> None:
    space = get_space("nasbench201")
    search = smac(space)
    run(search, 20)
    asked = [search.ask() for _ in range(4)]
    assert len({proposal.configurations.tobytes() for proposal in asked if proposal}) == 4
    for proposal in reversed(asked):
        assert proposal is not None
        search.tell(
            Observation(
                proposal.configurations,
                1.0,
                np.array([0.5]),
                np.array([1.0]),
                np.ones(1, bool),
                proposal.tag,
            )
        )
    assert len(run(search, 20)) == 20


@pytest.mark.parametrize("preset", [None, "script", "facade"])
@pytest.mark.parametrize("name", ["nasbench101-5v/A", "nasbench101-4v/B", "nasbench101-4v/C"])
def test_indexed_bookkeeping_decides_as_smac_s_own(name: str, preset: str | None) -> None:
    space = get_space(name)
    design = {"initial_configurations": 20} if preset == "facade" else {}
    stock = proposed(smac(space, 4, preset, bookkeeping="stock", **design), 80)
    assert proposed(smac(space, 4, preset, **design), 80) == stock


@pytest.mark.parametrize("preset", [None, "script"])
def test_bookkeeping_decides_as_smac_s_own_for_many_workers(preset: str | None) -> None:
    """Up to five proposals under way, told in another order than they were asked in."""
    space = get_space("nasbench201")

    def side_by_side(bookkeeping: str) -> list[list[float]]:
        search = smac(space, 2, preset, bookkeeping=bookkeeping)
        order = np.random.default_rng(1)
        asked: list[list[float]] = []
        under_way: list[Proposal] = []
        for _ in range(120):
            if len(under_way) < 5 and (proposal := search.ask()) is not None:
                asked.append(proposal.configurations[0].tolist())
                under_way.append(proposal)
            if len(under_way) == 5:
                tell(search, under_way.pop(int(order.integers(5))))
        return asked

    assert side_by_side("indexed") == side_by_side("stock")


@pytest.mark.parametrize("search", ["vectorized", "stock"])
@pytest.mark.parametrize("forest", ["serial", "stock"])
def test_every_deviation_can_be_taken_back_alone(search: str, forest: str) -> None:
    found = smac(
        get_space("nasbench101-4v/C"),
        search=search,
        forest=forest,
        bookkeeping="stock",
        challengers=50,
        local_search_iterations=1,
    )
    assert len(proposed(found, 12)) == 12


@pytest.mark.parametrize(
    "grid",
    [
        {"x": ["a"]},
        {"x": ["a"], "y": ["b", "c"], "z": ["d"]},
        {"x": [str(i) for i in range(120)], "y": ["a", "b"]},
    ],
    ids=["one cell", "single choices", "many choices"],
)
def test_spaces_at_both_ends(grid: dict[str, list[str]]) -> None:
    space = GridSpace(grid)
    asked = proposed(smac(space, challengers=100), 300)
    assert len(asked) == len(set(map(tuple, asked)))
    assert 1 <= len(asked) <= space.n_cells


SCRIPT = """
import hashlib
from tests.optimizers.smac.test_smac import proposed, smac
from regretta.tabular_data.spaces import get_space
found = [proposed(smac(get_space(name), 5, preset), 60) for name, preset in
         (("nasbench101", None), ("nasbench101/C", None), ("nasbench201", "script"))]
print(hashlib.sha256(repr(found).encode()).hexdigest())
"""


@pytest.mark.slow
def test_a_seed_is_enough_in_any_process() -> None:
    assert len({_printed(SCRIPT, hash_seed) for hash_seed in ("1", "2")}) == 1


def test_imports_smac_only_when_a_search_starts() -> None:
    assert (
        _printed("import sys, regretta.optimizers.smac; print('smac' in sys.modules)", "0")
        == "False\n"
    )


def test_many_runs_in_one_process_leave_nothing_behind() -> None:
    space = get_space("nasbench201")

    def objects_after(runs: int) -> int:
        for seed in range(runs):
            run(smac(space, seed), 30)
        gc.collect()
        return len(gc.get_objects())

    before = objects_after(2)
    assert objects_after(10) - before < 1000


def _printed(script: str, hash_seed: str) -> str:
    root = Path(__file__).parents[3]
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(root)}
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout
