"""What the importers of NAS-Bench-201 and NATS-Bench share: a file unpacked and read in pieces."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any, BinaryIO

from regretta.tabular_data.documents import DocumentError
from regretta.tabular_data.sources.base import Progress, SourceError, unreadable
from regretta.tabular_data.sources.nasbench201.runs import Runs
from regretta.tabular_data.sources.pickles import Readable, Take, read_pickle
from regretta.tabular_data.sources.stand_ins import STAND_INS, StandIns
from regretta.tabular_data.table import Table

_MOST_UNPACKED = 200
"""Bytes that a byte of a published file unpacks to at most; in ``meta.pickle.pbz2`` it is 40."""
_FREE_UNPACKED = 1 << 22

Reader = Callable[[Path, Runs, Progress | None, bool], None]
"""Takes all architectures of a source in; told the progress, and whether some may be missing."""


def table_of(
    read: Reader,
    source: str | Path,
    published: str,
    collection: str,
    name: str,
    progress: Progress | None,
    *,
    dataset: str,
    partial: bool,
    mid_schedule: bool,
) -> Table:
    """The table of one data set of a source.

    Parameters
    ----------
    read
        Reads it.
    source
        The file or folder.
    published
        What was published, and where.
    collection
        As in `Table`.
    name
        The table's name.
    progress, dataset, partial, mid_schedule
        As the importers have them.

    Raises
    ------
    SourceError
        If the source cannot be read, or what is in it is no such table.
    """
    source = Path(source)
    runs = Runs(dataset, str(source), mid_schedule)
    try:
        read(source, runs, progress, partial)
    except (OSError, DocumentError) as error:
        raise unreadable(source, error) from None
    about = f"{published}, {dataset}, from {source.name}"
    return runs.table(name, about, "MIT", collection, partial)


class Unpacked:
    """A packed file as it is unpacked: it tells how far it is, and does not swell without end.

    Parameters
    ----------
    packed
        The file.
    unpacked
        What is read; the file itself where it is not packed.
    where
        The source, for messages.
    progress
        Told the packed bytes read and their number.
    size
        That number.
    """

    def __init__(
        self,
        packed: BinaryIO,
        unpacked: Readable,
        where: str,
        progress: Progress | None = None,
        size: int = 0,
    ) -> None:
        self._packed, self._unpacked, self._where = packed, unpacked, where
        self._progress, self._size = progress, size
        self._given = 0

    def read(self, count: int, /) -> bytes:
        """The next bytes.

        Raises
        ------
        SourceError
            If what comes out is out of all proportion to what went in.
        """
        data = self._unpacked.read(count)
        taken = self._packed.tell()
        self._given += len(data)
        if self._given > _FREE_UNPACKED + _MOST_UNPACKED * taken:
            raise SourceError(
                f"{self._where} is refused: it unpacks to more than {_MOST_UNPACKED} times its"
                " size, which no published file does"
            )
        if self._progress is not None:
            self._progress(taken, self._size)
        return data


def read_all(
    file: Readable,
    where: str,
    runs: Runs,
    schedules: tuple[str, str],
    stand_ins: StandIns = STAND_INS,
    read: Callable[[Readable, str, StandIns, Take], Any] = read_pickle,
) -> None:
    """Take in every architecture of ``{"meta_archs": …, "arch2infos": {index: {schedule:
    state}}}``.

    Each is dropped as soon as its values are taken, so that memory stays bounded.

    Parameters
    ----------
    file
        The pickle.
    where
        The source, for messages.
    runs
        Where the architectures go.
    schedules
        The keys of the two schedules.
    stand_ins
        What the pickle may ask for.
    read
        How the pickle is found in the file.

    Raises
    ------
    SourceError
        If it is damaged, asks for code to run or holds something else.
    """
    taken: set[int] = set()
    numbers = count()

    def take(entries: dict[Any, Any]) -> bool:
        if entries.keys() != set(schedules):
            return False
        taken.add(runs.add(f"{where}, entry {next(numbers)}", entries.values()))
        entries.clear()
        return True

    whole = read(file, where, stand_ins, take)
    if not isinstance(whole, dict) or not isinstance(whole.get("arch2infos"), dict):
        raise SourceError(f"{where} is no file of all architectures: it has no arch2infos")
    if whole["arch2infos"].keys() != taken:
        raise SourceError(f"{where}: the indices of arch2infos are not those of its architectures")
    runs.check(whole.get("meta_archs"), where)
