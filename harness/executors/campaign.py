"""A suite's runs, from what its folder has already to the last one written."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from regretta.harness.executors.pool import Pool
from regretta.harness.executors.queue import Queue
from regretta.harness.executors.serial import InProcess
from regretta.harness.executors.work import Report
from regretta.harness.result import ResultError, RunResult
from regretta.harness.spec import SuiteSpec
from regretta.harness.store.files import find_runs, label_folders, run_path, set_aside
from regretta.harness.suite import Failure, Suite, SuiteError, Task, failure_path, plan
from regretta.tabular_data.locks import Lock, locked
from regretta.tabular_data.storage import write_atomically

Progress = Callable[[int, int], None]
"""Called with runs done and runs in all, whenever a run is done."""

_LARGE = 600.0
_WAIT_SECONDS = 30.0


class Executor(Protocol):
    """Who does the runs of a queue: `InProcess`, `Pool`, `Dask` or `JobQueue`."""

    def work(self, suite: Suite, queue: Queue) -> Generator[Report]:
        """Do all runs of the queue, and report each when it is done; stops whatever it started when closed."""


@dataclass(frozen=True)
class Outcome:
    """What `run_suite` did.

    Attributes
    ----------
    folder
        The suite's folder.
    done, new
        Runs there now, and how many of them were done just now.
    failures
        Runs that failed.
    set_aside
        One line a damaged file that was renamed.
    notes
        What the optimizers have to say about their runs, each sentence once.
    """

    folder: Path
    done: int
    new: int
    failures: tuple[Failure, ...]
    set_aside: tuple[str, ...]
    notes: tuple[str, ...]


def run_suite(
    spec: SuiteSpec,
    folder: Path,
    *,
    workers: int = 1,
    progress: Progress | None = None,
    executor: Executor | None = None,
    only_failed: bool = False,
    announce: Callable[[str], None] | None = None,
) -> Outcome:
    """Do all runs of a suite that its folder does not have yet.

    The results are the same bytes whoever does the runs, in whatever order, however often that was
    interrupted. A run that fails leaves its traceback beside the results and is tried again by the
    next call. Only this process writes, each file at once or not at all. Two calls on one folder at
    the same time do no harm: both may do the same run, and write the same bytes.

    Parameters
    ----------
    spec
        The suite.
    folder
        Where its results are kept; made if it is not there.
    workers
        Processes of this machine; 1 runs in this one.
    progress
        Told about every finished run.
    executor
        Somebody else to do the runs, such as a cluster; `workers` is not used then.
    only_failed
        Try those runs again that have failed, and leave alone what has not been tried.
    announce
        Told what a user should know meanwhile, one line each: an estimate of a long suite's time,
        say.

    Raises
    ------
    SuiteError and the errors of `regretta.harness.suite.plan`
        Before the first run, if the suite or the folder is not in order; later, if the folder
        cannot be written or the workers are lost. What was written stays, and the same call goes on
        from there.
    """
    if workers < 1:
        raise SuiteError(f"workers must be at least 1, got {workers}")
    suite = plan(spec)
    said = list(suite.claim(folder))
    tasks = suite.tasks()
    with _at_work(folder):
        with _clear_disk_errors(folder):
            more, todo = _left_to_do(suite, folder, tasks)
        said += more
        done = len(tasks) - len(todo)
        if only_failed:
            todo = [task for task in todo if failure_path(folder, task).exists()]
        failures: dict[Task, Failure] = {}
        notes: dict[str, None] = {}
        new = 0
        if progress:
            progress(done, len(tasks))
        queue = Queue(todo)
        if executor is None:
            executor = Pool(workers) if workers > 1 and len(todo) > 1 else InProcess()
        estimate = announce if announce and todo else None
        with closing(executor.work(suite, queue)) as reports:
            for report in reports:
                queue.note(report.task, report.seconds)
                notes |= dict.fromkeys(report.notes)
                with _clear_disk_errors(folder):
                    _write(folder, report)
                if report.failure is None:
                    new += 1
                else:
                    failures[report.task] = report.failure
                if progress:
                    progress(done + new + len(failures), len(tasks))
                if estimate and (seconds := queue.seconds_left()) is not None:
                    if seconds >= _LARGE:
                        estimate(_estimated(seconds, len(queue)))
                    estimate = None
    order = {task: k for k, task in enumerate(tasks)}
    failed = sorted(failures, key=order.__getitem__)
    return Outcome(
        folder,
        done + new,
        new,
        tuple(failures[task] for task in failed),
        tuple(said),
        tuple(sorted(notes)),
    )


def _estimated(seconds: float, runs: int) -> str:
    return (
        f"estimate, from the first run of each method: {seconds / 3600:.1f} core-hours for the"
        f" {runs} runs to come; Ctrl-C stops, the same command goes on"
    )


def _write(folder: Path, report: Report) -> None:
    """Write a run's result, or the record of its failure."""
    task, failed = report.task, failure_path(folder, report.task)
    if report.failure is not None:
        record = {"message": report.failure.message, "traceback": report.failure.traceback}
        write_atomically(failed, json.dumps(record, indent=1).encode())
        return
    assert report.data is not None
    write_atomically(run_path(folder, task.table, task.label, task.number), report.data)
    with suppress(FileNotFoundError):
        failed.unlink()


