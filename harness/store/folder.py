"""A suite's folder: ``suite.json``, and the runs, failures and damage that lie below it."""

from __future__ import annotations

import glob
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from regretta.harness.identity import DamagedError, SuiteError, SuiteIdentity
from regretta.harness.protocol import get_protocol
from regretta.harness.result import ResultError, RunResult
from regretta.harness.spec import OptimizerEntry, SuiteSpec
from regretta.harness.store.files import (
    Damage,
    Stored,
    find_runs,
    label_folder,
    label_folders,
    run_path,
    set_aside,
)
from regretta.harness.suite import Failure, Suite, Task, plugin_copy
from regretta.optimizers.code import files_of_plugin
from regretta.tabular_data.locks import Lock, locked
from regretta.tabular_data.storage import write_atomically

_PATIENCE = 10.0
_COMPACTION_PATIENCE = 30.0


# -- what it is ------------------------------------------------------------------------------


def read_identity(folder: Path) -> SuiteIdentity:
    """The identity of the suite that a folder holds.

    Raises
    ------
    SuiteError
        If it holds none, or one that cannot be used.
    """
    path = folder / "suite.json"
    try:
        return SuiteIdentity.from_json(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        raise SuiteError(f"{folder} holds no suite: it has no suite.json") from None
    except OSError as error:
        raise SuiteError(f"{path} cannot be read: {error.strerror or error}") from error
    except SuiteError as error:
        raise type(error)(f"{path} {error}") from error


def claim(suite: Suite, folder: Path, *, redo_changed: bool = False) -> tuple[str, ...]:
    """Make the folder this suite's, or join it to what is there if that is the same suite.

    More runs, further optimizers and further tables may join; nothing that is there may differ. A
    damaged ``suite.json`` is set aside and written anew. Plugins are copied into the folder.

    Parameters
    ----------
    suite
        The suite.
    folder
        Made if it is not there.
    redo_changed
        Whether the runs of a label whose code has changed shall be done again; without it they are
        refused.

    Returns
    -------
    tuple of str
        One line if that was so.

    Raises
    ------
    SuiteError
        If the folder cannot be written, holds something else, or was made with another suite.
    """
    path = folder / "suite.json"
    identity = suite.identity()
    said: tuple[str, ...] = ()
    with clear_disk_errors(folder, "choose another --out"):
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder, exclusive=True, patience=_PATIENCE) as lock:
            if not lock.held:
                raise SuiteError(
                    f"another process is starting in {folder}; run the same command again"
                )
            if path.exists():
                try:
                    there = read_identity(folder)
                except DamagedError as error:
                    aside = path.with_suffix(".damaged")
                    os.replace(path, aside)
                    what = str(error).partition(";")[0]
                    said = (f"{what}; it is kept as {aside.name} and written anew",)
                else:
                    try:
                        replaced = [
                            label
                            for label in identity.methods
                            if redo_changed or not _has_runs(folder, label)
                        ]
                        identity = there.joined(identity, replaced)
                    except SuiteError as error:
                        raise SuiteError(f"{folder}: {error}") from None
            elif not _may_become_a_suite(folder):
                raise SuiteError(f"{folder} is not empty and holds no suite; choose another --out")
            for plugin in suite.plugins():
                _keep_plugin(plugin, folder)
            write_atomically(path, identity.to_json())
    return said


def _has_runs(folder: Path, label: str) -> bool:
    """Whether a label has a finished run on any table."""
    places = (folder / "runs").glob(f"*/{glob.escape(label_folder(label))}")
    return any(find_runs(place).runs for place in places)


def _keep_plugin(plugin: Path, folder: Path) -> None:
    """Copy a plugin and what it imports from beside it, so that the suite can be run again."""
    place = (folder / plugin_copy(plugin)).parent
    for name, content in files_of_plugin(plugin).items():
        if not (place / name).exists():
            write_atomically(place / name, content)


def _kept_plugin(folder: Path, copy: str) -> Path | None:
    """The copy of a plugin in a suite's folder, found unchanged; None for none."""
    if not copy:
        return None
    plugin = folder.resolve() / copy
    if not (plugin.is_file() and plugin_copy(plugin) == copy):
        raise SuiteError(f"{plugin} is not the plugin any more that runs there were made with")
    return plugin


def spec_of_folder(folder: Path) -> SuiteSpec:
    """The suite of a folder as it can be run again, there or elsewhere, its plugins included.

    Raises
    ------
    SuiteError
        If the folder holds no suite, or not any more what its suite needs.
    """
    identity = read_identity(folder)
    if get_protocol(identity.protocol.name) != identity.protocol:
        raise SuiteError(
            f"{folder} was run under other rules of protocol {identity.protocol.name!r} than this"
            " version of regretta has"
        )
    places = {
        name: table.place if table.place and Path(table.place).is_dir() else name
        for name, table in identity.tables.items()
    }
    entries = [
        OptimizerEntry(
            method.optimizer,
            label,
            settings=method.settings,
            plugin=_kept_plugin(folder, method.plugin),
        )
        for label, method in identity.methods.items()
    ]
    benchmarks = [_kept_plugin(folder, table.plugin) for table in identity.tables.values()]
    return SuiteSpec(
        name=identity.name,
        title=identity.title,
        tables=tuple(places.values()),
        optimizers=tuple(entries),
        protocol=identity.protocol.name,
        time_limit={places[name]: table.time_limit for name, table in identity.tables.items()},
        runs=identity.runs,
        seed=identity.seed,
        simulated_workers=identity.simulated_workers,
        encoding=identity.encoding,
        search_table=identity.search_table,
        plugins=tuple(dict.fromkeys(path for path in benchmarks if path is not None)),
    )


