"""How far a suite is: what is done, failed, missing and damaged, and how long the rest may take."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np

from regretta.harness.regret import final_regret
from regretta.harness.reported import measure, regret_kind
from regretta.harness.result import ResultError, RunResult
from regretta.harness.store.folder import read_identity
from regretta.harness.store.outcomes import failures_in
from regretta.harness.store.scan import early_ends, no_result, said_of, scan
from regretta.harness.suite import Failure
from regretta.tabular_data.benchmark import Reference
from regretta.tabular_data.locks import locked

_FEWEST = 3


@dataclass(frozen=True)
class Progress:
    """How far one label is on one table, in runs, and what these have reached.

    Attributes
    ----------
    table, label
        Which one.
    reconstruction
        What of the table is modelled; empty where it was measured.
    done, failed, damaged, missing
        Finished; failed and not repeated since; present but unusable; none of these. They add up to
        what is planned.
    ended_early
        Those finished before their limit, as the optimizer had nothing more to propose.
    traced
        Those finished that have a trace.
    kind
        ``test`` where all runs on the table have test errors, else ``validation``.
    measure
        ``regret``, or ``error`` where nobody knows the best there is, as
        `regretta.harness.reported.measure` says.
    mean, sd
        Of `measure` of the last incumbents, a fraction, over the finished runs that have one; the
        sample standard deviation. None without such a run, and for the deviation of one.
    """

    table: str
    label: str
    done: int
    failed: int
    damaged: int
    missing: int
    ended_early: int = 0
    traced: int = 0
    reconstruction: str = ""
    kind: str = "validation"
    measure: str = "regret"
    mean: float | None = None
    sd: float | None = None


@dataclass(frozen=True)
class SuiteStatus:
    """How far a suite is.

    Attributes
    ----------
    folder, name
        Where it is and what it is called.
    running
        Whether a process is at work in the folder; None where the file system cannot tell.
    rows
        By table and label, in the suite's order.
    failures
        Runs that failed and were not repeated since.
    damaged
        One line a file that cannot be used.
    ended_early
        One line a table and label about runs that ended before their limit.
    seconds_left
        Real seconds until all is done at the rate since the last start; None if nothing is running,
        or too little is done since to say.
    """

    folder: Path
    name: str
    running: bool | None
    rows: tuple[Progress, ...]
    failures: tuple[Failure, ...]
    damaged: tuple[str, ...]
    ended_early: tuple[str, ...]
    seconds_left: float | None

    @property
    def done(self) -> int:
        """Finished runs."""
        return sum(row.done for row in self.rows)

    @property
    def traced(self) -> int:
        """Finished runs that have a trace."""
        return sum(row.traced for row in self.rows)

    @property
    def planned(self) -> int:
        """All runs."""
        return sum(row.done + row.failed + row.damaged + row.missing for row in self.rows)


def suite_status(folder: str | Path) -> SuiteStatus:
    """Look at a suite's folder, whether or not a run is going on there; nothing is changed.

    Raises
    ------
    SuiteError
        If the folder holds no suite.
    """
    folder = Path(folder)
    identity = read_identity(folder)
    rows, damaged, written, early, failures = [], [], [], [], []
    finals: list[list[_Final]] = []
    for lying in scan(folder, identity):
        planned = identity.runs_of(lying.label)
        damaged += said_of(lying)
        early += (ended := lying.ended_early)
        failures += failures_in(lying)
        written += [r.path for r in lying.runs.values() if r.path.suffix == ".json"]
        done = {number for number in lying.runs if number < planned}
        files = {int(d.path.stem) for d in lying.damaged if d.path.suffix == ".json"}
        bad = {number for number in files | lying.foreign.keys() if number < planned} - done
        failed = {number for number in lying.failed if number < planned} - done - bad
        missing = planned - len(done) - len(bad) - len(failed)
        counts = (len(done), len(failed), len(bad), missing)
        early_here = sum(run.number in done for run in ended)
        traced = len(done & lying.traced)
        about = identity.tables[lying.table].reconstruction
        rows.append(Progress(lying.table, lying.label, *counts, early_here, traced, about))
        finals.append([])
        for number in sorted(done):
            try:
                finals[-1].append(_Final.of(RunResult.from_json(lying.runs[number].data)))
            except ResultError as error:
                damaged.append(no_result(lying.runs[number].path, error))
    running = _running(folder)
    left = sum(row.failed + row.damaged + row.missing for row in rows)
    seconds = _seconds_left(folder, written, left) if running is not False and left else None
    return SuiteStatus(
        folder,
        identity.name,
        running,
        tuple(_with_means(rows, finals)),
        tuple(failures),
        tuple(damaged),
        early_ends(identity, early),
        seconds,
    )


@dataclass(frozen=True)
class _Final:
    """What is kept of a run to tell what it reached: its last regret, NaN where it has none."""

    validation: float
    test: float
    has_test: bool
    reference: Reference | None

    @classmethod
    def of(cls, run: RunResult) -> Self:
        test = float(final_regret([run], "test")[0]) if run.has_test else np.nan
        return cls(float(final_regret([run], "validation")[0]), test, run.has_test, run.reference)


def _with_means(rows: Sequence[Progress], finals: Sequence[Sequence[_Final]]) -> Iterator[Progress]:
    """The rows with what their runs have reached."""
    tables: dict[str, dict[str, Sequence[_Final]]] = {}
    for row, runs in zip(rows, finals, strict=True):
        tables.setdefault(row.table, {})[row.label] = runs
    kinds = {table: regret_kind(groups) for table, groups in tables.items()}
    for row, runs in zip(rows, finals, strict=True):
        kind = kinds[row.table]
        values = np.array([getattr(run, kind) for run in runs], dtype=np.float64)
        values = values[~np.isnan(values)]
        yield replace(
            row,
            kind=kind,
            measure=measure({row.label: runs}),
            mean=float(values.mean()) if len(values) else None,
            sd=float(values.std(ddof=1)) if len(values) > 1 else None,
        )


def _running(folder: Path) -> bool | None:
    try:
        with locked(folder / "runs", exclusive=True) as lock:
            return not lock.held if lock.supported else None
    except OSError:
        return False


def _seconds_left(folder: Path, written: list[Path], left: int) -> float | None:
    """Runs left, at the rate of files since ``suite.json`` was written last, which every start
    does.

    All times are those of the folder's file system, so that the clock of this machine does not
    matter.
    """
    start = (folder / "suite.json").stat().st_mtime
    since = []
    for path in written:
        with suppress(FileNotFoundError):
            since.append(path.stat().st_mtime)
    since = [time for time in since if time > start]
    return left * (max(since) - start) / len(since) if len(since) >= _FEWEST else None
