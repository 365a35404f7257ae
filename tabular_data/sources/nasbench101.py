"""NAS-Bench-101 from its official TFRecord files, without TensorFlow.

A record is a JSON list: module hash, epochs, adjacency matrix ("0101…", row by row), operations
(joined by commas) and a base64-coded protocol buffer ``ModelMetrics`` (google-research/nasbench,
``api.py`` and ``lib/model_metrics.proto``). A cell and budget has one record a repeat.
"""

from __future__ import annotations

import json
from binascii import a2b_base64
from collections.abc import Iterator, Mapping
from hashlib import sha256
from math import isqrt
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from regretta.tabular_data.benchmark import Provenance
from regretta.tabular_data.columns import TableError
from regretta.tabular_data.documents import DocumentError
from regretta.tabular_data.errors import shown
from regretta.tabular_data.sources.base import (
    FileFormat,
    Progress,
    SourceError,
    open_source,
    unreadable,
)
from regretta.tabular_data.sources.model_metrics import Metrics, decode
from regretta.tabular_data.sources.tfrecord import Batch, begins_with_record, read_batches
from regretta.tabular_data.spaces import NasBench101
from regretta.tabular_data.spaces.nasbench101_graph import OPERATIONS
from regretta.tabular_data.table import Table

BUDGETS = (4, 12, 36, 108)
REPEATS = 3

_OFFICIAL = {
    ("3d64db81", "5c7e9c"): "nasbench_full.tfrecord",
    ("4c39c393", "f4fd1"): "nasbench_only108.tfrecord",
}
"""Begin and end of the SHA-256 of each official file → its name."""

_LEVEL = {budget: level for level, budget in enumerate(BUDGETS)}
_VALUES = ("training_seconds", "train_accuracy", "validation_accuracy", "test_accuracy")


def import_table(
    source: str | Path,
    name: str | None = None,
    progress: Progress | None = None,
    *,
    halfway: bool = False,
    partial: bool = False,
    vertices: int = 7,
) -> Table:
    """The table of ``nasbench_full.tfrecord`` or ``nasbench_only108.tfrecord``; values are float32.

    The budgets are those found in the file. The file is read once, in pieces.

    Parameters
    ----------
    source
        The file.
    name
        The table's name; ``nasbench101`` where None.
    progress
        Told the bytes read and the size of the file.
    halfway
        Keep the values in the middle of each training as well: ``halfway_*`` columns.
    partial
        Allow cells without all three repeats; a cell without any is invalid to a search.
    vertices
        The space: cells of at most so many vertices, 7 in the official files.

    Returns
    -------
    Table
        Its provenance notes the file's SHA-256, and says so where that is no official file's.

    Raises
    ------
    SourceError
        At the first record that is damaged, no cell of the space, repeated too often or has a value
        out of range (with its number and byte), or if cells are missing and `partial` is false.
    """
    digest = sha256()
    source = Path(source)
    content = _Content(NasBench101(vertices), str(source), halfway)
    try:
        size = source.stat().st_size
        with open_source(source, "file of NAS-Bench-101") as file:
            for batch in read_batches(_Tee(file, digest, progress, size), str(source)):  # type: ignore[arg-type]
                content.add(batch)
    except (OSError, DocumentError) as error:
        raise unreadable(source, error) from None
    return content.table(name or "nasbench101", partial, digest.hexdigest())


FORMAT = FileFormat(
    "nasbench101",
    "nasbench_full.tfrecord or nasbench_only108.tfrecord",
    import_table,
    begins_with_record,
)


class _Tee:
    """A file whose bytes are hashed and reported as they are read."""

    def __init__(self, file: BinaryIO, digest: Any, progress: Progress | None, size: int) -> None:
        self._file, self._digest, self._progress, self._size = file, digest, progress, size
        self._done = 0

    def read(self, count: int) -> bytes:
        data = self._file.read(count)
        self._digest.update(data)
        self._done += len(data)
        if self._progress is not None:
            self._progress(self._done, self._size)
        return data