def _may_become_a_suite(folder: Path) -> bool:
    """Whether a folder without ``suite.json`` has nothing in it but what a suite leaves there."""
    names = {path.name for path in folder.iterdir() if not path.name.startswith(".suite.json.")}
    return names <= {"runs", "plugins", "suite.damaged"} or any(
        folder.glob("runs/*/*/[0-9]*.json*")
    )


# -- what lies in it -------------------------------------------------------------------------


@dataclass(frozen=True)
class Lying:
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
    """

    table: str
    label: str
    runs: Mapping[int, Stored]
    foreign: Mapping[int, Stored]
    damaged: tuple[Damage, ...]
    failed: Mapping[int, Path]

    @property
    def ended_early(self) -> list[RunResult]:
        """Those of its runs whose optimizer had nothing more to propose before the limit."""
        return [r for run in self.runs.values() if (r := ended_early(run.data)) is not None]


def ended_early(data: bytes) -> RunResult | None:
    """The run of some bytes if it ended before its limit, else None."""
    return RunResult.from_json(data) if b'"ended_early":true' in data else None


def early_ends(suite: SuiteIdentity, runs: Iterable[RunResult]) -> tuple[str, ...]:
    """A line a table and label about those runs that ended before the limit."""
    groups: dict[tuple[str, str], list[RunResult]] = {}
    for run in runs:
        if run.ended_early:
            groups.setdefault((run.table, run.label), []).append(run)
    said = []
    for (table, label), group in groups.items():
        times = _span([run.elapsed for run in group])
        cells = _span([run.unique_cells for run in group])
        about = suite.tables[table]
        runs_of = "1 run" if len(group) == 1 else f"{len(group)} runs"
        said.append(
            f"{label} on {table}: {runs_of} ended early, at {times} of {about.time_limit:,.10g} s,"
            f" as the optimizer had nothing more to propose; seen were {cells} of {about.cells:,}"
            " cells"
        )
    return tuple(said)


def _span(values: Sequence[float]) -> str:
    low, high = f"{min(values):,.6g}", f"{max(values):,.6g}"
    return low if low == high else f"{low} to {high}"


def scan(folder: Path, suite: SuiteIdentity) -> Iterator[Lying]:
    """What lies in a folder of a suite, by table and label in its order; nothing is changed."""
    for table in suite.tables:
        for label in suite.methods:
            found = find_runs(run_path(folder, table, label, 0).parent)
            runs: dict[int, Stored] = {}
            foreign: dict[int, Stored] = {}
            heads: set[str] = set()
            for number, stored in found.runs.items():
                ours = _is_of(suite, Task(table, label, number), stored.data, heads)
                (runs if ours else foreign)[number] = stored
            failed = {
                int(path.stem): path
                for path in sorted(run_path(folder, table, label, 0).parent.glob("[0-9]*.failed"))
                if path.stem.isdecimal() and int(path.stem) not in runs
            }
            yield Lying(table, label, runs, foreign, found.damaged, failed)


def _is_of(suite: SuiteIdentity, task: Task, data: bytes, heads: set[str]) -> bool:
    """Whether a run's verified bytes are that of the task.

    All that identifies a run stands before its reference, and is the same text for all runs of one
    label but for the number; so one run is parsed and compared, and the others by their text.
    `heads` are those found right before.
    """
    head, _, _ = data.decode().rpartition(',"reference":')
    head = head.replace(f',"number":{task.number},', ',"number":?,', 1)
    if head in heads:
        return True
    try:
        result = RunResult.from_json(data)
        address = Task(result.table, result.label, result.number)
        matches = address == task and suite.owns(result)
    except (ResultError, ValueError, KeyError, TypeError):
        return False
    if matches:
        heads.add(head)
    return matches


def failure_path(folder: Path, task: Task) -> Path:
    """File of a failed run, beside the results."""
    return run_path(folder, task.table, task.label, task.number).with_suffix(".failed")


def write_failure(folder: Path, failure: Failure) -> None:
    """Keep the record of a failed run."""
    task = Task(failure.table, failure.label, failure.number)
    record = {"message": failure.message, "traceback": failure.traceback}
    write_atomically(failure_path(folder, task), json.dumps(record, indent=1).encode())


def write_data(folder: Path, task: Task, data: bytes) -> None:
    """Keep the bytes of a finished run; a record of its failure goes."""
    write_atomically(run_path(folder, task.table, task.label, task.number), data)
    with suppress(FileNotFoundError):
        failure_path(folder, task).unlink()


def _read_failure(path: Path, table: str, label: str) -> Failure:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        return Failure(table, label, int(path.stem), str(data["message"]), str(data["traceback"]))
    except (OSError, ValueError, KeyError, TypeError):
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
    """

    folder: Path
    identity: SuiteIdentity
    runs: Mapping[str, Mapping[str, tuple[RunResult, ...]]]
    failures: tuple[Failure, ...] = ()
    damaged: tuple[str, ...] = ()

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

    @property
    def planned(self) -> int:
        """Runs that the suite asks of every label on every table."""
        return self.identity.runs


