"""What lies in a suite's folder: its runs, failures and damage, found by one scan."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from regretta.harness.elsewhere.origin import Origin
from regretta.harness.identity import DamagedError, SuiteError, SuiteIdentity
from regretta.harness.limits import in_words
from regretta.harness.result import ResultError, RunResult, checksum_of
from regretta.harness.store.files import Damage, Stored, find_runs, is_number, run_path, set_aside
from regretta.harness.store.folder import read_identity
from regretta.harness.store.sources import SeedFolder, SourceFolder, read_sources
from regretta.harness.store.traces import mixed, read_trace, with_trace, write_trace
from regretta.harness.suite import Failure, Task
from regretta.harness.trace import Trace
from regretta.tabular_data.documents import LARGEST, DocumentError, built, read_bytes, read_json
from regretta.tabular_data.frames import make_frame
from regretta.tabular_data.storage import write_atomically

if TYPE_CHECKING:
    import pandas

_LONGEST_TEXT = LARGEST // 16
"""Characters of a failure's text at most; JSON writes one in up to six bytes."""


@dataclass(frozen=True)
class LabelFiles:
    """What lies on disk of one label on one table.

    Attributes
    ----------
    table, label
        Which one.
    runs
        Runs of the suite by number, their checksums verified.
    foreign
        Runs that are whole, but not of this suite, by number.
    damaged
        Files that are not what they should be.
    failed
        Records of failed runs that were not repeated since, by number.
    traced
        Numbers of those of its runs that have a trace.
    """

    table: str
    label: str
    runs: Mapping[int, Stored]
    foreign: Mapping[int, Stored]
    damaged: tuple[Damage, ...]
    failed: Mapping[int, Path]
    traced: Set[int] = frozenset()

    @property
    def ended_early(self) -> list[RunResult]:
        """Those of its runs whose optimizer had nothing more to propose before the limit."""
        return [r for run in self.runs.values() if (r := ended_early(run.data)) is not None]


def ended_early(data: bytes) -> RunResult | None:
    """The run of some bytes if it ended before its limit, else None."""
    if b'"ended_early":true' not in data:
        return None
    try:
        return RunResult.from_json(data)
    except ResultError:  # whoever loads it says so
        return None


def early_ends(suite: SuiteIdentity, runs: Iterable[RunResult]) -> tuple[str, ...]:
    """A line a table and label about those runs that ended before the limit."""
    groups: dict[tuple[str, str], list[RunResult]] = {}
    for run in runs:
        if run.ended_early:
            groups.setdefault((run.table, run.label), []).append(run)
    said = []
    for (table, label), group in groups.items():
        cells = _span([run.unique_cells for run in group])
        about = suite.tables[table]
        at = f"{_span([run.elapsed for run in group])} of {in_words(about.time_limit, None)}"
        if suite.evaluations is not None:
            done = _span([run.evaluations for run in group])
            at = f"{done} of {in_words(None, suite.evaluations)}"
        runs_of = "1 run" if len(group) == 1 else f"{len(group)} runs"
        said.append(
            f"{label} on {table}: {runs_of} ended early, at {at}, as the optimizer"
            f" had nothing more to propose; seen were {cells} of {about.cells:,} cells"
        )
    return tuple(said)


def _span(values: Sequence[float]) -> str:
    low, high = f"{min(values):,.6g}", f"{max(values):,.6g}"
    return low if low == high else f"{low} to {high}"


def scan(folder: Path, suite: SuiteIdentity) -> Iterator[LabelFiles]:
    """What lies in a folder of a suite, by table and label in its order; nothing is changed."""
    for table in suite.tables:
        for label in suite.methods:
            yield lying(folder, suite, table, label)  # and keep none of it


def lying(folder: Path, suite: SuiteIdentity, table: str, label: str) -> LabelFiles:
    """What lies in a folder of a suite of one label on one table; nothing is changed."""
    place = run_path(folder, table, label, 0).parent
    found = find_runs(place)
    runs: dict[int, Stored] = {}
    foreign: dict[int, Stored] = {}
    heads: set[bytes] = set()
    for number, stored in found.runs.items():
        ours = _is_of(suite, Task(table, label, number), stored.data, heads)
        (runs if ours else foreign)[number] = stored
    failed = {
        int(path.stem): path
        for path in sorted(place.glob("[0-9]*.failed"))
        if is_number(path.stem) and int(path.stem) not in runs
    }
    traced = with_trace(place, {n: checksum_of(stored.data) for n, stored in runs.items()})
    return LabelFiles(table, label, runs, foreign, found.damaged, failed, traced)


def _is_of(suite: SuiteIdentity, task: Task, data: bytes, heads: set[bytes]) -> bool:
    """Whether a run's verified bytes are that of the task.

    All that identifies a run stands before its reference, and is the same text for all runs of one
    label but for the number; so one run is parsed and compared, and the others by their text.
    `heads` are those found right before.
    """
    head, _, _ = data.rpartition(b',"reference":')
    head = head.replace(b',"number":%d,' % task.number, b',"number":?,', 1)
    if head in heads:
        return True
    try:
        result = RunResult.from_json(data)
        address = Task(result.table, result.label, result.number)
        matches = address == task and suite.owns(result)
    except ResultError:
        return False
    if matches:
        heads.add(head)
    return matches


