"""NAS-Bench-101's cells under the three encodings of the comparison: A, B and C.

Ying et al., "NAS-Bench-101", ICML 2019, supplement S1; details as in automl/nas_benchmarks
(``tabular_benchmarks/nas_cifar10.py``). The same space exists for fewer vertices.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from regretta.tabular_data.spaces.base import Space
from regretta.tabular_data.spaces.encoding import (
    Encoder,
    nasbench101_adjacency,
    nasbench101_paths,
)
from regretta.tabular_data.spaces.naming import Naming
from regretta.tabular_data.spaces.nasbench101_graph import OPERATIONS, Cell, checked_cell, prune
from regretta.tabular_data.spaces.nasbench101_index import (
    MAX_EDGES,
    CellIndex,
    Counting,
    cell_index,
)
from regretta.tabular_data.spaces.nasbench101_names import (
    cell_of_naslib,
    cell_of_text,
    is_hash,
    quick_row,
    row_of_hash,
)
from regretta.tabular_data.spaces.parameter_space import Configurations
from regretta.tabular_data.spaces.parameters import (
    Categorical,
    Integer,
    Parameter,
    Real,
    SpaceError,
)

VERTICES = (2, 3, 4, 5, 6, 7)
ENCODINGS = ("A", "B", "C")
_ENDING: dict[Counting, str] = {"before": "", "after": "/after-pruning"}
_FEW = 100
_DIGITS = b"01" + b"?" * 254
CHOICES = ("conv1x1-bn-relu", "conv3x3-bn-relu", "maxpool3x3")
"""Choices of an ``op_node_i`` parameter in the comparison's order (not the module hash's)."""


class NasBench101(Space):
    """Cells of up to `vertices` vertices and 9 edges; rows ascend by module hash.

    Parameters come edges first, then ``op_node_0`` … (``op_node_i`` is interior vertex i + 1).
    Encodings:

    - **A**: a 0/1 parameter for each entry of the upper triangle, row by row.
    - **B**: nine ``edge_i`` that each name an entry, repetitions allowed. Entries count column by
      column from the last to the first, as upstream's bit list does.
    - **C**: a real number for each entry of the upper triangle and ``num_edges``, 0 to 9; that many
      entries with the largest numbers are edges.

    A configuration without a path from input to output, or with more than 9 edges, is invalid. The
    published code has two rules for that number: of the 2²¹ matrices of 7 vertices 573,494 pass the
    first and 1,538,083 the second. They differ for encoding A only, since the others spell no more
    than 9 edges. `row_of_cell` asks for no configuration and counts after pruning, as upstream's
    own look-up does.

    Parameters
    ----------
    vertices
        2 to 7; the published benchmark has 7.
    encoding
        One of `ENCODINGS`.
    counting
        ``before``: edges are counted before pruning (automl/nas_benchmarks, the paper's
        comparison). ``after``: in the pruned cell (google-research/nasbench: ``api.query``,
        ``is_valid`` and the notebook); the name then ends in ``/after-pruning``.

    Raises
    ------
    SpaceError
        For another number of vertices, another encoding or another rule.
    """

    official = "hash"

    def __init__(
        self, vertices: int = 7, encoding: str = "A", counting: Counting = "before"
    ) -> None:
        for what, value, known in (
            ("number of vertices", vertices, VERTICES),
            ("encoding", encoding, ENCODINGS),
            ("rule for counting edges", counting, tuple(_ENDING)),
        ):
            if isinstance(value, bool) or value not in known:
                raise SpaceError(
                    f"NAS-Bench-101 has no {what} {value!r}: it has {', '.join(map(str, known))}"
                )
        self.vertices = vertices
        self.encoding = encoding
        self.counting: Counting = counting
        self.invalid_because = (
            f"there is no path from input to output, or more than {MAX_EDGES} edges {counting}"
            " pruning"
        )
        self.written = (
            "its matrix and operations, as [[[0, 1, 0], [0, 0, 1], [0, 0, 0]],"
            ' ["conv3x3-bn-relu"]], or its module hash'
        )
        self.index: CellIndex = cell_index(vertices, counting)
        self.n_cells = self.index.n_cells
        self.name = _family(vertices) + f"/{encoding}" + _ENDING[counting]
        rows, columns = np.triu_indices(vertices, 1)
        self.n_entries = len(rows)
        self.n_edges = min(MAX_EDGES, self.n_entries)
        edges: list[Parameter]
        match encoding:
            case "A":
                edges = [Categorical(f"edge_{k}", ("0", "1")) for k in range(self.n_entries)]
            case "B":
                entries = tuple(str(k) for k in range(self.n_entries))
                edges = [Categorical(f"edge_{i}", entries) for i in range(self.n_edges)]
            case _:
                edges = [Real(f"edge_{k}", 0.0, 1.0) for k in range(self.n_entries)]
                edges.append(Integer("num_edges", 0, self.n_edges))
        super().__init__(
            [*edges, *(Categorical(f"op_node_{i}", CHOICES) for i in range(vertices - 2))]
        )

        interior = vertices - 2
        self._first_op = len(edges)
        self._last_edge = self._first_op - 1
        self._shape = (self.dim,)
        pairs = zip(rows.tolist(), columns.tolist(), strict=True)
        self._bit_of_edge = {pair: 1 << k for k, pair in enumerate(pairs)}
        self._bit = 1 << np.arange(self.n_entries, dtype=np.int32)
        # Choices count in another order than the labels of the module hash: base-3 number of one →
        # of the other.
        powers = 3 ** np.arange(interior, dtype=np.int32)
        digits = np.arange(3**interior)[:, None] // powers % 3
        label = np.array([OPERATIONS.index(choice) for choice in CHOICES], dtype=np.int32)
        self._code_of_choices = (label[digits] @ powers).astype(np.int32)
        self._code_of_bytes = {
            bytes(d): int(c) for d, c in zip(digits.tolist(), self._code_of_choices, strict=True)
        }
        # A few configurations of encoding A times these columns give both codes, exactly: they stay
        # below 2²⁴.
        self._columns = np.zeros((self.dim, 2), dtype=np.float32)
        self._columns[self._first_op :, 1] = powers
        if encoding == "A":
            self._columns[: self.n_entries, 0] = self._bit
        # Encoding B: entry e is the column-major entry (last − e); its bit in the row-major code.
        by_column = np.lexsort((rows, columns))
        self._entry_bit = self._bit[by_column[::-1]]
        self._bit_of_byte = dict(enumerate(self._entry_bit.tolist()))

    @classmethod
    def names(cls) -> tuple[str, ...]:
        return tuple(_named())

    @classmethod
    def from_spec(cls, spec: str | Mapping[str, Any]) -> NasBench101 | None:
        key = _named().get(spec) if isinstance(spec, str) else None
        return None if key is None else _nasbench101(*key)

    def variant(self, encoding: str | None = None, counting: str | None = None) -> NasBench101:
        return _nasbench101(
            self.vertices,
            self.encoding if encoding is None else encoding,
            self.counting if counting is None else counting,
        )

    def find_rows(self, configurations: Configurations) -> NDArray[np.int32]:
        if self.encoding == "A" and len(configurations) <= _FEW:
            codes = (configurations.astype(np.float32) @ self._columns).astype(np.int32)
            return self.index.find_rows(codes[:, 0], self._code_of_choices.take(codes[:, 1]))
        choices = np.zeros(len(configurations), dtype=np.intp)
        for vertex in range(self.vertices - 2):
            choices += configurations[:, self._first_op + vertex].astype(np.intp) * 3**vertex
        return self.index.find_rows(
            self._matrix_codes(configurations), self._code_of_choices.take(choices)
        )

    def find_row(self, configuration: ArrayLike) -> int:
        if isinstance(configuration, np.ndarray) and configuration.shape == self._shape:
            return self.find_row_list(configuration[None])[0]
        return super().find_row(configuration)

    def find_row_list(self, configurations: Configurations) -> list[int]:
        if (
            configurations.dtype is self.dtype
            and self.all_categorical
            and configurations.shape[1:] == self._shape
        ):
            data, dim = configurations.tobytes(), self._shape[0]
            try:
                if len(data) == dim:
                    return [self._row_of_bytes(data)]
                return [
                    self._row_of_bytes(data[start : start + dim])
                    for start in range(0, len(data), dim)
                ]
            except (ValueError, KeyError):
                pass  # checking finds what is wrong
        return super().find_row_list(configurations)

    def _row_of_bytes(self, data: bytes) -> int:
        """Row of a configuration of encoding A or B, −1 where it means no cell.

        ValueError or KeyError where an entry is outside its range.
        """
        if self.encoding == "A":
            # The bits are cheapest to read as the text of a binary number; another entry makes it
            # none.
            matrix = int(data[self._last_edge :: -1].translate(_DIGITS), 2) if self._first_op else 0
        else:
            matrix = 0
            for entry in data[: self._first_op]:
                matrix |= self._bit_of_byte[entry]
        return self.index.find_row(matrix, self._code_of_bytes[data[self._first_op :]])

    def _matrix_codes(self, configurations: Configurations) -> NDArray[np.int32]:
        edges = configurations[:, : self._first_op]
        match self.encoding:
            case "A":
                packed = np.packbits(edges.astype(np.uint8, copy=False), axis=1, bitorder="little")
                code: NDArray[np.int32] = packed[:, 0].astype(np.int32)
                for byte in range(1, packed.shape[1]):
                    code |= packed[:, byte].astype(np.int32) << 8 * byte
            case "B":
                code = np.bitwise_or.reduce(self._entry_bit[edges], axis=1)
            case _:
                ranked = np.argsort(edges[:, :-1], axis=1)[:, ::-1]
                taken = np.arange(self.n_entries) < edges[:, -1:]
                code = np.where(taken, self._bit[ranked], 0).sum(axis=1, dtype=np.int32)
        return code

    def matrix(self, configuration: ArrayLike) -> NDArray[np.int8]:
        """The adjacency matrix that is spelled, before pruning: shape ``[vertices, vertices]``.

        Raises
        ------
        SpaceError
            As `check_one`.
        """
        matrix = np.zeros((self.vertices, self.vertices), dtype=np.int8)
        code = int(self._matrix_codes(self.check_one(configuration)[None])[0])
        matrix[np.triu_indices(self.vertices, 1)] = code >> np.arange(self.n_entries) & 1
        return matrix

    def operations(self, configuration: ArrayLike) -> tuple[str, ...]:
        """The operations a configuration spells, before pruning: ``vertices - 2`` of them.

        Raises
        ------
        SpaceError
            As `check_one`.
        """
        entries = self.check_one(configuration)[self._first_op :]
        return tuple(CHOICES[int(entry)] for entry in entries)

    def cell(self, row: int) -> Cell:
        """The pruned cell of a table row.

        Raises
        ------
        SpaceError
            As `check_row`.
        """
        return self.index.cell(self.check_row(row))

    def row_of_cell(self, matrix: ArrayLike, operations: Sequence[str]) -> int:
        """Table row of a cell, its edges counted after pruning as upstream's ``api.query`` does.

        Parameters
        ----------
        matrix
            Upper-triangular adjacency matrix with entries 0 and 1, shape ``[n, n]``. It may have
            more vertices than the space, as long as pruning leaves no more.
        operations
            Operation of each interior vertex, `n` − 2 of them; or `n` with ``input`` and ``output``
            at the ends, as upstream's ``ModelSpec`` takes them.

        Raises
        ------
        SpaceError
            If it is no cell of the space: the line says why.
        """
        row = quick_row(cell_index(self.vertices, "after"), matrix, operations)
        if row >= 0:
            return row
        full, names = checked_cell(matrix, operations)
        n = len(full)
        if n <= self.vertices:
            row = self._row_of_matrix(full, names)
            if row >= 0:
                return row
        cell = prune(full, names)
        if cell is None:
            raise SpaceError("no cell: no path of the matrix leads from its input to its output")
        if cell.edges > MAX_EDGES or cell.vertices > self.vertices:
            raise SpaceError(
                f"no cell of {self.name}: after pruning it has {cell.vertices} vertices and"
                f" {cell.edges} edges, and at most {self.vertices} and {MAX_EDGES} are allowed"
            )
        return self._row_of_matrix(cell.matrix, cell.operations)

    def _row_of_matrix(self, matrix: NDArray[Any], operations: Sequence[str]) -> int:
        """Row of a matrix of up to `vertices` vertices, −1 where it is invalid."""
        n = len(matrix)
        code = 0
        for i, j in np.argwhere(matrix).tolist():
            code |= self._bit_of_edge[i, self.vertices - 1 if j == n - 1 else j]
        labels = sum(OPERATIONS.index(name) * 3**i for i, name in enumerate(operations))
        return cell_index(self.vertices, "after").find_row(code, labels)

    def describe(self, row: int) -> str:
        return str(self.cell(row))

    def words(self, row: int) -> str:
        return self.cell(row).words()

    # -- cells by name -----------------------------------------------------------------------

    @property
    def naming(self) -> Naming:
        return {
            **super().naming,
            "hash": lambda text: row_of_hash(self.index, text),
            "naslib": lambda numbers: self.row_of_cell(*cell_of_naslib(numbers)),
        }

    def official_name(self, row: int) -> str:
        return self.cell(row).module_hash()

    def row_of(self, architecture: object) -> int:
        if type(architecture) is tuple and len(architecture) == 2:
            return self.row_of_cell(*architecture)
        return super().row_of(architecture)

    def read(self, architecture: Any) -> int:
        if isinstance(architecture, str):
            if cell := cell_of_text(architecture):
                return self.row_of_cell(*cell)
            if is_hash(architecture):
                return row_of_hash(self.index, architecture)
        elif isinstance(architecture, list | tuple) and len(architecture) == 2:
            return self.row_of_cell(*architecture)
        raise self._unreadable(architecture)

    def row_of_values(self, values: Mapping[Any, Any]) -> int:
        # Of another encoding, where its parameters are not called as ours are.
        for encoding in (self.encoding, *ENCODINGS):
            space = self.variant(encoding)
            if set(values) == {parameter.name for parameter in space.parameters}:
                return space.row(space.from_values(values))
        return super().row_of_values(values)

    # -- cells as vectors --------------------------------------------------------------------

    def configurations(self, rows: ArrayLike) -> Configurations:
        which = self.check_rows(rows)
        matrices, codes = self.index.cell_matrix[which], self.index.cell_operations[which]
        out = np.zeros((len(which), self.dim), dtype=self.dtype)
        bits = matrices[:, None] >> np.arange(self.n_entries) & 1
        match self.encoding:
            case "A":
                out[:, : self.n_entries] = bits
            case "B":
                # Every edge by its entry; the first is named again where there are less than nine.
                entry = np.argsort(self._entry_bit)
                ranked = np.sort(np.where(bits > 0, entry, -1), axis=1)[:, ::-1]
                edges = ranked[:, : self.n_edges]
                out[:, : self.n_edges] = np.where(edges < 0, edges[:, :1], edges)
            case _:
                out[:, : self.n_entries] = 0.25 + 0.5 * bits
                out[:, self.n_entries] = bits.sum(axis=1)
        choice = np.array([CHOICES.index(operation) for operation in OPERATIONS])
        digits = codes[:, None].astype(np.intp) // 3 ** np.arange(self.vertices - 2) % 3
        out[:, self._first_op :] = choice[digits]
        return out

    def _encoders(self) -> dict[str, Encoder]:
        def encoder(encode: Callable[..., NDArray[np.float32]]) -> Encoder:
            return lambda rows: encode(
                self.index.cell_matrix[rows], self.index.cell_operations[rows], self.vertices
            )

        return {
            **super()._encoders(),
            "adjacency": encoder(nasbench101_adjacency),
            "paths": encoder(nasbench101_paths),
        }


@cache
def _nasbench101(vertices: int, encoding: str, counting: Counting) -> NasBench101:
    return NasBench101(vertices, encoding, counting)


@cache
def _named() -> Mapping[str, tuple[int, str, Counting]]:
    """Names such as ``nasbench101-5v/A``; without an encoding, A."""
    return {
        f"{_family(vertices)}{written}{ending}": (vertices, encoding, counting)
        for vertices in reversed(VERTICES)
        for encoding, written in (
            ("A", ""),
            *((encoding, f"/{encoding}") for encoding in ENCODINGS),
        )
        for counting, ending in _ENDING.items()
    }


def _family(vertices: int) -> str:
    return "nasbench101" if vertices == 7 else f"nasbench101-{vertices}v"
