"""Points of NAS-Bench-101's raw space: how many spell each cell, and how near all of them are to
some.

A point is an upper-triangular matrix with an operation for each interior vertex, as encoding A has
it; an edit flips an entry or changes an operation. Most points of 7 vertices spell no cell:
139,359,042 of 2²¹ · 3⁵ do.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from regretta.tabular_data.spaces import NasBench101
from regretta.tabular_data.spaces.nasbench101_index import MAX_EDGES

_BLOCK_BITS = 12
_BLOCK_COLUMNS = 2048


def n_points(space: NasBench101) -> int:
    """Number of points, valid or not."""
    return int(2**space.n_entries * 3 ** (space.vertices - 2))


def points_of_cells(space: NasBench101) -> NDArray[np.int64]:
    """Number of points that spell each cell: shape ``[cells]``.

    Unused vertices count in every possible way.
    """
    index = space.index
    placements, codes = index.operations.shape
    classes = len(index.row) // codes
    placed = np.bincount(
        index.graph * np.int64(placements) + index.slots, minlength=classes * placements
    )
    landed = np.bincount(
        (np.arange(placements)[:, None] * codes + index.operations).ravel(),
        minlength=placements * codes,
    )
    points = placed.reshape(classes, -1).astype(float) @ landed.reshape(
        placements, -1
    )  # exact: all below 2⁵³
    valid = index.row >= 0
    return np.bincount(index.row[valid], points.ravel()[valid], index.n_cells).astype(np.int64)


def volume(
    space: NasBench101, rows: NDArray[np.integer]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Number of points at each distance from the nearest point that spells one of some cells.

    Exact, one parameter after the other: the distance over the first k parameters together is the
    least of a point's own and its neighbours' along the k-th, plus one. Takes a byte a point, 510
    MB at 7 vertices.

    Parameters
    ----------
    rows
        The cells, one at least.

    Returns
    -------
    everything, few, valid
        All points, those with no more edges than a cell may have, and those that spell a cell:
        shape ``[parameters + 1]``, from distance 0.
    """
    index, interior = space.index, space.vertices - 2
    codes, farthest = index.operations.shape[1], space.n_entries + interior
    chosen = np.zeros(index.n_cells, dtype=bool)
    chosen[rows] = True
    matrices = np.flatnonzero(np.isin(index.graph, index.graph[index.cell_matrix[rows]]))
    spelled = index.find_rows(np.repeat(matrices, codes), np.tile(np.arange(codes), len(matrices)))
    near = np.where(chosen[spelled], 0, farthest + 1).astype(np.uint8)
    for slot in range(interior):
        choices = near.reshape(-1, 3, 3**slot)
        np.minimum(choices, choices.min(axis=1, keepdims=True) + 1, out=choices)
    distance = np.full((len(index.graph), codes), farthest + 1, dtype=np.uint8)
    distance[matrices] = near.reshape(-1, codes)

    # In blocks that stay in the processor's cache: entries of low bits lie together, those of high
    # bits far apart.
    low = min(space.n_entries, _BLOCK_BITS)
    high = space.n_entries - low
    blocks = np.split(distance, 1 << high)
    for block in blocks:
        _flip_entries(block, low)
    far_apart = distance.reshape(1 << high, -1)
    for start in range(0, far_apart.shape[1], _BLOCK_COLUMNS):
        _flip_entries(far_apart[:, start : start + _BLOCK_COLUMNS], high)

    sparse = np.bitwise_count(np.arange(len(index.graph))) <= MAX_EDGES
    counts = np.zeros((3, farthest + 1), dtype=np.int64)
    for block, graph, rare in zip(
        *(blocks, np.split(index.graph, 1 << high), np.split(sparse, 1 << high)), strict=True
    ):
        for count, points in zip(counts, (block, block[rare], block[graph > 0]), strict=True):
            count += np.bincount(points.ravel(), minlength=farthest + 1)
    everything, few, valid = counts
    return everything, few, valid


def _flip_entries(distance: NDArray[np.uint8], bits: int) -> None:
    """Take the flips of matrix entries into account, in place.

    Shape ``[2**bits, n]``: one bit of the row an entry.
    """
    for bit in range(bits):
        pairs = distance.reshape(-1, 2, 1 << bit, distance.shape[1])
        without, with_ = pairs[:, 0], pairs[:, 1]
        np.minimum(without, with_ + 1, out=without)
        np.minimum(with_, without + 1, out=with_)