def failure_path(folder: Path, task: Task) -> Path:
    """File of a failed run, beside the results."""
    return run_path(folder, task.table, task.label, task.number).with_suffix(".failed")


def failed_already(folder: Path, suite: SuiteIdentity) -> list[Task]:
    """The runs of a suite that have failed and were not repeated since, in the suite's order."""
    found = [
        (number, table, label)
        for files in scan(folder, suite)
        for number in files.failed
        for table, label in [(files.table, files.label)]
    ]
    tables, labels = list(suite.tables), list(suite.methods)
    found.sort(key=lambda at: (at[0], tables.index(at[1]), labels.index(at[2])))
    return [Task(table, label, number) for number, table, label in found]


@dataclass(frozen=True)
class _FailureRecord:
    """What is kept of a failed run, in a file of its address."""

    message: str
    traceback: str
    place: str = ""


def write_failure(folder: Path, failure: Failure) -> None:
    """Keep the record of a failed run."""
    task = Task(failure.table, failure.label, failure.number)
    texts = {
        "message": failure.message,
        "traceback": failure.traceback,
        "place": failure.place,
    }
    record = {
        key: text[-_LONGEST_TEXT:].encode(errors="replace").decode() for key, text in texts.items()
    }
    write_atomically(failure_path(folder, task), json.dumps(record, indent=1).encode())


def write_data(folder: Path, task: Task, data: bytes, trace: bytes | None = None) -> None:
    """Keep the bytes of a finished run and of its trace; a record of its failure goes."""
    path = run_path(folder, task.table, task.label, task.number)
    if trace is not None:
        write_trace(path, data, trace)
    write_atomically(path, data)
    with suppress(FileNotFoundError):
        failure_path(folder, task).unlink()


def failures_in(files: LabelFiles) -> list[Failure]:
    """The failed runs of a label, as their records say."""
    return [_read_failure(path, files.table, files.label) for path in files.failed.values()]


def _read_failure(path: Path, table: str, label: str) -> Failure:
    try:
        record = built(_FailureRecord, read_json(read_bytes(path)))
        number = int(path.stem)
        return Failure(table, label, number, record.message, record.traceback, record.place)
    except (OSError, DocumentError):
        return Failure(table, label, int(path.stem), f"failed; its record {path} cannot be read")


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


def no_result(path: Path, error: ResultError) -> str:
    """One line about a file that is as it was written, and yet no result."""
    return (
        f"result {path} is no result ({error}) although its checksum fits; move it away and run the"
        " suite again"
    )


def said_of(files: LabelFiles) -> list[str]:
    """One line a file of the label that cannot be used."""
    strange = dict.fromkeys(stored.path for stored in files.foreign.values())
    return [damage.message for damage in files.damaged] + [
        f"result {path} is that of another suite; run the suite again" for path in strange
    ]


def done_already(
    folder: Path, suite: SuiteIdentity
) -> tuple[set[Task], list[str], list[RunResult], list[str]]:
    """The runs of a suite with a usable result.

    Besides a line each about files that were set aside, the runs that ended early, and a line where
    some runs have traces and some not.
    """
    have: set[Task] = set()
    traced = 0
    aside: list[str] = []
    early: list[RunResult] = []
    for files in scan(folder, suite):
        early += files.ended_early
        have.update(Task(files.table, files.label, number) for number in files.runs)
        traced += len(files.traced)
        for damage in files.damaged:
            if damage.unread:
                raise SuiteError(
                    f"{damage.message}; finished runs may be in it: mend that, and run the same"
                    " command"
                )
            if (renamed := set_aside(damage.path)) is not None:
                what = damage.message.partition(";")[0]
                aside.append(f"{what}; {_kept_as(renamed, damage.path)}")
        strange: dict[Path, list[int]] = {}
        for number, stored in files.foreign.items():
            strange.setdefault(stored.path, []).append(number)
        moved = [set_aside(path, numbers) for path, numbers in strange.items()]
        if len(moved) == 1 and moved[0] is not None:
            aside.append(
                f"result {next(iter(strange))} was made by other code or another suite;"
                f" {_kept_as(moved[0], next(iter(strange)))}"
            )
        elif any(moved):
            aside.append(
                f"{len(files.foreign)} runs of {files.label!r} on {files.table} were made by other"
                " code or another suite; they are kept as *.replaced and done again"
            )
    return have, aside, early, mixed(folder, suite.trace, len(have), traced)


def _kept_as(renamed: Path, path: Path) -> str:
    again = "the run is" if path.suffix == ".json" else "what is missing is"
    return f"it is kept as {renamed.name} and {again} done again"
