"""Local search: climbs by hand, restarts at a minimum, and cells that are never paid twice."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from regretta.optimizers.base import Observation, Problem, SettingsError
from regretta.optimizers.local_search import LocalSearch
from regretta.tabular_data.spaces import Configurations, GridSpace, Space, get_space
from regretta.testing import OptimizerConformance


class TestLocalSearch(OptimizerConformance):
    optimizer = LocalSearch


# Errors of a 5 × 5 grid: from anywhere the way leads downhill to (0, 0).
SLOPE = 0.1 + 0.02 * np.add.outer(np.arange(5), np.arange(5))
GRID = GridSpace({"x": [str(i) for i in range(5)], "y": [str(i) for i in range(5)]})


def rounds(
    errors: np.ndarray, space: Space, seed: int, limit: int, **values: Any
) -> list[Configurations]:
    """What is proposed, proposal by proposal."""
    settings = LocalSearch.make_settings(values=values)
    search = LocalSearch(Problem(space, (1.0,)), np.random.default_rng(seed), settings)
    asked: list[Configurations] = []
    while sum(map(len, asked)) < limit and (proposal := search.ask()) is not None:
        found = proposal.configurations
        asked.append(found)
        values_found = errors.ravel()[space.rows(found)]
        search.tell(
            Observation(found, 1.0, values_found, np.ones(len(found)), np.ones(len(found), bool))
        )
    return asked


def test_moves_to_the_best_neighbour_of_a_full_neighbourhood() -> None:
    start, *steps = rounds(SLOPE, GRID, seed=1, limit=10, n_initial=1, full_neighbourhood=True)
    x, y = start[0].tolist()
    assert x > 0
    assert y > 0
    row_and_column = {(i, y) for i in range(5)} | {(x, j) for j in range(5)}
    assert set(map(tuple, steps[0].tolist())) == row_and_column - {(x, y)}
    # The best of them is the far end of the longer way; the next round is what is new around it.
    best = min(row_and_column, key=lambda cell: SLOPE[cell])
    around = {(i, best[1]) for i in range(5)} | {(best[0], j) for j in range(5)}
    assert set(map(tuple, steps[1].tolist())) == around - row_and_column


def test_moves_to_the_first_neighbour_that_is_better() -> None:
    start, *steps = rounds(SLOPE, GRID, seed=1, limit=25, n_initial=1)
    here = tuple(start[0].tolist())
    for step in steps:
        (cell,) = map(tuple, step.tolist())
        if sum(a != b for a, b in zip(here, cell, strict=True)) > 1:
            break  # a new start
        if SLOPE[cell] < SLOPE[here]:
            here = cell
    assert here == (0, 0)


@pytest.mark.parametrize("full", [False, True])
def test_starts_anew_at_a_minimum_until_no_cell_is_left(full: bool) -> None:
    asked = rounds(SLOPE, GRID, seed=0, limit=1000, n_initial=2, full_neighbourhood=full)
    cells = [tuple(c) for found in asked for c in found.tolist()]
    assert len(cells) == len(set(cells)) == 25


def test_starts_from_the_best_of_some_random_cells() -> None:
    start, step, *_ = rounds(SLOPE, GRID, seed=3, limit=7, n_initial=6)
    best = min(map(tuple, start.tolist()), key=lambda cell: SLOPE[cell])
    assert len(start) == 6
    assert sum(a != b for a, b in zip(best, step[0].tolist(), strict=True)) == 1


def test_no_cell_is_paid_twice_and_none_is_invalid_however_many_configurations_mean_it() -> None:
    space = get_space("nasbench101-4v/A")
    errors = np.random.default_rng(0).random(space.n_cells)
    rows = np.concatenate([space.rows(found) for found in rounds(errors, space, seed=0, limit=60)])
    assert (rows >= 0).all()
    assert len(set(rows.tolist())) == len(rows)


def test_refuses_real_parameters() -> None:
    with pytest.raises(SettingsError, match="nasbench101/C has real ones"):
        LocalSearch(Problem(get_space("nasbench101/C"), (1.0,)), np.random.default_rng(0))


def test_refuses_an_empty_start() -> None:
    with pytest.raises(SettingsError, match="n_initial"):
        LocalSearch.make_settings(values={"n_initial": 0})
