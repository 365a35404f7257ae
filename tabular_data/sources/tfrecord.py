"""TFRecord files: length-framed records, every length and payload guarded by a masked CRC-32C.

A record is a little-endian 64-bit length, the masked CRC of these eight bytes, the payload and its
masked CRC (TensorFlow, ``lib/io/record_writer``). The CRC is Castagnoli's (RFC 3720, appendix B.4).
Checking many records at once keeps it in NumPy: two bytes of all of them a step.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from regretta.tabular_data.file_kinds import HEAD
from regretta.tabular_data.sources.base import SourceError, not_one

MAX_RECORD = 1 << 16
"""Longest payload accepted, in bytes; a longer one is no row of a benchmark but a damaged file."""

_KIND = "TFRecord file (its first 12 bytes are not a length with its checksum)"
_POLYNOMIAL = np.uint32(0x82F63B78)
_HEADER = 12
_FOOTER = 4


@dataclass(frozen=True)
class Batch:
    """Successive records of a file.

    Attributes
    ----------
    first
        Number of the first record, from 0.
    offsets
        Byte at which each record starts in the file.
    payloads
        What each record holds.
    """

    first: int
    offsets: Sequence[int]
    payloads: Sequence[bytes]

    def place(self, record: int) -> str:
        """Where a record of this batch is, for messages."""
        return f"record {self.first + record} at byte {self.offsets[record]}"


def read_batches(file: BinaryIO, where: str, chunk: int = 1 << 22) -> Iterator[Batch]:
    """All records of a file in batches of about `chunk` bytes, every CRC checked.

    Raises
    ------
    SourceError
        At the first record that is truncated, too long or does not match its CRC; earlier records
        of the same batch are not given.
    """
    rest = b""
    position = number = 0
    while data := file.read(chunk):
        data = rest + data
        starts, ends, failure = _walk(data)
        headers = [data[start : start + 8] for start in starts]
        payloads = [
            data[start + _HEADER : end - _FOOTER] for start, end in zip(starts, ends, strict=False)
        ]
        lengths_bad = _mismatches(headers, [data[start + 8 : start + _HEADER] for start in starts])
        # A record whose length cannot be right is told apart from one that merely ends in the next
        # chunk.
        sound = payloads[: lengths_bad[0]] if len(lengths_bad) else payloads
        payloads_bad = _mismatches(sound, [data[end - _FOOTER : end] for end in ends[: len(sound)]])
        batch = Batch(number, [position + start for start in starts], payloads)
        if len(payloads_bad):
            raise SourceError(
                f"{where}: {batch.place(int(payloads_bad[0]))} does not match its checksum"
            )
        if len(lengths_bad):
            if number + lengths_bad[0] == 0:
                raise SourceError(not_one(where, _KIND, data[:HEAD]))
            raise SourceError(
                f"{where}: the length of {batch.place(int(lengths_bad[0]))} does not match its"
                " checksum"
            )
        if failure is not None:
            raise SourceError(
                f"{where}: {batch.place(len(starts) - 1)} claims {failure} bytes, far too many"
            )
        if payloads:
            yield batch
        number += len(payloads)
        consumed = ends[-1] if ends else 0
        rest = data[consumed:]
        position += consumed
    if rest and not number and len(rest) < _HEADER:
        raise SourceError(not_one(where, _KIND, rest))
    if rest:
        raise SourceError(
            f"{where} is truncated: it ends inside record {number}, which starts at byte {position}"
        )


def begins_with_record(head: bytes) -> bool:
    """Whether the first bytes of a file are a record's length with its checksum."""
    return len(head) >= _HEADER and not len(_mismatches([head[:8]], [head[8:_HEADER]]))


def _walk(data: bytes) -> tuple[list[int], list[int], int | None]:
    """Starts of records whose header is in `data`, ends of whole ones, and a length too large."""
    starts: list[int] = []
    ends: list[int] = []
    size, start = len(data), 0
    unpack = struct.Struct("<Q").unpack_from
    while start + _HEADER <= size:
        (length,) = unpack(data, start)
        starts.append(start)
        if length > MAX_RECORD:
            return starts, ends, length
        end = start + _HEADER + length + _FOOTER
        if end > size:
            break
        ends.append(end)
        start = end
    return starts, ends, None


def _mismatches(messages: Sequence[bytes], stored: Sequence[bytes]) -> NDArray[np.intp]:
    """Positions of the messages whose masked CRC is not the stored one."""
    return np.flatnonzero(masked(crc32c(messages)) != np.frombuffer(b"".join(stored), dtype="<u4"))


def masked(crc: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """The CRC as TFRecord files store it: rotated right by 15 bits, plus a constant."""
    return (crc >> np.uint32(15) | crc << np.uint32(17)) + np.uint32(0xA282EAD8)


def crc32c(messages: Sequence[bytes]) -> NDArray[np.uint32]:
    """CRC-32C of every message: shape ``[n]``."""
    lengths = np.fromiter(map(len, messages), dtype=np.int64, count=len(messages))
    table, start = _table(), _states_after_zeros()
    found = np.empty(len(messages), dtype=np.uint32)
    by_length = np.argsort(lengths, kind="stable")
    for begin in range(0, len(messages), 4096):  # blocks that stay in the processor's cache
        block = by_length[begin : begin + 4096]
        width = int(lengths[block[-1]] + 1) // 2 * 2
        # Padded with zeros in front, which a CRC that starts from zero passes over.
        padded = b"".join([messages[i].rjust(width, b"\0") for i in block.tolist()])
        words = np.ascontiguousarray(
            np.frombuffer(padded, dtype="<u2").reshape(len(block), width // 2).T
        )
        crc = np.zeros(len(block), dtype=np.uint32)
        for word in words:
            crc = table[(crc ^ word) & np.uint32(0xFFFF)] ^ crc >> np.uint32(16)
        # A CRC is linear: what the real start value, all ones, adds depends on the length alone.
        found[block] = ~(crc ^ start[lengths[block]])
    return found


def frame(payloads: Sequence[bytes]) -> bytes:
    """The bytes of a TFRecord file with these records."""
    headers = [struct.pack("<Q", len(payload)) for payload in payloads]
    sums = [masked(crc32c(parts)).astype("<u4").tobytes() for parts in (headers, payloads)]
    return b"".join(
        header + sums[0][4 * i : 4 * i + 4] + payload + sums[1][4 * i : 4 * i + 4]
        for i, (header, payload) in enumerate(zip(headers, payloads, strict=True))
    )


@cache
def _table() -> NDArray[np.uint32]:
    """What 16 steps of the CRC make of each 16-bit value."""
    state = np.arange(1 << 16, dtype=np.uint32)
    for _ in range(16):
        state = state >> np.uint32(1) ^ np.where(state & np.uint32(1), _POLYNOMIAL, np.uint32(0))
    return state


@cache
def _states_after_zeros() -> NDArray[np.uint32]:
    """State of a CRC begun from all ones after n zero bytes, for every n up to `MAX_RECORD`."""
    table = (
        _table()[(np.arange(256) << 8)]
    ).tolist()  # eight steps are sixteen of a value eight bits higher
    states = [0xFFFFFFFF]
    for _ in range(MAX_RECORD):
        state = states[-1]
        states.append(table[state & 0xFF] ^ state >> 8)
    return np.array(states, dtype=np.uint32)
