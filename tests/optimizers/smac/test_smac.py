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
    """Ask and tell `n` times, less where the search ends; an error that a forest can learn."""
    space = search.space
    weights = np.cos(np.arange(space.dim))
    asked = []
    for _ in range(n):
        proposal = search.ask()
        if proposal is None:
            break
        asked.append(proposal)
        entries = proposal.configurations[0] / np.maximum(1, np.array(space.cardinalities))
        valid = space.valid(proposal.configurations)
        error = float(0.3 + 0.1 * np.tanh(weights @ entries)) if valid[0] else 1.0
        search.tell(
            Observation(
                proposal.configurations,
                108.0,
                np.array([error]),
                np.array([9.0]),
                valid,
                proposal.tag,
            )
        )
    return asked


def smac(space: Space, seed: int = 0, preset: str | None = None, **values: Any) -> Smac:
    return Smac(
        Problem(space, (108.0,)), np.random.default_rng(seed), Smac.make_settings(preset, values)
    )


def proposed(search: SmacStock, n: int) -> list[list[float]]:
    return [proposal.configurations[0].tolist() for proposal in run(search, n)]


def origins(search: SmacStock, n: int) -> Counter[str]:
    return Counter(
        str(proposal.tag.config.origin).split(":")[-1].strip() for proposal in run(search, n)
    )


# -- settings


def test_a_random_fraction_of_1_is_random_search_and_of_0_never_random() -> None:
    space = get_space("nasbench101")
    assert set(origins(smac(space, random_fraction=1.0), 40)) == {"Random", "Random Search"}
    assert origins(smac(space, random_fraction=0.0), 41) == {"Random": 1, "Local Search": 40}


def test_trees_and_evaluations_a_configuration_are_the_settings() -> None:
    search = smac(get_space("nasbench201"), preset="script")
    times = Counter(proposal.configurations.tobytes() for proposal in run(search, 60))
    assert search.settings.n_trees == len(search.smac._model._rf.estimators_) == 10
    assert max(times.values()) == 4
    again = smac(get_space("nasbench201"))
    assert max(Counter(p.configurations.tobytes() for p in run(again, 60)).values()) == 1
    assert len(again.smac._model._rf.estimators_) == 5


def test_an_invalid_configuration_costs_what_the_setting_says() -> None:
    space = get_space("nasbench101")
    search = smac(space, invalid_error=0.7)
    valid = [bool(space.valid(proposal.configurations)[0]) for proposal in run(search, 40)]
    costs = [trial.cost for trial in search.smac.runhistory.values()]
    assert [cost == 0.7 for cost in costs] == [not v for v in valid]
    assert not all(valid)


def test_the_facade_s_initial_design_is_ten_sobol_points_a_parameter() -> None:
    search = smac(get_space("nasbench201"), initial_design="sobol", initial_configurations=0)
    assert len(search.smac._config_selector._initial_design_configs) == 60
    assert len(set(map(tuple, proposed(search, 60)))) == 60


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


@pytest.mark.parametrize("preset", [None, "script"])
def test_indexed_bookkeeping_decides_as_smac_s_own(preset: str | None) -> None:
    space = get_space("nasbench101-5v/A")
    stock = proposed(smac(space, 4, preset, bookkeeping="stock"), 80)
    assert proposed(smac(space, 4, preset), 80) == stock


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


# -- the components


def data(space: Space, n: int) -> tuple[Any, np.ndarray, np.ndarray]:
    """A ConfigSpace, vectors of it, and costs in logarithms."""
    configspace = space.configuration_space(0)
    vectors = np.array([c.get_array() for c in configspace.sample_configuration(n)])
    return (
        configspace,
        vectors,
        np.log(0.05 + np.abs(vectors @ np.cos(np.arange(space.dim))))[:, None],
    )


