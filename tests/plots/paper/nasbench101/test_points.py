"""Points of the raw space against brute force and counts by hand."""

from itertools import product

import numpy as np
import pytest

from regretta.plots.paper.nasbench101.points import n_points, points_of_cells, volume
from regretta.tabular_data.spaces import NasBench101

CONV3, CONV1, POOL = "conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3"


def upper(size, *edges):
    matrix = np.zeros((size, size), dtype=int)
    for begin, end in edges:
        matrix[begin, end] = 1
    return matrix


def all_points(space):
    choices = [range(2)] * space.n_entries + [range(3)] * (space.vertices - 2)
    return np.array(list(product(*choices)), dtype=np.int8)


@pytest.mark.parametrize(
    ("edges", "operations", "count"),
    [
        ([(0, 1), (1, 2), (2, 3)], [CONV3, POOL], 1),  # the order of a chain is fixed
        ([(0, 1), (0, 2), (1, 3), (2, 3)], [CONV3, POOL], 2),  # either branch may come first
        ([(0, 1), (0, 2), (1, 3), (2, 3)], [POOL, POOL], 1),  # branches alike
        # Beside the direct edge no path: without 0-1 either 0-2 or 2-3 is absent too, 3 * 4 ways;
        # with it 1-3 is absent, and either 2-3 (4 ways) or both 0-2 and 1-2 (1 way). Both
        # operations are free.
        ([(0, 3)], None, 17 * 9),
    ],
)
def test_points_of_cells_by_hand(edges, operations, count):
    space = NasBench101(4)
    cell = (upper(4, *edges), operations) if operations else (upper(2, (0, 1)), [])
    assert points_of_cells(space)[space.row_of_cell(*cell)] == count


@pytest.mark.parametrize("vertices", [2, 3, 4])
def test_every_valid_point_spells_one_cell(vertices):
    space = NasBench101(vertices)
    rows = space.find_rows(all_points(space))
    np.testing.assert_array_equal(
        points_of_cells(space), np.bincount(rows[rows >= 0], minlength=space.n_cells)
    )
    assert n_points(space) == len(rows)


def test_valid_points_of_the_published_space():
    space = NasBench101()
    assert n_points(space) == 509_607_936
    assert (
        points_of_cells(space).sum() == 139_359_042
    )  # 573,494 valid matrices, each with 3^5 choices


def test_volume_around_the_direct_edge_by_hand():
    space = NasBench101(3)
    # Entries in-1, in-out, 1-out. The cell is spelled by in-out, alone or with one of the others: 3
    # matrices, 9 points. All three entries, none, in-1 alone or 1-out alone are one flip away, in-1
    # with 1-out two.
    everything, few, valid = volume(space, np.array([space.row_of_cell(upper(2, (0, 1)), [])]))
    assert everything.tolist() == few.tolist() == [9, 12, 3, 0, 0]
    assert valid.tolist() == [9, 3, 3, 0, 0]


@pytest.mark.parametrize(("vertices", "encoding"), [(2, "A"), (3, "A"), (4, "A"), (4, "B")])
def test_volume_is_the_least_hamming_distance(vertices, encoding):
    space = NasBench101(vertices)
    points = all_points(space)
    rows = space.find_rows(points)
    top = np.random.default_rng(0).choice(space.n_cells, min(3, space.n_cells), replace=False)
    nearest = (points[:, None] != points[None, np.isin(rows, top)]).sum(axis=2).min(axis=1)
    everything, _, valid = volume(NasBench101(vertices, encoding), top)
    np.testing.assert_array_equal(everything, np.bincount(nearest, minlength=points.shape[1] + 1))
    np.testing.assert_array_equal(
        valid, np.bincount(nearest[rows >= 0], minlength=points.shape[1] + 1)
    )


def test_volume_around_a_chain_by_hand():
    space = NasBench101(5)
    row = space.row_of_cell(upper(5, (0, 1), (1, 2), (2, 3), (3, 4)), [CONV3, CONV1, POOL])
    everything, *_ = volume(space, np.array([row]))
    # A chain over all vertices is spelled once; of its 13 parameters 10 have one other value and 3
    # have two.
    assert everything[:3].tolist() == [1, 10 + 3 * 2, 45 + 10 * 6 + 3 * 4]
    assert everything.sum() == 2**10 * 3**3


def test_volume_does_not_depend_on_its_blocks(monkeypatch):
    space, top = NasBench101(5), np.array([7, 700, 1700])
    whole = volume(space, top)
    monkeypatch.setattr("regretta.plots.paper.nasbench101.points._BLOCK_BITS", 3)
    monkeypatch.setattr("regretta.plots.paper.nasbench101.points._BLOCK_COLUMNS", 50)
    np.testing.assert_array_equal(volume(space, top), whole)
