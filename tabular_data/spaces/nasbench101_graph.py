"""One NAS-Bench-101 cell as a labelled graph: pruning and the module hash, the slow and plain way.

Behaviour of google-research/nasbench (``model_spec.py``, ``graph_util.py``). The search looks cells
up through `nasbench101_index`; this module is what that index is checked against.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import md5
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from regretta.tabular_data.errors import shown
from regretta.tabular_data.names import unknown
from regretta.tabular_data.spaces.parameters import SpaceError

OPERATIONS = ("conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3")
"""Operations in the order of the module hash's labels 0, 1, 2."""

INPUT, OUTPUT = "input", "output"


@dataclass(frozen=True)
class Cell:
    """A pruned cell: every vertex lies on a path from the input (first) to the output (last).

    Attributes
    ----------
    matrix
        Upper-triangular 0/1 adjacency matrix, shape ``[vertices, vertices]``, int8.
    operations
        Operations of the interior vertices, ``vertices - 2`` of them.
    """

    matrix: NDArray[np.int8]
    operations: tuple[str, ...]

    @property
    def vertices(self) -> int:
        """Number of vertices, input and output included."""
        return len(self.matrix)

    @property
    def edges(self) -> int:
        """Number of edges."""
        return int(self.matrix.sum())

    def module_hash(self) -> str:
        """The MD5 module hash, equal for isomorphic cells (``graph_util.hash_module``)."""
        matrix = self.matrix.tolist()
        n = len(matrix)
        labels = [-1, *(OPERATIONS.index(op) for op in self.operations), -2]
        columns = list(zip(*matrix, strict=True))
        hashes = [_md5(str((sum(matrix[v]), sum(columns[v]), labels[v]))) for v in range(n)]
        for _ in range(n):
            hashes = [
                _md5(
                    "".join(sorted(hashes[w] for w in range(n) if columns[v][w]))
                    + "|"
                    + "".join(sorted(hashes[w] for w in range(n) if matrix[v][w]))
                    + "|"
                    + hashes[v]
                )
                for v in range(n)
            ]
        return _md5(str(sorted(hashes)))

    def words(self) -> str:
        """What each vertex does with which others."""
        vertices = []
        for v in range(1, self.vertices):
            sources = ", ".join(str(w or INPUT) for w in np.flatnonzero(self.matrix[:, v]).tolist())
            last = v == self.vertices - 1
            vertices.append(
                f"{OUTPUT} = {sources}" if last else f"{v} = {self.operations[v - 1]}({sources})"
            )
        return "; ".join(vertices)

    def __str__(self) -> str:
        rows = "/".join("".join(str(bit) for bit in row) for row in self.matrix.tolist())
        return f"{rows} {','.join(self.operations)}"


def prune(matrix: ArrayLike, operations: Sequence[str]) -> Cell | None:
    """The cell left when vertices off every input–output path are removed.

    Parameters
    ----------
    matrix
        Adjacency matrix, shape ``[vertices, vertices]``.
    operations
        Operations of the interior vertices, ``vertices - 2`` of them; or of all vertices, with
        ``input`` and ``output`` at the ends.

    Returns
    -------
    Cell or None
        None where the output cannot be reached from the input.

    Raises
    ------
    SpaceError
        If the matrix is not upper triangular with entries 0 and 1, or an operation is unknown, or
        there are too few or too many.
    """
    edges, names = checked_cell(matrix, operations)
    n = len(edges)
    reached, leads = {0}, {n - 1}
    for i in range(n):
        reached |= {j for j in range(n) if edges[i, j] and i in reached}
    for j in reversed(range(n)):
        leads |= {i for i in range(n) if edges[i, j] and j in leads}
    kept = sorted(reached & leads)
    if 0 not in kept or n - 1 not in kept:
        return None
    return Cell(
        np.ascontiguousarray(edges[np.ix_(kept, kept)], dtype=np.int8),
        tuple(names[v - 1] for v in kept[1:-1]),
    )


def checked_cell(
    matrix: ArrayLike, operations: Sequence[str]
) -> tuple[NDArray[np.int8], tuple[str, ...]]:
    """A matrix and the operations of its interior vertices, as people give them.

    Raises
    ------
    SpaceError
        As `prune`.
    """
    try:
        given = np.asarray(matrix)
    except ValueError:
        given = np.empty(0)
    n = len(given) if given.ndim == 2 else 0
    if n < 2 or np.ma.is_masked(matrix) or not _is_upper(given):
        hint = "; this one's transpose is" if n > 1 and _is_upper(given.T) else ""
        raise SpaceError(
            f"a cell's matrix is square and upper triangular, with entries 0 and 1{hint}"
        )
    listed = operations.tolist() if isinstance(operations, np.ndarray) else operations
    if isinstance(listed, str | bytes) or not isinstance(listed, Sequence):
        raise SpaceError(f"a cell's operations are a list of names, got {shown(operations, 80)}")
    names = []
    for name in listed:
        if not isinstance(name, str):
            raise SpaceError(f"unknown operation {shown(name)}: known are {', '.join(OPERATIONS)}")
        names.append(str(name))
    if len(names) == n and (names[0], names[-1]) == (INPUT, OUTPUT):
        names = names[1:-1]
    if len(names) != n - 2:
        raise SpaceError(
            f"a cell of {n} vertices has {n - 2} operations (or {n} with {INPUT} and {OUTPUT}), got"
            f" {len(names)}"
        )
    for name in names:
        if name not in OPERATIONS:
            raise SpaceError(unknown("operation", name[:60], OPERATIONS))
    return given.astype(np.int8), tuple(names)


def _is_upper(matrix: NDArray[Any]) -> bool:
    return bool(
        matrix.shape == (len(matrix), len(matrix))
        and matrix.dtype.kind in "biuf"
        and ((matrix == 0) | (matrix == 1)).all()
        and not np.tril(matrix).any()
    )


def _md5(text: str) -> str:
    return md5(text.encode(), usedforsecurity=False).hexdigest()
