"""Runs in this process, or in worker processes of this machine.

Every worker process has a pipe of its own and reports each run as soon as it is done. So it is
known which run a dead worker was at, no other run suffers, and nothing but that run is done again.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import Counter
from collections.abc import Generator
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pickle import UnpicklingError

from regretta.harness.executors.queue import Queue
from regretta.harness.executors.worker import (
    DEATHS,
    Instructions,
    RunOutcome,
    Worker,
    died,
    do_run,
    instructions_for,
    one_thread,
)
from regretta.harness.identity import SuiteError
from regretta.harness.suite import Suite, Task
from regretta.tabular_data.errors import UserError

_FAILED_STARTS = 5


@dataclass(frozen=True)
class InProcess:
    """Does one run after another, here."""

    def work(self, suite: Suite, queue: Queue) -> Generator[RunOutcome]:
        """Do all runs of the queue."""
        with one_thread():
            while batch := queue.take(1):
                for task in batch:
                    yield do_run(suite, task)


@dataclass(eq=False)
class _Process:
    process: SpawnProcess
    ready: bool = False
    batch: list[Task] = field(default_factory=list)

    @property
    def end(self) -> str:
        code = self.process.exitcode or 0
        return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


@dataclass(frozen=True)
class _Refusal:
    message: str


@dataclass(frozen=True)
class Pool:
    """Worker processes that are started anew when they die.

    A run during which its worker dies is tried again in another one; after the third death it has
    failed.

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
        instructions = instructions_for(suite)
        pool: dict[Connection, _Process] = {}
        deaths: Counter[Task] = Counter()
        failed_starts = 0
        finished = False
        with one_thread():
            try:
                for _ in range(min(self.workers, len(queue))):
                    _start(pool, instructions)
                while len(queue) or any(worker.batch for worker in pool.values()):
                    for pipe in wait(list(pool)):
                        assert isinstance(pipe, Connection)
                        worker = pool[pipe]
                        try:
                            message = pipe.recv()
                        except (EOFError, OSError, UnpicklingError):  # it is dead
                            del pool[pipe]
                            pipe.close()
                            worker.process.join()
                            if not worker.ready:
                                failed_starts += 1
                                if failed_starts >= _FAILED_STARTS:
                                    raise _cannot_start(worker) from None
                            elif worker.batch:
                                task = worker.batch[0]
                                deaths[task] += 1
                                if deaths[task] >= DEATHS:
                                    yield died(task, "its worker process", f" ({worker.end})")
                                    del worker.batch[0]
                                queue.put_back(worker.batch)
                            if len(queue):
                                _start(pool, instructions)
                            continue
                        if isinstance(message, _Refusal):
                            raise SuiteError(f"a worker process cannot start: {message.message}")
                        if isinstance(message, RunOutcome):
                            worker.batch.remove(message.task)
                            yield message
                        else:
                            worker.ready, failed_starts = True, 0
                    for pipe, worker in pool.items():
                        if worker.ready and not worker.batch and len(queue):
                            worker.batch = queue.take(self.workers)
                            with suppress(OSError):  # a dead one's end of the pipe tells next
                                pipe.send(worker.batch)
                finished = True
            finally:
                _stop(pool, at_once=not finished)


def _start(pool: dict[Connection, _Process], instructions: Instructions) -> None:
    """Start a worker; it never gets the terminal's Ctrl-C, which is ours to answer."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, instructions), daemon=True)
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
    theirs.close()
    pool[ours] = _Process(process)


def _stop(pool: dict[Connection, _Process], *, at_once: bool) -> None:
    """Let idle workers end, or stop all at whatever they do: what is not reported is not done."""
    for pipe, worker in pool.items():
        if at_once:
            worker.process.kill()
        pipe.close()
    for worker in pool.values():
        worker.process.join(5)
        if worker.process.is_alive():
            worker.process.kill()
            worker.process.join()


def _cannot_start(worker: _Process) -> SuiteError:
    return SuiteError(
        f"worker processes die as they start ({worker.end}); "
        "in a script, call run_suite below `if __name__ == '__main__':`, or use workers=1"
    )


def _serve(pipe: Connection, instructions: Instructions) -> None:
    """A worker's life."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_die_with_parent, daemon=True).start()
    try:
        worker = Worker(instructions)
    except UserError as error:
        pipe.send(_Refusal(str(error)))
        return
    with suppress(EOFError, OSError), one_thread():
        pipe.send(None)
        while True:
            for task in pipe.recv():
                pipe.send(worker.do(task))


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