def load_suite(folder: Path) -> SuiteResults:
    """Read a suite's folder; damaged files are listed, never used.

    Raises
    ------
    SuiteError
        If the folder holds no suite.
    """
    identity = read_identity(folder)
    runs: dict[str, dict[str, tuple[RunResult, ...]]] = {table: {} for table in identity.tables}
    failures: list[Failure] = []
    damaged: list[str] = []
    for lying in scan(folder, identity):
        damaged += said_of(lying)
        results = []
        for stored in lying.runs.values():
            try:
                results.append(RunResult.from_json(stored.data))
            except (ResultError, ValueError, KeyError, TypeError) as error:
                damaged.append(f"result {stored.path} is damaged ({error}); run the suite again")
        runs[lying.table][lying.label] = tuple(results)
        failures += [
            _read_failure(path, lying.table, lying.label) for path in lying.failed.values()
        ]
    return SuiteResults(folder, identity, runs, tuple(failures), tuple(damaged))


def said_of(lying: Lying) -> list[str]:
    """One line a file of the label that cannot be used."""
    strange = dict.fromkeys(stored.path for stored in lying.foreign.values())
    return [damage.message for damage in lying.damaged] + [
        f"result {path} is that of another suite; run the suite again" for path in strange
    ]


# -- at work in it ---------------------------------------------------------------------------


@contextmanager
def at_work(folder: Path) -> Iterator[None]:
    """Show others that somebody is at work here.

    Whoever is here alone clears what killed writers left.

    Raises
    ------
    SuiteError
        If the runs are being compacted, or the folder cannot be written.
    """
    runs = folder / "runs"
    with clear_disk_errors(folder):
        runs.mkdir(exist_ok=True)
    with locked(runs, exclusive=False, patience=_COMPACTION_PATIENCE) as lock:
        if not lock.held:
            raise SuiteError(f"{folder} is being compacted; run the same command when that is over")
        _clear_leftovers(folder, lock)
        yield


def _clear_leftovers(folder: Path, lock: Lock) -> None:
    if lock.supported and lock.get(exclusive=True, patience=0.2):
        for place in (folder, *label_folders(folder)):
            for path in place.glob(".*.part"):
                if path.is_file():
                    with suppress(OSError):
                        path.unlink()
    lock.get(exclusive=False, patience=_COMPACTION_PATIENCE)


def done_already(
    folder: Path, suite: SuiteIdentity
) -> tuple[set[Task], list[str], list[RunResult]]:
    """The runs of a suite with a usable result.

    Besides a line each about files that were set aside, and the runs that ended early.
    """
    have: set[Task] = set()
    aside: list[str] = []
    early: list[RunResult] = []
    for lying in scan(folder, suite):
        early += lying.ended_early
        have.update(Task(lying.table, lying.label, number) for number in lying.runs)
        for damage in lying.damaged:
            if (renamed := set_aside(damage.path)) is not None:
                what = damage.message.partition(";")[0]
                aside.append(f"{what}; {_kept_as(renamed, damage.path)}")
        strange: dict[Path, list[int]] = {}
        for number, stored in lying.foreign.items():
            strange.setdefault(stored.path, []).append(number)
        moved = [set_aside(path, numbers) for path, numbers in strange.items()]
        if len(moved) == 1 and moved[0] is not None:
            aside.append(
                f"result {next(iter(strange))} was made by other code or another suite;"
                f" {_kept_as(moved[0], next(iter(strange)))}"
            )
        elif any(moved):
            aside.append(
                f"{len(lying.foreign)} runs of {lying.label!r} on {lying.table} were made by other"
                " code or another suite; they are kept as *.damaged and done again"
            )
    return have, aside, early


def _kept_as(renamed: Path, path: Path) -> str:
    again = "the run is" if path.suffix == ".json" else "what is missing is"
    return f"it is kept as {renamed.name} and {again} done again"


@contextmanager
def clear_disk_errors(
    folder: Path, advice: str = "finished runs are kept, run the same command to go on"
) -> Iterator[None]:
    """Turn an OSError into one line that names the folder and what to do."""
    try:
        yield
    except OSError as error:
        raise SuiteError(
            f"cannot write to {folder}: {error.strerror or error}; {advice}"
        ) from error
