"""Arrays on disk: ``.npy`` files that are read only if they are the very bytes that were written.

They are read into memory, not mapped: a mapped file that somebody overwrites changes results in
silence, and one that somebody truncates ends the process by a signal.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from hashlib import sha256
from math import prod
from pathlib import Path
from typing import Any, BinaryIO, Self

import numpy as np
from numpy.typing import NDArray

from regretta.tabular_data.documents import DocumentError, open_file
from regretta.tabular_data.file_kinds import HEAD, strange

_MAGIC = b"\x93NUMPY"
_LENGTH_BYTES = {1: 2, 2: 4, 3: 4}
"""Version of the ``.npy`` format → bytes of its header's length."""
_PIECE = 1 << 20


class ArrayFileError(ValueError):
    """An array's file that is not as it was written; the message says what it is or does."""


class AlteredError(ArrayFileError):
    """An array's file that holds other values than were written."""


def array_checksum(array: NDArray[Any]) -> str:
    """SHA-256 of an array's dtype, shape and bytes."""
    digest = sha256(f"{array.dtype.str}{array.shape}".encode())
    digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def save_array(path: Path, array: NDArray[Any]) -> None:
    """Write an ``.npy`` file. Unlike `np.save`, it says why where the disk is full."""
    array = np.ascontiguousarray(array)
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(array))
        file.write(array.data)


@dataclass(frozen=True)
class ArrayDescription:
    """What must be known of an array to read it from its file.

    Attributes
    ----------
    dtype
        As NumPy writes it, such as ``<f8``.
    shape
        Its axes.
    sha256
        As `array_checksum` gives it.
    """

    dtype: str
    shape: tuple[int, ...]
    sha256: str

    @classmethod
    def of(cls, array: NDArray[Any]) -> Self:
        """That of an array."""
        return cls(array.dtype.str, array.shape, array_checksum(array))


class ArrayFile:
    """An array in an ``.npy`` file, whose own header is skipped: it says nothing that is not known.

    Parameters
    ----------
    path
        The file.
    description
        The array.

    Raises
    ------
    ArrayFileError
        If the description is that of no array of numbers.
    """

    def __init__(self, path: Path, description: ArrayDescription) -> None:
        self.path = path
        self.shape = description.shape
        self.sha256 = description.sha256
        try:
            self.dtype = np.dtype(description.dtype)
        except (TypeError, ValueError):
            raise ArrayFileError("is described as no array of numbers") from None
        if (
            self.dtype.kind not in "fiu"
            or self.dtype.str != description.dtype
            or not all(type(size) is int and size >= 0 for size in self.shape)
        ):
            raise ArrayFileError("is described as no array of numbers")

    @property
    def nbytes(self) -> int:
        """Bytes of the array."""
        return prod(self.shape) * self.dtype.itemsize

    def check(self) -> None:
        """Make sure that the file is there and as long as it must be; its values are not read.

        Raises
        ------
        ArrayFileError
            If it is not.
        OSError
            If it cannot be read.
        """
        with self._opened():
            pass

    def read(self) -> NDArray[Any]:
        """The array, read-only, found to be the one of the checksum.

        Raises
        ------
        ArrayFileError
            If it is not.
        OSError
            If it cannot be read.
        """
        with self._opened() as file:
            try:
                array = np.empty(self.shape, self.dtype)
            except (MemoryError, ValueError):
                raise ArrayFileError(f"needs {self.nbytes / 1e9:.1f} GB of memory") from None
            data = array.reshape(-1).view(np.uint8).data
            digest = sha256(f"{self.dtype.str}{self.shape}".encode())
            for start in range(0, len(data), _PIECE):
                piece = data[start : start + _PIECE]
                if file.readinto(piece) != len(piece):  # type: ignore[attr-defined]
                    raise ArrayFileError("is truncated")
                digest.update(piece)
        if digest.hexdigest() != self.sha256:
            raise AlteredError("does not match its checksum")
        array.flags.writeable = False
        return array

    def _opened(self) -> BinaryIO:
        """The file, at its first value."""
        try:
            file = open_file(self.path)
        except FileNotFoundError:
            raise ArrayFileError("is missing") from None
        except DocumentError as error:
            raise ArrayFileError(str(error).removeprefix("it ")) from None
        try:
            head = file.read(HEAD)
            size = _LENGTH_BYTES.get(head[6], 0) if len(head) > 12 else 0
            if not head.startswith(_MAGIC) or not size:
                what = strange(head)
                raise ArrayFileError(f"is {what}" if what else "is no .npy file")
            start = 8 + size + int.from_bytes(head[8 : 8 + size], "little")
            there, wanted = os.fstat(file.fileno()).st_size, start + self.nbytes
            if there != wanted:
                how = "truncated" if there < wanted else "too long"
                raise ArrayFileError(f"is {how}: it has {there:,} bytes of {wanted:,}")
            file.seek(start)
        except BaseException:
            file.close()
            raise
        return file


def stamp_of(path: str) -> tuple[int, ...] | None:
    """Device, inode, size and times of a file: what changes when it is written or replaced."""
    try:
        about = os.stat(path)
    except OSError:
        return None
    return about.st_dev, about.st_ino, about.st_size, about.st_mtime_ns, about.st_ctime_ns
