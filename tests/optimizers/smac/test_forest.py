"""SMAC's forest on packed vectors: scikit-learn's trees, SMAC's predictions and improvement."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.tree import DecisionTreeRegressor

from regretta.optimizers.smac import kernels
from regretta.optimizers.smac.forest import Forest, expected_improvement
from regretta.optimizers.smac.packing import Packing
from regretta.tabular_data.spaces import GridSpace, Space, get_space


def data(space: Space, n: int) -> tuple[Any, np.ndarray, np.ndarray]:
    """A ConfigSpace, vectors of it, and costs in logarithms."""
    configspace = space.configuration_space(0)
    vectors = np.array([c.get_array() for c in configspace.sample_configuration(n)])
    return configspace, vectors, np.log(0.05 + np.abs(vectors @ np.cos(np.arange(space.dim))))


def smac_s_forest(configspace: Any, seed: int) -> Any:
    """SMAC's own, with scikit-learn's trees grown depth first."""
    from smac.model.random_forest.random_forest import RandomForest

    stock = RandomForest(
        configspace,
        log_y=True,
        n_trees=5,
        ratio_features=1.0,
        min_samples_split=2,
        min_samples_leaf=1,
        n_jobs=1,
        seed=seed,
    )
    stock._rf_opts["max_leaf_nodes"] = None
    return stock


@pytest.mark.parametrize("name", ["nasbench101", "nasbench101/B", "nasbench101/C", "nasbench201"])
@pytest.mark.parametrize("n", [1, 2, 40, 400])
def test_the_forest_predicts_as_smac_s(name: str, n: int) -> None:
    configspace, vectors, costs = data(get_space(name), n + 100)
    stock, packing = smac_s_forest(configspace, 3), Packing(configspace)
    ours = Forest(packing, n_trees=5, seed=3)
    stock.train(vectors[:n], costs[:n, None])
    ours.fit(packing(vectors[:n]), costs[:n])
    expected = stock.predict_marginalized(vectors)
    for one, other in zip(expected, ours.predict(packing(vectors)), strict=True):
        np.testing.assert_allclose(other, one.ravel(), rtol=1e-12, atol=1e-14)


def leaves_agree(space: Space, n: int, seed: int, rounded: int) -> None:
    """Ours ends every sample in the same leaf as scikit-learn's tree does, to the last tie."""
    rng = np.random.default_rng(seed)
    configspace = space.configuration_space(seed)
    vectors = np.array([configspace.sample_configuration().get_array() for _ in range(n)])
    costs = np.round(rng.normal(size=n) + vectors[:, 0], rounded)
    weight = rng.integers(0, 3, n).astype(float)
    weight[0] = 1.0
    tree = DecisionTreeRegressor(min_impurity_decrease=1e-8, random_state=seed)
    tree.fit(vectors.astype(np.float32), costs, sample_weight=weight)
    packing = Packing(configspace)
    feature, _, _, leaf, depth = kernels.grow(
        np.ascontiguousarray(packing(vectors).T),
        packing.carried,
        packing.word,
        packing.shift,
        packing.mask,
        packing.numeric,
        costs,
        weight,
        np.uint32(np.random.RandomState(seed).randint(2**31 - 1)),
        1e-8,
    )
    used = weight > 0
    expected = tree.apply(vectors.astype(np.float32))[used]
    pairs = set(zip(expected.tolist(), leaf[used].tolist(), strict=True))
    assert len(pairs) == len(set(expected.tolist())) == len(set(leaf[used].tolist()))
    assert len(feature) == tree.tree_.node_count
    assert depth == tree.tree_.max_depth


@pytest.mark.parametrize(
    "space",
    [
        get_space("nasbench101/A"),
        get_space("nasbench101/B"),
        get_space("nasbench101/C"),
        GridSpace({"a": ["0"], "b": [str(i) for i in range(90)], "c": ["0", "1"]}),
        GridSpace({f"x{i}": ["0", "1", "2"] for i in range(36)}),
    ],
    ids=["binary", "21 choices", "numbers", "both ends", "two words"],
)
@settings(max_examples=15, deadline=None)
@given(n=st.integers(2, 300), seed=st.integers(0, 2**31 - 1), rounded=st.sampled_from([0, 1, 15]))
def test_trees_are_scikit_learn_s(space: Space, n: int, seed: int, rounded: int) -> None:
    leaves_agree(space, n, seed, rounded)


def test_equal_codes_are_sorted_as_scikit_learn_sorts_them() -> None:
    from sklearn.utils._sorting import _py_simultaneous_sort

    rng = np.random.default_rng(0)
    for n in (2, 15, 16, 17, 100, 1000):
        for choices in (2, 3, 50, 10**6):
            codes = rng.integers(choices, size=n).astype(np.uint32)
            values, expected = codes.astype(np.float32), np.arange(n)
            _py_simultaneous_sort(values, expected, n, use_three_way_partition=True)
            found = np.arange(n, dtype=np.uint64)
            kernels.sort(codes, found, 0, n)
            assert found.tolist() == expected.tolist()


def test_a_sort_that_turns_quadratic_ends_as_scikit_learn_s() -> None:
    """An organ pipe of values makes poor pivots, so that the heap sort takes over."""
    from sklearn.utils._sorting import _py_simultaneous_sort

    n = 4096
    codes = np.concatenate([np.arange(n // 2), np.arange(n // 2)[::-1]]).astype(np.uint32)
    values, expected = codes.astype(np.float32), np.arange(n)
    _py_simultaneous_sort(values, expected, n, use_three_way_partition=True)
    found = np.arange(n, dtype=np.uint64)
    kernels.sort(codes, found, 0, n)
    assert found.tolist() == expected.tolist()


def test_expected_improvement_is_smac_s() -> None:
    from smac.acquisition.function.expected_improvement import EI

    configspace, vectors, costs = data(get_space("nasbench101"), 120)
    stock = smac_s_forest(configspace, 0)
    stock.train(vectors[:60], costs[:60, None])
    mean, variance = stock.predict_marginalized(vectors)
    best = float(mean.min())
    acquisition = EI(log=True)
    acquisition.update(model=stock, eta=best)
    expected = acquisition._compute(vectors)
    found = expected_improvement(mean, variance, best)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-15)
    assert expected.max() > 0


@pytest.mark.parametrize("name", ["nasbench101/A", "nasbench101/C", "nasbench201"])
def test_words_hold_vectors(name: str) -> None:
    configspace, vectors, _ = data(get_space(name), 50)
    packing = Packing(configspace)
    np.testing.assert_array_equal(packing.vectors(packing(vectors)), vectors.astype(np.float32))


def test_a_negative_zero_is_a_zero() -> None:
    packing = Packing(get_space("nasbench101/C").configuration_space(0))
    zero = np.zeros((1, packing.dim))
    np.testing.assert_array_equal(packing(-zero), packing(zero))
