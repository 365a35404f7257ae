"""Runs in worker processes of this machine.

Every worker has a pipe of its own and reports each run as soon as it is done. So it is known which
run a dead worker was at, no other run suffers, and nothing but that run has to be done again.
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
from regretta.harness.executors.work import Order, Report, Workplace, one_thread, order
from regretta.harness.identity import SuiteError
from regretta.harness.suite import Failure, Suite, Task
from regretta.tabular_data.errors import UserError

_DEATHS = 3
_FAILED_STARTS = 5


@dataclass(eq=False)
class _Worker:
    process: SpawnProcess
    ready: bool = False
    batch: list[Task] = field(default_factory=list)


@dataclass(frozen=True)
class _Refusal:
    message: str


class Pool:
    """Worker processes that are started anew when they die.

    A run during which its worker dies is tried again in another one; after the third death it has
    failed.

    Parameters
    ----------
    workers
        How many processes.
    """

    def __init__(self, workers: int) -> None:
        self.workers = workers

    def work(self, suite: Suite, queue: Queue) -> Generator[Report]:
        """Do all runs of the queue.

        Raises
        ------
        SuiteError
            If the workers cannot start.
        """
        instructions = order(suite)
        team: dict[Connection, _Worker] = {}
        deaths: Counter[Task] = Counter()
        failed_starts = 0
        finished = False
        with one_thread():
            try:
                for _ in range(min(self.workers, len(queue))):
                    _hire(team, instructions)
                while len(queue) or any(worker.batch for worker in team.values()):
                    for pipe in wait(list(team)):
                        assert isinstance(pipe, Connection)
                        worker = team[pipe]
                        try:
                            message = pipe.recv()
                        except (EOFError, OSError, UnpicklingError):
                            del team[pipe]
                            pipe.close()
                            worker.process.join()
                            if not worker.ready:
                                failed_starts += 1
                                if failed_starts >= _FAILED_STARTS:
                                    raise _cannot_start(worker.process) from None
                            elif worker.batch:
                                victim = worker.batch[0]
                                deaths[victim] += 1
                                if deaths[victim] >= _DEATHS:
                                    yield _killed(victim, worker.process)
                                    del worker.batch[0]
                                queue.put_back(worker.batch)
                            if len(queue):
                                _hire(team, instructions)
                            continue
                        if isinstance(message, _Refusal):
                            raise SuiteError(f"a worker process cannot start: {message.message}")
                        if isinstance(message, Report):
                            worker.batch.remove(message.task)
                            yield message
                        else:
                            worker.ready, failed_starts = True, 0
                    for pipe, worker in team.items():
                        if worker.ready and not worker.batch and len(queue):
                            worker.batch = queue.take(self.workers)
                            with suppress(
                                OSError
                            ):  # it is dead, which its end of the pipe tells next
                                pipe.send(worker.batch)
                finished = True
            finally:
                _dismiss(team, at_once=not finished)


def _hire(team: dict[Connection, _Worker], instructions: Order) -> None:
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
    team[ours] = _Worker(process)


def _dismiss(team: dict[Connection, _Worker], *, at_once: bool) -> None:
    """Let idle workers end, or stop them at whatever they do: what they have not reported is simply not done."""
    for pipe, worker in team.items():
        if at_once:
            worker.process.kill()
        pipe.close()
    for worker in team.values():
        worker.process.join(5)
        if worker.process.is_alive():
            worker.process.kill()
            worker.process.join()


def _killed(task: Task, process: SpawnProcess) -> Report:
    message = (
        f"{task.label}, run {task.number} on {task.table}: its worker process died {_DEATHS} times"
        f" ({_end_of(process)})"
    )
    return Report(task, 0.0, None, Failure(task.table, task.label, task.number, message))


def _cannot_start(process: SpawnProcess) -> SuiteError:
    return SuiteError(
        f"worker processes die as they start ({_end_of(process)}); "
        "in a script, call run_suite below `if __name__ == '__main__':`, or use workers=1"
    )


def _end_of(process: SpawnProcess) -> str:
    code = process.exitcode or 0
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def _serve(pipe: Connection, instructions: Order) -> None:
    """A worker's life."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_die_with_parent, daemon=True).start()
    try:
        workplace = Workplace(instructions)
    except UserError as error:
        pipe.send(_Refusal(str(error)))
        return
    with suppress(EOFError, OSError), one_thread():
        pipe.send(None)
        while True:
            for task in pipe.recv():
                pipe.send(workplace.do(task))


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
