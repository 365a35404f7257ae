"""Properties of all of NAS-Bench-101's cells as graphs, computed for every row at once."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from regretta.tabular_data.spaces import NasBench101


def _entries(space: NasBench101) -> list[tuple[int, int]]:
    rows, columns = np.triu_indices(space.vertices, 1)
    return list(zip(rows.tolist(), columns.tolist(), strict=True))


def interior_size(space: NasBench101) -> NDArray[np.int64]:
    """Number of interior vertices of each cell: shape ``[cells]``."""
    code = space.index.cell_matrix.astype(np.int64)
    size = np.zeros(len(code), dtype=np.int64)
    for vertex in range(1, space.vertices - 1):
        mask = sum(1 << k for k, entry in enumerate(_entries(space)) if vertex in entry)
        size += (code & mask) != 0
    return size


def operation_digits(space: NasBench101) -> NDArray[np.int64]:
    """Operation of each interior slot as a label of the module hash, −1 where it is unused.

    Shape ``[cells, interior]``.
    """
    interior = space.vertices - 2
    digits = space.index.cell_operations.astype(np.int64)[:, None] // 3 ** np.arange(interior) % 3
    return np.where(np.arange(interior) < interior_size(space)[:, None], digits, -1)


def depth(space: NasBench101) -> NDArray[np.int64]:
    """Edges on the longest path from input to output: shape ``[cells]``."""
    code = space.index.cell_matrix.astype(np.int64)
    longest = np.full((len(code), space.vertices), -space.vertices)
    longest[:, 0] = 0
    for k, (begin, end) in sorted(enumerate(_entries(space)), key=lambda item: item[1][::-1]):
        there = (code >> k & 1).astype(bool)
        longest[:, end] = np.where(
            there, np.maximum(longest[:, end], longest[:, begin] + 1), longest[:, end]
        )
    return longest[:, -1]


def width(space: NasBench101) -> NDArray[np.int64]:
    """Largest directed cut: most edges from a set of vertices to its complement, none leading back.

    The set holds the input and not the output; an edge from input to output, which crosses every
    such cut, counts only in the cell that has no other. The paper says "maximum directed cut" and
    no more, and its widths end at 5, as these do; counting that edge always gives 90 cells of width
    6, and cuts over which edges may lead back give 29,250. Shape ``[cells]``.
    """
    code = space.index.cell_matrix.astype(np.int64)
    entries, direct = _entries(space), (0, space.vertices - 1)
    largest = np.ones(len(code), dtype=np.int64)
    for inner in range(1 << space.vertices - 2):
        side = [True, *(bool(inner >> v & 1) for v in range(space.vertices - 2)), False]
        forth = sum(
            1 << k
            for k, (i, j) in enumerate(entries)
            if side[i] and not side[j] and (i, j) != direct
        )
        back = sum(1 << k for k, (i, j) in enumerate(entries) if side[j] and not side[i])
        largest = np.maximum(
            largest, np.where((code & back) == 0, np.bitwise_count(code & forth), 0)
        )
    return largest


def automorphisms(space: NasBench101, row: int) -> int:
    """Number of ways to rename a cell's interior vertices that leave it as it is, at least 1."""
    code, digits = int(space.index.cell_matrix[row]), operation_digits(space)[row]
    edges = {entry for k, entry in enumerate(_entries(space)) if code >> k & 1}
    used, last = np.flatnonzero(digits >= 0) + 1, space.vertices - 1
    count = 0
    for order in permutations(used.tolist()):
        place = {0: 0, last: last, **dict(zip(used.tolist(), order, strict=True))}
        same = all(digits[old - 1] == digits[new - 1] for old, new in zip(used, order, strict=True))
        count += same and {(place[i], place[j]) for i, j in edges} == edges
    return count


def replacements(
    space: NasBench101, old: int, new: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int32]]]:
    """Rows of cells before and after one vertex's operation is replaced, an interior slot at a
    time.

    Parameters
    ----------
    old, new
        Labels of the module hash: 0 conv3x3, 1 conv1x1, 2 maxpool3x3.
    """
    digits = operation_digits(space)
    for slot in range(space.vertices - 2):
        before = np.flatnonzero(digits[:, slot] == old)
        codes = space.index.cell_operations[before].astype(np.int64) + (new - old) * 3**slot
        yield before, space.index.find_rows(space.index.cell_matrix[before], codes)


def edit_distance(space: NasBench101, row: int) -> NDArray[np.int64]:
    """Edges and operations that differ between every cell and one of them: shape ``[cells]``.

    The least over all ways to match the interior vertices of the two; an operation counts where
    both cells use the vertex, since an encoding carries one for unused vertices too.
    """
    entries, last = _entries(space), space.vertices - 1
    digits, codes = operation_digits(space), space.index.cell_matrix.astype(np.int64)
    square = np.zeros(len(codes), dtype=np.int64)  # a bit for every ordered pair of vertices
    for k, (begin, end) in enumerate(entries):
        square |= (codes >> k & 1) << (space.vertices * begin + end)
    edges = [entry for k, entry in enumerate(entries) if int(codes[row]) >> k & 1]
    least = np.full(len(codes), len(entries) + last, dtype=np.int64)
    for order in permutations(range(1, last)):
        place = (0, *order, last)
        code = sum(1 << (space.vertices * place[begin] + place[end]) for begin, end in edges)
        operations = np.full(last - 1, -1)
        operations[np.array(order) - 1] = digits[row]
        differs = (digits != operations) & (digits >= 0) & (operations >= 0)
        least = np.minimum(least, np.bitwise_count(square ^ code) + differs.sum(axis=1))
    return least
