"""The perfect index of NAS-Bench-101: from any matrix and operations to the table row in a few
array reads.

A matrix is named by its *code* (bit k = k-th entry of ``np.triu_indices(vertices, 1)``) and
operations by a base-3 number (first interior vertex lowest). Every matrix code is resolved once,
ahead of time, to an unlabelled graph class and to the slot of that class into which each interior
vertex falls; every pair of class and operations code to a row. A lookup then neither prunes nor
hashes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from itertools import permutations, product
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from regretta.tabular_data import storage
from regretta.tabular_data.spaces.nasbench101_graph import OPERATIONS, Cell

MAX_EDGES = 9
"""Limit on edges; whether they are counted before or after pruning is a rule of its own."""

Counting = Literal["before", "after"]
"""When a matrix's edges are counted: before pruning, or after it.

Before, as the tabular benchmark does (automl/nas_benchmarks, ``nas_cifar10.py``): edges among
vertices that pruning removes count too. After, as NAS-Bench-101's own ``api.query``, ``is_valid``
and notebook do (google-research/nasbench, ``api.py``).
"""

_ARRAYS = ("graph", "graph_before", "slots", "operations", "row", "cell_matrix", "cell_operations")
_VERSION = 2
_SHIPPED_RANKS = Path(__file__).with_name("nasbench101_ranks.bin")
_RANK_BITS = 19

Edges = list[tuple[int, int]]


@dataclass(frozen=True)
class CellIndex:
    """Lookup tables of all cells of up to `vertices` vertices and 9 edges; rows ascend by module
    hash.

    Attributes
    ----------
    vertices
        Largest number of vertices, input and output included.
    graph
        Matrix code → graph class, shape ``[2**edges]``; 0 is the class of all invalid matrices.
    slots
        Matrix code → way of placing its interior vertices in the class's slots, shape
        ``[2**edges]``.
    operations
        (Placement, operations code) → operations code in the class's slots, shape ``[placements,
        3**interior]``.
    row
        (Class, operations code in slots) → row, flattened: shape ``[classes * 3**interior]``; −1
        for class 0.
    cell_matrix, cell_operations
        Row → the cell's matrix code and operations code, shape ``[n_cells]``; the cell's interior
        vertices come first and its output is the last of all `vertices`.
    """

    vertices: int
    graph: NDArray[np.uint16]
    slots: NDArray[np.uint16]
    operations: NDArray[np.uint8]
    row: NDArray[np.int32]
    cell_matrix: NDArray[np.int32]
    cell_operations: NDArray[np.uint8]

    @property
    def n_cells(self) -> int:
        """Number of unique cells."""
        return len(self.cell_matrix)

    def find_rows(
        self, matrix_code: NDArray[Any], operations_code: NDArray[Any]
    ) -> NDArray[np.int32]:
        """Rows of many cells, −1 where a matrix is invalid; shapes ``[n]``, ``[n]`` → ``[n]``."""
        size = self.operations.shape[1]
        slots = np.multiply(self.slots.take(matrix_code), size, dtype=np.int32)
        placed = self.operations.take(slots + operations_code)
        graph = np.multiply(self.graph.take(matrix_code), size, dtype=np.int32)
        found: NDArray[np.int32] = self.row.take(graph + placed)
        return found

    def find_row(self, matrix_code: int, operations_code: int) -> int:
        """Row of one cell, −1 where the matrix is invalid."""
        graph, slots, operations, row = self._views
        size = self.operations.shape[1]
        placed = operations[slots[matrix_code] * size + operations_code]
        found: int = row[graph[matrix_code] * size + placed]
        return found

    @cached_property
    def _views(self) -> tuple[memoryview[int], ...]:
        """The arrays of a look-up as Python reads one entry of them quickest."""
        arrays: tuple[Any, ...] = (self.graph, self.slots, self.operations, self.row)
        return tuple(memoryview(array.reshape(-1)) for array in arrays)

    def cell(self, row: int) -> Cell:
        """The pruned cell of a row."""
        matrix = np.zeros((self.vertices, self.vertices), dtype=np.int8)
        edges = np.triu_indices(self.vertices, 1)
        matrix[edges] = int(self.cell_matrix[row]) >> np.arange(len(edges[0])) & 1
        interior = np.flatnonzero(matrix[1:-1].any(axis=1)) + 1
        kept = [0, *interior.tolist(), self.vertices - 1]
        code = int(self.cell_operations[row])
        return Cell(
            np.ascontiguousarray(matrix[np.ix_(kept, kept)]),
            tuple(OPERATIONS[code // 3**slot % 3] for slot in range(len(interior))),
        )


@cache
def cell_index(vertices: int, counting: Counting = "before") -> CellIndex:
    """The index for cells of up to `vertices` (2 to 7) vertices.

    It is built once a machine and then mapped from disk. The cells and their rows are the same
    under both rules of `counting`; what differs is which matrices mean one.
    """
    arrays = dict(_arrays(vertices))
    before = arrays.pop("graph_before")
    return CellIndex(vertices, **arrays | ({"graph": before} if counting == "before" else {}))


@cache
def _arrays(vertices: int) -> dict[str, NDArray[Any]]:
    def build() -> dict[str, NDArray[Any]]:
        arrays = _build(vertices)
        graph = arrays["graph"]
        few = np.bitwise_count(np.arange(len(graph), dtype=np.uint32)) <= MAX_EDGES
        return arrays | {"graph_before": np.where(few, graph, np.uint16(0))}

    return storage.cached_arrays(f"nasbench101-v{vertices}-{_VERSION}", _ARRAYS, build)


def _build(vertices: int, by_hash: bool = True) -> dict[str, NDArray[Any]]:
    """All arrays of the index, from the space's definition; rows unsorted where not `by_hash`."""
    if not 2 <= vertices <= 7:
        raise ValueError(f"NAS-Bench-101 cells have 2 to 7 vertices, not {vertices}")
    interior = vertices - 2
    edges = list(zip(*(axis.tolist() for axis in np.triu_indices(vertices, 1)), strict=True))
    codes = np.arange(1 << len(edges), dtype=np.int32)
    kept = _kept_interior(codes, edges, vertices)
    valid = np.flatnonzero(kept >= 0).astype(np.int32)

    # Every valid matrix, its kept vertices moved to the first slots: the distinct results are few.
    compact = np.empty(len(valid), dtype=np.int32)
    for mask in range(1 << interior):
        members = kept[valid] == mask
        target = {0: 0, vertices - 1: vertices - 1}
        target |= {v + 1: k + 1 for k, v in enumerate(_bits(mask))}
        compact[members] = _relabel(valid[members], edges, target)
    distinct, which = np.unique(compact, return_inverse=True)

    # Canonical form: the least code over all orders of the interior that keep the matrix upper
    # triangular.
    best = distinct.copy()
    order = np.zeros(len(distinct), dtype=np.int16)
    orders = list(permutations(range(interior)))
    size = _interior_size(distinct, edges, vertices)
    for number, perm in enumerate(orders):
        moved, legal = _permute(distinct, size, edges, perm)
        better = legal & (moved < best)
        best[better] = moved[better]
        order[better] = number
    classes, class_of = np.unique(best, return_inverse=True)

    # A placement says, for each interior vertex of the original matrix, its slot or that it was
    # pruned.
    placements: dict[tuple[int, ...], int] = {}
    slots_of: dict[tuple[int, int], int] = {}
    for mask, number in product(range(1 << interior), range(len(orders))):
        slots = [-1] * interior
        for k, v in enumerate(_bits(mask)):
            slots[v] = orders[number][k]
        slots_of[mask, number] = placements.setdefault(tuple(slots), len(placements))
    lookup = np.array(
        [[slots_of[m, p] for p in range(len(orders))] for m in range(1 << interior)],
        dtype=np.uint16,
    )
    graph = np.zeros(len(codes), dtype=np.uint16)
    graph[valid] = class_of[which] + 1
    slots_array = np.zeros(len(codes), dtype=np.uint16)
    slots_array[valid] = lookup[kept[valid], order[which]]
    digits = np.arange(3**interior)[:, None] // 3 ** np.arange(interior) % 3
    operations = np.array(
        [
            sum(
                (digits[:, v] * 3**s for v, s in enumerate(slots) if s >= 0),
                np.zeros(len(digits), int),
            )
            for slots in placements
        ],
        dtype=np.uint8,
    )

    # A cell is an orbit of operations under the class's automorphisms; its least member stands for
    # it.
    least = np.broadcast_to(np.arange(3**interior), (len(classes), 3**interior)).copy()
    size = _interior_size(classes, edges, vertices)
    least[np.arange(3**interior) >= 3 ** size[:, None]] = -1
    for perm in orders:
        moved, legal = _permute(classes, size, edges, perm)
        same = legal & (moved == classes)
        image = sum((digits[:, v] * 3**s for v, s in enumerate(perm)), np.zeros(len(digits), int))
        least[same] = np.minimum(least[same], image)
    cell_class, cell_operations = np.nonzero(least == np.arange(3**interior))
    arrays: dict[str, NDArray[Any]] = {
        "graph": graph,
        "slots": slots_array,
        "operations": operations,
        "cell_matrix": classes[cell_class].astype(np.int32),
        "cell_operations": cell_operations.astype(np.uint8),
    }
    if by_hash:
        ranks = _hash_ranks(CellIndex(vertices, row=np.empty(0, np.int32), **arrays))
        by_rank = np.argsort(ranks)
        arrays["cell_matrix"] = arrays["cell_matrix"][by_rank]
        arrays["cell_operations"] = arrays["cell_operations"][by_rank]
    else:
        ranks = np.arange(len(cell_class), dtype=np.int32)
    number_of = np.full(least.shape, -1, dtype=np.int32)
    number_of[cell_class, cell_operations] = ranks
    row = np.full((len(classes) + 1, 3**interior), -1, dtype=np.int32)
    row[1:] = np.where(least >= 0, np.take_along_axis(number_of, np.maximum(least, 0), axis=1), -1)
    arrays["row"] = row.ravel()
    return arrays


