"""Where traces lie on disk: a file each beside its run, or many in one compacted file.

A trace's name has the number of its run and the first 16 digits of that run's checksum, and its
file has all of them: no trace is ever taken for another run's, whatever was done again or is named
alike. ``runs/<table>/<label>/<name>.trace`` is written before its run, so that a run which was made
with a trace has one whenever the run itself is there. A compacted file, ``<digits>.traces``, is a
line of `_MAGIC` and a checksum, a line of JSON with the names and lengths of the traces, and these
one after another; the checksum is that line's, and the file's name begins as it does.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np

from regretta.harness.result import ResultError, RunResult, checksum_of
from regretta.harness.trace import Trace
from regretta.harness.trace_bytes import LARGEST_FILE, from_bytes, sealed
from regretta.tabular_data.documents import (
    LARGEST,
    DocumentError,
    built,
    open_file,
    read_json,
)
from regretta.tabular_data.storage import atomic_file, write_atomically

TO_HAVE_ONE = "run the suite with --trace into another --out"
"""What gives a trace to runs that have none: what is done is never done again for it."""

_NAME = re.compile(r"\d{5,18}\.[0-9a-f]{16}")
_MAGIC = b"regretta traces "
_FIRST_LINE = len(_MAGIC) + 64 + 1


class MissingTraceError(ResultError):
    """A run that was made without a trace."""


@dataclass(frozen=True)
class _Index:
    """What is in a compacted file: name of a trace → its bytes, in their order."""

    lengths: Mapping[str, int]


@dataclass(frozen=True)
class Place:
    """Where a trace is: which part of which file."""

    path: Path
    start: int
    length: int

    def read(self) -> bytes:
        """Its bytes.

        Raises
        ------
        OSError
            If they cannot be read.
        DocumentError
            If it is longer than any trace, or no file.
        """
        if self.length > LARGEST_FILE:
            raise DocumentError(f"it has {self.length:,} bytes, far more than a trace has")
        with open_file(self.path) as file:
            file.seek(self.start)
            return file.read(self.length)


def write_trace(run_file: Path, run: bytes, trace: bytes) -> None:
    """Keep the bytes of a trace beside the file of its run, which `run` are the bytes of."""
    write_atomically(run_file.with_name(f"{_name(run_file, checksum_of(run))}.trace"), trace)


def read_trace(run_file: Path, run: RunResult) -> Trace:
    """The trace of a run that was read from a suite's folder.

    Raises
    ------
    MissingTraceError
        If the run has none.
    ResultError
        If it has one that is damaged, another run's, or cannot be read.
    """
    damaged: list[Path] = []
    path = run_file
    try:
        place = place_of(run_file, run.checksum, damaged)
        if place is None:
            raise _no_trace(run, damaged)
        path, data = place.path, place.read()
        trace = from_bytes(data, run.checksum)
        _check_sums(trace, run)
    except OSError as error:
        raise ResultError(f"trace {path} cannot be read: {error.strerror or error}") from error
    except DocumentError as error:
        which = "" if path.suffix == ".trace" else f" of run {run.number}"
        raise ResultError(
            f"trace {path} is damaged{which} ({error}); its run is whole; for the trace"
            f" {TO_HAVE_ONE}"
        ) from None
    return trace


def place_of(run_file: Path, checksum: str, damaged: list[Path]) -> Place | None:
    """Where the trace of a run is; None if it has none.

    Parameters
    ----------
    run_file
        File of the run, whether or not it is compacted.
    checksum
        The run's.
    damaged
        Gets compacted files that cannot be understood.

    Raises
    ------
    OSError
        If the folder cannot be read.
    """
    name = _name(run_file, checksum)
    path = run_file.with_name(f"{name}.trace")
    with suppress(FileNotFoundError):
        return Place(path, 0, path.stat().st_size)
    return _compacted(path.parent, damaged).get(name)


def _no_trace(run: RunResult, damaged: list[Path]) -> ResultError:
    which = f"run {run.number} of {run.label!r} on {run.table!r}"
    if damaged:
        return ResultError(
            f"traces {damaged[0]} are damaged, {which} may be in it; its run is whole; for the"
            f" trace {TO_HAVE_ONE}"
        )
    return MissingTraceError(f"{which} has no trace; {TO_HAVE_ONE}")


def _name(run_file: Path, checksum: str) -> str:
    return f"{run_file.stem}.{checksum[:16]}"


def _check_sums(trace: Trace, run: RunResult) -> None:
    """Refuse a trace that cannot be the run's, whatever its checksum says."""
    budgets, numbers = np.unique(trace.budget, return_counts=True)
    counts = {f"{b:.12g}": n for b, n in zip(budgets.tolist(), numbers.tolist(), strict=True)}
    done = {budget: count for budget, count in run.evaluations_by_budget.items() if count}
    if len(trace) != run.evaluations or counts != done:
        raise DocumentError(
            f"it has {len(trace):,} evaluations, and its run {run.evaluations:,}, or at other"
            " budgets"
        )
    if len(trace) and trace.time[-1] > run.elapsed:
        raise DocumentError("it goes on after its run was over")


