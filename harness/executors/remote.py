"""The two functions that run on the workers of a cluster."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

from harness.executors.work import Order, Report, Workplace, one_thread
from harness.suite import Task
from tabular_data.errors import UserError

__all__ = ["Refusal", "do_batch", "greet"]


@dataclass(frozen=True)
class Refusal:
    """Why a worker cannot do what it is asked to."""

    worker: str
    message: str


# A worker process does one run at a time, whatever number of threads it was given: optimizers and the libraries
# below them are not made for more. The workplace of the last order stays open for the next batch.
_lock = threading.Lock()
_open: dict[str, Workplace] = {}


def greet(order: Order) -> str:
    """Why this worker cannot do the order; empty if it can."""
    try:
        with _lock:
            _workplace(order)
    except UserError as error:
        return str(error)
    return ""


def do_batch(order: Order, tasks: Sequence[Task]) -> list[Report] | Refusal:
    """Do some runs."""
    from distributed import get_worker

    with _lock:
        try:
            workplace = _workplace(order)
        except UserError as error:
            return Refusal(get_worker().address, str(error))
        with one_thread():
            return [workplace.do(task) for task in tasks]


def _workplace(order: Order) -> Workplace:
    digest = order.digest
    if digest not in _open:
        workplace = Workplace(order)
        _open.clear()
        _open[digest] = workplace
    return _open[digest]