@contextmanager
def _at_work(folder: Path) -> Iterator[None]:
    """Show others that somebody is at work here; whoever is here alone clears what killed writers left."""
    runs = folder / "runs"
    with _clear_disk_errors(folder):
        runs.mkdir(exist_ok=True)
    with locked(runs, exclusive=False, patience=_WAIT_SECONDS) as lock:
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
    lock.get(exclusive=False, patience=_WAIT_SECONDS)


def _left_to_do(suite: Suite, folder: Path, tasks: Sequence[Task]) -> tuple[list[str], list[Task]]:
    """What was set aside, and the runs without a usable result."""
    aside: list[str] = []
    have: set[Task] = set()
    wanted = set(tasks)
    for table in suite.tables:
        for label in suite.entries:
            place = run_path(folder, table, label, 0).parent
            found = find_runs(place)
            for damage in found.damaged:
                if (renamed := set_aside(damage.path)) is not None:
                    aside.append(
                        f"{damage.message.partition(';')[0]}; {_kept_as(renamed, damage.path)}"
                    )
            heads: set[str] = set()
            foreign: dict[Path, list[int]] = {}
            for number, stored in found.runs.items():
                task = Task(table, label, number)
                if task in wanted:
                    if _is_of(suite, task, stored.data, heads):
                        have.add(task)
                    else:
                        foreign.setdefault(stored.path, []).append(number)
            for path, numbers in foreign.items():
                if (renamed := set_aside(path, numbers)) is not None:
                    aside.append(
                        f"result {path} is that of another suite; {_kept_as(renamed, path)}"
                    )
    return aside, [task for task in tasks if task not in have]


def _kept_as(renamed: Path, path: Path) -> str:
    again = "the run is" if path.suffix == ".json" else "what is missing is"
    return f"it is kept as {renamed.name} and {again} done again"


def _is_of(suite: Suite, task: Task, data: bytes, heads: set[str]) -> bool:
    """Whether a run's verified bytes are that of the task; `heads` are those found right before.

    All that identifies a run stands before its reference, and is the same text for all runs of one
    label but for the number; so one run is parsed and compared, and the others by their text.
    """
    head, _, _ = data.decode().rpartition(',"reference":{')
    head = head.replace(f',"number":{task.number},', ',"number":?,', 1)
    if head in heads:
        return True
    try:
        matches = suite.matches(RunResult.from_json(data), task)
    except (ResultError, ValueError, KeyError, TypeError):
        return False
    if matches:
        heads.add(head)
    return matches


@contextmanager
def _clear_disk_errors(folder: Path) -> Iterator[None]:
    """Turn an OSError into one line that names the folder."""
    try:
        yield
    except OSError as error:
        raise SuiteError(
            f"cannot write to {folder}: {error.strerror or error}; "
            "finished runs are kept, run the same command to go on"
        ) from error