def with_trace(place: Path, runs: Mapping[int, str]) -> set[int]:
    """Which runs in the folder of a label have a trace, by number; no trace is read.

    Parameters
    ----------
    place
        The folder.
    runs
        Their checksums.
    """
    try:
        names = {name.removesuffix(".trace") for name in os.listdir(place)}
        names |= _compacted(place).keys()
    except OSError:
        return set()
    return {number for number, run in runs.items() if f"{number:05d}.{run[:16]}" in names}


def mixed(folder: Path, wanted: bool, runs: int, traced: int) -> list[str]:
    """A line if finished runs differ in what is wanted of the next ones: some have traces.

    Parameters
    ----------
    folder
        The suite's.
    wanted
        Whether the next runs keep traces.
    runs, traced
        Finished runs, and how many of them have a trace.
    """
    if wanted and traced < runs:
        return [
            f"{runs - traced:,} of {runs:,} finished runs in {folder} have no trace, and stay so;"
            f" for traces of all {TO_HAVE_ONE}"
        ]
    if traced and not wanted:
        return [
            f"{traced:,} of {runs:,} finished runs in {folder} have a trace; further ones have none"
            " unless --trace is given"
        ]
    return []


# -- many in one file --------------------------------------------------------------------------


def compact_traces(folder: Path) -> None:
    """Put the traces in the folder of a label into one file; what is damaged stays as it is.

    Raises
    ------
    OSError
        If the folder cannot be written; all traces are still there.
    """
    single = {
        path.stem: Place(path, 0, path.stat().st_size)
        for path in sorted(folder.glob("*.trace"))
        if _NAME.fullmatch(path.stem) and path.is_file() and not path.is_symlink()
    }
    found = {
        name: place
        for name, place in sorted({**_compacted(folder), **single}.items())
        if _whole(place)
    }
    sources = {place.path for place in found.values()}
    if len(sources) < 2:
        return
    index = json.dumps(asdict(_Index({name: place.length for name, place in found.items()})))
    digest = sha256(index.encode()).hexdigest()
    path = folder / f"{digest[:16]}.traces"
    with atomic_file(path) as file:
        file.write(_MAGIC + digest.encode() + b"\n" + index.encode() + b"\n")
        for place in found.values():
            file.write(place.read())
        file.flush()
        os.fsync(file.fileno())
    again = _read_index(path)
    if again.keys() != found.keys() or not all(map(_whole, again.values())):
        raise OSError(f"{path.name} cannot be read back as it was written")
    for source in sources - {path}:
        rest = {} if source.suffix == ".trace" else _read_index(source).keys() - found.keys()
        if not rest:
            source.unlink(missing_ok=True)


def _whole(place: Place) -> bool:
    try:
        return sealed(place.read())
    except DocumentError:
        return False


def _compacted(folder: Path, damaged: list[Path] | None = None) -> dict[str, Place]:
    """The traces in compacted files by name; `damaged` gets files that cannot be understood."""
    found: dict[str, Place] = {}
    for name in sorted(os.listdir(folder)):
        if name.endswith(".traces") and not name.startswith("."):
            try:
                found |= _read_index(folder / name)
            except (OSError, DocumentError):
                if damaged is not None:
                    damaged.append(folder / name)
    return found


def _read_index(path: Path) -> dict[str, Place]:
    """The traces in a compacted file by name."""
    with open_file(path) as file:
        first = file.readline(_FIRST_LINE)
        line = file.readline(LARGEST).removesuffix(b"\n")
    if first != _MAGIC + sha256(line).hexdigest().encode() + b"\n":
        raise DocumentError("it is truncated or was altered")
    lengths = built(_Index, read_json(line), whole=True).lengths
    start = _FIRST_LINE + len(line) + 1
    places = {}
    for name, length in lengths.items():
        if length < 0:
            raise DocumentError(f"it has a trace of {length:,} bytes")
        places[name] = Place(path, start, length)
        start += length
    return places
