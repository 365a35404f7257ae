"""A suite's results: all that its folder holds, read at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from regretta.harness.elsewhere.origin import Origin
from regretta.harness.identity import DamagedError, SuiteIdentity
from regretta.harness.result import ResultError, RunResult
from regretta.harness.store.files import run_path
from regretta.harness.store.folder import read_identity
from regretta.harness.store.outcomes import failures_in
from regretta.harness.store.scan import no_result, said_of, scan
from regretta.harness.store.sources import SeedFolder, SourceFolder, read_sources
from regretta.harness.store.traces import read_trace
from regretta.harness.suite import Failure
from regretta.harness.trace import Trace
from regretta.tabular_data.frames import make_frame

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True, eq=False)
class SuiteResults:
    """A suite and all results in its folder.

    Attributes
    ----------
    folder
        Where it is.
    identity
        What it is.
    runs
        Table → label → runs by number; a label without a run has ``()``.
    failures
        Runs that failed and were not repeated since.
    damaged
        One line a file that cannot be used.
    sources
        The folders that it was merged from; none if it was not.
    elsewhere
        Where runs of other people's code are from that were joined to these.
    seeds
        The seeds and folders that it was pooled from (`pool_seeds`); none if it was not.
    """

    folder: Path
    identity: SuiteIdentity
    runs: Mapping[str, Mapping[str, tuple[RunResult, ...]]]
    failures: tuple[Failure, ...] = ()
    damaged: tuple[str, ...] = ()
    sources: tuple[SourceFolder, ...] = ()
    elsewhere: tuple[Origin, ...] = ()
    seeds: tuple[SeedFolder, ...] = ()

    @property
    def name(self) -> str:
        """What files call it."""
        return self.identity.name

    @property
    def title(self) -> str:
        """What people call it."""
        return self.identity.title

    @property
    def tables(self) -> tuple[str, ...]:
        """Its tables, in the suite's order."""
        return tuple(self.identity.tables)

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels of its methods, in the suite's order."""
        return tuple(self.identity.methods)

    def frame(
        self, kind: str, times: ArrayLike | None = None, axis: str = "seconds"
    ) -> pandas.DataFrame:
        """The results as a tidy data frame of pandas.

        Parameters
        ----------
        kind
            ``trajectory``: a line an incumbent. ``final``: a line a run, with its counts and its
            last incumbent. ``evaluations``: a line an evaluation, of runs that kept a trace.
            ``budgets``: a line a run and budget, how many evaluations there were. ``curves``: a
            line a run and moment, its regret. The columns are those of
            `regretta.harness.store.columns.FRAMES`, what they mean is in `MEANINGS` there.
        times
            Of ``curves``: places on the axis, ascending; where None, 101 a table, equally spaced on
            a logarithmic axis from its first incumbent to the end of its last run.
        axis
            Of ``curves``: ``seconds``, ``evaluations``, ``cells`` or ``epochs``; its column,
            ``evaluation``, ``cells_by_then`` or ``epochs_by_then``, takes the place of ``time``.

        Raises
        ------
        SuiteError
            If the kind is unknown, or the suite has no run, or evaluations are asked for and no run
            has a trace.
        UserError
            If pandas is not installed.

        Warns
        -----
        UserWarning
            If evaluations are asked for and some runs lack a trace: these have one empty line each.
        """
        from regretta.harness.store.frames import suite_columns

        return make_frame(suite_columns(self, kind, times, axis))

    def trace(self, table: str, label: str, number: int) -> Trace:
        """Everything that one run did, as arrays.

        Raises
        ------
        ResultError
            If there is no such run, it has no trace, or that is damaged.
        """
        if self.seeds:
            raise ResultError(
                f"{self.folder} is pooled with other seeds; ask each folder by itself"
            )
        runs = self.runs.get(table, {}).get(label, ())
        run = next((run for run in runs if run.number == number), None)
        if run is None:
            raise ResultError(f"{self.folder} has no run {number} of {label!r} on {table!r}")
        return read_trace(run_path(self.folder, table, label, number), run)

    @property
    def foreign(self) -> tuple[str, ...]:
        """Labels whose runs are of other people's code."""
        return tuple(label for origin in self.elsewhere for label in origin.labels)

    def planned(self, label: str) -> int:
        """Runs that the suite asks of a label on every table."""
        return self.identity.runs_of(label)


def load_suite(folder: str | Path) -> SuiteResults:
    """Read a suite's folder; damaged files are listed, never used.

    Raises
    ------
    SuiteError
        If the folder holds no suite.
    """
    folder = Path(folder)
    identity = read_identity(folder)
    runs: dict[str, dict[str, tuple[RunResult, ...]]] = {table: {} for table in identity.tables}
    failures: list[Failure] = []
    damaged: list[str] = []
    for files in scan(folder, identity):
        damaged += said_of(files)
        failures += failures_in(files)
        table, label, left = files.table, files.label, list(files.runs.values())
        del files
        results: list[RunResult] = []
        left.reverse()
        while left:  # what is read is let go, as there may be thousands
            stored = left.pop()
            try:
                result = RunResult.from_json(stored.data)
                results.append(_slim(result, results[0] if results else result))
            except ResultError as error:
                damaged.append(no_result(stored.path, error))
        runs[table][label] = tuple(results)
    sources: tuple[SourceFolder, ...] = ()
    try:
        sources = read_sources(folder)
    except DamagedError as error:
        damaged.append(str(error))
    return SuiteResults(folder, identity, runs, tuple(failures), tuple(damaged), sources)


_ALIKE = (
    *("table", "label", "optimizer", "settings", "code", "protocol", "table_checksum"),
    *("reconstruction", "reference", "notes", "versions", "evaluations_by_budget"),
)


def _slim(run: RunResult, other: RunResult) -> RunResult:
    """The run in less memory, as there may be tens of thousands.

    What is as in the other one is kept once, configurations in the smallest integers that hold
    them, and counts and rows in integers of 32 bits where these do.
    """
    same = {key: getattr(other, key) for key in _ALIKE if getattr(run, key) == getattr(other, key)}
    steps = run.trajectory
    whole: dict[str, Any] = {
        name: _narrow(column, np.int32)
        for name in ("evaluation", "cell", "unique_cells")
        if (column := getattr(steps, name)) is not None
    }
    entries = _narrow(steps.configuration, np.int8)
    return replace(run, **same, trajectory=replace(steps, configuration=entries, **whole))


def _narrow(values: NDArray[Any], least: type[np.signedinteger[Any]]) -> NDArray[Any]:
    """Whole numbers in the smallest integers that hold them, of at least a size."""
    if values.dtype.kind != "i" or not values.size:
        return values
    held = np.min_scalar_type(-max(int(values.max()), -int(values.min())) - 1)
    return values.astype(np.promote_types(held, least))
