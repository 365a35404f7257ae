"""Cutting a NAS-Bench-101 table down to its smaller cells."""

import numpy as np
import pytest

from regretta.tabular_data.benchmark import Provenance
from regretta.tabular_data.catalog import open_table
from regretta.tabular_data.columns import TableError
from regretta.tabular_data.cutting import at_most_vertices, cut_table, rows_within
from regretta.tabular_data.spaces import NasBench101
from regretta.tabular_data.table import Table


def table_of(space, **changes):
    """Row r has accuracies 0.5 + r / 10,000 and the like: every value tells its row."""
    rows = np.arange(space.n_cells)
    accuracy = 0.5 + rows[:, None, None] / 10_000 + np.array([[0.0, 0.01], [0.02, 0.03]])
    return Table.from_arrays(
        "whole", space, (4, 108), validation_accuracy=accuracy, test_accuracy=accuracy - 0.1,
        training_seconds=1.0 + rows[:, None, None] + np.zeros((2, 2)), parameters=rows + 1,
        provenance=Provenance("a lab", "CC0", "the times", ("a note",)), **changes,
    )  # fmt: skip


@pytest.mark.parametrize(("small", "large"), [(2, 3), (2, 4), (3, 4), (4, 5), (3, 5)])
def test_every_cell_is_found_in_the_larger_space(small, large):
    few, many = NasBench101(small), NasBench101(large)
    rows = rows_within(few, many)
    assert len(set(rows.tolist())) == few.n_cells
    for row, there in enumerate(rows.tolist()):
        assert few.cell(row).module_hash() == many.cell(there).module_hash()
        assert many.cell(there).vertices <= small
    smaller = [row for row in range(many.n_cells) if many.cell(row).vertices <= small]
    assert sorted(rows.tolist()) == smaller  # and no other cell of the larger space is that small


def test_all_columns_come_along_by_cell():
    table = table_of(NasBench101(4, "B"))
    cut = at_most_vertices(table, 3, "cut")
    assert (cut.name, cut.space.name, cut.n_cells, cut.budgets) == (
        "cut",
        "nasbench101-3v/B",
        7,
        (4, 108),
    )
    assert set(cut.columns) == set(table.columns)
    for row in range(cut.n_cells):
        cell = cut.space.cell(row)
        there = table.space.row_of_cell(cell.matrix, cell.operations)
        for key, column in cut.columns.items():
            np.testing.assert_array_equal(column[row], table.columns[key][there])
            assert column.dtype == table.columns[key].dtype
    assert (
        cut.best_mean_test_error == cut.mean_test_error[:, -1].min()
    )  # of the cells that are left


def test_where_the_numbers_come_from_is_kept():
    table = table_of(NasBench101(4))
    cut = at_most_vertices(table, 3, "cut").provenance
    assert (cut.source, cut.licence, cut.reconstruction) == ("a lab", "CC0", "the times")
    expected = f"the cells of up to 3 vertices of table whole with checksum {table.checksum}"
    assert cut.notes == ("a note", expected)


def test_the_embedded_table_has_2_532_cells_and_91_of_up_to_4_vertices():
    table = open_table("digits101")
    assert (table.n_cells, at_most_vertices(table, 4, "small").n_cells) == (2_532, 91)


@pytest.mark.slow
def test_nasbench_mini_has_64_542_cells():
    few, many = NasBench101(6), NasBench101(7)
    rows = rows_within(few, many)
    assert len(np.unique(rows)) == few.n_cells == 64_542
    assert (np.diff(rows) > 0).all()  # rows of both ascend by module hash
    for row in range(0, few.n_cells, 500):
        assert few.cell(row).module_hash() == many.cell(int(rows[row])).module_hash()


def test_cells_of_5_vertices_within_those_of_7():
    few, many = NasBench101(5), NasBench101(7)
    rows = rows_within(few, many)
    assert len(np.unique(rows)) == 2_532
    assert (np.diff(rows) > 0).all()  # rows of both ascend by module hash


@pytest.mark.parametrize(
    ("vertices", "name", "said"),
    [
        (4, "cut", "up to 4 vertices and can be cut to 2 to 3, not to 4"),
        (1, "cut", "not to 1"),
        (3, "whole", "need another name than its own"),
        (3, "a/b", "letters, digits"),
    ],
)
def test_what_cannot_be_cut_is_one_line(vertices, name, said):
    with pytest.raises(TableError, match=said):
        at_most_vertices(table_of(NasBench101(4)), vertices, name)


def test_another_space_is_refused(grid_table):
    with pytest.raises(
        TableError, match="only NAS-Bench-101's cells are cut by vertices; table 'grid' has grid"
    ):
        at_most_vertices(grid_table, 3, "cut")


def test_missing_cells_stay_missing():
    table = table_of(NasBench101(4))
    columns = {key: np.array(column) for key, column in table.columns.items()}
    gone = table.space.row_of_cell(np.array([[0, 1], [0, 0]]), [])
    for key in ("validation_accuracy", "training_seconds", "test_accuracy"):
        columns[key][gone] = np.nan
    partial = Table.from_arrays("partial", table.space, table.budgets, partial=True, **columns)
    cut = at_most_vertices(partial, 3, "cut")
    assert cut.partial
    assert np.flatnonzero((cut.available == 0).all(axis=1)).tolist() == [
        cut.space.row_of_cell(np.array([[0, 1], [0, 0]]), [])
    ]


def test_an_altered_table_gets_no_new_checksum(tmp_path, monkeypatch):
    monkeypatch.setenv("REGRETTA_HOME", str(tmp_path / "home"))
    folder = table_of(NasBench101(3)).write(tmp_path / "whole")
    seconds = np.load(folder / "training_seconds.npy")
    seconds[0] += 1
    np.save(folder / "training_seconds.npy", seconds)
    with pytest.raises(TableError, match="column training_seconds does not match its checksum"):
        cut_table(str(folder), 2)
    assert not (tmp_path / "home" / "tables").exists()
