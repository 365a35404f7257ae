"""Runs in this process, or in worker processes of this machine.

Every worker process has a pipe of its own and reports each run as soon as it is done. So it is
known which run a dead worker was at, no other run suffers, and nothing but that run is done again.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass, replace
from multiprocessing.connection import wait

from regretta.harness.executors.child import Refusal
from regretta.harness.executors.process import WorkerProcess
from regretta.harness.executors.queue import Queue
from regretta.harness.executors.worker import (
    DEATHS,
    Instructions,
    RunOutcome,
    died,
    do_run,
    instructions_for,
    one_thread,
)
from regretta.harness.identity import SuiteError
from regretta.harness.suite import Suite, Task
from regretta.tabular_data.text import printable, shortened

_FAILED_STARTS = 5
_LOOK_SECONDS = 0.5


@dataclass(frozen=True)
class InProcess:
    """Does one run after another, here; a run that brings the process down ends them all."""

    def work(self, suite: Suite, queue: Queue) -> Generator[RunOutcome]:
        """Do all runs of the queue."""
        done: set[str] = set()
        with one_thread():
            while batch := queue.take(1):
                for task in batch:
                    yield do_run(suite, task, done, passing=(KeyboardInterrupt,))


@dataclass(frozen=True)
class Pool:
    """Worker processes that are started anew when they die.

    A run during which its worker dies is tried again in another one; after the third death it has
    failed. A run that takes longer than the suite's `run_time_limit` has failed at once.

    Attributes
    ----------
    workers
        How many processes.
    """

    workers: int

    def work(self, suite: Suite, queue: Queue) -> Generator[RunOutcome]:
        """Do all runs of the queue.

        Raises
        ------
        SuiteError
            If the workers cannot start.
        """
        session = _Session(suite, queue, self.workers)
        with one_thread():
            try:
                yield from session.outcomes()
            finally:
                session.close()


class _Session:
    """A suite in a pool: who is at what, whatever becomes of them."""

    def __init__(self, suite: Suite, queue: Queue, workers: int) -> None:
        self._instructions: Instructions = instructions_for(suite)
        self._files = suite.files_of_others()
        self._limit = suite.spec.run_time_limit
        self._queue = queue
        self._workers = workers
        self._pool: list[WorkerProcess] = []
        self._deaths: Counter[Task] = Counter()
        self._failed_starts = 0
        self._printing: set[str] = set()

    def outcomes(self) -> Generator[RunOutcome]:
        """What became of every run."""
        for _ in range(min(self._workers, len(self._queue))):
            self._pool.append(WorkerProcess(self._instructions))
        while len(self._queue) or any(worker.batch for worker in self._pool):
            ready = self._wait()
            for worker in list(self._pool):
                worker.hear()
                if worker.pipe in ready:
                    yield from self._listen(worker)
                elif worker.dead:
                    yield from self._after_death(worker)
                elif self._late(worker):
                    yield self._overdue(worker)
            for worker in self._pool:
                if worker.ready and not worker.batch and len(self._queue):
                    worker.send(self._queue.take(self._workers))

    def close(self) -> None:
        """Stop everybody at whatever they do: what is not reported is not done."""
        for worker in self._pool:
            worker.close()

    def _wait(self) -> list[object]:
        """The pipes that have something to say; waits a moment for the first."""
        pause = _LOOK_SECONDS
        if self._limit is not None:
            since = [worker.since for worker in self._pool if worker.batch]
            if since:
                pause = min(pause, max(0.0, min(since) + self._limit - time.monotonic()))
        outputs = [worker.output for worker in self._pool if worker.output is not None]
        return list(wait([*(worker.pipe for worker in self._pool), *outputs], pause))

    def _listen(self, worker: WorkerProcess) -> Generator[RunOutcome]:
        try:
            message = worker.receive()
        except EOFError:
            yield from self._after_death(worker)
            return
        if isinstance(message, Refusal):
            raise SuiteError(f"a worker process cannot start: {message.message}")
        if not isinstance(message, RunOutcome):
            worker.ready, self._failed_starts = True, 0
        elif message.task in worker.batch:
            worker.batch.remove(message.task)
            worker.since = time.monotonic()
            yield self._with_printed(message, worker.printed())

    def _with_printed(self, outcome: RunOutcome, printed: str) -> RunOutcome:
        """What a run printed is part of the record if it failed, else a note, once a label."""
        task = outcome.task
        if outcome.failure is not None and printed:
            record = f"{outcome.failure.traceback}\nWhat the run printed:\n{printed}"
            return replace(outcome, failure=replace(outcome.failure, traceback=record))
        began = shortened(printable(printed).strip(), 120)
        if not began or task.label in self._printing:
            return outcome
        self._printing.add(task.label)
        note = (
            f"what runs of {task.label} print is not shown; run {task.number} on {task.table}"
            f" printed: {began}"
        )
        return replace(outcome, notes=(*outcome.notes, note))

    def _after_death(self, worker: WorkerProcess) -> Generator[RunOutcome]:
        worker.end(_LOOK_SECONDS)
        printed = worker.printed()
        self._replace(worker)
        if not worker.ready:
            self._failed_starts += 1
            if self._failed_starts >= _FAILED_STARTS:
                last = printable(shortened(printed.strip().rpartition("\n")[2], 200))
                said = f": {last}" if last else ""
                raise SuiteError(f"worker processes die as they start ({worker.how}{said})")
        elif worker.batch:
            task = worker.batch[0]
            self._deaths[task] += 1
            if self._deaths[task] >= DEATHS:
                del worker.batch[0]
                what = f"its worker process died {DEATHS} times ({worker.how})"
                yield died(task, what, printed, self._files)
        self._queue.put_back(worker.batch)
        self._refill()

    def _late(self, worker: WorkerProcess) -> bool:
        return (
            self._limit is not None
            and bool(worker.batch)
            and time.monotonic() - worker.since > self._limit
            and not worker.pipe.poll()
        )

    def _overdue(self, worker: WorkerProcess) -> RunOutcome:
        worker.abort()
        printed = worker.printed()
        self._replace(worker)
        self._queue.put_back(worker.batch[1:])
        self._refill()
        what = f"it was ended as it took longer than run_time_limit, {self._limit:g} s"
        return died(worker.batch[0], what, printed, self._files)

    def _replace(self, worker: WorkerProcess) -> None:
        self._pool.remove(worker)
        worker.close()

    def _refill(self) -> None:
        if len(self._queue):
            self._pool.append(WorkerProcess(self._instructions))
