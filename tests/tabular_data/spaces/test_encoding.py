"""Cells as vectors for predictors; columns by hand, in the order of naszilla's code."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from regretta.tabular_data.spaces import GridSpace, NasBench101, NasBench201, Space, SpaceError

NB201 = NasBench201()
SMALL = NasBench101(4)


def ones(space: Space, architecture: object, encoding: str) -> list[int]:
    """Columns with a one."""
    vector = space.encode([space.row_of(architecture)], encoding)[0]
    assert set(np.unique(vector)) <= {0, 1}
    return np.flatnonzero(vector).tolist()


def test_adjacency_of_nasbench201_is_a_block_of_five_for_each_edge() -> None:
    # avg_pool is choice 4, nor_conv_1x1 choice 2, skip_connect choice 1.
    assert ones(NB201, "index 0", "adjacency") == [4, 5 + 2, 10 + 1, 15 + 2, 20 + 1, 25 + 1]


def test_paths_of_nasbench201() -> None:
    """naszilla counts avg_pool 0, 1x1 1, 3x3 2, none 3, skip 4, the first of a path fastest."""
    direct = 1  # nor_conv_1x1
    over_1 = 5 + 0 + 4 * 5  # avg_pool, skip
    over_2 = 5 + 1 + 4 * 5  # nor_conv_1x1, skip
    over_both = 5 + 25 + 0 + 4 * 5 + 4 * 25  # avg_pool, skip, skip
    assert ones(NB201, "index 0", "paths") == [direct, over_1, over_2, over_both]
    assert NB201.encode([0], "paths").shape == (1, 155)


def test_adjacency_of_nasbench101_is_edges_and_a_block_of_three_for_each_vertex() -> None:
    chain = ([[0, 1, 0], [0, 0, 1], [0, 0, 0]], ["maxpool3x3"])
    # Four vertices have edges 01 02 03 12 13 23; the output is the last, the third is not there.
    assert ones(SMALL, chain, "adjacency") == [0, 4, 6 + 2]
    assert NasBench101(7).encode([0], "adjacency").shape == (1, 21 + 5 * 3)


def test_paths_of_nasbench101() -> None:
    """naszilla: Σ 3^place · (operation + 1), with 3x3 0, 1x1 1, pooling 2."""
    matrix = [[0, 1, 0, 1], [0, 0, 1, 1], [0, 0, 0, 1], [0, 0, 0, 0]]
    cell = (matrix, ["conv1x1-bn-relu", "maxpool3x3"])
    straight, one, two = 0, 1 + 1, (1 + 1) + 3 * (2 + 1)
    assert ones(SMALL, cell, "paths") == [straight, one, two]
    assert NasBench101(7).encode([0], "paths").shape == (1, 364)


def test_paths_of_nasbench101_are_those_that_a_walk_finds() -> None:
    """Every cell of up to 4 vertices, its paths walked one by one."""
    encoded = SMALL.encode(np.arange(SMALL.n_cells), "paths")
    number = {"conv3x3-bn-relu": 1, "conv1x1-bn-relu": 2, "maxpool3x3": 3}

    def walk(matrix: np.ndarray, operations: tuple[str, ...], v: int, done: list[int]) -> set[int]:
        if v == len(matrix) - 1:
            return {sum(digit * 3**place for place, digit in enumerate(done))}
        found = set()
        for w in np.flatnonzero(matrix[v]).tolist():
            step = [] if w == len(matrix) - 1 else [number[operations[w - 1]]]
            found |= walk(matrix, operations, w, done + step)
        return found

    for row in range(SMALL.n_cells):
        cell = SMALL.cell(row)
        assert set(np.flatnonzero(encoded[row])) == walk(cell.matrix, cell.operations, 0, [])


def test_encodings_of_many_are_those_of_each_and_do_not_mix_cells_up() -> None:
    for space, encoding in product((NB201, SMALL), ("adjacency", "paths", "vector", "one-hot")):
        rows = np.arange(0, space.n_cells, 1 + space.n_cells // 91)
        encoded = space.encode(rows, encoding)
        for row, vector in zip(rows.tolist(), encoded, strict=True):
            assert (space.encode([row], encoding)[0] == vector).all()
        if encoding != "paths":  # several cells may have the same paths
            assert len(np.unique(encoded, axis=0)) == len(rows)


def test_the_vector_is_the_configuration() -> None:
    rows = np.arange(91)
    assert (SMALL.rows(SMALL.encode(rows, "vector")) == rows).all()


def test_one_hot_of_a_grid() -> None:
    space = GridSpace({"x": ["a", "b"], "y": ["c", "d", "e"]})
    assert space.encode([5, 0], "one-hot").tolist() == [[0, 1, 0, 0, 1], [1, 0, 1, 0, 0]]


@pytest.mark.parametrize(
    ("space", "rows", "encoding", "said"),
    [
        (GridSpace({"x": [1, 2]}), [0], "paths", "no encoding 'paths': it has vector, one-hot"),
        (NasBench101(4, "C"), [0], "one-hot", "it has vector, adjacency, paths"),
        (SMALL, [91], "paths", "rows 0 to 90"),
        (SMALL, [0.5], "paths", "rows 0 to 90"),
        (SMALL, 3, "paths", "are a list"),
    ],
)
def test_a_bad_encoding_is_one_line(space: Space, rows: list, encoding: str, said: str) -> None:
    with pytest.raises(SpaceError, match=said):
        space.encode(rows, encoding)
