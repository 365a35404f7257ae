"""Figures of NAS-Bench-101 against cells worked out by hand."""

import numpy as np
import pytest

from regretta.plots.paper.columns import FigureError
from regretta.plots.paper.nasbench101 import (
    figure2,
    figure3,
    figure4,
    figure5,
    figure6,
    figure_s7,
)
from regretta.plots.paper.nasbench101.graphs import (
    automorphisms,
    depth,
    edit_distance,
    interior_size,
    replacements,
    width,
)
from regretta.plots.paper.nasbench101.points import points_of_cells, volume
from regretta.plots.style import ONE_COLUMN, TWO_COLUMNS, png
from regretta.tabular_data.benchmark import Provenance
from regretta.tabular_data.spaces import NasBench101, NasBench201
from regretta.tabular_data.table import Table

CONV3, CONV1, POOL = "conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3"


@pytest.fixture(scope="module")
def space():
    return NasBench101(4)


def upper(size, *edges):
    matrix = np.zeros((size, size), dtype=int)
    for begin, end in edges:
        matrix[begin, end] = 1
    return matrix


CHAIN = upper(4, (0, 1), (1, 2), (2, 3))
DIAMOND = upper(4, (0, 1), (0, 2), (1, 3), (2, 3))
DIRECT = upper(2, (0, 1))


def table_of(space, accuracy=None, **columns):
    cells = space.n_cells
    given = np.linspace(0.5, 0.9, cells) if accuracy is None else accuracy
    return Table.from_arrays(
        "toy", space, columns.pop("budgets", (108,)), validation_accuracy=given,
        training_seconds=columns.pop("seconds", np.where(np.isnan(given), np.nan, 10.0)), **columns,
    )  # fmt: skip