def _kept_interior(codes: NDArray[np.int32], edges: Edges, vertices: int) -> NDArray[np.int16]:
    """Interior vertices on some input–output path, as a bit mask.

    −1 where there is no path, or the edges between such vertices are more than 9.
    """
    forth = [np.zeros(len(codes), dtype=np.uint8) for _ in range(vertices)]
    back = [np.zeros(len(codes), dtype=np.uint8) for _ in range(vertices)]
    for k, (i, j) in enumerate(edges):
        bit = (codes >> k & 1).astype(np.uint8)
        forth[i] |= bit << j
        back[j] |= bit << i
    reached = np.ones(len(codes), dtype=np.uint8)
    leads = np.full(len(codes), 1 << vertices - 1, dtype=np.uint8)
    for v in range(vertices):
        reached |= np.where(reached >> v & 1, forth[v], 0).astype(np.uint8)
    for v in reversed(range(vertices)):
        leads |= np.where(leads >> v & 1, back[v], 0).astype(np.uint8)
    kept = reached & leads
    count = sum(
        np.where(kept >> i & 1, np.bitwise_count(forth[i] & kept), 0) for i in range(vertices)
    )
    valid = (reached >> vertices - 1 & 1).astype(bool) & (count <= MAX_EDGES)
    interior = kept >> 1 & (1 << vertices - 2) - 1
    return np.where(valid, interior.astype(np.int16), np.int16(-1))


