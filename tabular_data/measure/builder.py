"""Measure every cell of a search space, on as many processes as asked, and continue after a stop.

For example, all NAS-Bench-101 cells of up to five vertices on the digits, from a script::

    from pathlib import Path
    from regretta.tabular_data import measure
    from regretta.tabular_data.spaces import NasBench101

    if __name__ == "__main__":
        plan = measure.make_plan(NasBench101(5), measure.load("digits"), seed=101, device="cpu")
        measured = measure.build(plan, Path("digits101"), workers=2)

Called again after a stop, it goes on where it was: each cell's runs are written to
``digits101.building`` as soon as the last of them is done. When all are there the cells are timed.
The folder can be removed when the table is written.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from regretta.tabular_data.measure.architecture import network_layers
from regretta.tabular_data.measure.checkpoint import CellRecord, CheckpointFolder, RunRecord
from regretta.tabular_data.measure.errors import MeasureError
from regretta.tabular_data.measure.plan import Plan, run_seed
from regretta.tabular_data.measure.processor import processor_name
from regretta.tabular_data.measure.shapes import count_multiply_adds, count_parameters
from regretta.tabular_data.measure.timing import (
    PASSES,
    Part,
    PartTimes,
    Times,
    gather,
    parts,
    time_part,
)
from regretta.tabular_data.names import check_name

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Weights = dict[str, npt.NDArray[np.float32]]


@dataclass(frozen=True)
class Measurements:
    """What a build measured, for ``c`` cells, ``b`` budgets and ``r`` repeats.

    Attributes
    ----------
    train_accuracy, validation_accuracy, test_accuracy : numpy.ndarray
        ``float64 [c, b, r]``, shares from 0 to 1 at the end of each run.
    seconds : numpy.ndarray
        ``float64 [c, b]``: CPU seconds of a training alone, evaluations excluded, as
        `regretta.tabular_data.measure.timing` measures them.
    seconds_spread : numpy.ndarray
        ``float64 [c]``: the largest over the smallest of the passes that timed them.
    parameters, multiply_adds : numpy.ndarray
        ``int64 [c]``: trainable parameters, and multiply-adds of one image.
    train_curve, validation_curve, test_curve : numpy.ndarray
        ``float64 [c, r, epochs]``: accuracies after every epoch of the longest budget.
    latency_seconds : numpy.ndarray
        ``float64 [c]``: median CPU seconds of one image's way through a trained network.
    machines : tuple of str
        The kinds of processor that measured.
    training_seconds, evaluation_seconds, cpu_seconds : float
        Over the whole build: CPU seconds of training steps, of evaluations, and of the processes
        for the cells with everything included.
    """

    train_accuracy: Floats
    validation_accuracy: Floats
    test_accuracy: Floats
    seconds: Floats
    seconds_spread: Floats
    parameters: Integers
    multiply_adds: Integers
    train_curve: Floats
    validation_curve: Floats
    test_curve: Floats
    latency_seconds: Floats
    machines: tuple[str, ...]
    training_seconds: float
    evaluation_seconds: float
    cpu_seconds: float


def build(
    plan: Plan,
    out: Path,
    *,
    workers: int = 1,
    save_weights: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Measurements:
    """Measure all cells of a plan that the checkpoint folder does not hold yet, then time them.

    Parameters
    ----------
    plan : Plan
    out : Path
        Where the table is to be. Checkpoints go to ``<out>.building`` beside it.
    workers : int
        Processes, each of one thread. With one, the work is done in this process, and PyTorch is
        left with one thread.
    save_weights : bool
        Keep the trained weights of the largest budget in ``<out>.building/weights``.
    progress : callable, optional
        Called with cells done and cells in all, at first and whenever one is done; when all are
        measured, with those timed and those to be timed.

    Returns
    -------
    Measurements
        Of every cell.

    Raises
    ------
    MeasureError
        The folder is of other settings or in use, a worker was killed, or cells failed. What was
        measured is kept, and the next call tries again what failed.
    """
    _check_workers(workers)
    folder = building_folder(plan, out)
    folder.open(plan)
    with folder.lock():
        records = {row: record for row in range(len(plan.cells)) if (record := folder.read(row))}
        done = {
            row: record
            for row, record in records.items()
            if record.failure is None and (not save_weights or folder.weights_of(row).exists())
        }
        left = [row for row in range(len(plan.cells)) if row not in done]
        tell = progress or (lambda done, total: None)
        tell(len(done), len(plan.cells))
        job = _Job(plan, folder, save_weights)
        for number, record in enumerate(_each(job, left, workers), 1):
            if record.failure is None:
                done[record.row] = record
            else:
                records[record.row] = record
            tell(len(plan.cells) - len(left) + number, len(plan.cells))
        failed = [row for row in range(len(plan.cells)) if row not in done]
        if failed:
            first = records[failed[0]]
            raise MeasureError(
                f"{len(failed)} of {len(plan.cells)} cells failed, the first is row {first.row}"
                f" ({first.failure}); call again to retry them"
            )
        times = _times(job, workers, tell)
    return _gather(plan, [done[row] for row in range(len(plan.cells))], times)


def time_cells(
    plan: Plan,
    out: Path,
    *,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Times:
    """Time all cells of a plan that the checkpoint folder does not hold times of yet.

    Parameters as in `build`, which does this too when all cells are measured.
    """
    _check_workers(workers)
    folder = building_folder(plan, out)
    folder.open(plan)
    with folder.lock():
        return _times(_Job(plan, folder, saves=False), workers, progress or (lambda *_: None))


def _check_workers(workers: int) -> None:
    if workers < 1:
        raise MeasureError(f"workers must be at least 1, not {workers}")


def free_folder(out: str | Path) -> Path:
    """The folder of a table to be, if its name can be the table's and nothing else is there."""
    folder = Path(out)
    what = f"{folder}: the folder's name becomes the table's, which"
    check_name(folder.name, what, MeasureError)
    if (
        folder.exists()
        and not (folder / "table.json").exists()
        and (not folder.is_dir() or any(folder.iterdir()))
    ):
        raise MeasureError(f"{folder} exists and is not a table; choose another folder")
    return folder


