"""What all sources share: their error, how they report progress, and what the registry holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from regretta.tabular_data.documents import DocumentError, open_file
from regretta.tabular_data.errors import UserError
from regretta.tabular_data.file_kinds import HEAD, strange
from regretta.tabular_data.table import Table

Progress = Callable[[int, int], None]
"""Told now and then how much is done and how much there is, both in the importer's unit."""


class SourceError(UserError):
    """A source that is missing, damaged or not what it is said to be; with the place in it."""


def open_source(source: Path, what: str, *begins: bytes) -> BinaryIO:
    """A published file, opened to be read.

    Parameters
    ----------
    source
        The file.
    what
        What it must be, for messages.
    begins
        What its first bytes may be; anything where none is given.

    Raises
    ------
    SourceError
        If it is empty or begins otherwise; the message says what it is instead.
    OSError, DocumentError
        If it cannot be read.
    """
    file = open_file(source)
    try:
        head = file.read(HEAD)
        file.seek(0)
        if not head or (begins and not head.startswith(begins)):
            raise SourceError(not_one(str(source), what, head))
    except BaseException:
        file.close()
        raise
    return file


def not_one(where: str, what: str, head: bytes) -> str:
    """That a file is not what it must be, and what it is as far as its first bytes tell."""
    said = strange(head)
    return f"{where} is no {what}" + (f": it is {said}" if said else "")


def unreadable(source: Path, error: OSError | DocumentError) -> SourceError:
    """That a file or folder cannot be read, by the system's own name for the reason."""
    if isinstance(error, DocumentError):
        return SourceError(f"cannot read {source}: {error}")
    what = "it is a folder; give the file" if isinstance(error, IsADirectoryError) else ""
    return SourceError(f"cannot read {source}: {what or error.strerror or error}")


@dataclass(frozen=True)
class FileFormat:
    """A format of published files that can be imported.

    Attributes
    ----------
    name
        How the command line calls it.
    source
        What its files are called.
    read
        Called with the source, the table's name or None, and a `Progress` or None; what further
        keywords it takes are its options.
    begins
        Whether a file may be of this format by its first `HEAD` bytes.
    """

    name: str
    source: str
    read: Callable[..., Table]
    begins: Callable[[bytes], bool] = lambda head: False


@dataclass(frozen=True)
class PackagedTable:
    """A table that is made from an installed package when it is first opened.

    Attributes
    ----------
    name, dataset, collection
        As in `Table`.
    make
        Makes it.
    """

    name: str
    dataset: str
    collection: str
    make: Callable[[], Table]
