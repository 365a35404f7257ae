"""The single files of NAS-Bench-201 and NATS-Bench, larger than memory: entry by entry."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

from regretta.tabular_data.sources.base import SourceError
from regretta.tabular_data.sources.nasbench201.runs import Runs
from regretta.tabular_data.sources.pickles import STAND_INS, Readable, StandIns, read_pickles


class Told:
    """A file that says each time that it is read.

    Parameters
    ----------
    file
        What is read.
    tell
        Called before each read.
    """

    def __init__(self, file: Readable, tell: Callable[[], None]) -> None:
        self._file, self._tell = file, tell

    def read(self, count: int, /) -> bytes:
        """As the file's own."""
        self._tell()
        return self._file.read(count)


def read_stream(
    file: Readable,
    where: str,
    runs: Runs,
    schedules: tuple[str, str],
    stand_ins: StandIns = STAND_INS,
    before: int = 0,
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
    before
        Number of pickles to pass over first.

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

    pickles = read_pickles(file, where, stand_ins, take)
    for _ in range(before):
        next(pickles)
    whole = next(pickles)
    if not isinstance(whole, dict) or not isinstance(whole.get("arch2infos"), dict):
        raise SourceError(f"{where} is no file of all architectures: it has no arch2infos")
    if whole["arch2infos"].keys() != taken:
        raise SourceError(f"{where}: the indices of arch2infos are not those of its architectures")
    runs.check(whole.get("meta_archs"), where)


def read_to_end(stream: Readable, where: str) -> None:
    """Read on to the end of a compressed stream, where its checksum is compared.

    Raises
    ------
    SourceError
        If the checksum differs.
    """
    try:
        while stream.read(1 << 20):
            pass
    except Exception as error:
        raise SourceError(f"{where} is damaged ({error}); get the file again") from None
