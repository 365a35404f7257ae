"""Asking a table: what was measured of an architecture, in every form in which people write one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from regretta.tabular_data.answer import Answer
from regretta.tabular_data.columns import TableError
from regretta.tabular_data.errors import shown
from regretta.tabular_data.spaces.naming import row_of_name
from regretta.tabular_data.spaces.parameters import as_number

if TYPE_CHECKING:
    from regretta.tabular_data.table import Table


def query(
    table: Table,
    architecture: object = None,
    budget: float | None = None,
    repeat: int | None = None,
    *,
    row: int | None = None,
    index: int | None = None,
    hash: str | None = None,
    naslib: Sequence[int] | None = None,
    configuration: Sequence[float] | NDArray[Any] | None = None,
) -> Answer:
    """What the table has of one architecture.

    Parameters
    ----------
    architecture
        As people write it: an architecture string (NAS-Bench-201), a pair of matrix and operations,
        with or without ``input`` and ``output``, or a module hash (NAS-Bench-101), an object or
        mapping with these, a mapping or `ConfigSpace.Configuration` of parameters, JSON of any of
        them, or a text such as ``"index 5"``. See `Space.row_of` and docs/query.md.
    budget
        One of the table's budgets; None for all.
    repeat
        One repeat, from 0 on; None for all.
    row, index, hash, naslib, configuration
        Instead of an architecture, where it could be taken for something else: the table's row, the
        official index of NAS-Bench-201, a module hash, NASLib's indices, a configuration's vector.

    Returns
    -------
    Answer
        Values, ranks, sizes, where they come from.

    Raises
    ------
    SpaceError
        If it is no architecture of the table's space; the line says what would be.
    BenchmarkError
        If there is no such budget or repeat, or the cell was not measured.
    """
    alone = index is None and hash is None and naslib is None and configuration is None
    if alone and architecture is None and type(row) is int and 0 <= row < table.space.n_cells:
        found = row
    elif alone and row is None and architecture is not None:
        found = table.space.row_of(architecture)
    else:
        found = _row_of_one(
            table,
            architecture,
            row=row,
            index=index,
            hash=hash,
            naslib=naslib,
            configuration=configuration,
        )
    if table.partial and not table.available[found].any():
        raise TableError(
            f"table {table.name!r} has no measurement of row {found}, {table.space.describe(found)}"
        )
    if budget is not None:
        budget = table.budgets[table.budget_index(budget)]
    if repeat is not None:
        repeat = _checked_repeat(table, found, budget, repeat)
    return Answer(table, found, budget, repeat)


def _row_of_one(table: Table, architecture: object, **names: object) -> int:
    given = {kind: name for kind, name in names.items() if name is not None}
    if architecture is not None or len(given) != 1:
        raise TableError(
            "a query names one architecture: give it first, or one of"
            f" {', '.join(f'{kind}=' for kind in table.space.naming)}"
        )
    ((kind, name),) = given.items()
    return row_of_name(table.space, kind, name)


def _checked_repeat(table: Table, row: int, budget: float | None, repeat: object) -> int:
    number = as_number(repeat)
    if number is None or not number.is_integer() or not 0 <= number < table.repeats:
        raise TableError(
            f"table {table.name!r} has the repeats 0 to {table.repeats - 1}, and none is"
            f" {shown(repeat, 40)}"
        )
    column = table.columns["validation_accuracy"][row]
    measured = ~np.isnan(column if budget is None else column[[table.budget_index(budget)]])
    if not measured[:, int(number)].any():
        there = ", ".join(map(str, np.flatnonzero(measured.any(axis=0)).tolist()))
        at = "" if budget is None else f" at {budget:.12g} {table.budget_unit}"
        raise TableError(
            f"repeat {int(number)} of row {row} of table {table.name!r} was not measured{at};"
            f" there are {there}"
        )
    return int(number)
