"""Who does the runs: this process, or several."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from threadpoolctl import threadpool_limits

from harness.results import ResultError, read_run, run_path, write_run
from harness.run import OptimizerError, run
from harness.spec import SuiteSpec
from harness.suite import Failure, Suite, SuiteError, Task, failure_path, plan
from tabular_data.storage import write_atomically

__all__ = ["Outcome", "run_suite"]

Progress = Callable[[int, int], None]
"""Called with runs done and runs in all, whenever a run is done."""


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
        One line a damaged result that was renamed and done again.
    notes
        What the optimizers have to say about their runs, each sentence once.
    """

    folder: Path
    done: int
    new: int
    failures: tuple[Failure, ...]
    set_aside: tuple[str, ...]
    notes: tuple[str, ...]


def run_suite(spec: SuiteSpec, folder: Path, *, workers: int = 1, progress: Progress | None = None) -> Outcome:
    """Do all runs of a suite that its folder does not have yet.

    The results are the same bytes whatever the number of workers and the order of the runs. A run that
    fails leaves its traceback beside the results and is tried again by the next call.

    Parameters
    ----------
    spec
        The suite.
    folder
        Where its results are kept; made if it is not there.
    workers
        Processes; 1 runs in this one.
    progress
        Told about every finished run.

    Raises
    ------
    SuiteError and the errors of `harness.suite.plan`
        Before the first run, if the suite or the folder is not in order.
    """
    if workers < 1:
        raise SuiteError(f"workers must be at least 1, got {workers}")
    suite = plan(spec)
    suite.claim(folder)
    tasks = suite.tasks()
    set_aside, todo = _left_to_do(suite, folder, tasks)
    done = len(tasks) - len(todo)
    failures: list[Failure] = []
    notes: dict[str, None] = {}
    if progress:
        progress(done, len(tasks))
    for failure, said in _execute(suite, folder, todo, workers):
        notes |= dict.fromkeys(said)
        if failure is None:
            done += 1
        else:
            failures.append(failure)
        if progress:
            progress(done + len(failures), len(tasks))
    order = {task: k for k, task in enumerate(tasks)}
    failures.sort(key=lambda f: order[Task(f.table, f.label, f.number)])
    return Outcome(folder, done, len(todo) - len(failures), tuple(failures), tuple(set_aside), tuple(sorted(notes)))


def _left_to_do(suite: Suite, folder: Path, tasks: Sequence[Task]) -> tuple[list[str], list[Task]]:
    """What was set aside, and the runs without a usable result."""
    set_aside, todo = [], []
    for task in tasks:
        path = run_path(folder, task.table, task.label, task.number)
        if not path.exists():
            todo.append(task)
            continue
        try:
            if not suite.matches(read_run(path), task):
                raise ResultError(f"result {path} is that of another suite")
        except ResultError as error:
            aside = path.with_suffix(".damaged")
            os.replace(path, aside)
            set_aside.append(f"{error}; it is kept as {aside.name} and the run is done again")
            todo.append(task)
    return set_aside, todo


Reported = tuple[Failure | None, tuple[str, ...]]


def _execute(suite: Suite, folder: Path, todo: Sequence[Task], workers: int) -> Iterator[Reported]:
    if workers == 1 or len(todo) <= 1:
        with threadpool_limits(1):
            for task in todo:
                yield _do(suite, folder, task)
        return
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(workers, len(todo)), context, initializer=_start_worker, initargs=(suite.spec,))
    queue = iter(todo)
    pending: set[Future[Reported]] = set()
    try:
        # A short queue ahead of every worker keeps them busy and leaves little to wait for after Ctrl-C.
        for task in queue:
            pending.add(pool.submit(_do_in_worker, folder, task))
            if len(pending) >= 4 * workers:
                finished, pending = wait(pending, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in finished)
        while pending:
            finished, pending = wait(pending, return_when=FIRST_COMPLETED)
            yield from (future.result() for future in finished)
    except BrokenProcessPool:
        raise SuiteError(
            f"a worker process died; finished runs are in {folder}, run the same command to go on"
        ) from None
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _do(suite: Suite, folder: Path, task: Task) -> Reported:
    """Do one run and write its result, or the record of its failure."""
    failed = failure_path(folder, task)
    try:
        result = run(suite.run_of(task))
    except OptimizerError as error:
        failure = Failure(task.table, task.label, task.number, str(error), traceback.format_exc())
        record = {"message": failure.message, "traceback": failure.traceback}
        with _clear_disk_errors(folder):
            write_atomically(failed, json.dumps(record, indent=1).encode())
        return failure, ()
    with _clear_disk_errors(folder):
        write_run(folder, result)
    with suppress(FileNotFoundError):
        failed.unlink()
    return None, result.notes


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


_worker_suite: Suite | None = None


def _start_worker(spec: SuiteSpec) -> None:
    """Open the suite once a worker process; Ctrl-C is the parent's business."""
    global _worker_suite  # a process pool has no other place for what its workers share
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threadpool_limits(1)
    _worker_suite = plan(spec)


def _do_in_worker(folder: Path, task: Task) -> Reported:
    assert _worker_suite is not None
    return _do(_worker_suite, folder, task)
