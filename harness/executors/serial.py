"""Runs in this process."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

from regretta.harness.executors.queue import Queue
from regretta.harness.executors.work import Report, do_run, one_thread
from regretta.harness.suite import Suite


@dataclass(frozen=True)
class InProcess:
    """Does one run after another, here."""

    workers: int = 1

    def work(self, suite: Suite, queue: Queue) -> Generator[Report]:
        """Do all runs of the queue."""
        with one_thread():
            while batch := queue.take(1):
                for task in batch:
                    yield do_run(suite, task)
