"""The topology space of NAS-Bench-201 and NATS-Bench: 6 edges, 5 operations, 15,625 cells.

Dong and Yang, "NAS-Bench-201", ICLR 2020, section 2.1. A cell is a complete graph of four nodes;
each of its six edges carries one operation.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from functools import cache
from hashlib import sha256
from itertools import product
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from regretta.tabular_data.errors import shown
from regretta.tabular_data.names import unknown
from regretta.tabular_data.spaces.encoding import Encoder, nasbench201_paths, one_hot
from regretta.tabular_data.spaces.grid import GridSpace
from regretta.tabular_data.spaces.naming import Naming
from regretta.tabular_data.spaces.parameter_space import Configuration
from regretta.tabular_data.spaces.parameters import SpaceError

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
EDGES = ((1, 0), (2, 0), (2, 1), (3, 0), (3, 1), (3, 2))
"""(node, input) of each parameter, in the order of the architecture string."""

_EXAMPLE = "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"
_OPERATION = r"([^|~+]+)"
_STRING = re.compile(r"\|?O~0\|?\+\|?O~0\|O~1\|?\+\|?O~0\|O~1\|O~2\|?".replace("O", _OPERATION))
_PLACES = tuple(
    {operation: digit * 5 ** (5 - edge) for digit, operation in enumerate(OPERATIONS)}
    for edge in range(6)
)
"""For each edge: operation → what it adds to the row."""

NASLIB_OPERATIONS = ("skip_connect", "none", "nor_conv_3x3", "nor_conv_1x1", "avg_pool_3x3")
NASLIB_EDGES = ((1, 0), (2, 0), (3, 0), (2, 1), (3, 1), (3, 2))
"""NASLib's ``op_indices``: an index into the first for each (node, input) of the second.

