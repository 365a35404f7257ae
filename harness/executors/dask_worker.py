"""The two functions that run on the workers of a cluster; what goes in and comes out of them is
pickled here.

Dask itself handles bytes only: a worker that lacks regretta would die of a message with an object
of it.
"""

from __future__ import annotations

import faulthandler
import pickle
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from regretta.harness.executors.worker import Worker, one_thread
from regretta.harness.suite import Task
from regretta.tabular_data.errors import UserError


@dataclass(frozen=True)
class Refusal:
    """Why a worker cannot do what it is asked to."""

    worker: str
    message: str


# A worker process does one run at a time, whatever number of threads it was given: optimizers and
# the libraries below them are not made for more. The suite of the last instructions stays open for
# the next batch.
_lock = threading.Lock()
_open: dict[str, Worker] = {}


def call(name: str, *arguments: Any) -> tuple[Any, ...]:
    """Arguments for Dask's ``submit`` that call a function of this module on a worker.

    `arguments` are bytes, or futures of bytes.
    """
    return (
        eval,
        f"__import__({__name__!r}, fromlist=['']).{name}(*arguments)",
        {"arguments": arguments},
    )


def passed_on(content: bytes) -> bytes:
    """The content, which is now on this worker."""
    return content


def check(instructions: bytes) -> str:
    """Why this worker cannot follow some pickled `Instructions`; empty if it can."""
    try:
        with _lock:
            _worker(instructions)
    except UserError as error:
        return str(error)
    return ""


def do_batch(instructions: bytes, tasks: bytes) -> bytes:
    """Do some runs: the pickled list of `RunOutcome`, or a pickled `Refusal`."""
    from distributed import get_worker

    wanted: Sequence[Task] = pickle.loads(tasks)
    with _lock:
        try:
            worker = _worker(instructions)
        except UserError as error:
            return pickle.dumps(Refusal(get_worker().address, str(error)))
        with one_thread():
            done = []
            for task in wanted:
                with _ended_after(worker.limit):
                    done.append(worker.do(task))
            return pickle.dumps(done)


@contextmanager
def _ended_after(limit: float | None) -> Iterator[None]:
    """End this process, whose nanny starts it again, if what is done takes too many seconds.

    A loop in C cannot be ended in another way. Where it hung is in the worker's own log.
    """
    if limit is None:
        yield
        return
    faulthandler.dump_traceback_later(limit, exit=True, file=sys.__stderr__ or sys.stderr)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()


def _worker(instructions: bytes) -> Worker:
    digest = sha256(instructions).hexdigest()
    if digest not in _open:
        worker = Worker(pickle.loads(instructions))
        _open.clear()
        _open[digest] = worker
    return _open[digest]
