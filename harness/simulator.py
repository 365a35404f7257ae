"""Simulated workers: one search that evaluates on many workers side by side, in simulated time."""

from __future__ import annotations

from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regretta.harness.dialogue import answered, guarded, proposed, refuse_free_proposals
from regretta.harness.oracle import FEW, Oracle
from regretta.harness.record import Record
from regretta.optimizers.base import Observation, Optimizer
from regretta.tabular_data.errors import UserError

_MOST_WORKERS = 10_000


class WorkersError(UserError):
    """A number of simulated workers that a search cannot have."""


def check_workers(optimizer: type[Optimizer], workers: int) -> None:
    """Refuse a number of simulated workers on which the optimizer cannot search.

    Raises
    ------
    WorkersError
        If the number is not between 1 and 10,000, or is above 1 and the optimizer is not
        `parallel`.
    """
    if not 1 <= workers <= _MOST_WORKERS:
        raise WorkersError(f"simulated workers must be from 1 to {_MOST_WORKERS:,}, got {workers}")
    if workers > 1 and not optimizer.parallel:
        raise WorkersError(
            f"{optimizer.name} cannot search on {workers} simulated workers: it must hear of each"
            " proposal before it makes the next (parallel = False); leave it out, or search on 1"
        )


@dataclass(slots=True)
class _Answered:
    """A proposal with its answers (row, repeat, error, cost), which nobody is told before their time."""

    configurations: NDArray[Any]
    level: int
    budget: float
    tag: Any
    answers: list[tuple[int, int, float, float]]

    def part(self, i: int) -> Observation:
        """What the optimizer is told of configuration i; arrays of its own, so that no other answer is in reach."""
        row, _, error, cost = self.answers[i]
        return Observation(
            self.configurations[i : i + 1],
            self.budget,
            np.array([error]),
            np.array([cost]),
            np.array([row >= 0]),
            self.tag,
            i,
        )


def search(
    optimizer: Optimizer,
    oracle: Oracle,
    record: Record,
    *,
    workers: int,
    limit: float,
    crossing: bool,
    where: str,
) -> float:
    """Search asynchronously until the simulated time is over; returns when the last evaluation
    counted finished.

    The rules:

    - A proposal of several configurations is so many jobs. A free worker starts the next job of the
      proposal under way; where there is none, the optimizer is asked. It is asked before the limit
      only. If it answers None, free workers idle until something comes back; if nothing can, the
      run is over.
    - The oracle draws one repeat a job, in the order in which jobs start.
    - The optimizer is told of each job when it finishes, with the job's position in its proposal
      and the proposal's tag. Jobs that finish at the same moment are told in the order in which
      they started, all of them before their workers are given something new.
    - A job that takes no time, as an invalid configuration, is told at once, before the next job
      starts, and keeps no worker busy.
    - A job that would finish after the limit never comes back: its worker is lost, the others go
      on. Where `crossing`, the first job to finish after the limit counts, and ends the run.

    With one worker these are the rules of the sequential run, and results are the same to the byte.

    Parameters
    ----------
    optimizer
        Asked and told; `parallel`, unless there is one worker.
    oracle, record
        Answer the jobs, and keep what was found.
    workers
        Simulated workers.
    limit
        Simulated seconds.
    crossing
        As in `Protocol`.
    where
        How errors call the run.

    Raises
    ------
    OptimizerError
        As `regretta.harness.run.run`.
    """
    clock, idle, started, free = 0.0, workers, 0, 0
    under_way: list[tuple[float, int, _Answered, int]] = []
    proposal: _Answered | None = None
    position = size = 0
    while True:
        while idle:
            if position == size:
                asked = guarded(where, "ask", optimizer.ask) if clock < limit else None
                if asked is None:
                    break
                proposal, position = _answer(asked, oracle, where), 0
                size = len(proposal.answers)
            assert proposal is not None
            i, position = position, position + 1
            finish = clock + proposal.answers[i][3]
            if finish == clock:
                _come_back(proposal, i, clock, record)
                free += 1
                refuse_free_proposals(where, free)
                guarded(where, "tell", optimizer.tell, proposal.part(i))
                continue
            idle -= 1
            free = 0
            if finish <= limit or crossing:
                heappush(under_way, (finish, started, proposal, i))
                started += 1
        if not under_way:
            return clock
        clock = under_way[0][0]
        while under_way and under_way[0][0] == clock:
            _, _, done, i = heappop(under_way)
            _come_back(done, i, clock, record)
            guarded(where, "tell", optimizer.tell, done.part(i))
            if clock > limit:
                return clock
            idle += 1


def _answer(asked: Any, oracle: Oracle, where: str) -> _Answered:
    # Jobs of one proposal start one after another, so that answering all of them now draws the same
    # repeats.
    configurations, level, tag = proposed(asked, oracle, where)
    budget = oracle.budgets[level]
    if len(configurations) <= FEW:
        answers = answered(where, oracle.answer_few, configurations, level)
    else:
        found = answered(where, oracle.answer, configurations, level)
        columns = (found.rows, found.repeats, found.errors, found.costs)
        answers = list(zip(*(column.tolist() for column in columns), strict=True))
    return _Answered(configurations, level, budget, tag, answers)


def _come_back(proposal: _Answered, i: int, clock: float, record: Record) -> None:
    row, repeat, error, _ = proposal.answers[i]
    record.add_one(row, repeat, error, proposal.level, clock)
