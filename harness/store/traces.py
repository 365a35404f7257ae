"""Where traces lie on disk: a file each, beside its run and named after it.

The name, ``runs/<table>/<label>/<number>.<digest>.trace``, has the first 16 digits of the checksum
of the run that the trace is of, and the file has all of them: no trace is ever taken for another
run's, whatever was done again or is named alike. It is written before its run, so that a run which
was made with a trace has one whenever the run itself is there.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from regretta.harness.result import ResultError, RunResult, checksum_of
from regretta.harness.store.files import Stored, run_path
from regretta.harness.trace import Trace
from regretta.harness.trace_bytes import LARGEST_FILE, from_bytes
from regretta.tabular_data.documents import DocumentError, read_bytes
from regretta.tabular_data.storage import write_atomically

TO_HAVE_ONE = "run the suite with --trace into another --out"
"""What gives a trace to runs that have none: what is done is never done again for it."""


class MissingTraceError(ResultError):
    """A run that was made without a trace."""


def trace_path(folder: Path, table: str, label: str, number: int, checksum: str) -> Path:
    """File of the trace of the run with a checksum."""
    return run_path(folder, table, label, number).with_suffix(f".{checksum[:16]}.trace")


def write_trace(folder: Path, table: str, label: str, number: int, run: bytes, data: bytes) -> None:
    """Keep the bytes of a trace; `run` are those of its run's file."""
    write_atomically(trace_path(folder, table, label, number, checksum_of(run)), data)


def read_trace(folder: Path, run: RunResult) -> Trace:
    """The trace of a run that was read from the suite's folder.

    Raises
    ------
    MissingTraceError
        If the run has none.
    ResultError
        If it has one that is damaged, another run's, or cannot be read.
    """
    path = trace_path(folder, run.table, run.label, run.number, run.checksum)
    try:
        trace = from_bytes(read_bytes(path, LARGEST_FILE), run.checksum)
        _check_sums(trace, run)
    except FileNotFoundError:
        raise MissingTraceError(
            f"run {run.number} of {run.label!r} on {run.table!r} has no trace; {TO_HAVE_ONE}"
        ) from None
    except OSError as error:
        raise ResultError(f"trace {path} cannot be read: {error.strerror or error}") from error
    except DocumentError as error:
        raise ResultError(
            f"trace {path} is damaged ({error}); its run is whole; for the trace {TO_HAVE_ONE}"
        ) from None
    return trace


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


def with_trace(place: Path, runs: Mapping[int, Stored]) -> set[int]:
    """Which runs in the folder of a label have a trace, by number; none is read."""
    try:
        names = set(os.listdir(place))
    except OSError:
        return set()
    return {
        number
        for number, run in runs.items()
        if f"{number:05d}.{checksum_of(run.data)[:16]}.trace" in names
    }


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