def building_folder(plan: Plan, out: Path) -> CheckpointFolder:
    """The folder of a build's checkpoints, beside the table that it is to become."""
    return CheckpointFolder(out.with_name(f"{out.name}.building"), plan.fingerprint())


def measure_cell(
    plan: Plan,
    number: int,
    fingerprint: str,
    keep: Callable[[int, list[Weights]], object] | None = None,
) -> CellRecord:
    """Do all runs of one cell, in this process; an exception becomes the record's failure.

    ``keep`` is called with the cell's number and the trained weights of the largest budget.
    """
    from regretta.tabular_data.measure.training import train

    start, cpu_start = time.perf_counter(), time.process_time()
    cell = plan.cells[number]
    runs: list[RunRecord] = []
    failure, parameters, multiply_adds = None, 0, 0
    try:
        layers = network_layers(cell, plan.data.image, plan.recipe)
        parameters = count_parameters(layers, plan.recipe.channels[-1], plan.data.n_classes)
        multiply_adds = count_multiply_adds(layers, plan.recipe.channels[-1], plan.data.n_classes)
        for budget in plan.budgets:
            longest = budget == plan.budgets[-1]
            results = train(
                cell,
                plan.data,
                plan.recipe,
                budget,
                [run_seed(plan.seed, number, budget, repeat) for repeat in range(plan.repeats)],
                curves=longest,
                weights=longest and keep is not None,
                device=plan.device,
            )
            if longest and keep is not None:
                keep(number, [result.weights for result in results if result.weights is not None])
            runs += [
                RunRecord(
                    budget,
                    repeat,
                    result.train_accuracy,
                    result.validation_accuracy,
                    result.test_accuracy,
                    result.seconds,
                    result.evaluation_seconds,
                    result.curves,
                )
                for repeat, result in enumerate(results)
            ]
    except Exception as error:  # the build goes on: the reason is kept and the cell retried later
        reason = (str(error).splitlines() or [""])[0]
        failure, runs = f"{type(error).__name__}: {reason}", []
    return CellRecord(
        number,
        fingerprint,
        failure,
        parameters,
        multiply_adds,
        time.process_time() - cpu_start,
        time.perf_counter() - start,
        processor_name(),
        tuple(runs),
    )