def words(figure):
    return [text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text"))]


@pytest.mark.parametrize(
    ("matrix", "operations", "size", "deep", "wide"),
    [
        (DIRECT, [], 0, 1, 1),
        (CHAIN, [CONV3, POOL], 2, 3, 1),
        (DIAMOND, [CONV3, POOL], 2, 2, 2),
        (
            upper(4, (0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)),
            [CONV3, CONV1],
            2,
            3,
            3,
        ),  # {in, 1} has 3 ways out beside the edge from input to output
    ],
)
def test_depth_and_width_of_small_cells(space, matrix, operations, size, deep, wide):
    row = space.row_of_cell(matrix, operations)
    assert (interior_size(space)[row], depth(space)[row], width(space)[row]) == (size, deep, wide)


def test_a_full_graph_is_as_wide_as_its_best_cut():
    space = NasBench101(5)
    everything = upper(5, *((i, j) for i in range(5) for j in range(i + 1, 5) if (i, j) != (0, 4)))
    # nine edges; {in, 1} has in-2 in-3 1-2 1-3 1-4, and no edge leads back
    assert width(space)[space.row_of_cell(everything, [CONV3] * 3)] == 5


def test_no_cell_is_wider_than_the_paper_s_5():
    assert width(NasBench101()).max() == 5


@pytest.mark.parametrize(
    ("matrix", "operations", "count"),
    [
        (CHAIN, [CONV3, CONV3], 1),
        (DIAMOND, [CONV3, POOL], 1),
        (DIAMOND, [POOL, POOL], 2),  # the branches may change places
        (DIRECT, [], 1),
    ],
)
def test_automorphisms_by_hand(space, matrix, operations, count):
    assert automorphisms(space, space.row_of_cell(matrix, operations)) == count


def test_edit_distance_by_hand(space):
    start = space.row_of_cell(CHAIN, [CONV3, POOL])
    distance = edit_distance(space, start)
    assert distance[start] == 0
    assert distance[space.row_of_cell(CHAIN, [CONV3, CONV1])] == 1  # one operation
    assert distance[space.row_of_cell(CHAIN, [POOL, CONV3])] == 2  # two operations
    assert (
        distance[space.row_of_cell(upper(4, (0, 1), (1, 2), (2, 3), (0, 3)), [CONV3, POOL])] == 1
    )  # one edge
    assert distance[space.row_of_cell(DIRECT, [])] == 4  # three edges go, one comes


def test_neighbours_of_a_chain_are_one_edit_away(space):
    found = figure3.one_edit(space, space.row_of_cell(CHAIN, [CONV3, POOL]))
    expected = [
        *(
            space.row_of_cell(CHAIN, ops)
            for ops in ([CONV1, POOL], [POOL, POOL], [CONV3, CONV3], [CONV3, CONV1])
        ),
        # one more edge; taking any edge away leaves no path
        *(
            space.row_of_cell(upper(4, (0, 1), (1, 2), (2, 3), edge), [CONV3, POOL])
            for edge in ((0, 2), (0, 3), (1, 3))
        ),
    ]
    assert sorted(expected) == found.tolist()


def test_figure3_tells_what_it_lacks(space):
    with pytest.raises(FigureError, match="needs the column parameters; table 'toy' lacks it"):
        figure3.compute(table_of(space))
    found = figure3.compute(table_of(space, parameters=np.arange(space.n_cells) + 1))
    assert (found.inception, len(found.neighbours)) == (None, 0)
    assert "the Inception-like cell: it has 7 vertices, the space 4" in figure3.caption(found)
    assert figure3.anchors(found) == ()


def test_the_inception_like_cell_has_neighbours_of_all_kinds():
    space = NasBench101()
    row = figure3.inception(space)
    cell = space.cell(row)
    assert (cell.vertices, cell.edges) == (7, 9)
    assert sorted(cell.operations) == sorted([CONV1, CONV3, CONV3, CONV3, POOL])
    # With nine edges no further one is allowed. Removing the first or the second edge of one of the
    # three short branches prunes the same vertex (3 cells); any of the double branch's three prunes
    # both of its vertices (1). Each operation has two others, but in the double branch and the
    # single 3x3 none coincide (10 cells).
    assert len(figure3.one_edit(space, row)) == 14


def test_replacements_change_one_vertex(space):
    pairs = {
        (b, a)
        for before, after in replacements(space, 0, 2)
        for b, a in zip(before, after, strict=True)
    }
    assert (
        space.row_of_cell(CHAIN, [CONV3, CONV1]),
        space.row_of_cell(CHAIN, [POOL, CONV1]),
    ) in pairs
    assert (
        space.row_of_cell(CHAIN, [CONV3, CONV3]),
        space.row_of_cell(CHAIN, [CONV3, POOL]),
    ) in pairs
    assert all(after >= 0 for _, after in pairs)


def test_figure4_recovers_what_an_operation_is_worth():
    space = NasBench101(3)
    worth = {CONV3: 0.3, CONV1: 0.2, POOL: 0.1}
    cost = {CONV3: 100.0, CONV1: 80.0, POOL: 50.0}
    accuracy, seconds = np.full(space.n_cells, 0.5), np.full(space.n_cells, 10.0)
    for matrix in (upper(3, (0, 1), (1, 2)), upper(3, (0, 1), (1, 2), (0, 2))):
        for operation in worth:
            row = space.row_of_cell(matrix, [operation])
            accuracy[row], seconds[row] = worth[operation], cost[operation]
    found = figure4.compute(table_of(space, accuracy, seconds=seconds))
    np.testing.assert_allclose(found.accuracy[0], [np.nan, -0.1, -0.2])
    np.testing.assert_allclose(found.time[0], [np.nan, -0.2, -0.5])
    np.testing.assert_allclose(found.time[2], [1.0, 0.6, np.nan])
    assert found.count[0, 1] == 2  # with and without the direct edge
    words_ = figure4.caption(found)
    assert "accuracy \u221210.00 points (published \u22121.16 points)" in words_
    assert "conv1x1 by maxpool3x3, time \u221237.50 % (published +5.04 %)" in words_


def test_figure5_averages_by_depth_and_width(space):
    accuracy = np.where(depth(space) == 3, 0.9, 0.5)
    found = figure5.compute(table_of(space, accuracy))
    np.testing.assert_array_equal(found.by["depth"].size, [1, 2, 3])
    np.testing.assert_allclose(found.by["depth"].accuracy, [0.5, 0.5, 0.9])
    assert all(means.count.sum() == space.n_cells for means in found.by.values())
    assert figure5.anchors(found)[0].ours == "3"
    assert "up to 4 vertices: what is published is of other data" in figure5.caption(found)


def test_figure2_noise_is_the_deviation_over_repeats(space):
    validation = np.tile([0.1, 0.3, np.nan], (space.n_cells, 1))[:, None, :]
    test = np.tile([0.4, 0.4, 0.7], (space.n_cells, 1))[:, None, :]
    found = figure2.compute(table_of(space, validation, test_accuracy=test))
    np.testing.assert_allclose(found.noise["108 epochs"], np.sqrt(0.06 / 2))  # of test accuracy
    np.testing.assert_allclose(found.sets["Validation"], 0.2)
    assert "standard deviation of test accuracy" in figure2.caption(found)
    without = figure2.compute(table_of(space, validation))
    np.testing.assert_allclose(without.noise["108 epochs"], 0.2 / np.sqrt(2))
    caption = figure2.caption(without)
    for part in (
        *("column train_accuracy", "column test_accuracy", "other budgets than one"),
        *("standard deviation of validation accuracy", "the noise is validation accuracy's"),
    ):
        assert part in caption


def test_figure2_shows_the_noise_at_the_paper_s_budgets(space):
    accuracy = np.random.default_rng(0).uniform(0.1, 0.9, (space.n_cells, 4, 2))
    found = figure2.compute(
        table_of(space, accuracy, budgets=(4, 12, 36, 108), test_accuracy=accuracy)
    )
    assert list(found.noise) == ["12 epochs", "36 epochs", "108 epochs"]
    assert len(found.budgets) == 4


def test_figure2_says_that_repeats_are_missing(space):
    assert "repeats, of which the noise is computed" in figure2.compute(table_of(space)).missing


def test_autocorrelation_of_known_series():
    swinging = np.tile([1.0, -1.0], (3, 10))
    np.testing.assert_allclose(figure6.autocorrelation(swinging, 2), [1, -1, 1])


def test_random_walk_moves_by_valid_edits(space):
    walk = figure6.random_walk(space, np.random.default_rng(0), 50, 40)
    assert walk.shape == (50, 40)
    assert walk.min() >= 0
    np.testing.assert_array_equal(
        walk, figure6.random_walk(space, np.random.default_rng(0), 50, 40)
    )
    assert len(np.unique(walk)) > 0.8 * space.n_cells


def test_figure6_measures_from_the_best_cell_and_from_the_top_points(space, monkeypatch):
    monkeypatch.setattr(figure6, "TOP", 1)
    accuracy = np.full(space.n_cells, 0.5)
    accuracy[space.row_of_cell(DIAMOND, [POOL, POOL])] = 0.9
    found = figure6.compute(table_of(space, accuracy), walkers=20, steps=50, lags=5)
    np.testing.assert_allclose(
        found.distance_accuracy, [0.9] + [0.5] * (len(found.distance_accuracy) - 1)
    )
    # Its branches are alike: one point, but two orders. The point has 6 + 2 * 2 neighbours among
    # 576, none of which has too many edges, since 4 vertices have 6 entries.
    assert (found.top_cells, found.top_orders, found.top_points) == (1, 2, 1)
    for name in ("all points", "points of at most 9 edges"):
        np.testing.assert_allclose(found.near_top[name][:2], [1 / 576, 11 / 576])
    assert all(share[-1] == 1 for share in found.near_top.values())
    words_ = figure6.caption(found)
    assert "2 topological orders of 1 cell, with those that an automorphism makes alike" in words_
    assert "35.4 %" not in words_  # that is of another space


@pytest.mark.parametrize(
    ("most", "rows"), [(4, [1, 2, 0, 4]), (9, [1, 2, 0, 4]), (3, [1, 2, 0]), (1, [1, 2])]
)
def test_the_best_cells_are_so_many_and_those_that_tie_with_the_last(monkeypatch, most, rows):
    monkeypatch.setattr(figure6, "TOP", most)
    accuracy = np.array([0.8, 0.9, 0.9 - 3e-8, np.nan, 0.7])
    assert figure6.best_cells(accuracy).tolist() == rows


@pytest.fixture(scope="module")
def real_accuracy(shared_tables):
    """Mean test accuracy of all cells after 108 epochs, which is published."""
    return np.load(shared_tables / "nb101" / "core.npz")["test_sum"] / 29952


def test_the_top_of_the_published_benchmark_has_the_paper_s_orders(real_accuracy):
    space = NasBench101()
    top = figure6.best_cells(real_accuracy)
    points = points_of_cells(space)[top]
    orders = [int(n) * automorphisms(space, row) for n, row in zip(points, top, strict=True)]
    assert sorted(orders) == sorted([4, 45, 1080, 15, 15, 1, 45, 45, 10260, 30, 15, 15])
    assert (sum(orders), points.sum()) == (11_570, 6_440)


@pytest.mark.slow
def test_the_share_near_the_published_top_is_not_the_paper_s(real_accuracy):
    space = NasBench101()
    counts = volume(space, figure6.best_cells(real_accuracy))
    shares = [round(100 * count[:7].sum() / count.sum(), 1) for count in counts]
    assert shares == [31.6, 46.4, 51.1]


def test_figure_s7_by_hand(space):
    last = np.linspace(0.1, 0.9, space.n_cells)
    accuracy = np.stack([1 - last, last**2, last], axis=1)
    found = figure_s7.compute(table_of(space, accuracy, budgets=(4, 36, 108)))
    assert found.pairs == ((4, 36), (4, 108), (36, 108))
    np.testing.assert_allclose(found.correlation[:, 0], [-1, -1, 1])
    assert "1.000 (published 0.365)" in figure_s7.caption(found)
    with pytest.raises(FigureError, match="needs several budgets"):
        figure_s7.compute(table_of(space))


def with_gaps(space):
    """A partial table whose cell 0 was not measured, and cell 1 not tested: both are left out."""
    rng = np.random.default_rng(0)
    accuracy = rng.uniform(0.1, 0.9, (space.n_cells, 2, 2))
    accuracy[0] = np.nan
    test = accuracy.copy()
    test[1] = np.nan
    return table_of(
        *(space, accuracy),
        budgets=(36, 108),
        seconds=np.where(np.isnan(accuracy), np.nan, 10.0),
        test_accuracy=test,
        parameters=np.arange(space.n_cells) + 1,
        partial=True,
    )


@pytest.mark.parametrize(
    ("figure", "said"),
    [
        (figure2, "2 cells without mean test accuracy"),
        (figure2, "2 cells without validation accuracy at 36 epochs"),
        (figure2, "2 cells without two repeats of test accuracy at 108 epochs"),
        (figure3, "2 cells without validation accuracy"),
        (figure4, "2 cells without training time"),
        (figure5, "2 cells without validation accuracy and training time"),
        (figure6, "2 cells without test accuracy"),
        (figure_s7, "2 cells without validation accuracy at every budget"),
    ],
)
def test_what_was_not_measured_is_left_out_and_said(space, figure, said):
    found = figure.compute(with_gaps(space))
    assert said in figure.caption(found)
    assert png(figure.draw(found, TWO_COLUMNS))


def test_a_missing_value_is_never_counted_as_one(space):
    table = with_gaps(space)
    assert figure3.compute(table).known.tolist() == list(range(2, space.n_cells))
    assert figure5.compute(table).by["depth"].count.sum() == space.n_cells - 2
    assert {0, 1}.isdisjoint(figure6.best_cells(1 - table.mean_test_error[:, -1]).tolist())
    assert all(np.isfinite(found).all() for found in figure2.compute(table).sets.values())


def test_another_space_is_one_clear_line():
    grid = NasBench201()
    with pytest.raises(
        FigureError, match="needs cells of NAS-Bench-101; table 'toy' has nasbench201"
    ):
        figure5.compute(table_of(grid))


@pytest.mark.parametrize("width_", [ONE_COLUMN, TWO_COLUMNS])
def test_pictures_of_modelled_tables_say_so(space, width_):
    rng = np.random.default_rng(0)
    accuracy = rng.uniform(0.1, 0.9, (space.n_cells, 2, 2))
    modelled = Provenance(reconstruction="all of it")
    table = table_of(
        space,
        accuracy,
        budgets=(36, 108),
        test_accuracy=accuracy,
        parameters=np.arange(space.n_cells) + 1,
        provenance=modelled,
    )
    for figure in (
        figure2,
        figure3,
        figure4,
        figure5,
        figure_s7,
    ):
        found = figure.compute(table)
        drawn = figure.draw(found, width_)
        assert any("reconstruction" in text for text in words(drawn)), figure.__name__
        assert "Reconstruction: all of it." in figure.caption(found)
    walks = figure6.compute(table, walkers=20, steps=50)
    drawn = figure6.draw(walks, width_)
    assert any("reconstruction" in text for text in words(drawn))
    assert png(drawn)
