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

from regretta.harness.executors.work import Order, Workplace, one_thread
from regretta.harness.suite import Task
from regretta.tabular_data.errors import UserError


@dataclass(frozen=True)
class Refusal:
    """Why a worker cannot do what it is asked to."""

    worker: str
    message: str


# A worker process does one run at a time, whatever number of threads it was given: optimizers and
# the libraries below them are not made for more. The workplace of the last order stays open for the
# next batch.
_lock = threading.Lock()
_open: dict[str, Workplace] = {}


def call(name: str, *arguments: bytes) -> tuple[Any, ...]:
    """Arguments for Dask's ``submit`` that call a function of this module, which is looked for only there."""
    return (
        eval,
        f"__import__({__name__!r}, fromlist=['']).{name}(*arguments)",
        {"arguments": arguments},
    )


def greet(order: bytes) -> str:
    """Why this worker cannot do a pickled `Order`; empty if it can."""
    try:
        with _lock:
            _workplace(order)
    except UserError as error:
        return str(error)
    return ""


def do_batch(order: bytes, tasks: bytes) -> bytes:
    """Do some runs: the pickled list of `Report`, or a pickled `Refusal`."""
    from distributed import get_worker

    wanted: Sequence[Task] = pickle.loads(tasks)
    with _lock:
        try:
            workplace = _workplace(order)
        except UserError as error:
            return pickle.dumps(Refusal(get_worker().address, str(error)))
        with one_thread():
            return pickle.dumps([workplace.do(task) for task in wanted])


def _workplace(order: bytes) -> Workplace:
    digest = sha256(order).hexdigest()
    if digest not in _open:
        given: Order = pickle.loads(order)
        workplace = Workplace(given)
        _open.clear()
        _open[digest] = workplace
    return _open[digest]
