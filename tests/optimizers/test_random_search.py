"""Random search."""

from __future__ import annotations

import numpy as np

from regretta.optimizers.base import Problem
from regretta.optimizers.random_search import RandomSearch
from regretta.tabular_data.spaces import get_space
from regretta.testing import OptimizerConformance


class TestRandomSearch(OptimizerConformance):
    optimizer = RandomSearch


def test_every_choice_is_equally_likely() -> None:
    space = get_space("nasbench201")
    search = RandomSearch(Problem(space, (200.0,)), np.random.default_rng(0))
    drawn = np.concatenate([search.ask() for _ in range(40)])
    share = np.stack([(drawn == choice).mean(axis=0) for choice in range(5)])
    assert np.abs(share - 0.2).max() < 5 * np.sqrt(0.16 / len(drawn))


def test_the_notebook_variant_proposes_valid_configurations_only() -> None:
    space = get_space("nasbench101-4v/A")
    search = RandomSearch(
        Problem(space, (108.0,)), np.random.default_rng(0), RandomSearch.make_settings("colab")
    )
    assert space.valid(search.ask()).all()
