"""What lies in a suite's folder, found by one scan: its runs, those of others, failures, damage."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

from regretta.harness.identity import SuiteError, SuiteIdentity
from regretta.harness.limits import in_words
from regretta.harness.result import ResultError, RunResult, checksum_of
from regretta.harness.store.files import Damage, Stored, find_runs, is_number, run_path, set_aside
from regretta.harness.store.traces import mixed, with_trace
from regretta.harness.suite import Task


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
