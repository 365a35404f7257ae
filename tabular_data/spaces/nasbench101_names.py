"""What NAS-Bench-101's cells are called elsewhere: module hashes, NASLib's tuples, our own text."""

from __future__ import annotations

import re
from bisect import bisect_left
from functools import cache
from itertools import combinations, product
from typing import Any

import numpy as np

from regretta.tabular_data.errors import shown
from regretta.tabular_data.spaces.nasbench101_graph import INPUT, OPERATIONS, OUTPUT
from regretta.tabular_data.spaces.nasbench101_index import CellIndex, cell_index
from regretta.tabular_data.spaces.parameters import SpaceError, as_number

NASLIB_OPERATIONS = (INPUT, OUTPUT, OPERATIONS[2], OPERATIONS[1], OPERATIONS[0])
"""NASLib's numbers of what a vertex does.

automl/NASLib@10b52d6e, ``naslib/search_spaces/nasbench101/conversions.py``, ``all_ops``.
"""

_LARGEST = 7
_LABELS = {operation: label for label, operation in enumerate(OPERATIONS)}
_HASH = re.compile(r"[0-9a-f]{32}")
_HEXADECIMAL = re.compile(r"[0-9a-f]{16,}", re.IGNORECASE)
_DESCRIBED = re.compile(r"([01]+(?:/[01]+)+)(?:\s+([\w,-]+))?")

Spelled = tuple[list[list[Any]], list[str]]
"""A matrix, and the operations of its vertices."""


def is_hash(text: str) -> bool:
    """Whether a text is meant as a module hash."""
    return _HEXADECIMAL.fullmatch(text) is not None


def row_of_hash(index: CellIndex, module_hash: object) -> int:
    """Table row of a published module hash, by halving: rows ascend by hash.

    Raises
    ------
    SpaceError
        If it is no hash, or that of no cell of the index.
    """
    text = str(module_hash).strip().lower()
    if not isinstance(module_hash, str) or not _HASH.fullmatch(text):
        raise SpaceError(
            f"a module hash of NAS-Bench-101 has 32 hexadecimal digits, got {shown(module_hash)}"
        )
    row = bisect_left(range(index.n_cells), text, key=lambda k: index.cell(k).module_hash())
    if row < index.n_cells and index.cell(row).module_hash() == text:
        return row
    if index.vertices == _LARGEST:
        raise SpaceError(f"no cell of NAS-Bench-101 has the module hash {text}")
    larger = cell_index(_LARGEST)
    cell = larger.cell(row_of_hash(larger, text))
    raise SpaceError(
        f"the cell with module hash {text} has {cell.vertices} vertices, and this space has cells"
        f" of up to {index.vertices}"
    )


def quick_row(index: CellIndex, matrix: Any, operations: Any) -> int:
    """Table row of a cell in its commonest forms, a few microseconds; −1 for all else.

    Parameters
    ----------
    index
        Of the rule by which edges are counted.
    matrix
        An array or nested lists of zeros and ones.
    operations
        A list or tuple of names.
    """
    lines = matrix.tolist() if type(matrix) is np.ndarray else matrix
    if type(operations) not in (list, tuple) or type(lines) not in (list, tuple):
        return -1
    n = len(lines)
    if not 2 <= n <= index.vertices:
        return -1
    code = labels = 0
    try:
        if len(operations) == n and operations[0] == INPUT and operations[-1] == OUTPUT:
            operations = operations[1:-1]
        if len(operations) != n - 2:
            return -1
        for known, line in zip(_lines(index.vertices, n), lines, strict=True):
            if type(line) not in (list, tuple):
                return -1
            code |= known[bytes(line)]
        for operation in reversed(operations):
            labels = labels * 3 + _LABELS[operation]
    except (KeyError, TypeError, ValueError):
        return -1
    return index.find_row(code, labels)


@cache
def _lines(vertices: int, n: int) -> tuple[dict[bytes, int], ...]:
    """For each line of an upper-triangular matrix of `n` vertices: line → its part of the code."""
    number = {edge: k for k, edge in enumerate(combinations(range(vertices), 2))}
    lines = []
    for i in range(n):
        bits = [1 << number[i, vertices - 1 if j == n - 1 else j] for j in range(i + 1, n)]
        codes = {}
        for line in product((0, 1), repeat=n - 1 - i):
            part = sum(bit for bit, one in zip(bits, line, strict=True) if one)
            codes[bytes((*[0] * (i + 1), *line))] = part
        lines.append(codes)
    return tuple(lines)


def cell_of_naslib(numbers: Any) -> Spelled:
    """The cell of NASLib's tuple: the matrix row by row, then a number for each vertex.

    Raises
    ------
    SpaceError
        If it is no such tuple; whether it is a cell is for `NasBench101.row_of_cell` to say.
    """
    listed = numbers.tolist() if isinstance(numbers, np.ndarray) else numbers
    given = list(listed) if isinstance(listed, list | tuple) else []
    n = int(len(given) ** 0.5)
    labels = given[n * n :]
    known = all(as_number(label) in range(len(NASLIB_OPERATIONS)) for label in labels)
    if len(given) < 6 or len(labels) != n or not known:
        raise SpaceError(
            "NASLib's tuple of a NAS-Bench-101 cell has n·n entries of the matrix and n numbers 0"
            f" to {len(NASLIB_OPERATIONS) - 1} of what the vertices do, got {shown(numbers, 80)}"
        )
    matrix = [given[start : start + n] for start in range(0, n * n, n)]
    return matrix, [NASLIB_OPERATIONS[int(k)] for k in labels]


def cell_of_text(text: str) -> Spelled | None:
    """The cell of what `Cell` prints, ``010/001/000 maxpool3x3``; None for another text."""
    match = _DESCRIBED.fullmatch(text)
    if match is None:
        return None
    matrix: list[list[Any]] = [[int(bit) for bit in line] for line in match[1].split("/")]
    return matrix, match[2].split(",") if match[2] else []
