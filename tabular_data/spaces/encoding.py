"""Cells as vectors for predictors: one-hot adjacency, paths.

White et al., "A Study on Encodings for Neural Architecture Search", NeurIPS 2020, section 3; paths
are White et al., "BANANAS", AAAI 2021, section 4. Columns come in the order of the authors' code
(naszilla/naszilla, ``nas_bench_101/cell_101.py``, ``nas_bench_201/cell_201.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

Encoder = Callable[[NDArray[np.int64]], NDArray[Any]]
"""Rows → vectors: shape ``[n]`` → ``[n, features]``."""

NASBENCH201_OPERATIONS = (
    "avg_pool_3x3",
    "nor_conv_1x1",
    "nor_conv_3x3",
    "none",
    "skip_connect",
)
"""Order of the operations in naszilla's paths of NAS-Bench-201."""

_NASBENCH201_PATHS = ((3,), (0, 4), (1, 5), (0, 2, 5))
"""Edges of each way from input to output, in the order of the architecture string."""


def one_hot(choices: NDArray[np.integer], sizes: Sequence[int]) -> NDArray[np.float32]:
    """Each choice as a block of zeros with a single one: shape ``[n, dim]`` → ``[n, sum(sizes)]``.

    Parameters
    ----------
    choices
        Index of the choice of each parameter.
    sizes
        Number of choices of each parameter.
    """
    encoded = np.zeros((len(choices), sum(sizes)), dtype=np.float32)
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.intp)
    np.put_along_axis(encoded, choices.astype(np.intp) + starts, 1, axis=1)
    return encoded


def nasbench201_paths(operations: NDArray[np.integer], names: Sequence[str]) -> NDArray[np.float32]:
    """Which sequences of operations lead from input to output: shape ``[n, 6]`` → ``[n, 155]``.

    Columns: 5 paths of one operation, then 25 of two, then 125 of three; within each the first
    operation counts fastest. ``none`` is an operation of a path like others, as in naszilla.

    Parameters
    ----------
    operations
        Operation of each edge, in the order of the architecture string.
    names
        What the operations are called.
    """
    number = np.array([NASBENCH201_OPERATIONS.index(name) for name in names])[operations]
    base = len(NASBENCH201_OPERATIONS)
    first = {1: 0, 2: base, 3: base + base**2}
    encoded = np.zeros((len(operations), base + base**2 + base**3), dtype=np.float32)
    rows = np.arange(len(operations))
    for path in _NASBENCH201_PATHS:
        column = sum(number[:, edge] * base**place for place, edge in enumerate(path))
        encoded[rows, first[len(path)] + column] = 1
    return encoded


def nasbench101_adjacency(
    matrices: NDArray[np.integer], operations: NDArray[np.integer], vertices: int
) -> NDArray[np.float32]:
    """Upper triangle row by row, then the operation of each interior vertex.

    Shape ``[n, vertices·(vertices − 1)/2 + 3·(vertices − 2)]``: 36 columns for 7 vertices. The
    block of a vertex that the cell does not have is zero.

    Parameters
    ----------
    matrices
        Codes of `nasbench101_index`, the cell's interior vertices first: shape ``[n]``.
    operations
        Codes of the operations: shape ``[n]``.
    vertices
        Largest number of vertices.
    """
    entries = vertices * (vertices - 1) // 2
    edges = (matrices[:, None] >> np.arange(entries) & 1).astype(np.float32)
    digits = operations[:, None].astype(np.int64) // 3 ** np.arange(vertices - 2) % 3
    blocks = one_hot(digits, [3] * (vertices - 2)) if vertices > 2 else edges[:, :0]
    used = (
        np.stack([matrices & _touching(v, vertices) != 0 for v in range(1, vertices - 1)], axis=1)
        if vertices > 2
        else np.zeros((len(matrices), 0), dtype=bool)
    )
    return np.concatenate([edges, blocks * np.repeat(used, 3, axis=1)], axis=1)


def nasbench101_paths(
    matrices: NDArray[np.integer], operations: NDArray[np.integer], vertices: int
) -> NDArray[np.float32]:
    """Which sequences of operations lead from input to output.

    Shape ``[n, 3⁰ + … + 3^(vertices − 2)]``: 364 columns for 7 vertices. Column of a path is
    Σ (operation + 1)·3^place, operations in the order of the module hash (3×3, 1×1, pooling).

    Parameters
    ----------
    matrices, operations, vertices
        As `nasbench101_adjacency`.
    """
    interior = vertices - 2
    encoded = np.zeros(
        (len(matrices), sum(3**length for length in range(interior + 1))), dtype=np.float32
    )
    bit = {edge: 1 << k for k, edge in enumerate(combinations(range(vertices), 2))}
    digits = operations[:, None].astype(np.int64) // 3 ** np.arange(interior) % 3
    for length in range(interior + 1):
        for path in combinations(range(1, vertices - 1), length):
            mask = sum(bit[edge] for edge in pairwise((0, *path, vertices - 1)))
            present = np.flatnonzero(matrices & mask == mask)
            places = digits[present][:, [v - 1 for v in path]] + 1
            encoded[present, places @ 3 ** np.arange(length)] = 1
    return encoded


def _touching(vertex: int, vertices: int) -> int:
    """The edges of a vertex, as a matrix code."""
    edges = enumerate(combinations(range(vertices), 2))
    return sum(1 << k for k, edge in edges if vertex in edge)
