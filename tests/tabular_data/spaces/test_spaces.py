"""What holds for every space."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regretta.tabular_data.spaces import (
    Categorical,
    GridSpace,
    Integer,
    Real,
    Space,
    SpaceError,
    get_space,
)

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
    valid = space.valid(configurations)
    assert valid.tolist() == [space.is_valid(c) for c in configurations]
    rows = space.rows(configurations[valid])
    assert rows.tolist() == [space.row(c) for c in configurations[valid]]
    assert rows.min() >= 0
    assert rows.max() < space.n_cells
    unchecked = np.where(valid, 0, -1)
    unchecked[valid] = rows
    assert space.find_rows(configurations).tolist() == unchecked.tolist()
    assert space.find_row_list(configurations) == unchecked.tolist()


@each_space
def test_a_configuration_that_means_no_cell_has_no_row(space: Space) -> None:
    """−1 would be the last cell to whoever indexes with it: nothing public returns it."""
    configurations = space.sample(np.random.default_rng(3), 400)
    invalid = configurations[~space.valid(configurations)]
    for configuration in invalid[:20]:
        with pytest.raises(SpaceError, match="means no cell: there is no path"):
            space.row(configuration)
    if len(invalid):
        with pytest.raises(SpaceError, match="means no cell"):
            space.rows(configurations)


@each_space
@settings(max_examples=60)
@given(data=st.data())
def test_whatever_is_looked_up_is_a_cell_or_one_line(space: Space, data: st.DataObject) -> None:
    """Lists, tuples, arrays, whole and broken numbers, wrong lengths, texts, truth values."""
    odd = st.one_of(
        st.integers(-3, 130), st.floats(), st.booleans(), st.none(), st.text(max_size=3)
    )
    start = space.sample(np.random.default_rng(data.draw(st.integers(0, 99))), 1)[0].tolist()
    for k, value in data.draw(
        st.dictionaries(st.integers(0, space.dim - 1), odd, max_size=2)
    ).items():
        start[k] = value
    given_as = data.draw(st.sampled_from([list, tuple, np.array]))
    size = data.draw(st.sampled_from([space.dim, space.dim, space.dim - 1, space.dim + 1]))
    configuration = given_as([*start, 0][:size])
    refused = ""
    try:
        row = space.row(configuration)
    except SpaceError as error:
        refused = str(error)
    if refused:
        assert "\n" not in refused
        return
    assert size == space.dim
    again = space.from_values(space.to_values(configuration))
    assert np.array_equal(again.astype(float), np.array(start, dtype=float))
    assert given_as is np.array or not any(isinstance(value, bool) for value in start)
    assert space.row(again) == row
    assert 0 <= row < space.n_cells


@each_space
@pytest.mark.parametrize(
    "row", [-1, -0.5, 0.5, True, None, "0", float("nan"), float("inf"), 10**400, [0], np.array([0])]
)
def test_what_is_no_row_describes_no_cell(space: Space, row: object) -> None:
    for call in (
        space.describe,
        space.check_row,
        *([space.cell] if hasattr(space, "cell") else []),
    ):
        with pytest.raises(SpaceError, match=r"has the rows 0 to \d+, and none is") as caught:
            call(row)
        assert "\n" not in str(caught.value)
    with pytest.raises(SpaceError, match="has the rows"):
        space.describe(space.n_cells)


@each_space
def test_rows_may_be_integers_of_any_kind_and_whole_floats(space: Space) -> None:
    last = space.n_cells - 1
    for row in (last, float(last), np.int64(last), np.array(last), np.float64(last)):
        assert space.describe(row) == space.describe(last)


@each_space
def test_lists_and_tuples_of_whole_numbers_are_configurations(space: Space) -> None:
    configurations = space.sample(np.random.default_rng(4), 50)
    configurations = configurations[space.valid(configurations)][:5]
    rows = [space.row(c) for c in configurations]
    for form in (list, tuple, lambda c: [float(x) for x in c], lambda c: np.array(c, dtype=">f8")):
        assert [space.row(form(c.tolist())) for c in configurations] == rows
    assert space.rows(configurations.tolist()).tolist() == rows
    assert space.rows(np.asfortranarray(configurations)).tolist() == rows


@pytest.mark.parametrize(
    "configurations",
    [
        [[True] * 6],
        [[0, 0, 0, 0, 0, True]],
        np.ones((1, 6), dtype=bool),
        [[None] * 6],
        [[0] * 6, [0]],
    ],
)
def test_truth_values_gaps_and_ragged_lists_are_no_configurations(configurations: object) -> None:
    with pytest.raises(SpaceError, match="holds numbers"):
        get_space("nasbench201").rows(configurations)


def test_masked_entries_are_no_configuration() -> None:
    with pytest.raises(SpaceError, match="masked"):
        get_space("nasbench201").row(np.ma.array([0] * 6, mask=[1, 0, 0, 0, 0, 0]))


def test_rows_of_a_grid_are_checked_before_they_become_configurations() -> None:
    assert GRID.configurations([0, 5.0]).tolist() == [[0, 0], [2, 1]]
    for rows in ([-1], [6], [0.5], [True], [float("nan")], 3, [[0]]):
        with pytest.raises(SpaceError):
            GRID.configurations(rows)


class Knobs(Space):
    """A space with a parameter of every kind, some of them constant; one cell a width."""

    name = "knobs"
    n_cells = 3

    def __init__(self) -> None:
        super().__init__(
            [
                Categorical("only", ("x",)),
                Integer("width", 8, 10),
                Integer("fixed", 4, 4),
                Real("rate", 0.0, 0.5),
            ]
        )

    def find_rows(self, configurations: np.ndarray) -> np.ndarray:
        return configurations[:, 1].astype(np.int64) - 8

    def describe(self, row: int) -> str:
        return f"width {8 + self.check_row(row)}"


def test_a_constant_parameter_is_never_mutated_away() -> None:
    space, rng = Knobs(), np.random.default_rng(0)
    parent = space.sample(rng, 1)[0]
    changed = np.zeros(4)
    for _ in range(200):
        child = space.mutate(parent, rng)
        space.check_one(child)
        changed += child != parent
    assert changed[[0, 2]].tolist() == [0, 0]
    assert abs(changed[1] - 100) < 4 * 50**0.5, "each of the two free parameters half of the time"
    assert changed.sum() == 200
    assert {tuple(n) for n in space.neighbours(parent)[:, [0, 2]].tolist()} == {(0.0, 4.0)}


def test_with_no_free_parameter_a_mutation_is_a_copy() -> None:
    space = GridSpace({"a": ["x"], "b": [1]})
    parent = space.from_values({"a": "x", "b": 1})
    child = space.mutate(parent, np.random.default_rng(0))
    assert child is not parent
    assert child.tolist() == parent.tolist()
    assert space.neighbours(parent).shape == (0, 2)
    assert space.row(child) == 0


def test_weights_of_constant_parameters_do_not_count() -> None:
    space = GridSpace({"a": ["x"], "b": [1, 2]})
    parent = space.from_values({"a": "x", "b": 1})
    for seed in range(20):
        assert space.mutate(parent, np.random.default_rng(seed), (9, 1)).tolist() == [0, 1]


def test_constant_parameters_keep_their_value_in_configspace() -> None:
    twin = Knobs().configuration_space(seed=0)
    values = dict(twin.sample_configuration())
    assert (values["only"], values["fixed"]) == ("x", 4)
    Knobs().from_values(values)


def test_values_may_be_numbers_that_read_like_a_choice() -> None:
    """16, 16.0, "16" and NumPy's 16 are the choice 16; True is not the choice 1."""
    space = GridSpace({"width": [8, 16], "rate": [0.1, 1]})
    for width in (16, 16.0, "16", np.int64(16), np.float32(16), np.str_("16")):
        assert space.row(space.from_values({"width": width, "rate": 1.0})) == 3
    for wrong in (True, None, 16.5, "sixteen", float("nan"), [16]):
        with pytest.raises(SpaceError, match=r"parameter '(width|rate)' of grid cannot be"):
            space.from_values({"width": wrong, "rate": 1})
    with pytest.raises(SpaceError, match="cannot be True"):
        space.from_values({"width": 8, "rate": True})
    with pytest.raises(SpaceError, match="parameter 'width' of knobs cannot be 'nine'"):
        Knobs().from_values({"only": "x", "width": "nine", "fixed": 4, "rate": 0.1})
    with pytest.raises(SpaceError, match="needs a mapping"):
        space.from_values([8, 1])


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Categorical("a", ()), "1 to 127 different"),
        (lambda: Integer("a", 3, 2), "low <= high"),
        (lambda: Real("a", 1.0, 1.0), "low < high"),
        (lambda: Real("a", 0.0, float("nan")), "low < high"),
        (lambda: GridSpace({"": [1]}), "a parameter"),
        (lambda: GridSpace({}), "at least one parameter"),
        (lambda: GridSpace([1]), "a mapping"),
        (lambda: GridSpace({"a": "xyz"}), "a list of choices"),
        (lambda: GridSpace({"a": range(128)}), "1 to 127 different"),
    ],
)
def test_a_parameter_that_cannot_work_is_refused_when_it_is_made(make: object, said: str) -> None:
    with pytest.raises(SpaceError, match=said):
        make()


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
    with pytest.raises(
        SpaceError, match="more than 9223372036854775807 cells, which cannot be counted"
    ):
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
