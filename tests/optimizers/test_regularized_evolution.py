"""Regularized evolution, step by step."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from regretta.optimizers.base import Observation, Problem, SettingsError
from regretta.optimizers.regularized_evolution import RegularizedEvolution
from regretta.tabular_data.spaces import Space, get_space
from regretta.testing import OptimizerConformance


class TestRegularizedEvolution(OptimizerConformance):
    optimizer = RegularizedEvolution
    settings = {"population_size": 20, "tournament_size": 5}


SPACE = get_space("nasbench201")


def make(space: Space = SPACE, preset: str | None = None, **values: Any) -> RegularizedEvolution:
    settings = RegularizedEvolution.make_settings(preset, values)
    return RegularizedEvolution(Problem(space, (200.0,)), np.random.default_rng(0), settings)


def tell(search: RegularizedEvolution, *pairs: tuple[int, float]) -> None:
    """Tell errors of configurations whose first entries name them."""
    for name, error in pairs:
        configuration = np.array([[name, 0, 0, 0, 0, 0]], dtype=np.int8)
        search.tell(
            Observation(configuration, 200.0, np.array([error]), np.ones(1), np.ones(1, dtype=bool))
        )


def alive(search: RegularizedEvolution) -> set[int]:
    return {int(member[0]) for member in search._members}


def test_the_first_proposal_is_the_whole_population() -> None:
    assert make(population_size=7).ask().shape == (7, 6)


def test_the_oldest_dies_even_if_it_is_the_best() -> None:
    search = make(population_size=3, tournament_size=3)
    search.ask()
    tell(search, (0, 0.01), (1, 0.5), (2, 0.6))
    assert alive(search) == {0, 1, 2}
    tell(search, (3, 0.9))
    assert alive(search) == {1, 2, 3}
    tell(search, (4, 0.8))
    assert alive(search) == {2, 3, 4}


def test_without_ageing_the_worst_dies() -> None:
    search = make(population_size=3, tournament_size=3, ageing=False)
    search.ask()
    tell(search, (0, 0.01), (1, 0.5), (2, 0.6))
    tell(search, (3, 0.1))
    assert alive(search) == {0, 1, 3}
    tell(search, (4, 0.9))
    assert alive(search) == {0, 1, 3}


def test_the_parent_is_the_best_of_the_tournament() -> None:
    """A tournament of the whole population, without replacement, always picks its best member."""
    search = make(population_size=4, tournament_size=4, replacement=False)
    search.ask()
    tell(search, (0, 0.4), (1, 0.2), (2, 0.3), (3, 0.9))
    for _ in range(20):
        child = search.ask()
        assert (child != np.array([1, 0, 0, 0, 0, 0])).sum() == 1


def test_a_tournament_with_replacement_misses_the_best_as_often_as_it_should() -> None:
    """Of 4 members, 2 draws with replacement miss the best with probability (3/4)² = 0.5625."""
    search = make(population_size=4, tournament_size=2)
    search.ask()
    tell(search, (0, 0.1), (1, 0.2), (2, 0.3), (3, 0.4))
    n = 4000
    missed = sum(int(search._parent()[0]) != 0 for _ in range(n)) / n
    assert abs(missed - 0.5625) < 4 * np.sqrt(0.25 / n)


def test_invalid_children_stay_in_the_population_with_the_worst_fitness() -> None:
    search = make(population_size=2, tournament_size=2, replacement=False)
    search.ask()
    tell(search, (0, 0.3), (1, 1.0))
    assert alive(search) == {0, 1}
    assert int(search._parent()[0]) == 0


def test_the_notebooks_mutation_changes_edges_and_operations_at_their_rates() -> None:
    """Rate 1: each of 21 edges with probability 1/7, each of 5 operations with 1/5."""
    search = make(get_space("nasbench101/A"), "colab", reject_invalid=False)
    parent = np.zeros(26, dtype=np.int8)
    n = 6000
    changed = np.mean([search._mutate(parent) != parent for _ in range(n)], axis=0)
    expected = np.array([1 / 7] * 21 + [1 / 5] * 5)
    assert (np.abs(changed - expected) < 4.5 * np.sqrt(expected * (1 - expected) / n)).all()


def test_the_notebook_rejects_invalid_cells() -> None:
    space = get_space("nasbench101-4v/A")
    search = make(space, "colab", population_size=15, tournament_size=5)
    assert space.valid(search.ask()).all()


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"population_size": 0}, "must be at least 1"),
        ({"replacement": False, "population_size": 3}, "cannot be larger than the population"),
        ({"mutation": "gaussian"}, "mutation must be one of"),
        ({"mutation_rate": 0.0}, "mutation_rate must be above 0"),
        ({"populaton_size": 3}, "did you mean 'population_size'"),
        ({"population_size": 3.5}, "takes a int such as 100, got 3.5"),
    ],
)
def test_wrong_settings_are_refused(values: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        RegularizedEvolution.make_settings(values=values)


def test_a_mutation_made_for_another_space_is_refused() -> None:
    with pytest.raises(SettingsError, match="is for NAS-Bench-201, not for nasbench101-4v/A"):
        make(get_space("nasbench101-4v/A"), "iclr2020")
    with pytest.raises(SettingsError, match="is for NAS-Bench-101's encodings A and B"):
        make(SPACE, "colab")