def forests(space: Space, n: int) -> tuple[Any, Any, np.ndarray]:
    """SMAC's forest and ours, trained on the same data, and other vectors to predict."""
    from smac.model.random_forest.random_forest import RandomForest

    from regretta.optimizers.smac.forest import SerialForest

    configspace, vectors, costs = data(space, n)
    stock = RandomForest(
        configspace,
        log_y=True,
        n_trees=5,
        ratio_features=1.0,
        min_samples_split=2,
        min_samples_leaf=1,
        n_jobs=1,
    )
    ours = SerialForest(stock, depth_first=False)
    stock.train(vectors[: n // 2], costs[: n // 2])
    ours.train(vectors[: n // 2], costs[: n // 2])
    return stock, ours, vectors


@pytest.mark.parametrize("name", ["nasbench101", "nasbench101/C"])
def test_the_forest_predicts_as_smac_s(name: str) -> None:
    stock, ours, vectors = forests(get_space(name), 120)
    for expected, found in zip(
        stock.predict_marginalized(vectors), ours.predict_marginalized(vectors), strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)


def test_expected_improvement_is_smac_s() -> None:
    from smac.acquisition.function.expected_improvement import EI

    from regretta.optimizers.smac.forest import BatchedImprovement

    stock, _, vectors = forests(get_space("nasbench101"), 120)
    best = float(stock.predict_marginalized(vectors)[0].min())
    found = []
    for acquisition in (EI(log=True), BatchedImprovement(log=True)):
        acquisition.update(model=stock, eta=best)
        found.append(acquisition._compute(vectors))
    np.testing.assert_allclose(found[1], found[0], rtol=1e-12, atol=1e-15)
    assert found[0].max() > 0


@pytest.mark.parametrize("name", ["nasbench101/A", "nasbench101/B", "nasbench201"])
def test_the_neighbourhood_is_configspace_s(name: str) -> None:
    from ConfigSpace.util import get_one_exchange_neighbourhood

    from regretta.optimizers.smac.search import Neighbourhood

    configspace = get_space(name).configuration_space(1)
    here = configspace.sample_configuration()
    found = Neighbourhood(configspace).neighbours(
        np.random.default_rng(0), np.repeat(here.get_array()[None, :], 2, axis=0), np.full(2, 0.05)
    )
    expected = {tuple(c.get_array()) for c in get_one_exchange_neighbourhood(here, seed=1)}
    for neighbours in found:
        assert len(neighbours) == len(expected)
        assert set(map(tuple, neighbours)) == expected
    assert found[0].tolist() != found[1].tolist(), "each in an order of its own"


def test_each_parameter_is_as_likely_to_come_first_however_many_values_it_has() -> None:
    from regretta.optimizers.smac.search import Neighbourhood

    space = GridSpace({"a": ["0", "1"], "b": [str(i) for i in range(9)]})
    vectors = np.zeros((20_000, 2))
    neighbours = Neighbourhood(space.configuration_space(0)).neighbours(
        np.random.default_rng(0), vectors, np.full(len(vectors), 0.05)
    )
    first = neighbours[:, 0]
    assert np.mean(first[:, 0] != 0) == pytest.approx(0.5, abs=0.02)
    # And of nine values each other one alike.
    shares = np.bincount(first[first[:, 1] != 0, 1].astype(int), minlength=9) / np.sum(
        first[:, 1] != 0
    )
    np.testing.assert_allclose(shares[1:], 1 / 8, atol=0.02)


def test_numbers_have_neighbours_near_them_and_within_their_range() -> None:
    from regretta.optimizers.smac.search import Neighbourhood

    configspace = get_space("nasbench101/C").configuration_space(0)
    vectors = Neighbourhood(configspace).sample(np.random.default_rng(1), 50)
    names = list(configspace)
    edges = names.index("num_edges")
    spread = np.full(50, 0.05)
    neighbours = Neighbourhood(configspace).neighbours(np.random.default_rng(0), vectors, spread)
    changed = neighbours != vectors[:, None, :]
    assert (changed.sum(axis=2) == 1).all()
    assert (
        (neighbours >= 0) & (neighbours <= 1) | ~changed | (np.arange(len(names)) >= edges + 1)
    ).all()
    real = changed[:, :, :edges]
    assert (real.sum(axis=1) == 8).all()
    steps = (neighbours - vectors[:, None, :])[:, :, :edges][real]
    assert 0.04 < np.std(steps) < 0.055
    numbers = neighbours[:, :, edges] * 9
    np.testing.assert_allclose(numbers, np.round(numbers), atol=1e-9)


def test_samples_are_uniform_over_every_kind_of_parameter() -> None:
    from regretta.optimizers.smac.search import Neighbourhood

    configspace = get_space("nasbench101/C").configuration_space(0)
    vectors = Neighbourhood(configspace).sample(np.random.default_rng(1), 20_000)
    for name, column in zip(configspace, vectors.T, strict=True):
        values, counts = np.unique(column, return_counts=True)
        if name == "num_edges":
            np.testing.assert_allclose(values, np.arange(10) / 9)
        elif name.startswith("op_node"):
            assert values.tolist() == [0, 1, 2]
        else:
            assert np.mean(column) == pytest.approx(0.5, abs=0.01)
            continue
        np.testing.assert_allclose(counts / len(column), 1 / len(values), atol=0.02)


@pytest.mark.parametrize(("ones_a_step", "least"), [(1, 21), (2, 1)])
def test_local_search_climbs_to_an_optimum_and_walks_over_plateaus(
    ones_a_step: int, least: int
) -> None:
    """With two ones a step no single change improves the start: a walk gets away from it."""
    from regretta.optimizers.smac.search import VectorizedSearch

    class Steps:
        def _compute(self, vectors: np.ndarray) -> np.ndarray:
            return np.asarray(vectors[:, :21].sum(axis=1, keepdims=True) // ones_a_step)

    search = VectorizedSearch(
        get_space("nasbench101").configuration_space(0),
        challengers=10,
        local_search_iterations=4,
        seed=0,
    )
    search._acquisition_function = Steps()  # type: ignore[assignment]
    ends, values = search._climb(np.zeros((4, 26)))
    assert (values >= least).all()
    assert values.tolist() == (ends[:, :21].sum(axis=1) // ones_a_step).tolist()


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
