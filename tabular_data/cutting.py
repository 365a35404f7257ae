"""Cutting a NAS-Bench-101 table down to its smaller cells.

Ying et al. (2019, section 4) did so with NAS-Bench-Mini.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from regretta.tabular_data.benchmark import Provenance
from regretta.tabular_data.catalog import open_table
from regretta.tabular_data.columns import TableError
from regretta.tabular_data.importing import Imported
from regretta.tabular_data.spaces import NasBench101
from regretta.tabular_data.storage import user_tables
from regretta.tabular_data.table import Table


def rows_within(small: NasBench101, large: NasBench101) -> NDArray[np.int32]:
    """Row in the larger space of every cell of the smaller one: shape ``[small.n_cells]``.

    A cell's code names its edges; the interior vertices keep their places, and the output moves to
    the last one.
    """
    place = [*range(small.vertices - 1), large.vertices - 1]
    number = {
        entry: k for k, entry in enumerate(zip(*np.triu_indices(large.vertices, 1), strict=True))
    }
    code = small.index.cell_matrix
    moved = np.zeros_like(code)
    for k, (begin, end) in enumerate(zip(*np.triu_indices(small.vertices, 1), strict=True)):
        moved |= (code >> k & 1) << number[place[begin], place[end]]
    return large.index.find_rows(moved, small.index.cell_operations)


def at_most_vertices(table: Table, vertices: int, name: str) -> Table:
    """The cells of up to `vertices` vertices of a NAS-Bench-101 table, as a table of their own.

    All columns come along, and so do encoding, budgets, source, licence and reconstruction; a note
    names the table and its checksum. Its regret is taken from the best of the cells that are left.

    Parameters
    ----------
    table
        Of NAS-Bench-101's cells.
    vertices
        From 2 to one less than the table's own; 6 gives NAS-Bench-Mini, 64,542 cells.
    name
        The new table's name.

    Raises
    ------
    TableError
        If the table has another search space, `vertices` is out of range, or the name is the
        table's own or no name.
    """
    if not isinstance(table.space, NasBench101):
        raise TableError(
            f"only NAS-Bench-101's cells are cut by vertices; table {table.name!r} has"
            f" {table.space.name}"
        )
    largest = table.space.vertices
    if not 2 <= vertices < largest:
        raise TableError(
            f"table {table.name!r} has cells of up to {largest} vertices and can be cut to 2 to"
            f" {largest - 1}, not to {vertices}"
        )
    if name == table.name:
        raise TableError(f"the cells cut from table {name!r} need another name than its own")
    space = NasBench101(vertices, table.space.encoding, table.space.counting)
    rows = rows_within(space, table.space)
    origin = table.provenance
    note = (
        f"the cells of up to {vertices} vertices of table {table.name} with checksum"
        f" {table.checksum}"
    )
    return Table.from_arrays(
        name,
        space,
        table.budgets,
        **{key: column[rows] for key, column in table.columns.items()},
        provenance=Provenance(
            origin.source, origin.licence, origin.reconstruction, (*origin.notes, note)
        ),
        budget_unit=table.budget_unit,
        partial=table.partial,
        dataset=table.dataset,
        metric=table.metric,
        collection=f"{table.collection}-{vertices}v" if table.collection else "",
    )


def cut_table(table: str, vertices: int, name: str | None = None) -> Imported:
    """Cut a table to its smaller cells; afterwards the new one opens by its name.

    Nothing is left behind where it fails. A table of the same name is replaced once the new one is
    whole.

    Parameters
    ----------
    table
        Its name or folder.
    vertices
        As in `at_most_vertices`.
    name
        The new table's name; the old one's with ``-<vertices>`` after it where None.

    Raises
    ------
    TableError
        As `at_most_vertices`; if the table does not match its checksums, or the new one cannot be
        written or would take the old one's place.
    """
    whole = open_table(table)
    cut = at_most_vertices(whole, vertices, f"{whole.name}-{vertices}" if name is None else name)
    whole.verify()  # what was altered must not get a new checksum
    return Imported(cut, cut.write(user_tables() / cut.name))
