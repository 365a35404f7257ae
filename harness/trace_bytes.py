"""A trace as bytes, and back: columns in as few bytes as hold them, deflated, sealed by a checksum.

A file is three parts: a line of `_MAGIC` and the SHA-256 of all that follows; a line of JSON
(`_Header`); and the columns, deflated. Whole numbers are stored above their lowest, in the bytes
that the largest takes, first bytes together; real numbers by the bits they have, or as places in a
list of the different ones where that is shorter. So nothing is rounded. A finish time is stored as
its difference from what the worker's last one and the cost add up to, which mostly is none.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regretta.harness.trace import BYTES_AN_EVALUATION, LARGEST_TRACE, Trace
from regretta.tabular_data.documents import DocumentError, built, read_json
from regretta.tabular_data.file_kinds import HEAD, strange

FORMAT = 1
"""Version of the trace files."""

LARGEST_FILE = LARGEST_TRACE + (1 << 21)
"""Bytes of a trace's file at most."""

_MAGIC = b"regretta trace "
_DIGEST = 64
_LONGEST_HEADER = 1 << 20
_WIDEST = 8
_LARGEST_CODE = 1 << 62
_WHOLE = 1 << 53


@dataclass(frozen=True)
class _Header:
    """What the columns of a file are.

    Attributes
    ----------
    format
        Version.
    run
        Checksum of the run that the trace is of.
    evaluations
        How many there are.
    budgets
        Those that `budget` has, ascending.
    numbered
        Whether there are cells.
    lowest, sizes
        Lowest value and number of values of each parameter, where all are whole numbers.
    reals
        Number of parameters, where some are real numbers.
    shapes
        How columns are stored, in their order: see `_Packer`.
    length
        Bytes of the deflated columns.
    """

    format: int
    run: str
    evaluations: int
    budgets: tuple[float, ...]
    numbered: bool
    lowest: tuple[int, ...]
    sizes: tuple[int, ...]
    reals: int
    shapes: tuple[int, ...]
    length: int


def to_bytes(trace: Trace, run: str) -> bytes:
    """The content of a trace's file.

    Parameters
    ----------
    trace
        What is kept.
    run
        Checksum of its run: `regretta.harness.result.checksum_of`.
    """
    packer = _Packer()
    order = _by_worker(trace.worker)
    budgets, levels = np.unique(trace.budget, return_inverse=True)
    for whole in (trace.worker, levels, trace.repeat):
        packer.integers(whole)
    for real in (trace.cost, trace.validation_error):
        packer.reals(real)
    time, cost = trace.time[order], trace.cost[order]
    starts = np.where(_first(trace.worker[order]), 0.0, np.roll(time, 1))
    packer.integers(time.view(np.int64) - (starts + cost).view(np.int64))
    if trace.cell is not None:
        packer.integers(trace.cell)
    lowest: tuple[int, ...] = ()
    sizes: tuple[int, ...] = ()
    reals = 0
    if trace.configuration is not None:
        found = _choices(trace.configuration)
        if found is None:
            reals = trace.configuration.shape[1]
            for column in trace.configuration.T:
                packer.reals(column.astype(np.float64))
        else:
            lowest, sizes = found
            for code in _codes(trace.configuration.astype(np.int64), lowest, sizes):
                packer.integers(code)
    columns = zlib.compress(b"".join(packer.parts), 6)
    header = _Header(
        format=FORMAT,
        run=run,
        evaluations=len(trace),
        budgets=tuple(budgets.tolist()),
        numbered=trace.cell is not None,
        lowest=lowest,
        sizes=sizes,
        reals=reals,
        shapes=tuple(packer.shapes),
        length=len(columns),
    )
    content = json.dumps(asdict(header), separators=(",", ":")).encode() + b"\n" + columns
    return _MAGIC + sha256(content).hexdigest().encode() + b"\n" + content