def _bits(mask: int) -> list[int]:
    return [k for k in range(mask.bit_length()) if mask >> k & 1]


def _relabel(codes: NDArray[np.int32], edges: Edges, target: dict[int, int]) -> NDArray[np.int32]:
    """Codes with vertex v renamed target[v]; edges of vertices without a target are dropped."""
    number = {edge: k for k, edge in enumerate(edges)}
    out = np.zeros_like(codes)
    for k, (i, j) in enumerate(edges):
        if i in target and j in target:
            out |= (codes >> k & 1) << number[target[i], target[j]]
    return out


def _interior_size(codes: NDArray[np.int32], edges: Edges, vertices: int) -> NDArray[np.int64]:
    """Number of interior vertices in use, which are the first ones."""
    from_input = np.zeros(len(codes), dtype=np.int64)
    for v in range(1, vertices - 1):
        mask = sum(1 << k for k, edge in enumerate(edges) if v in edge)
        from_input += (codes & mask) != 0
    return from_input


def _permute(
    codes: NDArray[np.int32], size: NDArray[np.int64], edges: Edges, perm: tuple[int, ...]
) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """Codes with interior vertex v moved to perm[v], and whether the result is legal.

    Legal means that the matrix stays upper triangular and that unused slots stay the last ones.
    """
    number = {edge: k for k, edge in enumerate(edges)}
    last = edges[-1][1]
    place = {0: 0, last: last} | {v + 1: p + 1 for v, p in enumerate(perm)}
    moved = np.zeros_like(codes)
    backward = 0
    for k, (i, j) in enumerate(edges):
        if place[i] < place[j]:
            moved |= (codes >> k & 1) << number[place[i], place[j]]
        else:
            backward |= 1 << k
    touched = max((v + 1 for v, p in enumerate(perm) if v != p), default=0)
    return moved, ((codes & backward) == 0) & (size >= touched)


def _hash_ranks(index: CellIndex) -> NDArray[np.int32]:
    """Rank of every cell's module hash among all of them, shape ``[n_cells]``.

    At 7 vertices this is a minute of MD5, so the ranks are shipped, packed to 19 bits each; this
    module, run as a script, makes them again.
    """
    if index.vertices == 7 and _SHIPPED_RANKS.exists():
        bits = np.unpackbits(np.fromfile(_SHIPPED_RANKS, dtype=np.uint8))[
            : index.n_cells * _RANK_BITS
        ]
        return (bits.reshape(-1, _RANK_BITS) @ (1 << np.arange(_RANK_BITS))).astype(np.int32)
    hashes = [index.cell(row).module_hash() for row in range(index.n_cells)]
    ranks = np.empty(len(hashes), dtype=np.int32)
    ranks[np.argsort(hashes)] = np.arange(len(hashes))
    return ranks


def ship_ranks() -> None:
    """Compute the ranks of all 423,624 module hashes and write the file that is shipped."""
    _SHIPPED_RANKS.unlink(missing_ok=True)
    index = CellIndex(7, **_build(7))
    unsorted = CellIndex(7, **_build(7, by_hash=False))
    ranks = index.find_rows(unsorted.cell_matrix, unsorted.cell_operations)
    storage.write_atomically(
        _SHIPPED_RANKS,
        np.packbits((ranks[:, None] >> np.arange(_RANK_BITS) & 1).astype(np.uint8)).tobytes(),
    )


if __name__ == "__main__":
    ship_ranks()
