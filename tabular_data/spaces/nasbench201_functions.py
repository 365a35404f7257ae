"""Which of NAS-Bench-201's 15,625 strings are the same function, whatever their weights.

A cell's output is a sum of terms: its input, a pooling of a sum, or a convolution of a sum. Here a
`skip_connect` passes the terms of its source on, zeros and what follows from them are dropped, and
two strings are one function if their sums agree up to the names of the convolutions: 5,260 remain.
Each convolution keeps its own weights, so that twice one convolution differs from the sum of two.
Upstream's 6,466 classes (`NasBench201.isomorphism_classes`) compare text without such names: they
split 688 of these functions and merge others.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from itertools import chain, permutations, product

import numpy as np
from numpy.typing import NDArray

from regretta.tabular_data.spaces.nasbench201 import EDGES, OPERATIONS
from regretta.tabular_data.spaces.parameter_space import Configuration

NONE, SKIP, CONV1X1, CONV3X3, POOL = OPERATIONS
CONVOLUTIONS = (CONV3X3, CONV1X1)
_OUTPUT = 3


@dataclass(frozen=True)
class LiveCell:
    """What of a cell has a part in its output.

    Attributes
    ----------
    edges
        ``(source, node, operation)`` of every edge on a path from node 0 to node 3 that no zero
        interrupts, by node and then source. None at all: the cell is zero.
    """

    edges: tuple[tuple[int, int, str], ...]

    def targets(self, source: int, operation: str) -> tuple[int, ...]:
        """Nodes that an operation feeds from a source, ascending."""
        return tuple(node for s, node, op in self.edges if (s, op) == (source, operation))

    def __str__(self) -> str:
        return " ".join(f"{source}>{node}:{operation}" for source, node, operation in self.edges)


def live_cell(configuration: Configuration) -> LiveCell:
    """The edges of a configuration that have a part in its output."""
    edges = [
        (source, node, OPERATIONS[int(choice)])
        for (node, source), choice in zip(EDGES, configuration, strict=True)
        if OPERATIONS[int(choice)] != NONE
    ]
    reached, leads = {0}, {_OUTPUT}
    for source, node, _ in edges:
        if source in reached:
            reached.add(node)
    for source, node, _ in reversed(edges):
        if node in leads:
            leads.add(source)
    return LiveCell(tuple(edge for edge in edges if edge[0] in reached and edge[1] in leads))


def canonical(cell: LiveCell) -> str:
    """A text that two live cells share exactly if they are the same function.

    Convolutions that could change places, those of one kernel and of equal sources, are named in
    every order, and the first text in alphabetical order is taken.
    """
    anonymous = _sums(cell, {})
    alike = defaultdict(list)
    for edge in cell.edges:
        if edge[2] in CONVOLUTIONS:
            alike[edge[2], anonymous[edge[0]]].append(edge)
    groups = list(alike.values())
    return min(
        _sums(cell, dict(zip(chain(*groups), chain(*names), strict=True)))[_OUTPUT]
        for names in product(*(permutations("abcdef"[: len(group)]) for group in groups))
    )


def _sums(cell: LiveCell, names: dict[tuple[int, int, str], str]) -> list[str]:
    """Every node's sum as text, its terms sorted; a convolution without a name has none."""
    terms: list[list[str]] = [["x"], [], [], []]
    texts = ["x", "", "", ""]
    for node in range(1, 4):
        for edge in cell.edges:
            source, target, operation = edge
            if target != node:
                continue
            if operation == SKIP:
                terms[node] += terms[source]
            else:
                terms[node].append(f"{operation}{names.get(edge, '')}({texts[source]})")
        texts[node] = "+".join(sorted(terms[node]))
    return texts


@dataclass(frozen=True)
class Functions:
    """The distinct functions of the space.

    Attributes
    ----------
    of_row
        Function of every row of the space: int32 ``[15625]``, numbered by their first row.
    cells
        The live cell of each function's first row.
    """

    of_row: NDArray[np.int32]
    cells: tuple[LiveCell, ...]


@cache
def functions() -> Functions:
    """The 5,260 functions of the 15,625 strings."""
    numbers: dict[str, int] = {}
    known: dict[LiveCell, int] = {}
    cells: list[LiveCell] = []
    of_row = np.empty(len(OPERATIONS) ** len(EDGES), dtype=np.int32)
    for row, choices in enumerate(product(range(len(OPERATIONS)), repeat=len(EDGES))):
        cell = live_cell(np.array(choices, dtype=np.int8))
        if cell not in known:
            known[cell] = numbers.setdefault(canonical(cell), len(numbers))
            if known[cell] == len(cells):
                cells.append(cell)
        of_row[row] = known[cell]
    of_row.flags.writeable = False
    return Functions(of_row, tuple(cells))
