"""The two functions that run on the workers of a cluster; what goes in and comes out of them is
pickled here.

Dask itself handles bytes only: a worker that lacks regretta would die of a message with an object
of it.
"""

from __future__ import annotations

import pickle
import threading
from collections.abc import Sequence
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


def call(name: str, *arguments: bytes) -> tuple[Any, ...]:
    """Arguments for Dask's ``submit`` that call a function of this module on a worker."""
    return (
        eval,
        f"__import__({__name__!r}, fromlist=['']).{name}(*arguments)",
        {"arguments": arguments},
    )


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
            return pickle.dumps([worker.do(task) for task in wanted])


def _worker(instructions: bytes) -> Worker:
    digest = sha256(instructions).hexdigest()
    if digest not in _open:
        worker = Worker(pickle.loads(instructions))
        _open.clear()
        _open[digest] = worker
    return _open[digest]