automl/NASLib@28b1f2ac, ``naslib/search_spaces/nasbench201/conversions.py`` (nodes count from 1
there).
"""

_SHUFFLED = "825389e157822ee5ffcd9b8f78f67215adadd561ccc09b81359a8090f59ec267"
"""SHA-256 of the rows of all official indices, as 4-byte integers."""


class NasBench201(GridSpace):
    """NAS-Bench-201's cells; row = the six operations as digits in base 5, first edge highest.

    Every configuration is a cell. Isomorphic strings stay rows of their own, as in the published
    tables, which trained each of the 15,625 strings.
    """

    mutation_weights: ClassVar[Mapping[str, Sequence[float]]] = {
        # A node, then one of its inputs (AutoDL-Projects, REA at ICLR 2020): 1/3, 2 × 1/6, 3 × 1/9.
        "node_first": (6, 3, 3, 2, 2, 2)
    }

    official = "index"

    def __init__(self) -> None:
        super().__init__(
            {f"node_{node}_input_{source}": OPERATIONS for node, source in EDGES},
            name="nasbench201",
        )
        self.written = f"an architecture string such as {_EXAMPLE}, or 'index 5'"

    @property
    def spec(self) -> str:
        return self.name

    @classmethod
    def names(cls) -> tuple[str, ...]:
        return ("nasbench201",)

    @classmethod
    def from_spec(cls, spec: str | Mapping[str, Any]) -> NasBench201 | None:
        return _nasbench201() if spec == "nasbench201" else None

    def describe(self, row: int) -> str:
        return self.to_string(self.configurations([self.check_row(row)])[0])

    def to_string(self, configuration: ArrayLike) -> str:
        """The architecture string, ``|op~0|+|op~0|op~1|+|op~0|op~1|op~2|``.

        Raises
        ------
        SpaceError
            As `check_one`.
        """
        ops = [OPERATIONS[i] for i in self.check_one(configuration).tolist()]
        return f"|{ops[0]}~0|+|{ops[1]}~0|{ops[2]}~1|+|{ops[3]}~0|{ops[4]}~1|{ops[5]}~2|"

    def from_string(self, text: str) -> Configuration:
        """The configuration of an architecture string.

        Raises
        ------
        SpaceError
            If the text has another form, or an operation is unknown.
        """
        return np.array([OPERATIONS.index(op) for op in _operations(text)], dtype=self.dtype)

    def row_of(self, architecture: object) -> int:
        if type(architecture) is str and (match := _STRING.fullmatch(architecture)):
            try:
                return sum(map(dict.__getitem__, _PLACES, match.groups()))
            except KeyError:
                pass  # reading it again finds what is wrong
        return super().row_of(architecture)

    def read(self, architecture: Any) -> int:
        if hasattr(architecture, "tostr"):  # a CellStructure of AutoDL-Projects
            architecture = architecture.tostr()
        if isinstance(architecture, str):
            if "~" not in architecture:
                raise self._unreadable(architecture)
            return sum(map(dict.__getitem__, _PLACES, _operations(architecture)))
        try:
            nodes = [list(node) for node in architecture]
        except TypeError:
            raise self._unreadable(architecture) from None
        if [len(node) for node in nodes] == [4] * 4:
            return self._row_of_matrix(nodes)
        if len(nodes) != 3:
            raise self._unreadable(architecture)
        try:  # what api.str2lists gives: the (operation, input) pairs of each node
            text = "+".join("|".join(f"{op}~{source}" for op, source in node) for node in nodes)
        except (TypeError, ValueError):
            raise self._unreadable(architecture) from None
        return sum(map(dict.__getitem__, _PLACES, _operations(text)))

    def _row_of_matrix(self, matrix: list[list[Any]]) -> int:
        """Row of the 4 × 4 matrix of ``api.str2matrix``: entry [node, input] is an operation.

        D-X-Y/NAS-Bench-201, ``nas_201_api/api_201.py``; operations count as in `OPERATIONS`.
        """
        rest = [matrix[i][j] for i in range(4) for j in range(4) if (i, j) not in EDGES]
        if any(entry != 0 for entry in rest):
            raise SpaceError(
                "a matrix of NAS-Bench-201 has the operation of node i's input j at [i][j] with"
                " j < i, and zeros elsewhere; is this one transposed?"
            )
        return self.row([matrix[node][source] for node, source in EDGES])

    def row_of_values(self, values: Mapping[Any, Any]) -> int:
        # AutoDL-Projects' and HPOBench's names of the edges: "node<-input".
        own = {f"{node}<-{source}": f"node_{node}_input_{source}" for node, source in EDGES}
        renamed = {own.get(key, key): value for key, value in values.items()}
        return super().row_of_values(renamed if len(renamed) == len(values) else values)

    @property
    def naming(self) -> Naming:
        return {
            **super().naming,
            "index": self.row_of_index,
            "naslib": self.row_of_naslib,
        }

    def official_name(self, row: int) -> int:
        return int(_official()[1][self.check_row(row)])

    def official_indices(self, rows: ArrayLike) -> NDArray[np.int64]:
        return _official()[1][self.check_rows(rows)]

    def row_of_index(self, index: object) -> int:
        """Table row of an official index, that of NAS-Bench-201's and NATS-Bench's files and APIs.

        Raises
        ------
        SpaceError
            If it is no whole number from 0 to 15,624.
        """
        try:
            return int(_official()[0][self.check_row(index)])
        except SpaceError:
            raise SpaceError(
                f"NAS-Bench-201 has the official indices 0 to {self.n_cells - 1}, and none is"
                f" {shown(index, 60)}"
            ) from None

    def row_of_naslib(self, indices: Any) -> int:
        """Table row of NASLib's ``op_indices``: six numbers, 0 to 4, in NASLib's own two orders.

        Raises
        ------
        SpaceError
            If they are not that.
        """
        try:
            checked = self.check_one(indices).tolist()
        except SpaceError:
            raise SpaceError(
                "NASLib's op_indices of NAS-Bench-201 are six numbers from 0 to 4, got"
                f" {shown(indices, 80)}"
            ) from None
        own = dict(zip(NASLIB_EDGES, checked, strict=True))
        return self.row([OPERATIONS.index(NASLIB_OPERATIONS[own[edge]]) for edge in EDGES])

    def words(self, row: int) -> str:
        operations = dict(zip(EDGES, self.configurations([self.check_row(row)])[0], strict=True))
        nodes = []
        for node in (1, 2, 3):
            terms = [
                f"{OPERATIONS[operations[node, source]]}({source or 'input'})"
                for source in range(node)
                if operations[node, source]
            ]
            nodes.append(f"{'output' if node == 3 else node} = {' + '.join(terms) or 'zero'}")
        return "; ".join(nodes)

    def _encoders(self) -> dict[str, Encoder]:
        return {
            **super()._encoders(),
            "adjacency": lambda rows: one_hot(self.configurations(rows), self.cardinalities),
            "paths": lambda rows: nasbench201_paths(self.configurations(rows), OPERATIONS),
        }

    def isomorphism_classes(self) -> NDArray[np.int32]:
        """Class of every row, shape ``[15625]``: equal where two strings are isomorphic, 6,466 in
        all.

        Upstream's definition (NATS-Bench, ``TopologyStructure.to_unique_str(consider_zero=True)``):
        ``skip_connect`` passes its input's expression on, ``none`` and all that follows from it is
        zero, and a sum does not depend on the order of its terms. Two habits of upstream's text
        form are kept, because the published count rests on them: a zero stays a term of a sum, and
        terms are sorted as text, so that a sum passed on by ``skip_connect`` sometimes merges with
        another one.
        """
        return _isomorphism_classes()


def _operations(text: object) -> tuple[str, ...]:
    """The six operations of an architecture string, outer pipes and spaces or not."""
    bare = "".join(text.split()) if isinstance(text, str) else ""
    match = _STRING.fullmatch(bare)
    if match is None:
        raise SpaceError(
            f"not a NAS-Bench-201 architecture string such as {_completed(bare) or _EXAMPLE}:"
            f" {shown(text, 120)}"
        )
    for operation in match.groups():
        if operation not in OPERATIONS:
            said = unknown("operation", operation[:40], OPERATIONS)
            raise SpaceError(f"{said} (in {shown(text, 120)})")
    return match.groups()


def _completed(text: str) -> str:
    """A string that leaves inputs out, as some code writes it, with ``none`` in their places."""
    given: dict[tuple[int, int], str] = {}
    nodes = text.split("+")
    for node, inputs in enumerate(nodes, start=1):
        for pair in inputs.strip("|").split("|"):
            operation, _, source = pair.partition("~")
            if source not in ("0", "1", "2") or operation not in OPERATIONS:
                return ""
            edge = node, int(source)
            if edge not in EDGES or edge in given:
                return ""
            given[edge] = operation
    return "+".join(
        "|" + "".join(f"{given.get((node, k), 'none')}~{k}|" for k in range(node))
        for node in (1, 2, 3)
    )


@cache
def _official() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Row of each official index, and official index of each row.

    Upstream lists all strings in the order of our rows and shuffles them with seed 88
    (AutoDL-Projects, ``exps/NAS-Bench-201/main.py``, ``generate_meta_info``).
    """
    order = list(range(len(OPERATIONS) ** len(EDGES)))
    random.Random(88).shuffle(order)
    rows = np.array(order, dtype=np.int64)
    if sha256(rows.astype("<i4").tobytes()).hexdigest() != _SHUFFLED:
        raise RuntimeError("this Python shuffles in another way than the one of NAS-Bench-201")
    return rows, np.argsort(rows)


@cache
def _nasbench201() -> NasBench201:
    return NasBench201()


@cache
def _isomorphism_classes() -> NDArray[np.int32]:
    zero, image = "#", "0"
    expressions = []
    for operations in product(OPERATIONS, repeat=len(EDGES)):
        nodes = [image]
        edge = iter(operations)
        for node in range(1, 4):
            terms = []
            for source, operation in zip(range(node), edge, strict=False):
                if operation == "none" or nodes[source] == zero:
                    terms.append(zero)
                elif operation == "skip_connect":
                    terms.append(nodes[source])
                else:
                    terms.append(f"({nodes[source]})@{operation}")
            nodes.append("+".join(sorted(terms)))
        expressions.append(nodes[-1])
    return np.unique(expressions, return_inverse=True)[1].astype(np.int32)
