"""SMAC's search on arrays: its neighbourhood, its samples and its climbs."""

from __future__ import annotations

import numpy as np
import pytest

from regretta.optimizers.smac.packing import Packing
from regretta.optimizers.smac.search import Neighbourhood, Search
from regretta.tabular_data.spaces import GridSpace, get_space


def neighbours(configspace: object, vectors: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """Of each vector, in a random order: shape ``[n, m, dim]``."""
    packing = Packing(configspace)  # type: ignore[arg-type]
    near = Neighbourhood(packing).neighbours(
        np.random.default_rng(0), vectors, packing(vectors), spread
    )
    n, m, words = near.words.shape
    return packing.vectors(near.words.reshape(n * m, words)).reshape(n, m, -1)


@pytest.mark.parametrize("name", ["nasbench101/A", "nasbench101/B", "nasbench201"])
def test_the_neighbourhood_is_configspace_s(name: str) -> None:
    from ConfigSpace.util import get_one_exchange_neighbourhood

    configspace = get_space(name).configuration_space(1)
    here = configspace.sample_configuration()
    found = neighbours(
        configspace, np.repeat(here.get_array()[None, :], 2, axis=0), np.full(2, 0.05)
    )
    expected = {tuple(c.get_array()) for c in get_one_exchange_neighbourhood(here, seed=1)}
    for ours in found:
        assert len(ours) == len(expected)
        assert set(map(tuple, ours)) == expected
    assert found[0].tolist() != found[1].tolist(), "each in an order of its own"


def test_each_parameter_is_as_likely_to_come_first_however_many_values_it_has() -> None:
    space = GridSpace({"a": ["0", "1"], "b": [str(i) for i in range(9)]})
    vectors = np.zeros((20_000, 2))
    first = neighbours(space.configuration_space(0), vectors, np.full(len(vectors), 0.05))[:, 0]
    assert np.mean(first[:, 0] != 0) == pytest.approx(0.5, abs=0.02)
    # And of nine values each other one alike.
    shares = np.bincount(first[first[:, 1] != 0, 1].astype(int), minlength=9) / np.sum(
        first[:, 1] != 0
    )
    np.testing.assert_allclose(shares[1:], 1 / 8, atol=0.02)


def test_numbers_have_neighbours_near_them_and_within_their_range() -> None:
    configspace = get_space("nasbench101/C").configuration_space(0)
    space = Neighbourhood(Packing(configspace))
    vectors = space.sample(np.random.default_rng(1), 50).vectors()
    vectors = vectors.astype(np.float32).astype(float)
    names = list(configspace)
    edges = names.index("num_edges")
    spread = np.full(50, 0.05)
    near = neighbours(configspace, vectors, spread)
    changed = near != vectors[:, None, :]
    assert (changed.sum(axis=2) == 1).all()
    assert ((near >= 0) & (near <= 1) | ~changed | (np.arange(len(names)) >= edges + 1)).all()
    real = changed[:, :, :edges]
    assert (real.sum(axis=1) == 8).all()
    steps = (near - vectors[:, None, :])[:, :, :edges][real]
    assert 0.04 < np.std(steps) < 0.055
    numbers = near[:, :, edges] * 9
    np.testing.assert_allclose(numbers, np.round(numbers), atol=1e-6)


def test_samples_are_uniform_over_every_kind_of_parameter() -> None:
    configspace = get_space("nasbench101/C").configuration_space(0)
    sample = Neighbourhood(Packing(configspace)).sample(np.random.default_rng(1), 20_000)
    vectors = sample.vectors()
    np.testing.assert_array_equal(Packing(configspace)(vectors), sample.words())
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
    packing = Packing(get_space("nasbench101").configuration_space(0))
    search = Search(packing, challengers=10, starts=4, seed=0)
    ends, values = search.climb(
        np.zeros((4, 26)),
        lambda words: packing.vectors(words)[:, :21].sum(axis=1) // ones_a_step,
    )
    assert (values >= least).all()
    assert values.tolist() == (ends[:, :21].sum(axis=1) // ones_a_step).tolist()