@dataclass(frozen=True)
class _Job:
    """What all workers of a build know."""

    plan: Plan
    folder: CheckpointFolder
    saves: bool

    @overload
    def do(self, task: int) -> CellRecord: ...
    @overload
    def do(self, task: Part) -> PartTimes: ...
    def do(self, task: int | Part) -> CellRecord | PartTimes:
        """Measure a cell, or time some, and keep what came out."""
        fingerprint = self.folder.fingerprint
        if isinstance(task, Part):
            times = time_part(self.plan, task, fingerprint)
            self.folder.write_times(task, times)
            return times
        keep = self.folder.write_weights if self.saves else None
        record = measure_cell(self.plan, task, fingerprint, keep)
        self.folder.write(record)
        return record


_worker_job: _Job | None = None


def _start_worker(job: _Job) -> None:
    global _worker_job
    _worker_job = job
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End this worker when the build that started it is gone, even if it was killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work(task: Any) -> Any:
    assert _worker_job is not None
    return _worker_job.do(task)


@overload
def _each(job: _Job, tasks: list[int], workers: int) -> Iterator[CellRecord]: ...
@overload
def _each(job: _Job, tasks: list[Part], workers: int) -> Iterator[PartTimes]: ...
def _each(job: _Job, tasks: list[Any], workers: int) -> Iterator[Any]:
    """Do tasks and yield what came out as it comes, each already written."""
    workers = min(workers, len(tasks))
    if workers <= 1:
        for task in tasks:
            yield job.do(task)
        return
    pool = ProcessPoolExecutor(
        workers,
        multiprocessing.get_context("spawn"),
        initializer=_start_worker,
        initargs=(job,),
    )
    try:
        for future in as_completed([pool.submit(_work, task) for task in tasks]):
            yield future.result()
    except BrokenProcessPool:
        raise MeasureError(
            "a worker process was killed; what it had finished is kept, call again to go on"
        ) from None
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _times(job: _Job, workers: int, tell: Callable[[int, int], None]) -> Times:
    """Time all cells that are not timed yet."""
    every, folder = parts(job.plan), job.folder
    timed = {part.nth: times for part in every if (times := folder.read_times(part))}
    number, total = sum(len(times.cells) for times in timed.values()), PASSES * len(job.plan.cells)
    tell(number, total)
    for times in _each(job, [part for part in every if part.nth not in timed], workers):
        number += len(times.cells)
        tell(number, total)
    found = [folder.read_times(part) for part in every]
    return gather(job.plan, [times for times in found if times is not None])


def _gather(plan: Plan, records: list[CellRecord], times: Times) -> Measurements:
    shape = (len(records), len(plan.budgets), plan.repeats)

    def column(name: str) -> Floats:
        values = [[getattr(run, name) for run in record.runs] for record in records]
        return np.array(values, dtype=np.float64).reshape(shape)

    curves = np.array(
        [[run.curves for run in record.runs if run.curves is not None] for record in records]
    )
    return Measurements(
        train_accuracy=column("train_accuracy"),
        validation_accuracy=column("validation_accuracy"),
        test_accuracy=column("test_accuracy"),
        seconds=times.training,
        seconds_spread=times.spread,
        parameters=np.array([record.parameters for record in records], dtype=np.int64),
        multiply_adds=np.array([record.multiply_adds for record in records], dtype=np.int64),
        train_curve=curves[:, :, 0],
        validation_curve=curves[:, :, 1],
        test_curve=curves[:, :, 2],
        latency_seconds=times.latency,
        machines=tuple(sorted({record.machine for record in records} | set(times.machines))),
        training_seconds=float(column("seconds").sum()),
        evaluation_seconds=float(column("evaluation_seconds").sum()),
        cpu_seconds=sum(record.cpu_seconds for record in records),
    )