def from_bytes(data: bytes, run: str) -> Trace:
    """The trace of `to_bytes`'s bytes.

    Raises
    ------
    DocumentError
        If the bytes are not such a trace, or that of another run than the one with this checksum.
    """
    header, columns = _opened(data)
    if header.run != run:
        raise DocumentError("it is the trace of another run")
    n = header.evaluations
    kind = _smallest(header.lowest, header.sizes)
    dim, size = (header.reals, 8) if header.reals else (len(header.sizes), kind.itemsize)
    if n < 0 or dim < 0 or n * (BYTES_AN_EVALUATION + dim * size) > LARGEST_TRACE:
        raise DocumentError(f"it has {n:,} evaluations of {dim:,} parameters, which no trace has")
    inflater = zlib.decompressobj()
    try:
        raw = inflater.decompress(columns, LARGEST_TRACE)
    except zlib.error as error:
        raise DocumentError(f"its columns cannot be inflated: {error}") from None
    if not inflater.eof or inflater.unused_data:
        raise DocumentError("its columns are not as long as they must be")
    reader = _Unpacker(raw, header.shapes)
    with np.errstate(all="ignore"):
        worker, levels, repeat = (reader.integers(n) for _ in range(3))
        cost, observed = (reader.reals(n) for _ in range(2))
        order = _by_worker(worker)
        time = np.empty(n)
        time[order] = _added(worker[order], cost[order], reader.integers(n))
        cell = reader.integers(n) if header.numbered else None
        configuration: NDArray[Any] | None = None
        if header.reals:
            configuration = np.empty((n, dim))
            for i in range(dim):
                configuration[:, i] = reader.reals(n)
        elif header.sizes:
            codes = [reader.integers(n) for _ in _groups(header.sizes)]
            configuration = np.empty((n, dim), dtype=kind)
            _decode(configuration, codes, header.lowest, header.sizes)
    reader.close()
    budgets = np.array(header.budgets, dtype=np.float64)
    if n and not (levels.min() >= 0 and levels.max() < len(budgets)):
        raise DocumentError("it has evaluations at a budget that it does not name")
    for name, low, column in (
        ("worker", 0, worker),
        ("repeat", -1, repeat),
        ("cell", 0, cell),
        ("cost", 0, cost),
        ("validation error", -np.inf, observed),
        ("time", 0, time),
        ("configuration", -np.inf, configuration),
    ):
        if column is not None and not (np.isfinite(column) & (column >= low)).all():
            raise DocumentError(f"it has a {name} that no evaluation has")
    if (np.diff(time) < 0).any():
        raise DocumentError("its times do not ascend")
    return Trace(time, cost, worker, budgets[levels], repeat, observed, cell, configuration)


def sealed(data: bytes) -> bool:
    """Whether the bytes are as they were written; nothing is parsed."""
    try:
        _content(data)
    except DocumentError:
        return False
    return True


def _content(data: bytes) -> bytes:
    """What follows the first line, whose checksum was found right."""
    head = len(_MAGIC) + _DIGEST + 1
    if not data.startswith(_MAGIC) or data[head - 1 : head] != b"\n":
        said = strange(data[:HEAD]) if data and not data.startswith(_MAGIC[:1]) else ""
        raise DocumentError(f"it is {said or 'truncated'}")
    if sha256(data[head:]).hexdigest().encode() != data[len(_MAGIC) : head - 1]:
        raise DocumentError("it was altered: its checksum does not match")
    return data[head:]


def _opened(data: bytes) -> tuple[_Header, bytes]:
    """The header, and the deflated columns."""
    line, _, columns = _content(data).partition(b"\n")
    if len(line) > _LONGEST_HEADER:
        raise DocumentError("its header has no end")
    header = built(_Header, read_json(line), whole=True)
    if header.format != FORMAT:
        raise DocumentError("it was written by another version of regretta")
    if header.length != len(columns):
        raise DocumentError("its columns are not as long as they must be")
    return header, columns


class _Packer:
    """Columns as bytes, and their shapes.

    Whole numbers: their lowest, and the bytes each takes above it. Real numbers: how many different
    ones there are, then as whole numbers these and their places; or 0, then all their bits.
    """

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.shapes: list[int] = []

    def integers(self, values: NDArray[Any]) -> None:
        low = int(values.min()) if len(values) else 0
        width = _width(int(values.max()) - low) if len(values) else 0
        above = values.astype(np.int64).view(np.uint64) - np.uint64(low % (1 << 64))
        octets = above.astype("<u8").view(np.uint8).reshape(len(values), _WIDEST)
        self.shapes += [low, width]
        self.parts.append(octets[:, :width].T.tobytes())

    def reals(self, values: NDArray[np.float64]) -> None:
        bits = np.ascontiguousarray(values, dtype=np.float64).view(np.int64)
        different, places = np.unique(bits, return_inverse=True)
        n, k = len(bits), len(different)
        if _WIDEST * k + n * _width(k - 1) < _WIDEST * n:
            self.shapes.append(k)
            self.integers(different)
            self.integers(places)
        else:
            self.shapes.append(0)
            self.integers(bits)