class _Content:
    """The columns while they fill, record by record."""

    def __init__(self, space: NasBench101, where: str, halfway: bool) -> None:
        self._space = space
        self._where = where
        cells = space.n_cells
        self._counts = np.zeros((cells, len(BUDGETS)), dtype=np.uint8)
        self._hashes = np.zeros(cells, dtype=np.uint64)
        self._parameters = np.zeros(cells, dtype=np.int32)
        self._disagree = np.zeros(cells, dtype=bool)
        shape = (cells, len(BUDGETS), REPEATS)
        names = [*_VALUES, *(f"halfway_{value}" for value in _VALUES)] if halfway else _VALUES
        self._columns = {value: np.full(shape, np.nan, dtype=np.float32) for value in names}
        self._matrices: dict[str, tuple[int, int]] = {}
        self._operations: dict[str, tuple[int, int]] = {}

    def add(self, batch: Batch) -> None:
        """Take in the records of a batch."""
        fields = np.empty((len(batch.payloads), 3), dtype=np.int32)
        hashes = np.empty(len(batch.payloads), dtype=np.uint64)
        messages = []
        record = 0
        try:
            for record, payload in enumerate(batch.payloads):
                module_hash, epochs, matrix, operations, metrics = json.loads(payload)
                matrix_code, size = self._matrices.get(matrix) or self._matrix(matrix)
                operations_code, count = self._operations.get(operations) or self._operation_codes(
                    operations
                )
                if count != size:
                    raise ValueError(f"{size} vertices cannot have {count} operations")
                if epochs not in _LEVEL:
                    raise ValueError(f"{shown(epochs, 20)} epochs are no budget of NAS-Bench-101")
                fields[record] = matrix_code, operations_code, _LEVEL[epochs]
                hashes[record] = int(module_hash[:16], 16)
                messages.append(a2b_base64(metrics))
        except (ValueError, TypeError, AttributeError, RecursionError, OverflowError) as error:
            reason = " ".join(str(error).split())
            raise self._bad(batch, record, f"is not a NAS-Bench-101 row ({reason:.120})") from None
        rows = self._space.index.find_rows(fields[:, 0], fields[:, 1])
        self._refuse(batch, rows < 0, "is no cell of the space: no path, or more than 9 edges")
        metrics_found = decode(messages, lambda record: f"{self._where}: {batch.place(record)}")
        self._check(batch, metrics_found)
        self._store(batch, rows, fields[:, 2], hashes, metrics_found)

    def _check(self, batch: Batch, metrics: Mapping[str, NDArray[Any]]) -> None:
        for name in self._columns:
            values = metrics[name]
            if name.endswith("accuracy"):
                self._refuse(
                    batch,
                    ~((values >= 0) & (values <= 1)),
                    f"has a {name} that is no fraction from 0 to 1",
                )
            else:
                self._refuse(
                    batch, ~((values > 0) & (values < 1e9)), f"has {name} that are not above zero"
                )
        parameters = metrics["parameters"]
        self._refuse(
            batch,
            ~((parameters > 0) & (parameters < 1 << 31)),
            "has no sensible number of parameters",
        )

    def _store(
        self,
        batch: Batch,
        rows: NDArray[np.int32],
        levels: NDArray[np.int32],
        hashes: NDArray[np.uint64],
        m: Metrics,
    ) -> None:
        earlier = self._hashes[rows]
        # Written back to front: a cell keeps the hash of its first record.
        self._hashes[rows[::-1]] = np.where(earlier != 0, earlier, hashes)[::-1]
        differs = self._hashes[rows] != hashes
        self._refuse(
            batch, differs, "has another module hash than an earlier record of the same cell"
        )
        # The k-th record of a cell and budget, in the order of the file, is its repeat k.
        key = rows * len(BUDGETS) + levels
        order = np.argsort(key, kind="stable")
        ascending = key[order]
        begins = np.flatnonzero(np.r_[True, ascending[1:] != ascending[:-1]])
        ranks = np.empty(len(key), dtype=np.int64)
        ranks[order] = np.arange(len(key)) - np.repeat(begins, np.diff(np.r_[begins, len(key)]))
        repeats = ranks + self._counts[rows, levels]
        self._refuse(
            batch,
            repeats >= REPEATS,
            f"is repeat {REPEATS + 1} of a cell and budget that have {REPEATS}",
        )
        np.add.at(self._counts, (rows, levels), 1)
        # Upstream's api.py keeps the parameters of a cell's first record.
        given = m["parameters"].astype(np.int32)
        earlier_parameters = self._parameters[rows]
        self._parameters[rows[::-1]] = np.where(earlier_parameters != 0, earlier_parameters, given)[
            ::-1
        ]
        self._disagree[rows[self._parameters[rows] != given]] = True
        for name, column in self._columns.items():
            column[rows, levels, repeats] = m[name]

    def _matrix(self, text: str) -> tuple[int, int]:
        """Matrix code, its output moved to the last vertex, and number of operations."""
        size = isqrt(len(text))
        vertices = self._space.vertices
        if size * size != len(text) or not 2 <= size <= vertices or set(text) - {"0", "1"}:
            raise ValueError(f"{text!r:.60} is no matrix of 2 to {vertices} vertices")
        matrix = np.array([bit == "1" for bit in text]).reshape(size, size)
        if np.tril(matrix).any():
            raise ValueError("the matrix is not upper triangular")
        whole = np.zeros((vertices, vertices), dtype=bool)
        place = [*range(size - 1), vertices - 1]
        whole[np.ix_(place, place)] = matrix
        entries = whole[np.triu_indices(vertices, 1)]
        code = int(entries @ (1 << np.arange(len(entries))))
        self._matrices[text] = code, size - 2
        return code, size - 2

    def _operation_codes(self, text: str) -> tuple[int, int]:
        """Operations code and number of operations of, say, ``input,maxpool3x3,output``."""
        first, *inner, last = text.split(",")
        if (first, last) != ("input", "output") or len(inner) > self._space.vertices - 2:
            raise ValueError(
                f"{text!r:.80} are not the operations of a cell, input and output included"
            )
        for operation in inner:
            if operation not in OPERATIONS:
                raise ValueError(f"unknown operation {operation!r:.40}")
        code = sum(
            OPERATIONS.index(operation) * 3**vertex for vertex, operation in enumerate(inner)
        )
        self._operations[text] = code, len(inner)
        return code, len(inner)

    def table(self, name: str, partial: bool, digest: str) -> Table:
        """The table, once all records are in."""
        levels = np.flatnonzero(self._counts.any(axis=0)).tolist()
        if not levels:
            raise SourceError(f"{self._where} has no records")
        counts = self._counts[:, levels]
        lacking = np.flatnonzero((counts < REPEATS).any(axis=1))
        if len(lacking) and not partial:
            cell = self._space.describe(int(lacking[0]))
            raise SourceError(
                f"{self._where}: {len(lacking)} of {self._space.n_cells} cells lack records, first"
                f" cell {cell}; pass --partial to import what is there"
            )
        # Rows ascend by module hash, so a hash out of order is not its cell's.
        present = np.flatnonzero(self._hashes)
        hashes = self._hashes[present]
        if (wrong := np.flatnonzero(hashes[1:] <= hashes[:-1])).size:
            cell = self._space.describe(int(present[wrong[0] + 1]))
            raise SourceError(
                f"{self._where}: the module hash of cell {cell} does not belong to it"
            )
        present_cells = self._hashes != 0
        columns: dict[str, Any] = {key: column[:, levels] for key, column in self._columns.items()}
        try:
            return Table.from_arrays(
                name,
                self._space,
                [BUDGETS[level] for level in levels],
                **columns,
                parameters=np.where(present_cells, self._parameters, np.nan)
                if partial
                else self._parameters,
                partial=partial,
                dataset="cifar10",
                collection="nasbench101",
                provenance=Provenance(
                    source=f"NAS-Bench-101 (Ying et al., ICML 2019), from {Path(self._where).name}",
                    licence="Apache-2.0",
                    notes=tuple(_notes(digest, int(self._disagree.sum()))),
                ),
            )
        except TableError as error:
            raise SourceError(f"{self._where}: {error}") from error

    def _refuse(self, batch: Batch, bad: NDArray[np.bool_], reason: str) -> None:
        if bad.any():
            raise self._bad(batch, int(bad.argmax()), reason)

    def _bad(self, batch: Batch, record: int, reason: str) -> SourceError:
        return SourceError(f"{self._where}: {batch.place(record)} {reason}")


def _notes(digest: str, disagree: int) -> Iterator[str]:
    if disagree:
        yield (
            f"the records of {disagree} cells disagree on the number of parameters: the first is"
            " kept, as upstream does"
        )
    official = [
        name
        for ends, name in _OFFICIAL.items()
        if digest.startswith(ends[0]) and digest.endswith(ends[1])
    ]
    if official:
        yield f"SHA-256 {digest}, that of the official {official[0]}"
    else:
        yield (
            f"SHA-256 {digest} is that of no official file: they begin with 3d64db81 (full) or"
            " 4c39c393 (only108)"
        )
