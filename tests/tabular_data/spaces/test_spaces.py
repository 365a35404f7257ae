"""What holds for every space."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regretta.tabular_data.spaces import GridSpace, Space, SpaceError, get_space

NAMES = ["nasbench201", "nasbench101/A", "nasbench101/B", "nasbench101/C", "nasbench101-5v/A"]
GRID = GridSpace({"width": [8, 16, 32], "depth": [1, 2]})
SPACES = [*map(get_space, NAMES), GRID]

each_space = pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)


@each_space
@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_values_and_vectors_go_both_ways(space: Space, seed: int) -> None:
    configuration = space.sample(np.random.default_rng(seed), 1)[0]
    assert np.array_equal(space.from_values(space.to_values(configuration)), configuration)


@each_space
@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_a_mutation_changes_exactly_one_parameter_and_stays_inside(space: Space, seed: int) -> None:
    rng = np.random.default_rng(seed)
    parent = space.sample(rng, 1)[0]
    before = parent.copy()
    child = space.mutate(parent, rng)
    assert (child != parent).sum() == 1
    assert np.array_equal(parent, before)
    space.check(child[None, :])


@each_space
def test_rows_of_many_equal_rows_of_each_and_lie_in_the_table(space: Space) -> None:
    configurations = space.sample(np.random.default_rng(1), 400)
    rows = space.rows(configurations)
    assert rows.tolist() == [space.row(c) for c in configurations]
    assert rows.min() >= -1
    assert rows.max() < space.n_cells


@each_space
def test_the_neighbourhood_is_every_change_of_one_discrete_parameter(space: Space) -> None:
    configuration = space.sample(np.random.default_rng(2), 1)[0]
    neighbours = space.neighbours(configuration)
    assert len(neighbours) == sum(max(size - 1, 0) for size in space.cardinalities)
    assert ((neighbours != configuration).sum(axis=1) == 1).all()
    space.check(neighbours)


@each_space
def test_configspace_has_the_same_parameters(space: Space) -> None:
    twin = space.configuration_space(seed=0)
    assert set(twin) == {parameter.name for parameter in space.parameters}
    configuration = space.from_values(dict(twin.sample_configuration()))
    space.check(configuration[None, :])


def test_mutation_weights_pick_the_parameter_with_their_probability() -> None:
    """NAS-Bench-201, node first: 1/3, twice 1/6, three times 1/9."""
    space = get_space("nasbench201")
    rng = np.random.default_rng(0)
    parent = np.zeros(6, dtype=np.int8)
    n = 18_000
    counts = np.zeros(6)
    for _ in range(n):
        counts += space.mutate(parent, rng, space.mutation_weights["node_first"]) != parent
    expected = np.array([1 / 3, 1 / 6, 1 / 6, 1 / 9, 1 / 9, 1 / 9])
    assert (np.abs(counts / n - expected) < 4 * np.sqrt(expected / n)).all()


def test_a_grid_counts_like_itertools_product() -> None:
    assert GRID.n_cells == 6
    assert GRID.describe(0) == "width=8, depth=1"
    assert GRID.describe(1) == "width=8, depth=2"
    assert GRID.describe(5) == "width=32, depth=2"
    assert GRID.row(GRID.from_values({"width": 16, "depth": 1})) == 2


@each_space
def test_a_space_is_found_again_by_what_a_table_keeps_of_it(space: Space) -> None:
    again = get_space(space.spec)
    assert again.parameters == space.parameters
    assert again.n_cells == space.n_cells
    assert again.name == space.name


def test_a_grid_of_more_than_2_to_the_31_cells_counts_on() -> None:
    """Seven parameters of 127 choices: 127⁷ cells, about 5·10¹⁴."""
    space = GridSpace({f"x{k}": range(127) for k in range(7)}, "large")
    assert space.n_cells == 127**7
    last = space.from_values({f"x{k}": 126 for k in range(7)})
    assert space.row(last) == 127**7 - 1
    assert space.describe(127**7 - 1) == ", ".join(f"x{k}=126" for k in range(7))
    sample = space.sample(np.random.default_rng(0), 100)
    digits = [sum(int(d) * 127 ** (6 - k) for k, d in enumerate(c)) for c in sample]
    assert space.rows(sample).tolist() == digits


def test_a_grid_that_no_integer_can_count_is_refused() -> None:
    with pytest.raises(SpaceError, match="at most 9223372036854775807 can be counted"):
        GridSpace({f"x{k}": range(127) for k in range(10)})


@pytest.mark.parametrize(
    ("configurations", "said"),
    [
        (np.zeros((1, 5)), "6 entries"),
        (np.zeros(6), "6 entries"),
        (np.full((1, 6), 5), "cannot be 5"),
        (np.full((1, 6), 0.5), "cannot be 0.5"),
        (np.full((1, 6), np.nan), "cannot be nan"),
        (np.full((1, 6), "a"), "holds numbers"),
    ],
)
def test_what_is_no_configuration_is_refused_by_name(configurations: np.ndarray, said: str) -> None:
    with pytest.raises(SpaceError, match=said):
        get_space("nasbench201").check(configurations)


@pytest.mark.parametrize("dtype", [np.int8, np.int64, np.float64])
@each_space
def test_one_that_is_no_configuration_is_refused_when_it_is_looked_up(
    space: Space, dtype: type
) -> None:
    with pytest.raises(SpaceError, match=f"has {space.dim} entries"):
        space.row(np.zeros(space.dim + 1, dtype=dtype))
    for i, parameter in enumerate(space.parameters):
        for wrong in (-1, 100):
            configuration = np.zeros(space.dim, dtype=dtype)
            configuration[i] = wrong
            with pytest.raises(
                SpaceError, match=f"parameter '{parameter.name}' of {space.name} cannot be {wrong}"
            ):
                space.row(configuration)


def test_values_with_a_wrong_missing_or_unknown_name_are_refused() -> None:
    with pytest.raises(SpaceError, match="lacks parameter 'depth'"):
        GRID.from_values({"width": 8})
    with pytest.raises(SpaceError, match="no parameter 'height'"):
        GRID.from_values({"width": 8, "depth": 1, "height": 3})
    with pytest.raises(SpaceError, match=r"cannot be 9: it takes one of 3 choices \(8, 16, 32\)"):
        GRID.from_values({"width": 9, "depth": 1})


@pytest.mark.parametrize(
    ("spec", "encoding", "said"),
    [
        ("nasbench301", None, "did you mean"),
        ("nasbench101", "D", "no encoding 'D': it has A, B, C"),
        ("nasbench101/D", None, "did you mean"),
        ("nasbench201", "A", "one encoding only"),
        ({"grid": {"x": []}, "name": "g"}, None, "1 to 127 different choices"),
        ({"grid": {"x": [1, 1]}, "name": "g"}, None, "1 to 127 different choices"),
        ({"grid": {"x": "abc"}, "name": "g"}, None, "a list of choices"),
        ({"grid": {"x": [1]}}, None, "a grid space is"),
        ({"grid": {"x": [1]}, "name": "a\nb"}, None, "a printable text"),
        ({"cube": {}}, None, "a grid space is"),
        (3, None, "a space is a name or"),
    ],
)
def test_an_unknown_space_is_refused_with_the_nearest(
    spec: object, encoding: str | None, said: str
) -> None:
    with pytest.raises(SpaceError, match=said):
        get_space(spec, encoding)  # type: ignore[arg-type]