class _Unpacker:
    """The columns of `_Packer`."""

    def __init__(self, data: bytes, shapes: Sequence[int]) -> None:
        self._data = data
        self._shapes = iter(shapes)
        self._at = 0

    def integers(self, n: int) -> NDArray[np.int64]:
        low, width = self._shape(), self._shape()
        end = self._at + n * width
        if not 0 <= width <= _WIDEST or not -(1 << 63) <= low < 1 << 63 or end > len(self._data):
            raise DocumentError("its columns are not as long as they must be")
        octets = np.zeros((n, _WIDEST), dtype=np.uint8)
        planes = np.frombuffer(self._data, np.uint8, n * width, self._at)
        octets[:, :width] = planes.reshape(width, n).T
        self._at = end
        above: NDArray[np.uint64] = octets.view("<u8")[:, 0].astype(np.uint64)
        return (above + np.uint64(low % (1 << 64))).view(np.int64)

    def reals(self, n: int) -> NDArray[np.float64]:
        k = self._shape()
        if not k:
            return self.integers(n).view(np.float64)
        if not 0 < k <= n:
            raise DocumentError("it has more different numbers than numbers")
        different, places = self.integers(k), self.integers(n)
        if not (places.min() >= 0 and places.max() < k):
            raise DocumentError("it has numbers that it does not name")
        return different.view(np.float64)[places]

    def close(self) -> None:
        """Make sure that nothing is left."""
        if self._at != len(self._data) or next(self._shapes, None) is not None:
            raise DocumentError("its columns are not as long as they must be")

    def _shape(self) -> int:
        shape = next(self._shapes, None)
        if shape is None:
            raise DocumentError("it lacks a column")
        return shape


def _width(largest: int) -> int:
    """Bytes of a whole number from 0 on."""
    return (max(largest, 0).bit_length() + 7) // 8


# -- finish times ------------------------------------------------------------------------------


def _by_worker(worker: NDArray[np.int64]) -> NDArray[np.intp]:
    """The order in which evaluations stand one worker after another."""
    return np.argsort(worker, kind="stable")


def _first(worker: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which entries are a worker's first, of workers in that order."""
    first = np.ones(len(worker), dtype=bool)
    first[1:] = worker[1:] != worker[:-1]
    return first


def _added(
    worker: NDArray[np.int64], cost: NDArray[np.float64], difference: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Finish times, one worker after another: sums of costs from one difference to the next."""
    first = _first(worker)
    time = cost.copy()
    for start, end in pairwise([*np.flatnonzero(first | (difference != 0)).tolist(), len(time)]):
        if not first[start]:
            time[start] += time[start - 1]
        time[start : start + 1].view(np.int64)[0] += difference[start]
        np.add.accumulate(time[start:end], out=time[start:end])
    return time


# -- configurations ----------------------------------------------------------------------------


def _choices(configurations: NDArray[Any]) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """Lowest value and number of values of each parameter; None where some are real numbers."""
    n, dim = configurations.shape
    if not n:
        return (0,) * dim, (1,) * dim
    if configurations.dtype.kind == "f":
        whole = configurations == np.floor(configurations)
        if not (whole & (np.abs(configurations) <= _WHOLE)).all():
            return None
    lowest = [int(value) for value in configurations.min(axis=0)]
    highest = [int(value) for value in configurations.max(axis=0)]
    return tuple(lowest), tuple(b - a + 1 for a, b in zip(lowest, highest, strict=True))


def _groups(sizes: Sequence[int]) -> Iterator[list[int]]:
    """Parameters whose values are one number together."""
    group: list[int] = []
    product = 1
    for i, size in enumerate(sizes):
        if group and product * size > _LARGEST_CODE:
            yield group
            group, product = [], 1
        group.append(i)
        product *= size
    if group:
        yield group


def _codes(
    configurations: NDArray[np.int64], lowest: Sequence[int], sizes: Sequence[int]
) -> Iterator[NDArray[np.int64]]:
    for group in _groups(sizes):
        code = np.zeros(len(configurations), dtype=np.int64)
        for i in group:
            code = code * sizes[i] + (configurations[:, i] - lowest[i])
        yield code


def _decode(
    configurations: NDArray[Any],
    codes: Sequence[NDArray[np.int64]],
    lowest: Sequence[int],
    sizes: Sequence[int],
) -> None:
    """Fill in the configurations of codes."""
    for code, group in zip(codes, _groups(sizes), strict=True):
        rest = code
        for i in reversed(group):
            rest, place = np.divmod(rest, sizes[i])
            configurations[:, i] = place + lowest[i]
        if rest.any():
            raise DocumentError("it has a configuration that no evaluation has")


def _smallest(lowest: Sequence[int], sizes: Sequence[int]) -> np.dtype[Any]:
    """The smallest integers that hold the values of all parameters."""
    fitting = all(abs(low) <= _WHOLE for low in lowest) and all(
        1 <= size <= _LARGEST_CODE for size in sizes
    )
    if not fitting or len(lowest) != len(sizes):
        raise DocumentError("it has a parameter that no space has")
    highest = (low + size for low, size in zip(lowest, sizes, strict=True))
    return np.min_scalar_type(min(*lowest, *(-high for high in highest), 0, -1))
